#pragma once
// A courier that goes nowhere: it keeps the letters and answers as the test wants. And a hub with subscriptions.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/hub/courier.h"
#include "madang/ngsi/subscription.h"

#include "hub/harness.h"

namespace madang::hub::testing {

class PostOffice final : public Courier {
 public:
  /// What becomes of a letter; nothing: it hangs.
  using Answer = std::function<std::optional<Receipt>(const Letter&)>;
  static Receipt status(int code) {
    Receipt receipt;
    receipt.status = code;
    return receipt;
  }
  static Receipt unreachable() {
    Receipt receipt;
    receipt.error = base::error(base::Code::io, "connection refused");
    return receipt;
  }

  void send(Letter&& letter, base::Executor& home, Sent sent) override {
    std::optional<Receipt> receipt;
    {
      const std::lock_guard lock(mutex_);
      receipt = answer_ ? answer_(letter) : status(200);
      letters_.push_back(std::move(letter));
      ok_.push_back(receipt && receipt->delivered());
      if (!receipt) hanging_.emplace_back(&home, sent);
    }
    arrived_.notify_all();
    if (receipt) home.post([sent = std::move(sent), receipt = std::move(*receipt)] { sent(receipt); });
  }
  base::Status check(std::string_view) const override { return {}; }

  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void let_go(const Receipt& receipt) {
    std::vector<std::pair<base::Executor*, Sent>> hanging;
    {
      const std::lock_guard lock(mutex_);
      hanging.swap(hanging_);
    }
    for (auto& [home, sent] : hanging) home->post([sent = std::move(sent), receipt] { sent(receipt); });
  }
  /// Waits until so many letters were sent, ever.
  bool wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, std::chrono::seconds(30), [&] { return letters_.size() >= count; });
  }
  /// Waits until the letters meet a condition.
  bool wait_until(const std::function<bool(const std::vector<Letter>&)>& there) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, std::chrono::seconds(30), [&] { return there(letters_); });
  }
  std::vector<Letter> letters() const {
    const std::lock_guard lock(mutex_);
    return letters_;
  }
  std::vector<Letter> delivered() const {
    const std::lock_guard lock(mutex_);
    std::vector<Letter> out;
    for (std::size_t i = 0; i < letters_.size(); ++i)
      if (ok_[i]) out.push_back(letters_[i]);
    return out;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    letters_.clear(), ok_.clear(), hanging_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Answer answer_;
  std::vector<Letter> letters_;
  std::vector<bool> ok_;
  std::vector<std::pair<base::Executor*, Sent>> hanging_;
};

class NoFetcher final : public ngsi::ContextFetcher {
 public:
  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override {
    done(base::error(base::Code::context_not_available, "there is no network", url));
  }
};

/// A hub whose subscribers are at the post office.
class City : public World {
 public:
  City(base::FileSystem& files, base::ManualClock& the_clock)
      : World(files, the_clock), clock(the_clock), contexts_(fetcher_, the_clock) {
    options.delivery.first_retry = std::chrono::seconds(1);
  }
  ~City() { close(); }

  void start() {
    const auto opened = open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    hub->start_delivery(office, contexts_);
  }

  /// `members`: of the subscription, beside id and type. `notification`: of that, beside the endpoint.
  base::Status subscribe(const std::string& id, const std::string& members, const std::string& notification = {},
                         const std::string& uri = "http://subscriber/", const PrincipalPtr& who = admin()) {
    const std::string json = R"({"id":"urn:s:)" + id + R"(","type":"Subscription",)" + members +
                             R"(,"notification":{)" + notification + (notification.empty() ? "" : ",") +
                             R"("endpoint":{"uri":")" + uri + R"("}}})";
    auto record = ngsi::new_subscription(json, ngsi::core_context(), clock.now());
    if (!record.ok()) return record.error();
    (void)hub->symbols(tenant, true);
    std::optional<base::Status> kept;
    hub->subscriptions().create(*who, tenant, std::move(*record), queue, [&](base::Status s) { kept = std::move(s); });
    EXPECT_TRUE(queue.run_until([&] { return kept.has_value(); }));
    return *kept;
  }
  void unsubscribe(const std::string& id) {
    std::optional<base::Status> gone;
    hub->subscriptions().remove(*admin(), tenant, "urn:s:" + id, queue, [&](base::Status s) { gone = std::move(s); });
    EXPECT_TRUE(queue.run_until([&] { return gone.has_value(); }));
    EXPECT_TRUE(gone->ok());
  }
  void change_subscription(const std::string& id, const std::string& patch) {
    hub::Subscriptions& desk = hub->subscriptions();
    const auto before = desk.find(*admin(), tenant, "urn:s:" + id);
    ASSERT_TRUE(before.ok());
    auto after = ngsi::patched(*before, patch, ngsi::core_context(), clock.now());
    ASSERT_TRUE(after.ok()) << after.error().message;
    std::optional<base::Status> kept;
    desk.replace(*admin(), tenant, *before, std::move(*after), queue, [&](base::Status s) { kept = std::move(s); });
    EXPECT_TRUE(queue.run_until([&] { return kept.has_value(); }));
    EXPECT_TRUE(kept->ok());
  }
  DeliveryReport report(const std::string& id) {
    return hub->subscriptions().report(*admin(), tenant, "urn:s:" + id).value();
  }
  /// Waits for what the deliveries tell of a subscription.
  bool wait_for(const std::string& id, const std::function<bool(const DeliveryReport&)>& there) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < limit) {
      const auto now = hub->subscriptions().report(*admin(), tenant, "urn:s:" + id);
      if (now.ok() && there(*now)) return true;
      std::this_thread::yield();
    }
    return false;
  }
  base::ManualClock& clock;
  PostOffice office;

 private:
  NoFetcher fetcher_;
  ngsi::ContextStore contexts_;
};

/// The part of a notification between `"data":` and the end.
inline std::string data_of(const Letter& letter) {
  const auto at = letter.body.find("\"data\":");
  return at == std::string::npos ? letter.body : letter.body.substr(at + 7, letter.body.size() - at - 8);
}

}  // namespace madang::hub::testing
