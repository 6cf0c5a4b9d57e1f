#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include <poll.h>

#include "madang/base/log.h"

#include "../inbox.h"
#include "broker.h"

namespace madang::net {

namespace {

constexpr int kTick = 50;  // milliseconds: how exactly limits of time are kept
constexpr int kIdleTick = 1'000;

}  // namespace

struct MqttPublisher::Impl {
  using Key = std::tuple<bool, std::string, std::uint16_t, std::string, std::string, MqttVersion>;

  explicit Impl(MqttOptions given)
      : options_(given),
        resolver_(given.connections, [this](std::function<void()> work) { inbox_.post(std::move(work)); }),
        thread_([this] { run(); }) {}

  ~Impl() {
    inbox_.post([this] { stopping_ = true; });
    thread_.join();
    inbox_.close();
  }

  void publish(MqttMessage message, Published done) {
    auto kept = std::make_shared<MqttMessage>(std::move(message));
    inbox_.post([this, kept, done = std::move(done)] {
      try {
        submit(std::move(*kept), done);
      } catch (const std::exception& e) {
        base::log::error("a publisher's callback threw", {{"what", e.what()}});
      }
    });
  }

 private:
  // ---- all on the one thread ----

  void run() {
    ignore_broken_pipes();
    inbox_.adopt_thread();
    while (!stopping_) turn();
    const auto gone = base::error(base::Code::unavailable, "the publisher is shutting down");
    do_posted();
    for (auto& [key, broker] : brokers_) broker->fail(gone);
  }

  void turn() {
    polled_.assign(1, {inbox_.event(), POLLIN, 0});
    who_.assign(1, nullptr);
    bool busy = false;
    for (auto& [key, broker] : brokers_) {
      busy = busy || broker->unsettled() > 0;
      const int socket = broker->socket();
      if (socket < 0) continue;
      polled_.push_back({socket, static_cast<short>(POLLIN | (broker->wants_to_write() ? POLLOUT : 0)), 0});
      who_.push_back(broker);
    }
    ::poll(polled_.data(), polled_.size(), busy ? kTick : brokers_.empty() ? -1 : kIdleTick);
    for (std::size_t i = 1; i < polled_.size(); ++i) {
      const short events = polled_[i].revents;
      const bool broken = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      if (events != 0) who_[i]->on_events(broken || (events & POLLIN) != 0, broken || (events & POLLOUT) != 0);
    }
    if (polled_[0].revents != 0) do_posted();
    tidy();
  }

  void do_posted() {
    inbox_.acknowledge();
    inbox_.take(work_);
    for (auto& piece : work_) piece();
    work_.clear();
  }

  void tidy() {
    const auto now = Broker::Clock::now();
    for (auto entry = brokers_.begin(); entry != brokers_.end();) {
      Broker& broker = *entry->second;
      broker.tick(now);
      entry = broker.over() || broker.idle_for(options_.idle_timeout, now) ? brokers_.erase(entry) : std::next(entry);
    }
    who_.clear();
  }

  void submit(MqttMessage message, const Published& done) {
    const MqttAddress& to = message.to;
    const Key key{to.tls, to.host, to.port, to.user, to.password, message.version};
    auto found = brokers_.find(key);
    if (found != brokers_.end() && found->second->over()) found = brokers_.erase(found), found = brokers_.end();
    if (found == brokers_.end()) {
      if (brokers_.size() >= options_.connections && !drop_an_idle_one()) {
        return done(base::error(base::Code::too_many_requests, "too many MQTT brokers are being published to"));
      }
      found = brokers_.emplace(key, std::make_shared<Broker>(options_, to, message.version)).first;
      look_up(found->second, to.host);
    }
    const std::shared_ptr<Broker> broker = found->second;
    if (broker->unsettled() >= options_.waiting) {
      return done(base::error(base::Code::too_many_requests, "too many messages to this MQTT broker are waiting"));
    }
    const auto limit = message.timeout.count() > 0 ? message.timeout : options_.timeout;
    broker->publish(std::move(message), done, Broker::Clock::now() + limit);
  }

  void look_up(const std::shared_ptr<Broker>& broker, const std::string& host) {
    if (is_ip_address(host)) {
      // Once the message is in its place.
      return inbox_.post([broker, host] { broker->found(Addresses(1, host)); });
    }
    resolver_.resolve(host, [weak = std::weak_ptr(broker)](base::Result<Addresses> addresses) {
      if (const auto alive = weak.lock()) alive->found(std::move(addresses));
    });
  }

  bool drop_an_idle_one() {
    for (auto entry = brokers_.begin(); entry != brokers_.end(); ++entry) {
      if (!entry->second->idle_for(std::chrono::milliseconds(0), Broker::Clock::now())) continue;
      brokers_.erase(entry);
      return true;
    }
    return false;
  }

  const MqttLibrary library_;
  const MqttOptions options_;
  Inbox inbox_;
  Resolver resolver_;
  std::map<Key, std::shared_ptr<Broker>> brokers_;
  std::vector<pollfd> polled_;
  std::vector<std::shared_ptr<Broker>> who_;
  std::vector<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

MqttPublisher::MqttPublisher(MqttOptions options) : impl_(std::make_unique<Impl>(options)) {}
MqttPublisher::~MqttPublisher() = default;

void MqttPublisher::publish(MqttMessage message, std::function<void(base::Status)> done) {
  impl_->publish(std::move(message), std::move(done));
}

}  // namespace madang::net
