#include "notify/matcher.h"

#include <algorithm>
#include <chrono>

#include "madang/base/log.h"

#include "folder.h"

namespace madang::hub {

namespace {

using journal::Position;
using ngsi::EntityView;

constexpr std::size_t kAtOnce = 512;              // events of one write
constexpr std::size_t kBytesAtOnce = 8 << 20;     // of them
constexpr std::uint64_t kPositionEvery = 10'000;  // records that matter to nobody, between two writes of the position
constexpr auto kRetry = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::seconds(60);  // of who waits for a position

base::metrics::Counter& matched() {
  static auto& counter =
      base::metrics::counter("madang_matches_total", "Notifications owed because of a change that matched");
  return counter;
}

bool contains(const std::vector<ngsi::Symbol>& list, ngsi::Symbol name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_linked(const ngsi::Subscription& what) {
  return what.query.q && ngsi::linked_depth(*what.query.q) > 0;
}

}  // namespace

Matcher::Matcher(state::Store& store, Outbox& outbox, ngsi::SubscriptionLimits limits, FindOwner find_owner, Tell tell)
    : store_(store), outbox_(outbox), limits_(limits), find_owner_(std::move(find_owner)), tell_(std::move(tell)) {
  done_ = outbox_.position().value;
}

Matcher::~Matcher() {
  stop();
}

// ---- loading ----

base::Status Matcher::load(const std::vector<BoxState>& boxes) {
  std::map<std::pair<std::string, std::string>, BoxNumber> numbers;
  for (const BoxState& box : boxes) {
    numbers.emplace(std::pair(box.tenant, box.id), box.number);
    next_ = std::max(next_, box.number + 1);
  }
  for (const std::string& name : store_.tenant_names()) {
    state::Tenant& tenant = *store_.tenant(name);
    for (const state::Document& document : tenant.documents(kSubscriptions)) {
      const auto known = numbers.find({name, document.id});
      if (known == numbers.end()) {
        put(tenant, document.id, document.text, outbox_.position());
        continue;
      }
      const BoxNumber fresh = std::exchange(next_, known->second);
      const std::size_t before = batch_.come.size();
      put(tenant, document.id, document.text, outbox_.position());
      batch_.come.resize(before);  // its state is there already
      next_ = std::max(fresh, next_);
      numbers.erase(known);
    }
  }
  for (const auto& [key, number] : numbers) {
    batch_.gone.push_back(number);
    News news;
    news.gone = number;
    batch_.news.push_back(std::move(news));
  }
  return write(outbox_.position());
}

base::Status Matcher::replay(EventPtr event) {
  work(event);
  if (batch_.owed.size() < kAtOnce) return {};
  return write(event->position);
}

base::Status Matcher::finish_replay(Position position) {
  MADANG_CHECK(write(std::max(position, outbox_.position())));
  MADANG_CHECK(outbox_.sync());
  const std::lock_guard lock(mutex_);
  shown_ = position;
  return {};
}

void Matcher::start() {
  thread_ = std::thread([this] { run(); });
}

void Matcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wakeup_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// ---- the queue ----

void Matcher::take(std::span<const EventPtr> events, Position shown) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = queue_.empty() && !events.empty();
    std::uint64_t bytes = 0;
    for (const EventPtr& event : events) bytes += event->bytes();
    queue_.insert(queue_.end(), events.begin(), events.end());
    waiting_.fetch_add(events.size(), std::memory_order_relaxed);
    waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    shown_ = shown;
    wake = wake || (wanted_ != 0 && shown.value >= wanted_) ||
           (queue_.empty() && shown.value > done_.load(std::memory_order_relaxed) + kPositionEvery);
  }
  if (wake) wakeup_.notify_one();
}

void Matcher::run() {
  std::vector<EventPtr> events;
  for (;;) {
    Position until;
    {
      std::unique_lock lock(mutex_);
      wakeup_.wait(lock, [this] {
        const std::uint64_t done = done_.load(std::memory_order_relaxed);
        return stop_ || !queue_.empty() || (wanted_ > done && shown_.value >= wanted_) ||
               shown_.value > done + kPositionEvery;
      });
      if (queue_.empty() && stop_) break;
      std::size_t bytes = 0;
      while (!queue_.empty() && events.size() < kAtOnce && bytes < kBytesAtOnce) {
        bytes += queue_.front()->bytes();
        events.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      until = queue_.empty() ? std::max(shown_, events.empty() ? Position() : events.back()->position)
                             : events.back()->position;
    }
    std::uint64_t bytes = 0;
    for (const EventPtr& event : events) {
      bytes += event->bytes();
      work(event);
    }
    for (auto written = write(until); !written.ok(); written = write(until)) {
      base::log::error("the outbox takes nothing", {{"reason", written.error().message}});
      std::unique_lock lock(mutex_);
      trouble_ = written.error().message;
      arrived_.notify_all();
      // What is not written is matched again after a restart.
      if (wakeup_.wait_for(lock, kRetry, [this] { return stop_; })) return;
    }
    waiting_.fetch_sub(events.size(), std::memory_order_relaxed);
    waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    events.clear();
    const std::lock_guard lock(mutex_);
    trouble_.clear();
    arrived_.notify_all();
  }
  if (const auto synced = outbox_.sync(); !synced.ok())
    base::log::error("the outbox was not synced", {{"reason", synced.error().message}});
}

Position Matcher::position() {
  const std::lock_guard lock(mutex_);
  const Position done{done_.load(std::memory_order_acquire)};
  return waiting_.load(std::memory_order_relaxed) == 0 ? std::max(done, shown_) : done;
}

base::Status Matcher::reach(Position position) {
  {
    std::unique_lock lock(mutex_);
    wanted_ = std::max(wanted_, position.value);
    wakeup_.notify_one();
    const bool there = arrived_.wait_for(lock, kPatience, [&] {
      return stop_ || !trouble_.empty() || done_.load(std::memory_order_acquire) >= position.value;
    });
    if (!there || done_.load(std::memory_order_acquire) < position.value)
      return base::error(base::Code::unavailable,
                         trouble_.empty() ? "The matcher of subscriptions has not come that far." : trouble_);
  }
  return outbox_.sync();
}

base::Status Matcher::write(Position position) {
  const std::uint64_t count = batch_.owed.size();
  MADANG_CHECK(outbox_.write(batch_.owed, batch_.come, batch_.gone, position));
  if (count != 0) matched().add(count);
  if (!batch_.news.empty()) tell_(std::move(batch_.news));
  batch_.clear();
  done_.store(position.value, std::memory_order_release);
  return {};
}

// ---- subscriptions ----

void Matcher::change_subscription(const Event& event) {
  if (event.document_kept)
    put(*event.tenant, event.document->id, event.document->text, event.position);
  else
    remove(*event.tenant, event.document->id);
}

void Matcher::put(state::Tenant& tenant, std::string_view id, std::string_view text, Position since) {
  auto record = ngsi::read_record(id, text);
  base::Result<ngsi::Subscription> what = record.ok() ? ngsi::compile(*record, tenant.symbols(), limits_)
                                                      : base::Result<ngsi::Subscription>(record.error());
  if (!what.ok()) {
    // It was checked when it came: only a file that was changed by hand, or a narrower limit, leads here.
    base::log::error("a stored subscription is of no use", {{"id", id}, {"reason", what.error().message}});
    return remove(tenant, id);
  }
  auto made = std::make_shared<Subscriber>();
  made->tenant = &tenant;
  made->owner = find_owner_(record->owner);
  made->may_read = made->owner && made->owner->may(governance::Role::read, tenant.name());
  made->what = std::move(*what);
  made->record = std::move(*record);
  OfTenant& of = tenants_[&tenant];
  const auto known = of.by_id.find(id);
  News news;
  news.since = since;
  if (known != of.by_id.end()) {
    made->number = known->second->number;
    known->second = made;
  } else {
    made->number = next_++;
    BoxState box;
    box.number = made->number;
    box.tenant = tenant.name();
    box.id = id;
    box.delivered = since;
    batch_.come.push_back(std::move(box));
    of.by_id.emplace(id, made);
    subscriptions_.fetch_add(1, std::memory_order_relaxed);
  }
  of.index.remove(made->number);
  if (!made->what.interval) of.index.add(made);
  news.come = std::move(made);
  batch_.news.push_back(std::move(news));
}

void Matcher::remove(state::Tenant& tenant, std::string_view id) {
  OfTenant& of = tenants_[&tenant];
  const auto known = of.by_id.find(id);
  if (known == of.by_id.end()) return;
  const BoxNumber number = known->second->number;
  of.index.remove(number);
  of.by_id.erase(known);
  subscriptions_.fetch_sub(1, std::memory_order_relaxed);
  batch_.gone.push_back(number);
  News news;
  news.gone = number;
  batch_.news.push_back(std::move(news));
}

// ---- matching ----

bool Matcher::is_wanted(const Subscriber& subscriber, const Event& event) const {
  const ngsi::Subscription& what = subscriber.what;
  const EntityView entity = event.after ? event.after_view() : event.before_view();
  const ngsi::Filter* const filter = subscriber.filter();
  bool triggered = false;
  for (const ChangeOf::Attribute& attribute : change_.attributes) {
    if (!what.watched.empty() && !contains(what.watched, attribute.name)) continue;
    if (((attribute.kinds | change_.entity) & what.triggers) == 0) continue;
    if (filter != nullptr && !filter->allows_attribute(entity, attribute.name)) continue;
    triggered = true;
    break;
  }
  triggered = triggered || (what.watched.empty() && (change_.entity & what.triggers) != 0);
  if (!triggered || !subscriber.is_active(event.time)) return false;
  if (filter != nullptr && !filter->allows_entity(entity)) return false;
  if (!is_linked(what)) return ngsi::matches(what.query, entity, filter);
  // Where Relationships lead to is looked up as it is now: the journal says what changed, not what was around it.
  const state::Reading reading(store_);
  const state::Surroundings around(*subscriber.tenant, filter, event.time);
  return ngsi::matches(what.query, entity, filter, &around);
}

void Matcher::match(const Event& event, std::vector<BoxNumber>& out, bool& with_before) {
  const auto of = tenants_.find(event.tenant);
  if (of == tenants_.end() || of->second.index.size() == 0) return;
  compare(event.before_view(), event.after_view(), change_);
  if (change_.entity == 0 && change_.attributes.empty()) return;
  const EntityView entity = event.after ? event.after_view() : event.before_view();
  with_before = std::any_of(change_.attributes.begin(), change_.attributes.end(),
                            [](const auto& attribute) { return (attribute.kinds & ngsi::kAttributeDeleted) != 0; });
  of->second.index.each_candidate(entity, change_, [&](const SubscriberPtr& subscriber) {
    if (!is_wanted(*subscriber, event)) return;
    with_before = with_before || subscriber->what.notification.show_changes;
    out.push_back(subscriber->number);
  });
}

void Matcher::work(const EventPtr& event) {
  if (event->document) return change_subscription(*event);
  Owed owed;
  match(*event, owed.boxes, owed.with_before);
  if (owed.boxes.empty()) return;
  News news;
  news.event = event;
  news.boxes = owed.boxes;
  news.bytes = static_cast<std::uint32_t>(event->bytes());
  owed.event = event;
  batch_.owed.push_back(std::move(owed));
  batch_.news.push_back(std::move(news));
}

}  // namespace madang::hub
