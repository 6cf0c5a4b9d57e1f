#include "notify/delivery.h"

#include <algorithm>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

namespace madang::hub {

namespace {

using journal::Position;
using State = QueueEntry::State;

constexpr auto kFlushEvery = std::chrono::milliseconds(20);
constexpr std::size_t kFlushAt = 2'048;                // events done with
constexpr auto kLook = std::chrono::milliseconds(50);  // a clock may be moved by hand
constexpr std::size_t kScan = 64;                      // entries of a queue looked at for one that may be sent
constexpr std::size_t kNewsAtOnce = 20'000;            // events that wait to be taken over with all they hold
constexpr auto kContextRetry = std::chrono::seconds(5);

/// Counted by what became of them.
base::metrics::Counter& letters(std::string_view result) {
  constexpr std::string_view kHelp = "Notifications sent, repeated ones counted, by what became of them";
  return base::metrics::counter("madang_notifications_total", kHelp, "result=\"" + std::string(result) + "\"");
}
void count(const Receipt& receipt) {
  static auto& delivered = letters("delivered");
  static auto& failed = letters("failed");
  static auto& seconds =
      base::metrics::histogram("madang_notification_seconds", "Time from sending a notification to its receipt");
  (receipt.delivered() ? delivered : failed).add();
  seconds.observe(std::chrono::duration<double>(receipt.took).count());
}
base::metrics::Counter& given_up() {
  static auto& counter =
      base::metrics::counter("madang_notifications_given_up_total", "Notifications given up: see the gaps");
  return counter;
}

std::string reason_of(const Receipt& receipt) {
  return receipt.error ? receipt.error->message : "the endpoint answered " + std::to_string(receipt.status);
}

}  // namespace

QueueEntry* Box::find(Position position) {
  const auto at = std::lower_bound(queue.begin(), queue.end(), position,
                                   [](const QueueEntry& entry, Position wanted) { return entry.position < wanted; });
  return at != queue.end() && at->position == position ? &*at : nullptr;
}

bool Box::is_flying(std::string_view entity) const {
  if (flying == 0) return false;
  for (std::size_t i = 0; i < std::min(queue.size(), kScan + 16); ++i)
    if (queue[i].state == State::flying && queue[i].event && queue[i].event->id() == entity) return true;
  return false;
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
  entry.event = event;
  if (event) hot_bytes_ += bytes;
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
  entry.state = State::settled;
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

// ---- sending ----

bool Delivery::may_pump(Box& box, Moment now) {
  if (!box.subscriber || courier_ == nullptr || !box.endpoint) return false;
  if (!box.subscriber->is_active(clock_.now())) {
    // Clause 5.8.6: nothing is sent while it is paused, or ever again once it has expired.
    drop_queue(box);
    return false;
  }
  if (!box.queue.empty() && Moment(clock_.now().ns - box.queue.front().time.ns) > options_.outbox_age &&
      box.queue.front().state == State::waiting)
    give_up(box, "the notifications were too old");
  if (box.queue.empty()) return false;
  const Moment wait = std::max(box.not_before, box.endpoint->closed_until);
  if (wait > now) {
    wake_at(box.state.number, wait);
    return false;
  }
  // One at a time tries whether the endpoint is back.
  if (box.endpoint->failures != 0 && box.endpoint->flying != 0) {
    wake_at(box.state.number, now + options_.timeout);
    return false;
  }
  return true;
}

void Delivery::pump(Box& box, Moment now) {
  if (box.subscriber && box.due) return survey(box, now);
  if (!may_pump(box, now)) return;
  if (box.subscriber->what.throttling) return send_throttled(box, now);
  const std::size_t window = box.endpoint->failures != 0 ? 1 : std::min(options_.window, box.endpoint->allowed);
  std::size_t looked = 0;
  // Entities that may not be overtaken: one of their changes waits further ahead.
  std::vector<std::string_view> held;
  for (std::size_t i = 0; i < box.queue.size() && box.flying < window && looked < kScan; ++i) {
    if (flying_ >= options_.in_flight) return may_send(box);
    QueueEntry& entry = box.queue[i];
    if (entry.state != State::waiting) continue;
    ++looked;
    if (!load_event(box, entry)) continue;
    const std::string_view id = entry.event->id();
    if (box.is_flying(id) || std::find(held.begin(), held.end(), id) != held.end()) {
      held.push_back(id);
      continue;
    }
    if (!send_entry(box, entry)) break;
  }
  pop_settled(box);
}

/// The event of an entry, from the outbox where it is not at hand. False: it is gone, and the entry with it.
bool Delivery::load_event(Box& box, QueueEntry& entry) {
  if (entry.event) return true;
  auto event = outbox_.event(*box.subscriber->tenant, entry.position);
  if (event.ok()) {
    entry.event = std::move(*event);
    hot_bytes_ += entry.bytes;
    return true;
  }
  base::log::error("an event of the outbox cannot be read",
                   {{"subscription", box.state.id}, {"reason", event.error().message}});
  settle(box, entry);
  return false;
}

Wording* Delivery::wording_of(Box& box) {
  if (Wording* const found = renderer_->wording(*box.subscriber)) return found;
  if (std::exchange(box.paused, true)) return nullptr;
  contexts_->from_url(
      box.subscriber->what.context_url,
      [life = life_, number = box.state.number](const base::Result<ngsi::ContextPtr>& context) {
        const std::lock_guard lock(life->mutex);
        if (life->self != nullptr)
          life->self->post([self = life->self, number, there = context.ok()] { self->context_came(number, there); });
      },
      box.subscriber->tenant->name());
  return nullptr;
}

void Delivery::context_came(BoxNumber number, bool there) {
  const auto found = boxes_.find(number);
  if (found == boxes_.end()) return;
  found->second->paused = false;
  if (there) return may_send(*found->second);
  wake_at(number, clock_.monotonic() + kContextRetry);
}

bool Delivery::send_entry(Box& box, QueueEntry& entry) {
  Wording* const wording = wording_of(box);
  if (wording == nullptr) return false;
  auto text = renderer_->entity(*box.subscriber, box.shape, *wording, *entry.event, clock_.now());
  entry.state = State::flying;
  dispatch(box, {entry.position}, {std::move(text)}, *wording);
  return true;
}

/// Clause 5.2.12: between two notifications a while passes. What happens meanwhile is told then, of each entity the
/// newest.
void Delivery::send_throttled(Box& box, Moment now) {
  if (box.flying != 0) return;
  Wording* const wording = wording_of(box);
  if (wording == nullptr) return;
  std::vector<Position> positions;
  std::vector<std::shared_ptr<const std::string>> items;
  std::vector<std::pair<std::string, std::size_t>> places;  // of entities in items
  std::size_t bytes = 0;
  for (QueueEntry& entry : box.queue) {
    if (items.size() >= options_.entities_together || bytes > options_.body_bytes) break;
    if (entry.state != State::waiting || !load_event(box, entry)) continue;
    auto text = renderer_->entity(*box.subscriber, box.shape, *wording, *entry.event, clock_.now());
    bytes += text->size();
    const std::string_view id = entry.event->id();
    const auto known = std::find_if(places.begin(), places.end(), [&](const auto& place) { return place.first == id; });
    if (known == places.end()) {
      places.emplace_back(id, items.size());
      items.push_back(std::move(text));
    } else {
      items[known->second] = std::move(text);
    }
    entry.state = State::flying;
    positions.push_back(entry.position);
  }
  pop_settled(box);
  if (positions.empty()) return;
  box.not_before = now + *box.subscriber->what.throttling;
  wake_at(box.state.number, box.not_before);
  dispatch(box, std::move(positions), std::move(items), *wording);
}

void Delivery::dispatch(Box& box, std::vector<Position> positions,
                        std::vector<std::shared_ptr<const std::string>> items, Wording& wording) {
  const base::Timestamp now = clock_.now();
  const std::uint64_t token = positions.empty() ? static_cast<std::uint64_t>(now.ns) : positions.back().value;
  Letter letter = Renderer::letter(*box.subscriber, wording, items, token, now, options_.timeout);
  ++flying_;
  ++box.flying;
  ++box.endpoint->flying;
  ++box.state.status.times_sent;
  box.state.status.last_notification = now;
  note(box);
  courier_->send(std::move(letter), *this,
                 [this, number = box.state.number, positions = std::move(positions),
                  endpoint = box.endpoint](const Receipt& receipt) { sent(number, positions, endpoint, receipt); });
}

void Delivery::sent(BoxNumber number, const std::vector<Position>& positions,
                    const std::shared_ptr<EndpointState>& endpoint, const Receipt& receipt) {
  --flying_;
  --endpoint->flying;
  count(receipt);
  const auto found = boxes_.find(number);
  if (receipt.delivered()) {
    endpoint->failures = 0;
    endpoint->closed_until = Moment(0);
    endpoint->allowed = std::min(options_.window, endpoint->allowed * 2);
    ++totals_.delivered;
  } else {
    ++totals_.failed;
  }
  if (found == boxes_.end()) return;
  Box& box = *found->second;
  --box.flying;
  if (!receipt.delivered()) return failed(box, positions, receipt);
  box.state.status.last_success = clock_.now();
  box.state.status.failed = false;
  box.trouble.clear();
  for (const Position position : positions)
    if (QueueEntry* const entry = box.find(position)) settle(box, *entry);
  pop_settled(box);
  note(box);
  may_send(box);
}

/// Between half of and all of first_retry * 2^(failures - 1).
Moment Delivery::backoff(std::uint32_t failures) {
  const Moment longest = options_.longest_retry;
  Moment wait = options_.first_retry;
  for (std::uint32_t i = 1; i < failures && wait < longest; ++i) wait *= 2;
  wait = std::min(wait, longest);
  random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
  return wait / 2 + Moment(static_cast<std::int64_t>(random_ % static_cast<std::uint64_t>(wait.count() / 2 + 1)));
}

void Delivery::failed(Box& box, const std::vector<Position>& positions, const Receipt& receipt) {
  const Moment now = clock_.monotonic();
  box.state.status.last_failure = clock_.now();
  box.state.status.failed = true;
  ++box.state.status.times_failed;
  box.trouble = reason_of(receipt);
  note(box);
  const bool busy = receipt.status == 408 || receipt.status == 425 || receipt.status == 429;
  const bool refused = (receipt.status >= 400 && receipt.status < 500 && !busy) ||
                       (receipt.error && receipt.error->code == base::Code::forbidden);
  EndpointState& endpoint = *box.endpoint;
  ++endpoint.failures;
  endpoint.allowed = 1;
  Moment wait = backoff(endpoint.failures);
  if (receipt.retry_after) wait = std::clamp<Moment>(*receipt.retry_after, wait, options_.longest_retry);
  const ngsi::Endpoint& what = box.subscriber->what.notification.endpoint;
  if (what.cooldown) wait = std::max<Moment>(wait, *what.cooldown);
  endpoint.closed_until = std::max(endpoint.closed_until, now + wait);
  for (const Position position : positions) {
    QueueEntry* const entry = box.find(position);
    if (entry == nullptr || entry->state != State::flying) continue;
    entry->state = State::waiting;
    ++entry->attempts;
    if (refused && entry->attempts >= options_.refusals) refuse(box, *entry, receipt);
  }
  pop_settled(box);
  check_bounds(box);
  wake_at(box.state.number, endpoint.closed_until);
}

/// It is not the endpoint that is down: it does not want this one. The next ones are not held up by it.
void Delivery::refuse(Box& box, QueueEntry& entry, const Receipt& receipt) {
  DeadLetter letter;
  letter.number = box.state.number;
  letter.position = entry.position;
  letter.time = clock_.now();
  letter.attempts = entry.attempts;
  letter.status = receipt.status;
  letter.reason = reason_of(receipt);
  if (load_event(box, entry)) {
    if (const auto buried = outbox_.bury(letter, *entry.event); !buried.ok()) {
      base::log::error("a refused notification could not be kept", {{"reason", buried.error().message}});
      return;  // it stays in the queue
    }
    ++totals_.refused;
  }
  settle(box, entry);
  auto kept = outbox_.dead_letters(box.state.number, options_.dead_letters + 64);
  for (std::size_t i = 0; kept.ok() && i + options_.dead_letters < kept->size(); ++i)
    (void)outbox_.forget_dead(box.state.number, (*kept)[i].position);
}

}  // namespace madang::hub
