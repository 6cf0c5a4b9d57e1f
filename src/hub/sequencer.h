#pragma once
// The sequencer: the one place where changes get their order. Applies on the tip, appends, stages; shows what became
// durable and answers those who wait for it.

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "madang/base/metrics.h"
#include "madang/hub/hub.h"
#include "madang/journal/journal.h"
#include "madang/state/store.h"

#include "folder.h"
#include "tap.h"

namespace madang::hub {

/// Its lock, which tells how long it was waited for.
class SequencerLock {
 public:
  explicit SequencerLock(std::mutex& mutex);

 private:
  std::unique_lock<std::mutex> held_;
};

class Sequencer {
 public:
  Sequencer(state::Store& store, journal::Journal& journal, Tap& tap, const base::Clock& clock, const Options& options);

  void apply(const PrincipalPtr& who, state::Tenant& tenant, std::vector<ngsi::Change>&& changes,
             base::Executor& executor, Hub::Applied done);
  /// Clause 4.22: appends what has expired of the tenant's entities after `last`, at most so many. True: there is more.
  bool expire(state::Tenant& tenant, state::Store::Due& last, std::size_t most);
  base::Status declare_index(state::Tenant& tenant, const state::DeclaredIndex& index, bool declare);
  /// Keeps or removes a document; `done` is called on `executor` once that is durable, with not_found where there is
  /// none to remove.
  void change_document(state::Tenant& tenant, DocumentChange&& change, base::Executor& executor,
                       std::function<void(base::Status)> done);
  /// What is known of an evolution as of a position.
  struct PastSeen {
    journal::Position as_of;
    bool there = false;
  };
  /// Appends a change of the past, its times set; `done` is called on `executor` once it is durable. Where what was
  /// seen may hold no longer, nothing is done: gives the position as of which to look again.
  base::Result<journal::Position> change_past(const Principal& who, state::Tenant& tenant, ngsi::TemporalChange& change,
                                              PastSeen seen, base::Executor& executor,
                                              std::function<void(base::Status)> done);
  /// The same whatever is there, its times as they are.
  void put_past(const Principal& who, state::Tenant& tenant, const ngsi::TemporalChange& change,
                base::Executor& executor, std::function<void(base::Status)> done);
  /// The same without waiting, for what is done again where it gets lost.
  base::Status keep_document(state::Tenant& tenant, DocumentChange&& change);
  /// Appends what was decided about what is kept of the past, as it is.
  base::Result<journal::Position> decide_past(state::Tenant& tenant, std::span<const std::byte> decision);
  /// Removes entities for good: a record of kind erase for each id, whether there is such an entity now or not.
  /// `positions` gets one for each: up to there it is to be gone, what comes behind is new. An entity that `stays`, as
  /// it is at that moment, comes again at once as it is: only what it was goes.
  base::Status erase(state::Tenant& tenant, std::span<const std::string> ids, std::vector<std::uint64_t>& positions,
                     const std::function<bool(ngsi::EntityView)>& stays = {});
  /// While all that a tenant has is being erased, nothing is put in.
  void close_tenant(const state::Tenant& tenant);
  journal::Position reopen_tenant();  // the end of what was there
  /// The journal's call: everything up to there is on disk, or the journal has ended.
  void durable(base::Result<journal::Position> position);

  /// Runs `work` with the sequencer's lock held (maintenance).
  template <class Work>
  auto exclusively(Work&& work) {
    SequencerLock lock(mutex_);
    return work();
  }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::uint64_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  void on_failure(std::function<void(base::Error)> call);

 private:
  struct Waiter {
    journal::Position position;
    Hub::Applied done;
    std::vector<ChangeResult> results;
  };
  /// What one request asks for.
  struct Batch {
    PrincipalPtr who;
    state::Tenant* tenant = nullptr;
    std::vector<ngsi::Change> changes;
    Hub::Applied done;
    std::size_t next = 0;
    std::vector<ChangeResult> results;
    journal::Position wait_for;
  };

  /// Those of one executor.
  struct Home {
    explicit Home(base::Executor& e) : executor(e) {}
    base::Executor& executor;
    Home* next = nullptr;
    std::deque<Waiter> waiters;  // in order of positions
    bool called = false;         // an answer() is on its way

    std::mutex arrival;          // of what follows
    std::vector<Batch> arrived;  // in this turn of the executor: applied at its end
  };

  void apply_arrived(Home& home);
  std::size_t apply_some(Home& home, std::span<Batch> arrived, std::vector<Batch*>& answered);
  /// Applies the next slice of a big batch. True: that was the last; who asked waits or is answered.
  bool apply_slice(Home& home, Batch& batch);
  void go_on(Home& home, std::shared_ptr<Batch> batch);
  void apply_next(Batch& batch);
  bool waits(Home& home, Batch& batch);
  void look_ahead(state::Tenant& tenant, std::span<const ngsi::Change> changes) const;
  void look_ahead(std::span<const Batch> arrived) const;
  base::Result<ChangeResult> apply_one(const Principal& who, state::Tenant& tenant, ngsi::Change&& change,
                                       base::Timestamp now);
  base::Status put_anew(state::Tenant& tenant, std::string_view id, const state::Store::Found& found);
  base::Status expire_one(state::Tenant& tenant, std::string_view id, const state::Store::Found& found);
  base::Result<journal::Position> append(state::Tenant& tenant, const ngsi::Outcome& outcome, std::string_view id);
  base::Result<journal::Position> append_past(const Principal& who, state::Tenant& tenant,
                                              const ngsi::TemporalChange& change);
  /// Where in the journal the past of an entity was last added to and taken from. Some entities share one of these:
  /// that costs a look for nothing now and then.
  struct PastTouched {
    std::uint64_t added = 0, taken = 0;
  };
  PastTouched& past_touched(const state::Tenant& tenant, std::string_view id);
  void set_times(ngsi::TemporalChange& change) const;
  void wait_for(journal::Position position, Home& home, std::function<void(base::Status)>&& done);
  base::Result<journal::Position> apply_document(state::Tenant& tenant, DocumentChange&& change);
  Home& home_of(base::Executor& executor);
  /// Shows a slice of what is durable, and tells the tap. True: there is more.
  bool show(journal::Position durable);
  bool call_waiters();
  void answer(Home& home);
  void fail_all(const base::Error& error);

  state::Store& store_;
  journal::Journal& journal_;
  Tap& tap_;
  const base::Clock& clock_;
  const Options& options_;
  std::mutex mutex_;
  std::atomic<Home*> homes_{nullptr};  // a list that only grows, to be walked without a lock
  std::vector<std::unique_ptr<Home>> all_homes_;
  std::mutex homes_mutex_;  // of those who add to it
  const state::Tenant* closed_ = nullptr;
  std::vector<PastTouched> past_touched_;
  base::Timestamp last_time_;
  base::ByteBuffer record_;
  ngsi::RecordWriter records_;
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<bool> failed_{false};
  std::function<void(base::Error)> on_failure_;
};

}  // namespace madang::hub
