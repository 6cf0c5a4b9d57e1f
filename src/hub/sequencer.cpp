#include "sequencer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "madang/base/spinning.h"
#include "madang/history/history.h"
#include "madang/ngsi/expiry.h"

#include "folder.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;

// Changes shown in one go: readers wait at most this long for the writer, about 100 µs.
constexpr std::size_t kShowAtOnce = 64;
// Changes applied in one turn of a loop and under one hold of the lock: some 100 µs.
constexpr std::size_t kApplyAtOnce = 128;
constexpr std::size_t kTurnAtOnce = 32;  // the same of small requests, so that loops do not wait long for each other
constexpr std::size_t kWorthASync = 64;  // changes
constexpr std::size_t kLookAhead = 16;   // entities of a batch fetched at once
constexpr std::size_t kPastSlots = std::size_t{1} << 14;

base::metrics::Counter& wait_nanoseconds() {
  static auto& counter =
      base::metrics::counter("madang_sequencer_wait_nanoseconds_total", "Time spent waiting for the sequencer's lock");
  return counter;
}

/// The one attribute that a patch changes; none where it is about more.
ngsi::Symbol only_change(const std::vector<ngsi::Symbol>& updated, ngsi::EntityView patch) {
  const bool one = updated.size() == 1 && patch.type_count() == 0 &&
                   (patch.header().flags & (ngsi::kScopesGiven | ngsi::kExpiryGiven)) == 0;
  return one ? updated.front() : ngsi::Symbol::none;
}

base::Error outcome_unknown() {
  return base::error(Code::unavailable,
                     "The disk failed while the change was written; whether it was kept is unknown until the restart.");
}

base::Error being_erased() {
  return base::error(Code::unavailable, "All that this tenant has is being erased; try again in a moment.");
}

void forget(std::vector<ChangeResult>& results) {
  for (ChangeResult& result : results) {
    result = {};
    result.error = outcome_unknown();
  }
}

}  // namespace

SequencerLock::SequencerLock(std::mutex& mutex) : held_(mutex, std::try_to_lock) {
  if (held_.owns_lock()) return;
  const auto begin = std::chrono::steady_clock::now();
  base::lock_spinning(*held_.mutex());
  held_ = std::unique_lock(*held_.mutex(), std::adopt_lock);
  const auto waited = std::chrono::steady_clock::now() - begin;
  wait_nanoseconds().add(static_cast<std::uint64_t>(std::chrono::nanoseconds(waited).count()));
}

Sequencer::Sequencer(state::Store& store, journal::Journal& journal, Tap& tap, const base::Clock& clock,
                     const Options& options)
    : store_(store),
      journal_(journal),
      tap_(tap),
      clock_(clock),
      options_(options),
      durable_(journal.durable().value) {}

void Sequencer::on_failure(std::function<void(base::Error)> call) {
  SequencerLock lock(mutex_);
  on_failure_ = std::move(call);
}

void Sequencer::apply(const PrincipalPtr& who, state::Tenant& tenant, std::vector<ngsi::Change>&& changes,
                      base::Executor& executor, Hub::Applied done) {
  Home& home = home_of(executor);
  Batch batch{who, &tenant, std::move(changes), std::move(done), 0, {}, {}};
  if (batch.changes.size() >= kWorthASync) {
    if (!apply_slice(home, batch)) go_on(home, std::make_shared<Batch>(std::move(batch)));
    return;
  }
  {
    const std::lock_guard lock(home.arrival);
    home.arrived.push_back(std::move(batch));
    waiting_.fetch_add(1, std::memory_order_relaxed);
    if (home.arrived.size() > 1) return;  // the first one has called
  }
  executor.post([this, &home] { apply_arrived(home); });
}

/// The requests that an executor has at hand are applied together, behind all that it read in this turn: the lock is
/// taken once, their entities are fetched from memory side by side, and they share a sync.
void Sequencer::apply_arrived(Home& home) {
  std::vector<Batch> arrived;
  {
    const std::lock_guard lock(home.arrival);
    arrived.swap(home.arrived);
    home.arrived.reserve(arrived.size());
  }
  waiting_.fetch_sub(arrived.size(), std::memory_order_relaxed);  // those that wait for the disk are counted again
  std::vector<Batch*> answered;
  std::size_t uncommitted = 0;
  for (std::span<Batch> left(arrived); !left.empty();) {
    const std::size_t count = apply_some(home, left, answered);
    left = left.subspan(count);
    uncommitted += count;
    if (left.empty() || uncommitted >= kWorthASync) uncommitted = 0, journal_.commit();
  }
  for (Batch* batch : answered) batch->done(std::move(batch->results));
}

/// As many as one hold of the lock is good for; how many that were. `answered` gets those that need not wait.
std::size_t Sequencer::apply_some(Home& home, std::span<Batch> arrived, std::vector<Batch*>& answered) {
  const SequencerLock lock(mutex_);
  last_time_ = std::max(last_time_, clock_.now());  // never goes back, so that modifiedAt follows the order of changes
  std::size_t count = 0, changes = 0;
  for (; count < arrived.size() && changes < kTurnAtOnce; ++count) {
    if (count % kLookAhead == 0) look_ahead(arrived.subspan(count));
    Batch& batch = arrived[count];
    changes += batch.changes.size();
    while (batch.next < batch.changes.size()) apply_next(batch);
    if (!waits(home, batch)) answered.push_back(&batch);
  }
  return count;
}

/// Big batches let the requests of others in between, on their own loop and at the lock.
void Sequencer::go_on(Home& home, std::shared_ptr<Batch> batch) {
  home.executor.post([this, &home, batch = std::move(batch)] {
    if (!apply_slice(home, *batch)) go_on(home, batch);
  });
}

bool Sequencer::apply_slice(Home& home, Batch& batch) {
  {
    const SequencerLock lock(mutex_);
    last_time_ = std::max(last_time_, clock_.now());
    const std::size_t end = std::min(batch.changes.size(), batch.next + kApplyAtOnce);
    while (batch.next < end) apply_next(batch);
    if (batch.next < batch.changes.size()) return false;
    if (waits(home, batch)) return journal_.commit(), true;
  }
  batch.done(std::move(batch.results));
  return true;
}

void Sequencer::apply_next(Batch& batch) {
  if (batch.next == 0) batch.results.reserve(batch.changes.size());
  if (batch.next % kLookAhead == 0) look_ahead(*batch.tenant, std::span(batch.changes).subspan(batch.next));
  auto result = apply_one(*batch.who, *batch.tenant, std::move(batch.changes[batch.next++]), last_time_);
  if (result.ok()) {
    batch.wait_for = std::max(batch.wait_for, Position{result->version});
    batch.results.push_back(std::move(*result));
  } else {
    // What is refused is refused because of the tip: the answer must not be given before the tip is durable.
    batch.wait_for = std::max(batch.wait_for, journal_.last());
    batch.results.emplace_back().error = std::move(result).error();
  }
}

/// True: who asked for it now waits for the disk. False: it is to be answered.
bool Sequencer::waits(Home& home, Batch& batch) {
  if (batch.wait_for > store_.shown() && !failed()) {
    home.waiters.push_back({batch.wait_for, std::move(batch.done), std::move(batch.results)});
    waiting_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  // The disk may have failed since the first slice.
  if (failed() && batch.wait_for.value > durable_.load(std::memory_order_relaxed)) forget(batch.results);
  return false;
}

void Sequencer::look_ahead(state::Tenant& tenant, std::span<const ngsi::Change> changes) const {
  if (changes.size() < 2) return;
  std::array<std::string_view, kLookAhead> ids;
  const std::size_t count = std::min(changes.size(), ids.size());
  for (std::size_t i = 0; i < count; ++i) ids[i] = changes[i].id;
  store_.look_ahead(tenant, std::span(ids).first(count));
}

/// Of requests for one change each, those for the tenant of the first.
void Sequencer::look_ahead(std::span<const Batch> arrived) const {
  std::array<std::string_view, kLookAhead> ids;
  std::size_t count = 0;
  for (const Batch& batch : arrived.first(std::min(arrived.size(), ids.size()))) {
    if (batch.changes.size() == 1 && batch.tenant == arrived.front().tenant) ids[count++] = batch.changes.front().id;
  }
  if (count > 1) store_.look_ahead(*arrived.front().tenant, std::span(ids).first(count));
}

base::Result<ChangeResult> Sequencer::apply_one(const Principal& who, state::Tenant& tenant, ngsi::Change&& change,
                                                base::Timestamp now) {
  if (failed()) return outcome_unknown();
  if (closed_ == &tenant) return being_erased();
  const std::string& id = change.id;  // stays what it is
  state::Store::Found found = store_.look_up(tenant, id);
  if (found.entity && found.entity.may_expire()) {
    MADANG_CHECK(expire_one(tenant, id, found));
    found = store_.look_up(tenant, id);
  }
  const ngsi::EntityView before = found.entity;
  if (before && who.policy) {
    const ngsi::Filter* filter = who.policy->reading(governance::tenant_of(tenant.name()));
    if (filter != nullptr && !filter->allows_entity(before)) {
      const bool creates = change.operation == ngsi::Operation::create ||
                           change.operation == ngsi::Operation::upsert_replace ||
                           change.operation == ngsi::Operation::upsert_update;
      if (creates) return base::error(Code::forbidden, "You may not write this entity.");
      return base::error(Code::not_found, "There is no entity " + id + ".");
    }
  }
  MADANG_TRY(ngsi::Outcome outcome, ngsi::apply(before, std::move(change), now, options_.entity));
  ChangeResult result;
  result.created = outcome.created;
  result.updated = std::move(outcome.updated);
  result.not_updated = std::move(outcome.not_updated);
  if (outcome.record == ngsi::Outcome::Record::none) {
    result.version = before ? before.version() : 0;
    return result;
  }
  ngsi::EntityBlock after;
  ngsi::Symbol only = ngsi::Symbol::none;
  if (outcome.record == ngsi::Outcome::Record::patch) {
    const ngsi::EntityView patch = outcome.block ? ngsi::EntityView(outcome.block) : before;
    only = only_change(result.updated, patch);
    MADANG_TRY(after, ngsi::splice(before, patch));
    if (after.size() > options_.entity.entity_bytes)
      return base::error(Code::too_large, "The entity would be larger than an entity may be.");
  }
  const bool put = outcome.record == ngsi::Outcome::Record::put;
  const ngsi::EntityView shape = put     ? ngsi::EntityView(outcome.block)
                                 : after ? ngsi::EntityView(after)
                                         : ngsi::EntityView();
  if (who.policy)
    MADANG_CHECK(who.policy->writing(governance::tenant_of(tenant.name()), before, shape, result.updated));
  if (shape) {
    const std::uint64_t old_size = before ? before.bytes().size() : 0;
    const std::uint64_t new_size = shape.bytes().size();
    MADANG_CHECK(store_.admit(tenant, new_size > old_size ? new_size - old_size : 0, !before));
  }
  MADANG_TRY(const Position position, append(tenant, outcome, id));
  if (put) after = std::move(outcome.block);
  if (after) reinterpret_cast<ngsi::EntityHeader*>(after.data())->version = position.value;
  store_.stage(tenant, position, found, id, std::move(after), last_time_, only);
  result.version = position.value;
  return result;
}

/// What has expired of the tip goes by a record of its own, so that what follows finds it gone, here and in replay.
base::Status Sequencer::expire_one(state::Tenant& tenant, std::string_view id, const state::Store::Found& found) {
  MADANG_TRY(const ngsi::Outcome outcome, ngsi::expire(found.entity, last_time_));
  if (outcome.record == ngsi::Outcome::Record::none) return {};
  ngsi::EntityBlock after;
  if (outcome.record == ngsi::Outcome::Record::patch) {
    MADANG_TRY(after, ngsi::splice(found.entity, ngsi::EntityView(outcome.block)));
  }
  MADANG_TRY(const Position position, append(tenant, outcome, id));
  if (after) reinterpret_cast<ngsi::EntityHeader*>(after.data())->version = position.value;
  store_.stage(tenant, position, found, id, std::move(after), last_time_);
  return {};
}

bool Sequencer::expire(state::Tenant& tenant, state::Store::Due& last, std::size_t most) {
  const SequencerLock lock(mutex_);
  if (failed()) return false;
  last_time_ = std::max(last_time_, clock_.now());
  base::Status status;
  bool more = true;
  for (std::size_t i = 0; i < most && more && status.ok(); ++i) {
    const ngsi::EntityView due = store_.next_due(tenant, last_time_, last);
    more = static_cast<bool>(due);
    if (!due) break;
    const std::string id(due.id());
    // The tip may have been given more time, or be gone, by a change that is not shown yet.
    if (const auto found = store_.look_up(tenant, id); found.entity) status = expire_one(tenant, id, found);
  }
  journal_.commit();
  return more && status.ok();  // what the journal does not take now is tried again
}

base::Result<Position> Sequencer::append(state::Tenant& tenant, const ngsi::Outcome& outcome, std::string_view id) {
  using Record = ngsi::Outcome::Record;
  record_.clear();
  if (outcome.record == Record::remove) {
    record_.append(id);
    return journal_.append(journal::RecordKind::entity_delete, tenant.name(), 0, record_);
  }
  records_.append(record_, ngsi::EntityView(outcome.block), tenant.symbols());
  const auto kind = outcome.record == Record::put ? journal::RecordKind::entity_put : journal::RecordKind::entity_patch;
  return journal_.append(kind, tenant.name(), 0, record_);
}

base::Status Sequencer::declare_index(state::Tenant& tenant, const state::DeclaredIndex& index, bool declare) {
  SequencerLock lock(mutex_);
  if (failed()) return outcome_unknown();
  MADANG_CHECK(declare ? store_.declare_index(tenant, index) : store_.drop_index(tenant, index));
  std::vector<std::byte> payload;
  append_setting(payload, {declare, index});
  auto position = journal_.append(journal::RecordKind::setting, tenant.name(), 0, payload);
  if (!position.ok()) {
    (void)(declare ? store_.drop_index(tenant, index) : store_.declare_index(tenant, index));
    return std::move(position).error();
  }
  journal_.commit();
  return {};
}

void Sequencer::change_document(state::Tenant& tenant, DocumentChange&& change, base::Executor& executor,
                                std::function<void(base::Status)> done) {
  Home& home = home_of(executor);
  base::Status refused;
  {
    SequencerLock lock(mutex_);
    const auto position = apply_document(tenant, std::move(change));
    if (position.ok()) return wait_for(*position, home, std::move(done));
    refused = position.error();
  }
  done(std::move(refused));
}

/// Under the lock.
void Sequencer::wait_for(Position position, Home& home, std::function<void(base::Status)>&& done) {
  home.waiters.push_back({position,
                          [done = std::move(done)](std::vector<ChangeResult>&& results) {
                            const auto& error = results.front().error;
                            done(error ? base::Status(*error) : base::Status());
                          },
                          std::vector<ChangeResult>(1)});
  waiting_.fetch_add(1, std::memory_order_relaxed);
  journal_.commit();
}

base::Result<Position> Sequencer::change_past(const Principal& who, state::Tenant& tenant, ngsi::TemporalChange& change,
                                              PastSeen seen, base::Executor& executor,
                                              std::function<void(base::Status)> done) {
  Home& home = home_of(executor);
  SequencerLock lock(mutex_);
  const PastTouched& touched = past_touched(tenant, change.id);
  std::uint64_t newer = seen.there ? touched.taken : touched.added;
  const ngsi::EntityView now = store_.tip(tenant, change.id);
  if (!seen.there && now) newer = std::max(newer, now.version());  // what is there has a past
  if (newer > seen.as_of.value) return Position{newer};
  last_time_ = std::max(last_time_, clock_.now());
  set_times(change);
  MADANG_TRY(const Position position, append_past(who, tenant, change));
  wait_for(position, home, std::move(done));
  return Position();
}

void Sequencer::put_past(const Principal& who, state::Tenant& tenant, const ngsi::TemporalChange& change,
                         base::Executor& executor, std::function<void(base::Status)> done) {
  Home& home = home_of(executor);
  base::Status refused;
  {
    SequencerLock lock(mutex_);
    const auto position = append_past(who, tenant, change);
    if (position.ok()) return wait_for(*position, home, std::move(done));
    refused = position.error();
  }
  done(std::move(refused));
}

Sequencer::PastTouched& Sequencer::past_touched(const state::Tenant& tenant, std::string_view id) {
  past_touched_.resize(kPastSlots);
  const std::size_t hash = std::hash<std::string_view>()(id) ^ std::hash<const void*>()(&tenant);
  return past_touched_[hash % kPastSlots];
}

void Sequencer::set_times(ngsi::TemporalChange& change) const {
  if (change.block) {  // the times of what is in a fragment are "as the entity's"
    auto* header = reinterpret_cast<ngsi::EntityHeader*>(change.block.data());
    header->created_at = header->modified_at = last_time_.ns;
  }
  for (auto& [attribute, when] : change.deleted)
    if (when == ngsi::kNullTime) when = last_time_;
  for (ngsi::ScopeInstance& scope : change.scopes) {
    scope.created_at = scope.modified_at = last_time_;
    if (scope.deleted_at == ngsi::kNullTime) scope.deleted_at = scope.observed_at.value_or(last_time_);
  }
}

base::Result<Position> Sequencer::append_past(const Principal& who, state::Tenant& tenant,
                                              const ngsi::TemporalChange& change) {
  if (failed()) return outcome_unknown();
  if (closed_ == &tenant) return being_erased();
  if (who.policy) {
    const ngsi::EntityView now = store_.tip(tenant, change.id);
    const ngsi::EntityView given = change.block ? ngsi::EntityView(change.block) : now;
    std::vector<ngsi::Symbol> names;
    if (change.attribute != ngsi::Symbol::none) names.push_back(change.attribute);
    for (std::size_t i = 0; change.block && i < given.attribute_count(); ++i) names.push_back(given.attribute_name(i));
    MADANG_CHECK(who.policy->writing(governance::tenant_of(tenant.name()), now, given, names));
  }
  record_.clear();
  history::append_temporal_change(record_, change, tenant.symbols());
  MADANG_TRY(const Position position, journal_.append(journal::RecordKind::temporal, tenant.name(), 0, record_));
  const bool adds = change.operation == ngsi::TemporalChange::Operation::append;
  PastTouched& touched = past_touched(tenant, change.id);
  (adds ? touched.added : touched.taken) = position.value;
  return position;
}

base::Status Sequencer::keep_document(state::Tenant& tenant, DocumentChange&& change) {
  SequencerLock lock(mutex_);
  MADANG_CHECK(apply_document(tenant, std::move(change)));
  journal_.commit();
  return {};
}

base::Result<Position> Sequencer::decide_past(state::Tenant& tenant, std::span<const std::byte> decision) {
  SequencerLock lock(mutex_);
  if (failed()) return outcome_unknown();
  MADANG_TRY(const Position position, journal_.append(journal::RecordKind::past, tenant.name(), 0, decision));
  journal_.commit();
  return position;
}

base::Status Sequencer::erase(state::Tenant& tenant, std::span<const std::string> ids,
                              std::vector<std::uint64_t>& positions,
                              const std::function<bool(ngsi::EntityView)>& stays) {
  SequencerLock lock(mutex_);
  if (failed()) return outcome_unknown();
  std::vector<std::uint64_t> given;
  for (const std::string& id : ids) {
    MADANG_TRY(const Position position,
               journal_.append(journal::RecordKind::erase, tenant.name(), 0, std::as_bytes(std::span(id))));
    past_touched(tenant, id).taken = position.value;
    given.push_back(position.value);
    const auto found = store_.look_up(tenant, id);
    if (!found.entity) continue;
    if (stays && stays(found.entity)) {
      MADANG_CHECK(put_anew(tenant, id, found));
    } else {
      store_.stage(tenant, position, found, id, {}, last_time_);
    }
  }
  journal_.commit();
  positions.insert(positions.end(), given.begin(), given.end());
  return {};
}

/// The entity as it is, by a record of its own.
base::Status Sequencer::put_anew(state::Tenant& tenant, std::string_view id, const state::Store::Found& found) {
  record_.clear();
  records_.append(record_, found.entity, tenant.symbols());
  MADANG_TRY(const Position position, journal_.append(journal::RecordKind::entity_put, tenant.name(), 0, record_));
  const auto bytes = found.entity.bytes();
  ngsi::EntityBlock same(bytes.size());
  std::copy(bytes.begin(), bytes.end(), same.data());
  reinterpret_cast<ngsi::EntityHeader*>(same.data())->version = position.value;
  store_.stage(tenant, position, found, id, std::move(same), last_time_);
  return {};
}

void Sequencer::close_tenant(const state::Tenant& tenant) {
  SequencerLock lock(mutex_);
  closed_ = &tenant;
}

Position Sequencer::reopen_tenant() {
  SequencerLock lock(mutex_);
  closed_ = nullptr;
  return journal_.last();
}

base::Result<Position> Sequencer::apply_document(state::Tenant& tenant, DocumentChange&& change) {
  if (failed()) return outcome_unknown();
  if (closed_ == &tenant && change.keep && change.document.collection != kErasures) return being_erased();
  if (change.expected) {
    const auto there = tenant.document(change.document.collection, change.document.id);
    if (there.value_or(std::string()) != *change.expected) {
      const bool is_new = change.expected->empty();
      return base::error(is_new  ? Code::already_exists
                         : there ? Code::conflict
                                 : Code::not_found,
                         is_new  ? "There is a " + change.document.id + " already."
                         : there ? change.document.id + " was changed meanwhile."
                                 : "There is no " + change.document.id + ".");
    }
  }
  last_time_ = std::max(last_time_, clock_.now());
  std::vector<std::byte> payload;
  append_document(payload, change);
  const std::string collection = change.document.collection, id = change.document.id;
  // Others read at any time: what is replaced is there all along.
  auto before = tenant.document(collection, id);
  if (!before && !change.keep) return base::error(Code::not_found, "There is no " + id + ".");
  std::string told = tap_.tells_documents_of(collection) ? change.document.text : std::string();
  base::Status kept;
  if (change.keep)
    kept = store_.put_document(tenant, std::move(change.document));
  else
    (void)store_.remove_document(tenant, collection, id);
  auto position = kept.ok() ? journal_.append(journal::RecordKind::document, tenant.name(), 0, payload)
                            : base::Result<Position>(std::move(kept).error());
  if (position.ok()) {
    tap_.stage(tenant, *position, last_time_, {collection, id, std::move(told)}, change.keep);
    return position;
  }
  if (before)
    (void)store_.put_document(tenant, {collection, id, std::move(*before)});
  else
    (void)store_.remove_document(tenant, collection, id);
  return position;
}

Sequencer::Home& Sequencer::home_of(base::Executor& executor) {
  const auto find = [&]() -> Home* {
    Home* home = homes_.load(std::memory_order_acquire);
    while (home != nullptr && &home->executor != &executor) home = home->next;
    return home;
  };
  if (Home* known = find()) return *known;
  const std::lock_guard lock(homes_mutex_);
  if (Home* known = find()) return *known;
  Home& home = *all_homes_.emplace_back(std::make_unique<Home>(executor));
  home.next = homes_.load(std::memory_order_relaxed);
  homes_.store(&home, std::memory_order_release);
  return home;
}

void Sequencer::durable(base::Result<Position> position) {
  if (!position.ok()) return fail_all(position.error());
  const SequencerLock lock(mutex_);
  durable_.store(position->value, std::memory_order_release);
  if (!call_waiters())  // nobody waits (a setting): show it here
    while (show(*position)) {
    }
}

bool Sequencer::show(Position durable) {
  std::vector<state::Shown> seen;
  const bool more = store_.show(durable, kShowAtOnce, &seen);
  tap_.shown(std::move(seen), store_.shown());
  return more;
}

/// False: nobody waits.
bool Sequencer::call_waiters() {
  bool anybody = false;
  for (Home* home = homes_.load(std::memory_order_acquire); home != nullptr; home = home->next) {
    if (home->waiters.empty()) continue;
    anybody = true;
    if (!std::exchange(home->called, true)) home->executor.post([this, home] { answer(*home); });
  }
  return anybody;
}

void Sequencer::answer(Home& home) {
  std::vector<Waiter> ready;
  for (bool more = true; more;) {
    // Given up between rounds, so that neither readers nor other writers wait for a big group as a whole.
    const SequencerLock lock(mutex_);
    home.called = false;
    more = show(Position{durable_.load(std::memory_order_acquire)});
    const Position shown = failed() ? Position{UINT64_MAX} : store_.shown();
    while (!home.waiters.empty() && home.waiters.front().position <= shown) {
      ready.push_back(std::move(home.waiters.front()));
      home.waiters.pop_front();
    }
  }
  waiting_.fetch_sub(ready.size(), std::memory_order_relaxed);
  for (Waiter& waiter : ready) waiter.done(std::move(waiter.results));
}

void Sequencer::fail_all(const base::Error& error) {
  std::function<void(base::Error)> call;
  {
    const SequencerLock lock(mutex_);
    // Marked while the failure becomes known, in one step: an answer() that is on its way must not take these for
    // durable.
    failed_.store(true, std::memory_order_release);
    call = on_failure_;
    for (Home* home = homes_.load(std::memory_order_acquire); home != nullptr; home = home->next) {
      for (Waiter& waiter : home->waiters) {
        if (waiter.position.value > durable_.load(std::memory_order_relaxed)) forget(waiter.results);
      }
    }
  }
  if (call) call(error);
  const SequencerLock lock(mutex_);
  call_waiters();
}

}  // namespace madang::hub
