#include "sequencer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

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
constexpr std::size_t kWorthASync = 64;  // changes
constexpr std::size_t kLookAhead = 16;   // entities of a batch fetched at once

base::metrics::Counter& wait_nanoseconds() {
  static auto& counter =
      base::metrics::counter("madang_sequencer_wait_nanoseconds_total", "Time spent waiting for the sequencer's lock");
  return counter;
}

base::Error outcome_unknown() {
  return base::error(Code::unavailable,
                     "The disk failed while the change was written; whether it was kept is unknown until the restart.");
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
  held_.lock();
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
                      base::Executor& home, Hub::Applied done) {
  Batch batch{who, &tenant, std::move(changes), &home, std::move(done), 0, {}, {}};
  batch.results.reserve(batch.changes.size());
  if (!apply_slice(batch)) go_on(std::make_shared<Batch>(std::move(batch)));
}

/// Big batches let the requests of others in between, on their own loop and at the lock.
void Sequencer::go_on(std::shared_ptr<Batch> batch) {
  base::Executor& home = *batch->home;
  home.post([this, batch = std::move(batch)] {
    if (!apply_slice(*batch)) go_on(batch);
  });
}

bool Sequencer::apply_slice(Batch& batch) {
  {
    SequencerLock lock(mutex_);
    // Time never goes back, so that modifiedAt follows the order of changes.
    last_time_ = std::max(last_time_, clock_.now());
    const std::size_t end = std::min(batch.changes.size(), batch.next + kApplyAtOnce);
    for (; batch.next < end; ++batch.next) {
      if (batch.next % kLookAhead == 0) look_ahead(*batch.tenant, std::span(batch.changes).subspan(batch.next));
      auto result = apply_one(*batch.who, *batch.tenant, std::move(batch.changes[batch.next]), last_time_);
      if (result.ok()) {
        batch.wait_for = std::max(batch.wait_for, Position{result->version});
        batch.results.push_back(std::move(*result));
      } else {
        // What is refused is refused because of the tip: the answer must not be given before the tip is durable.
        batch.wait_for = std::max(batch.wait_for, journal_.last());
        batch.results.emplace_back().error = std::move(result).error();
      }
    }
    if (batch.next < batch.changes.size()) return false;
    if (batch.wait_for > store_.shown() && !failed()) {
      Home& waiting = home_of(*batch.home);
      waiting.waiters.push_back({batch.wait_for, std::move(batch.done), std::move(batch.results)});
      waiting_.fetch_add(1, std::memory_order_relaxed);
      commit(waiting, batch.changes.size());
      return true;
    }
    // The disk may have failed since the first slice.
    if (failed() && batch.wait_for.value > durable_.load(std::memory_order_relaxed)) forget(batch.results);
  }
  batch.done(std::move(batch.results));
  return true;
}

void Sequencer::look_ahead(state::Tenant& tenant, std::span<const ngsi::Change> changes) const {
  if (changes.size() < 2) return;
  std::array<std::string_view, kLookAhead> ids;
  const std::size_t count = std::min(changes.size(), ids.size());
  for (std::size_t i = 0; i < count; ++i) ids[i] = changes[i].id;
  store_.look_ahead(tenant, std::span(ids).first(count));
}

/// The requests that an executor has at hand share a sync: the commit comes behind them. Big batches are worth one
/// each.
void Sequencer::commit(Home& home, std::size_t changes) {
  if (changes >= kWorthASync) return journal_.commit();
  if (std::exchange(home.committing, true)) return;
  home.executor->post([this, &home] {
    {
      const SequencerLock lock(mutex_);
      home.committing = false;
    }
    journal_.commit();
  });
}

base::Result<ChangeResult> Sequencer::apply_one(const Principal& who, state::Tenant& tenant, ngsi::Change&& change,
                                                base::Timestamp now) {
  if (failed()) return outcome_unknown();
  if (closed_ == &tenant)
    return base::error(Code::unavailable, "All that this tenant has is being erased; try again in a moment.");
  const std::string id = std::move(change.id);
  change.id = id;
  state::Store::Found found = store_.look_up(tenant, id);
  if (found.entity && found.entity.may_expire()) {
    MADANG_CHECK(expire_one(tenant, id, found));
    found = store_.look_up(tenant, id);
  }
  const ngsi::EntityView before = found.entity;
  if (before && who.policy) {
    const ngsi::Filter* filter = who.policy->reading(tenant.name());
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
  if (outcome.record == ngsi::Outcome::Record::patch) {
    MADANG_TRY(after, ngsi::splice(before, outcome.block ? ngsi::EntityView(outcome.block) : before));
    if (after.size() > options_.entity.entity_bytes)
      return base::error(Code::too_large, "The entity would be larger than an entity may be.");
  }
  const bool put = outcome.record == ngsi::Outcome::Record::put;
  const ngsi::EntityView shape = put     ? ngsi::EntityView(outcome.block)
                                 : after ? ngsi::EntityView(after)
                                         : ngsi::EntityView();
  if (who.policy) MADANG_CHECK(who.policy->writing(tenant.name(), before, shape, result.updated));
  if (shape) {
    const std::uint64_t old_size = before ? before.bytes().size() : 0;
    const std::uint64_t new_size = shape.bytes().size();
    MADANG_CHECK(store_.admit(tenant, new_size > old_size ? new_size - old_size : 0, !before));
  }
  MADANG_TRY(const Position position, append(tenant, outcome, id));
  if (put) after = std::move(outcome.block);
  if (after) reinterpret_cast<ngsi::EntityHeader*>(after.data())->version = position.value;
  store_.stage(tenant, position, found, id, std::move(after), last_time_);
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

void Sequencer::change_document(state::Tenant& tenant, DocumentChange&& change, base::Executor& home,
                                std::function<void(base::Status)> done) {
  base::Status refused;
  {
    SequencerLock lock(mutex_);
    const auto position = apply_document(tenant, std::move(change));
    if (position.ok()) {
      Home& waiting = home_of(home);
      waiting.waiters.push_back({*position,
                                 [done = std::move(done)](std::vector<ChangeResult>&& results) {
                                   const auto& error = results.front().error;
                                   done(error ? base::Status(*error) : base::Status());
                                 },
                                 std::vector<ChangeResult>(1)});
      waiting_.fetch_add(1, std::memory_order_relaxed);
      return commit(waiting, 1);
    }
    refused = position.error();
  }
  done(std::move(refused));
}

base::Status Sequencer::keep_document(state::Tenant& tenant, DocumentChange&& change) {
  SequencerLock lock(mutex_);
  MADANG_CHECK(apply_document(tenant, std::move(change)));
  journal_.commit();
  return {};
}

base::Result<Position> Sequencer::erase(state::Tenant& tenant, std::span<const std::string> ids) {
  SequencerLock lock(mutex_);
  if (failed()) return outcome_unknown();
  Position position;
  for (const std::string& id : ids) {
    MADANG_TRY(position, journal_.append(journal::RecordKind::erase, tenant.name(), 0, std::as_bytes(std::span(id))));
    if (const auto found = store_.look_up(tenant, id); found.entity) store_.stage(tenant, position, found, id, {});
  }
  journal_.commit();
  return position;
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
  if (closed_ == &tenant && change.keep && change.document.collection != kErasures)
    return base::error(Code::unavailable, "All that this tenant has is being erased; try again in a moment.");
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
  auto before = store_.remove_document(tenant, collection, id);
  if (!before && !change.keep) return base::error(Code::not_found, "There is no " + id + ".");
  std::string told = tap_.tells_documents_of(collection) ? change.document.text : std::string();
  base::Status kept;
  if (change.keep) kept = store_.put_document(tenant, std::move(change.document));
  auto position = kept.ok() ? journal_.append(journal::RecordKind::document, tenant.name(), 0, payload)
                            : base::Result<Position>(std::move(kept).error());
  if (position.ok()) {
    tap_.stage(tenant, *position, last_time_, {collection, id, std::move(told)}, change.keep);
    return position;
  }
  (void)store_.remove_document(tenant, collection, id);
  if (before) (void)store_.put_document(tenant, std::move(*before));
  return position;
}

Sequencer::Home& Sequencer::home_of(base::Executor& executor) {
  for (const auto& home : homes_)
    if (home->executor == &executor) return *home;
  homes_.push_back(std::make_unique<Home>());
  homes_.back()->executor = &executor;
  return *homes_.back();
}

void Sequencer::durable(base::Result<Position> position) {
  if (!position.ok()) return fail_all(position.error());
  SequencerLock lock(mutex_);
  durable_.store(position->value, std::memory_order_release);
  bool anybody = false;
  for (const auto& home : homes_) {
    if (home->waiters.empty()) continue;
    anybody = true;
    if (std::exchange(home->called, true)) continue;
    home->executor->post([this, executor = home->executor] { answer(*executor); });
  }
  if (!anybody)  // nobody waits (a setting): show it here
    while (show(*position)) {
    }
}

bool Sequencer::show(Position durable) {
  std::vector<state::Shown> seen;
  const bool more = store_.show(durable, kShowAtOnce, &seen);
  tap_.shown(std::move(seen), store_.shown());
  return more;
}

void Sequencer::answer(base::Executor& executor) {
  std::vector<Waiter> ready;
  for (bool more = true; more;) {
    // Given up between rounds, so that neither readers nor other writers wait for a big group as a whole.
    SequencerLock lock(mutex_);
    Home& home = home_of(executor);
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
    SequencerLock lock(mutex_);
    // Marked while the failure becomes known, in one step: an answer() that is on its way must not take these for
    // durable.
    failed_.store(true, std::memory_order_release);
    call = on_failure_;
    for (const auto& home : homes_) {
      for (Waiter& waiter : home->waiters) {
        if (waiter.position.value > durable_.load(std::memory_order_relaxed)) forget(waiter.results);
      }
    }
  }
  if (call) call(error);
  SequencerLock lock(mutex_);
  for (const auto& home : homes_) {
    if (!home->waiters.empty() && !std::exchange(home->called, true))
      home->executor->post([this, executor = home->executor] { answer(*executor); });
  }
}

}  // namespace madang::hub
