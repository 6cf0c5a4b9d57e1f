#include "notify/delivery.h"

#include <algorithm>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

namespace madang::hub {

namespace {

using journal::Position;
using State = QueueEntry::State;

constexpr auto kGather = std::chrono::milliseconds(1);  // between two rounds: a round costs switches between threads
constexpr auto kFlushEvery = std::chrono::milliseconds(20);
constexpr std::size_t kFlushAt = 2'048;                // events done with
constexpr auto kLook = std::chrono::milliseconds(50);  // a clock may be moved by hand
constexpr std::size_t kNewsAtOnce = 20'000;            // events that wait to be taken over with all they hold

base::metrics::Counter& given_up() {
  static auto& counter =
      base::metrics::counter("madang_notifications_given_up_total", "Notifications given up: see the gaps");
  return counter;
}

}  // namespace

QueueEntry* Box::find(Position position) {
  const auto at = std::lower_bound(queue.begin(), queue.end(), position,
                                   [](const QueueEntry& entry, Position wanted) { return entry.position < wanted; });
  return at != queue.end() && at->position == position ? &*at : nullptr;
}

void QueueEntry::set_event(EventPtr found) {
  entity = std::hash<std::string_view>()(found->id());
  event = std::move(found);
}

void Box::take_off(QueueEntry& entry) {
  entry.state = State::flying;
  entities_flying.push_back(entry.entity);
}

void Box::land(QueueEntry& entry, State state_now) {
  if (entry.state == State::flying) {
    const auto at = std::find(entities_flying.begin(), entities_flying.end(), entry.entity);
    if (at != entities_flying.end()) entities_flying.erase(at);
  }
  entry.state = state_now;
}

Delivery::Delivery(state::Store& store, Outbox& outbox, const base::Clock& clock, DeliveryOptions options)
    : store_(store), outbox_(outbox), clock_(clock), options_(options) {
  life_->self = this;
}

Delivery::~Delivery() {
  stop();
}

// ---- the thread ----

void Delivery::start(Courier& courier, ngsi::ContextStore& contexts) {
  {
    const std::lock_guard lock(mutex_);
    courier_ = &courier;
    contexts_ = &contexts;
    renderer_ = std::make_unique<Renderer>(store_, contexts);
    for (auto& [number, box] : boxes_) {
      if (box->subscriber) box->shape = renderer_->shape_of(*box->subscriber);
      may_send(*box);
    }
  }
  thread_ = std::thread([this] { run(); });
}

void Delivery::stop() {
  {
    const std::lock_guard lock(life_->mutex);
    life_->self = nullptr;
  }
  {
    const std::lock_guard lock(inbox_mutex_);
    stop_ = true;
    inbox_.clear();
  }
  wakeup_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Delivery::post(std::function<void()> work) {
  bool wake = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (stop_) return;
    wake = inbox_.empty();
    inbox_.push_back(std::move(work));
  }
  if (wake) wakeup_.notify_one();
}

void Delivery::run() {
  std::vector<std::function<void()>> tasks;
  for (;;) {
    const auto at_most = [&] {
      const std::lock_guard lock(mutex_);
      return pause(clock_.monotonic());
    }();
    {
      std::unique_lock lock(inbox_mutex_);
      if (at_most.count() != 0) wakeup_.wait_for(lock, at_most, [this] { return stop_ || !inbox_.empty(); });
      // Where nothing is under way, what comes goes at once; else receipts are taken together.
      if (flying_ != 0) wakeup_.wait_for(lock, kGather, [this] { return stop_; });
      if (stop_) break;
      tasks.swap(inbox_);
    }
    work_once(tasks);
    tasks.clear();
  }
  const std::lock_guard lock(mutex_);
  flush(true);
}

void Delivery::work_once(std::vector<std::function<void()>>& tasks) {
  for (auto& task : tasks) {
    const std::lock_guard lock(mutex_);
    task();
  }
  const std::lock_guard lock(mutex_);
  const Moment now = clock_.monotonic();
  run_timers(now);
  // Each that may send does so in its turn; who is kept back by the common limit stays in line.
  for (std::size_t left = ready_.size(); left > 0 && flying_ < options_.in_flight; --left) {
    const BoxNumber number = ready_.front();
    ready_.pop_front();
    const auto box = boxes_.find(number);
    if (box == boxes_.end()) continue;
    box->second->queued = false;
    pump(*box->second, now);
  }
  flush(false);
}

std::chrono::nanoseconds Delivery::pause(Moment now) const {
  if (!ready_.empty() && flying_ < options_.in_flight) return std::chrono::nanoseconds(0);
  std::chrono::nanoseconds longest = std::chrono::seconds(60);
  if (!timers_.empty()) longest = std::clamp<std::chrono::nanoseconds>(timers_.top().at - now, Moment(0), kLook);
  if (!done_.empty() || !dirty_.empty()) longest = std::min<std::chrono::nanoseconds>(longest, kFlushEvery);
  return longest;
}

void Delivery::run_timers(Moment now) {
  while (!timers_.empty() && timers_.top().at <= now) {
    const BoxNumber number = timers_.top().box;
    timers_.pop();
    const auto box = boxes_.find(number);
    if (box != boxes_.end()) may_send(*box->second);
  }
}

void Delivery::may_send(Box& box) {
  if (!std::exchange(box.queued, true)) ready_.push_back(box.state.number);
}

void Delivery::wake_at(BoxNumber box, Moment at) {
  timers_.push({at, box});
}

// ---- what comes in ----

void Delivery::load(Outbox::Found&& found) {
  const std::lock_guard lock(mutex_);
  for (BoxState& state : found.boxes) {
    auto box = std::make_unique<Box>();
    by_name_.insert_or_assign(std::pair(state.tenant, state.id), state.number);
    box->state = std::move(state);
    boxes_.emplace(box->state.number, std::move(box));
  }
  for (const Outbox::Found::Entry& entry : found.owed) {
    for (const BoxNumber number : entry.boxes) {
      const auto box = boxes_.find(number);
      if (box == boxes_.end() || entry.position <= box->second->state.delivered) continue;
      enqueue(*box->second, nullptr, entry.position, entry.time, entry.bytes);
    }
    if (!owed_.contains(entry.position.value)) done_.push_back(entry.position);
  }
}

void Delivery::tell(std::vector<News>&& news) {
  const std::size_t count = news.size();
  bool keep = true;
  {
    const std::lock_guard lock(inbox_mutex_);
    keep = news_waiting_ < kNewsAtOnce;
    news_waiting_ += count;
  }
  // Where deliveries cannot keep up, events are read from the outbox when their turn comes.
  if (!keep) {
    for (News& each : news) {
      if (!each.event) continue;
      auto light = std::make_shared<Event>();
      light->position = each.event->position;
      light->time = each.event->time;
      each.event = std::move(light);
    }
  }
  auto work = [this, news = std::make_shared<std::vector<News>>(std::move(news)), count] {
    for (News& each : *news) take_news(std::move(each));
    const std::lock_guard lock(inbox_mutex_);
    news_waiting_ -= count;
  };
  bool started = false;
  {
    const std::lock_guard lock(mutex_);
    started = courier_ != nullptr;
    if (!started) work();
  }
  if (started) post(std::move(work));
}

void Delivery::take_news(News&& news) {
  if (news.gone != 0) return go(news.gone);
  if (news.come) return come(news.come, news.since);
  const bool whole = news.event->tenant != nullptr;
  for (const BoxNumber number : news.boxes) {
    const auto found = boxes_.find(number);
    if (found == boxes_.end()) continue;
    Box& box = *found->second;
    if (news.event->position <= box.state.delivered) continue;  // matched once more after a restart
    if (!box.queue.empty() && news.event->position <= box.queue.back().position) continue;
    const bool hot = whole && courier_ != nullptr && hot_bytes_ < options_.hot_bytes;
    enqueue(box, hot ? news.event : nullptr, news.event->position, news.event->time, news.bytes);
    check_bounds(box);
    may_send(box);
  }
  if (!owed_.contains(news.event->position.value)) done_.push_back(news.event->position);
}

void Delivery::enqueue(Box& box, const EventPtr& event, Position position, base::Timestamp time, std::uint32_t bytes) {
  QueueEntry entry;
  entry.position = position;
  entry.time = time;
  entry.bytes = bytes;
  if (event) {
    entry.set_event(event);
    hot_bytes_ += bytes;
  }
  box.queue.push_back(std::move(entry));
  box.bytes += bytes;
  bytes_ += bytes;
  ++owed_[position.value];
}

void Delivery::come(const SubscriberPtr& subscriber, Position since) {
  std::unique_ptr<Box>& slot = boxes_[subscriber->number];
  if (!slot) {
    slot = std::make_unique<Box>();
    slot->state.number = subscriber->number;
    slot->state.tenant = subscriber->tenant->name();
    slot->state.id = subscriber->what.id;
    slot->state.delivered = since;
    by_name_.insert_or_assign(std::pair(slot->state.tenant, slot->state.id), subscriber->number);
  }
  Box& box = *slot;
  const std::string before = box.subscriber ? box.subscriber->what.notification.endpoint.uri : std::string();
  box.subscriber = subscriber;
  if (renderer_) box.shape = renderer_->shape_of(*subscriber);
  const ngsi::Subscription& what = subscriber->what;
  if (before != what.notification.endpoint.uri) {
    std::weak_ptr<EndpointState>& shared = endpoints_[what.notification.endpoint.uri];
    box.endpoint = shared.lock();
    if (!box.endpoint) shared = box.endpoint = std::make_shared<EndpointState>();
  }
  box.due.reset();
  if (what.interval) {
    drop_queue(box);
    // An interval goes on over a restart from when the last one was sent.
    Moment first = std::chrono::duration_cast<Moment>(*what.interval);
    if (const auto& last = box.state.status.last_notification; last && before.empty()) {
      const Moment since_last{clock_.now().ns - last->ns};
      if (since_last >= Moment(0)) first = std::max(first - since_last, Moment(0));
    }
    box.due = clock_.monotonic() + first;
    wake_at(box.state.number, *box.due);
  }
  may_send(box);
}

void Delivery::go(BoxNumber number) {
  const auto found = boxes_.find(number);
  if (found == boxes_.end()) return;
  drop_queue(*found->second);
  const auto name = by_name_.find(std::pair(found->second->state.tenant, found->second->state.id));
  if (name != by_name_.end() && name->second == number) by_name_.erase(name);
  if (endpoints_.size() > 2 * boxes_.size() + 64)
    std::erase_if(endpoints_, [](const auto& endpoint) { return endpoint.second.expired(); });
  boxes_.erase(found);
}

// ---- books ----

void Delivery::note(Box& box) {
  if (!std::exchange(box.dirty, true)) dirty_.push_back(box.state.number);
}

void Delivery::release(Position position) {
  const auto owed = owed_.find(position.value);
  if (owed == owed_.end() || --owed->second != 0) return;
  owed_.erase(owed);
  done_.push_back(position);
}

void Delivery::settle(Box& box, QueueEntry& entry) {
  if (entry.state == State::settled) return;
  box.land(entry, State::settled);
  if (entry.event) hot_bytes_ -= entry.bytes;
  entry.event.reset();
  box.bytes -= entry.bytes;
  bytes_ -= entry.bytes;
  release(entry.position);
}

void Delivery::pop_settled(Box& box) {
  while (!box.queue.empty() && box.queue.front().state == State::settled) {
    box.state.delivered = box.queue.front().position;
    box.queue.pop_front();
    note(box);
  }
}

void Delivery::drop_queue(Box& box) {
  for (QueueEntry& entry : box.queue)
    if (entry.state != State::settled) settle(box, entry);
  pop_settled(box);
}

void Delivery::give_up(Box& box, std::string reason) {
  if (box.queue.empty()) return;
  Gap gap;
  gap.from = box.queue.front().position;
  gap.to = box.queue.back().position;
  gap.time = clock_.now();
  gap.matches = box.queue.size();
  gap.reason = reason;
  totals_.given_up += gap.matches;
  given_up().add(gap.matches);
  base::log::warning("notifications were given up", {{"subscription", box.state.id},
                                                     {"tenant", box.state.tenant},
                                                     {"notifications", gap.matches},
                                                     {"reason", reason}});
  box.state.gaps.push_back(std::move(gap));
  constexpr std::size_t kGaps = 16;
  if (box.state.gaps.size() > kGaps) box.state.gaps.erase(box.state.gaps.begin());
  box.state.status.failed = true;
  drop_queue(box);
  note(box);
}

void Delivery::check_bounds(Box& box) {
  if (box.bytes > options_.outbox_bytes) give_up(box, "the outbox was full");
  if (bytes_ <= options_.outbox_total_bytes) return;
  const auto fullest = std::max_element(boxes_.begin(), boxes_.end(),
                                        [](const auto& a, const auto& b) { return a.second->bytes < b.second->bytes; });
  give_up(*fullest->second, "the outboxes of all subscriptions together were full");
}

void Delivery::flush(bool now) {
  if (done_.empty() && dirty_.empty()) return;
  const Moment moment = clock_.monotonic();
  if (!now && done_.size() < kFlushAt && moment - flushed_ < kFlushEvery) return;
  flushed_ = moment;
  std::vector<BoxState> states;
  for (const BoxNumber number : dirty_) {
    const auto box = boxes_.find(number);
    if (box == boxes_.end()) continue;
    box->second->dirty = false;
    states.push_back(box->second->state);
  }
  dirty_.clear();
  // What is not written is delivered once more after a restart.
  if (const auto written = outbox_.settle(states, done_); !written.ok())
    base::log::error("the outbox takes nothing", {{"reason", written.error().message}});
  done_.clear();
}

}  // namespace madang::hub
