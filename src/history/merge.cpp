#include <algorithm>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "madang/base/log.h"

#include "join.h"

// Runs next to each other are joined into one: fewer places to look, longer series in fewer bytes. Here, too, what was
// edited or cut away takes its effect.

namespace madang::history {

namespace {

constexpr std::size_t kJoin = 4;              // runs of about one size
constexpr std::uint64_t kSmallest = 1 << 16;  // rows: below, all are of one size
constexpr std::size_t kBatchBytes = 8 << 20;
constexpr auto kLook = std::chrono::milliseconds(500);
constexpr int kNice = 10;

/// Sizes in steps of four.
int size_class(std::uint64_t rows) {
  int out = 0;
  for (std::uint64_t size = kSmallest; rows > size; size *= kJoin) ++out;
  return out;
}

/// A writer of a run that gives to `fold` (null: there is none) what is kept no longer.
struct FoldingWriter {
  RunWriter& run;
  Fold* fold;
  base::Status fault;

  bool accepts(const BlockInfo& info) {
    if (!run.accepts(info)) return false;
    if (!fold) return true;
    const auto touched = fold->touches(info);
    if (!touched.ok()) fault = touched.error();
    return touched.ok() && !*touched;
  }
  base::Status add_block(const std::string& bytes, const BlockInfo& info) { return run.add_block(bytes, info); }
  base::Status add(const Row& row) {
    MADANG_CHECK(fault);
    if (fold) {
      MADANG_TRY(const bool taken, fold->takes(row));
      if (taken) return {};
    }
    return run.add(row);
  }
  std::uint64_t taken() const { return run.taken(); }
  std::uint64_t written() const { return run.written(); }
  base::Status finish() {
    MADANG_CHECK(fault);
    return run.finish();
  }
};

}  // namespace

struct HistoryImpl::Merging {
  std::vector<RunPtr> from;
  RunPtr to;
  Changes changes;  // of these runs
  Batch batch;
  RunPtr rolled;               // where something was decided: what is kept of rows that are not
  std::unique_ptr<Fold> fold;  // the same
};

void HistoryImpl::run_merger() {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);  // of this thread: others come first
  Lock lock(mutex_);
  for (;;) {
    (void)moved_.wait_for(lock, kLook, [this] { return stop_ || !next_merge().empty() || !next_gathering().empty(); });
    if (stop_) return;
    lock.unlock();
    base::Status joined;
    {
      const std::lock_guard one(merging_);
      std::vector<RunPtr> runs, rolled;
      {
        const std::lock_guard look(mutex_);
        runs = next_merge();
        rolled = next_gathering();
      }
      if (!runs.empty()) joined = merge(runs);
      if (joined.ok() && !rolled.empty()) joined = gather_rolled(rolled);
    }
    lock.lock();
    if (joined.ok() || stop_) continue;
    base::log::warning("runs of history could not be joined", {{"reason", joined.error().message}});
    (void)moved_.wait_for(lock, std::chrono::seconds(10), [this] { return stop_; });
  }
}

/// The newest neighbours that are of one size, where there are enough; a run with many edits by itself.
std::vector<RunPtr> HistoryImpl::next_merge() const {
  std::size_t count = 0;
  for (std::size_t i = runs_.size(); i-- > 0;) {
    const bool same = count > 0 && size_class(runs_[i]->rows) <= size_class(runs_[i + 1]->rows);
    count = same || count == 0 ? count + 1 : 1;
    const bool ends = i == 0 || size_class(runs_[i - 1]->rows) > size_class(runs_[i]->rows);
    if (ends && count >= kJoin) {
      const auto from = runs_.begin() + static_cast<std::ptrdiff_t>(i);
      return {from, from + static_cast<std::ptrdiff_t>(count)};
    }
  }
  constexpr std::size_t kMostEdits = 20'000;
  if (edits_.size() <= kMostEdits || runs_.empty()) return {};
  const auto durable = durable_.load(std::memory_order_relaxed);
  const auto done = std::count_if(edits_.begin(), edits_.end(),
                                  [durable](const auto& each) { return each.second.position <= durable; });
  if (static_cast<std::size_t>(done) > kMostEdits) return runs_;
  return {};
}

base::Status HistoryImpl::merge_all() {
  MADANG_CHECK(flush());
  const std::lock_guard one(merging_);
  std::vector<RunPtr> runs, rolled;
  {
    const std::lock_guard lock(mutex_);
    runs = runs_;
  }
  if (!runs.empty()) MADANG_CHECK(merge(runs));
  {
    const std::lock_guard lock(mutex_);
    rolled = rolled_;
  }
  if (!rolled.empty()) MADANG_CHECK(gather_rolled(rolled));
  runs.clear();  // what was joined goes, if nobody reads it
  rolled.clear();
  return disk_->tidy();
}

base::Status HistoryImpl::merge(const std::vector<RunPtr>& from) {
  Merging work;
  work.from = from;
  work.to = std::make_shared<Run>();
  work.to->first_position = from.front()->first_position;
  work.to->last_position = from.back()->last_position;
  {
    const std::lock_guard lock(mutex_);
    work.to->number = next_run_++;
    // What is not on disk yet must not take effect on disk either.
    const std::uint64_t durable = durable_.load(std::memory_order_relaxed);
    for (const auto& [at, edit] : edits_)
      if (edit.position <= durable && at.position >= work.to->first_position && at.position <= work.to->last_position)
        work.changes.edits.emplace(at, edit);
    for (const auto& [series, position] : cuts_)
      if (position <= durable) work.changes.cuts.emplace(series, position);
    if (!decided_.empty()) {
      work.rolled = std::make_shared<Run>();
      work.rolled->number = next_run_++;
      // A cut from behind this position concerns all of it; the others have taken their effect on the rows.
      work.rolled->last_position = durable;
    }
  }
  if (work.rolled)
    work.fold = std::make_unique<Fold>(*work.rolled, blocks_of(work, work.rolled->number),
                                       [this](std::uint64_t entity) { return subject_of(entity); });
  auto joined = join(work);
  if (joined.ok() && work.fold) joined = work.fold->finish();
  if (!joined.ok()) {
    disk_->drop_run(work.to->number);
    if (work.rolled) disk_->drop_run(work.rolled->number);
    return joined;
  }
  return replace(work);
}

/// Takes blocks of a run and writes them some at a time.
RunWriter::Emit HistoryImpl::blocks_of(Merging& work, std::uint64_t run) {
  return [this, &work, run](std::uint32_t block, std::string_view bytes) -> base::Status {
    work.batch.put_block(run, block, bytes);
    if (work.batch.bytes() < kBatchBytes) return {};
    return disk_->write(work.batch, false);
  };
}

base::Status HistoryImpl::join(Merging& work) {
  RunWriter run(*work.to, blocks_of(work, work.to->number));
  FoldingWriter writer{run, work.fold.get(), {}};
  return Joining(*disk_, work.from, work.changes, writer).run([this] {
    return !stopping_.load(std::memory_order_relaxed);
  });
}

base::Status HistoryImpl::replace(Merging& work) {
  Batch& batch = work.batch;
  if (work.to->rows > 0) batch.put(key::run(work.to->number), encode_run(*work.to));
  for (const RunPtr& run : work.from) batch.remove(key::run(run->number));
  if (work.fold) {
    for (const RunPtr& run : work.from) batch.remove(key::outlook(run->number));
    work.to->outlook = work.fold->raw_outlook();
    batch.put(key::outlook(work.to->number), encode_outlook(*work.to->outlook));
    MADANG_CHECK(note_done(batch, *work.fold, true));
    if (!work.rolled->blocks.empty()) {
      work.rolled->outlook = work.fold->rolled_outlook();
      batch.put(key::rolled(work.rolled->number), encode_run(*work.rolled));
      batch.put(key::outlook(work.rolled->number), encode_outlook(*work.rolled->outlook));
    }
  }
  for (const auto& [at, edit] : work.changes.edits) batch.remove(key::edit(at.series, at.position, at.index));
  MADANG_CHECK(disk_->write(batch, true));
  const std::lock_guard lock(mutex_);
  const auto begin = std::find(runs_.begin(), runs_.end(), work.from.front());
  const auto at = runs_.erase(begin, begin + static_cast<std::ptrdiff_t>(work.from.size()));
  if (work.to->rows > 0) runs_.insert(at, work.to);
  for (const RunPtr& run : work.from) {
    rows_on_disk_ -= run->rows;
    run->dropped_from = disk_.get();
  }
  rows_on_disk_ += work.to->rows;
  if (work.rolled && !work.rolled->blocks.empty()) rolled_.push_back(work.rolled);
  for (const auto& [edited, edit] : work.changes.edits) {
    const auto now = edits_.find(edited);
    if (now != edits_.end() && now->second.position == edit.position) edits_.erase(now);
  }
  moved_.notify_all();
  return {};
}

}  // namespace madang::history
