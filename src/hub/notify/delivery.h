#pragma once
// Delivery: reads the outbox, writes notifications, hands them to the courier and keeps book. At least once, in order
// for each subscription and entity (docs/explanation/delivery.md). One thread; everything that is slow or dead is so
// for its own subscriptions only.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/time.h"
#include "madang/hub/courier.h"
#include "madang/hub/subscriptions.h"

#include "notify/box.h"
#include "notify/matcher.h"
#include "notify/outbox.h"
#include "notify/renderer.h"

namespace madang::hub {

class Delivery final : public base::Executor {
 public:
  Delivery(state::Store& store, Outbox& outbox, const base::Clock& clock, DeliveryOptions options);
  ~Delivery() override;

  /// What the outbox held. Before anything else.
  void load(Outbox::Found&& found);
  /// From the matcher, in order.
  void tell(std::vector<News>&& news);
  /// Sends from now on.
  void start(Courier& courier, ngsi::ContextStore& contexts);
  /// Stops sending; what is under way is sent again after a restart. The courier must answer no more afterwards, or
  /// into the void: post() takes nothing then.
  void stop();
  /// Runs on the thread of deliveries. Dropped after stop().
  void post(std::function<void()> work) override;

  /// Events that the outbox holds no more are not kept at hand either. On the thread of deliveries.
  void forget(const Outbox::Which& which);

  // ---- any thread ----

  std::optional<DeliveryReport> report(std::string_view tenant, std::string_view id) const;
  std::vector<DeliveryReport> reports(std::string_view tenant) const;
  base::Result<std::vector<DeadLetter>> dead_letters(std::string_view tenant, std::string_view id, std::size_t most);
  /// Sends dead letters again (all where no position is given): the number of them.
  base::Result<std::size_t> replay(std::string_view tenant, std::string_view id, std::optional<std::uint64_t> position);
  base::Result<std::size_t> drop(std::string_view tenant, std::string_view id, std::optional<std::uint64_t> position);
  DeliveryTotals totals() const;

 private:
  struct Timer {
    Moment at;
    BoxNumber box;
    bool operator<(const Timer& other) const { return at > other.at; }  // the soonest on top
  };
  struct Survey;
  /// For callbacks that may come after the end.
  struct Life {
    std::mutex mutex;
    Delivery* self = nullptr;
  };

  void run();
  void work_once(std::vector<std::function<void()>>& tasks);
  void run_timers(Moment now);
  std::chrono::nanoseconds pause(Moment now) const;

  void take_news(News&& news);
  void come(const SubscriberPtr& subscriber, journal::Position since);
  void go(BoxNumber number);
  void enqueue(Box& box, const EventPtr& event, journal::Position position, base::Timestamp time, std::uint32_t bytes);

  void may_send(Box& box);
  void wake_at(BoxNumber box, Moment at);
  void pump(Box& box, Moment now);
  bool may_pump(Box& box, Moment now);
  void send_throttled(Box& box, Moment now);
  bool send_entry(Box& box, QueueEntry& entry);
  enum class Loaded : std::uint8_t {
    there,
    gone,  // and the entry with it
    later  // the disk failed: it is tried again
  };
  Loaded load_event(Box& box, QueueEntry& entry);
  void dispatch(Box& box, std::vector<journal::Position> positions,
                std::vector<std::shared_ptr<const std::string>> items, Wording& wording);
  Wording* wording_of(Box& box);
  void context_came(BoxNumber number, bool there);
  void sent(BoxNumber number, const std::vector<journal::Position>& positions,
            const std::shared_ptr<EndpointState>& endpoint, const Receipt& receipt);
  void failed(Box& box, const std::vector<journal::Position>& positions, const Receipt& receipt);
  void refuse(Box& box, QueueEntry& entry, const Receipt& receipt);
  Moment backoff(std::uint32_t failures);

  void settle(Box& box, QueueEntry& entry);
  void pop_settled(Box& box);
  void release(journal::Position position);
  void give_up(Box& box, std::string reason);
  void check_bounds(Box& box);
  void drop_queue(Box& box);
  void flush(bool now);
  void note(Box& box);

  void survey(Box& box, Moment now);
  void survey_slice(const std::shared_ptr<Survey>& survey);

  Box* find(std::string_view tenant, std::string_view id);
  const Box* find(std::string_view tenant, std::string_view id) const;
  DeliveryReport report_of(const Box& box) const;

  state::Store& store_;
  Outbox& outbox_;
  const base::Clock& clock_;
  const DeliveryOptions options_;
  const std::shared_ptr<Life> life_ = std::make_shared<Life>();

  mutable std::mutex mutex_;  // of all state below it; held a task at a time
  Courier* courier_ = nullptr;
  ngsi::ContextStore* contexts_ = nullptr;
  std::unique_ptr<Renderer> renderer_;
  std::unordered_map<BoxNumber, std::unique_ptr<Box>> boxes_;
  std::map<std::pair<std::string, std::string>, BoxNumber, std::less<>> by_name_;
  std::unordered_map<std::string, std::weak_ptr<EndpointState>> endpoints_;
  std::unordered_map<std::uint64_t, std::uint32_t> owed_;  // how many boxes hold an event
  std::deque<BoxNumber> ready_;
  std::priority_queue<Timer> timers_;
  std::size_t flying_ = 0;
  std::uint64_t bytes_ = 0;      // of all queues
  std::uint64_t hot_bytes_ = 0;  // of events kept in memory
  std::uint64_t random_ = 0x9e3779b97f4a7c15ull;
  // What is to be written at the next flush.
  std::vector<journal::Position> done_;
  std::vector<BoxNumber> dirty_;
  Moment flushed_{0};
  DeliveryTotals totals_;

  std::mutex inbox_mutex_;
  std::condition_variable wakeup_;
  std::vector<std::function<void()>> inbox_;
  std::size_t news_waiting_ = 0;  // events that the inbox holds on to
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace madang::hub
