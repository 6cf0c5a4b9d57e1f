#include <algorithm>
#include <deque>
#include <queue>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "madang/base/log.h"

#include "impl.h"

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

/// One run being read from its first row to its last.
class Input {
 public:
  Input(const Disk& disk, RunPtr run) : run_(std::move(run)), blocks_(disk.blocks(run_->number)) {}
  /// The next block where the one at hand is used up. False: the run is at its end.
  base::Result<bool> fill() {
    if (at_ < rows_.size() || raw_) return true;
    MADANG_TRY(auto bytes, blocks_->next());
    if (!bytes) return false;
    if (next_ >= run_->blocks.size())
      return base::error(base::Code::corrupt, "A run of history has more blocks than it should.");
    info_ = run_->blocks[next_++];
    raw_ = std::move(bytes);
    return true;
  }
  /// The series of the next row.
  SeriesId series() const { return raw_ ? info_.first : rows_[at_].series; }
  std::uint64_t position() const { return run_->first_position; }
  /// A block of which nothing was read yet.
  const std::string* untouched() const { return raw_ ? &*raw_ : nullptr; }
  const BlockInfo& info() const { return info_; }
  void pass() { raw_.reset(); }
  /// The rows of that block.
  base::Status unpack() {
    rows_.clear();
    at_ = 0;
    MADANG_TRY(block_, Block::open(std::move(*raw_)));
    raw_.reset();
    return block_->read(0, static_cast<std::uint32_t>(block_->rows()), rows_);
  }
  bool has_row() const { return at_ < rows_.size(); }
  const Row& row() const { return rows_[at_]; }
  void next() { ++at_; }
  const std::shared_ptr<Block>& block() const { return block_; }

 private:
  RunPtr run_;
  std::unique_ptr<Disk::Blocks> blocks_;
  std::size_t next_ = 0;
  std::optional<std::string> raw_;
  BlockInfo info_;
  std::shared_ptr<Block> block_;
  std::vector<Row> rows_;
  std::size_t at_ = 0;
};

}  // namespace

struct HistoryImpl::Merging {
  std::vector<RunPtr> from;
  RunPtr to;
  std::map<EditKey, Edit> edits;  // of these runs
  std::map<SeriesId, std::uint64_t> cuts;
  Batch batch;
  std::unique_ptr<RunWriter> writer;
  RunPtr rolled;               // where something was decided: what is kept of rows that are not
  std::unique_ptr<Fold> fold;  // the same
  /// Blocks that were read to their end, and how many rows had been given to the writer by then: it may still use their
  /// texts.
  std::deque<std::pair<std::shared_ptr<Block>, std::uint64_t>> spent;
  std::uint64_t given = 0;

  bool is_touched(SeriesId series) const {
    const auto edit = edits.lower_bound(EditKey{series, 0, 0});
    return (edit != edits.end() && edit->first.series == series) || cuts.contains(series) ||
           cuts.contains(series_of(entity_of(series), kAllFields));
  }
  bool is_cut(const Row& row) const {
    for (const SeriesId each : {row.series, series_of(entity_of(row.series), kAllFields)})
      if (const auto cut = cuts.find(each); cut != cuts.end() && row.position <= cut->second) return true;
    return false;
  }
  base::Status give(const Row& row) {
    if (fold) {
      MADANG_TRY(const bool taken, fold->takes(row));
      if (taken) return {};
    }
    ++given;
    return writer->add(row);
  }
  void hold(std::shared_ptr<Block> block) {
    while (!spent.empty() && spent.front().second <= given - writer->waiting()) spent.pop_front();
    if (block) spent.emplace_back(std::move(block), given);
  }
  base::Status add(const Row& row) {
    if (edits.empty() && cuts.empty()) return give(row);
    if (is_cut(row)) return {};
    const auto edit = edits.find(EditKey{row.series, row.position, row.index});
    if (edit == edits.end()) return give(row);
    if (edit->second.block.empty()) return {};
    MADANG_TRY(auto block, Block::open(edit->second.block));
    std::vector<Row> rows;
    MADANG_CHECK(block->read(0, 1, rows));
    rows[0].created = row.created;
    MADANG_CHECK(give(rows[0]));
    hold(std::move(block));
    return {};
  }
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
        work.edits.emplace(at, edit);
    for (const auto& [series, position] : cuts_)
      if (position <= durable) work.cuts.emplace(series, position);
    if (!decided_.empty()) {
      work.rolled = std::make_shared<Run>();
      work.rolled->number = next_run_++;
      // A cut from behind this position concerns all of it; the others have taken their effect on the rows.
      work.rolled->last_position = durable;
    }
  }
  const auto blocks_of = [&](std::uint64_t run) {
    return [this, &work, run](std::uint32_t block, std::string_view bytes) -> base::Status {
      work.batch.put_block(run, block, bytes);
      if (work.batch.bytes() < kBatchBytes) return {};
      return disk_->write(work.batch, false);
    };
  };
  work.writer = std::make_unique<RunWriter>(*work.to, blocks_of(work.to->number));
  if (work.rolled)
    work.fold = std::make_unique<Fold>(*work.rolled, blocks_of(work.rolled->number),
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

/// Row by row in the order of series and, in each, of runs, which is that of positions.
base::Status HistoryImpl::join(Merging& work) {
  std::vector<Input> inputs;
  for (const RunPtr& run : work.from) inputs.emplace_back(*disk_, run);
  using Next = std::tuple<SeriesId, std::size_t>;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
  const auto enter = [&](std::size_t i) -> base::Status {
    MADANG_TRY(const bool more, inputs[i].fill());
    if (more) queue.emplace(inputs[i].series(), i);
    return {};
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) MADANG_CHECK(enter(i));
  while (!queue.empty()) {
    if (stopping_.load(std::memory_order_relaxed))
      return base::error(base::Code::unavailable, "History is being closed.");
    const auto [series, i] = queue.top();
    queue.pop();
    Input& input = inputs[i];
    if (input.untouched() != nullptr) {
      bool as_it_is = work.writer->accepts(input.info()) && !work.is_touched(series);
      if (as_it_is && work.fold) {
        MADANG_TRY(const bool touched, work.fold->touches(input.info()));
        as_it_is = !touched;
      }
      if (as_it_is) {
        MADANG_CHECK(work.writer->add_block(*input.untouched(), input.info()));
        input.pass();
        MADANG_CHECK(enter(i));
        continue;
      }
      work.hold(input.block());
      MADANG_CHECK(input.unpack());
    }
    for (; input.has_row() && input.row().series == series; input.next()) MADANG_CHECK(work.add(input.row()));
    MADANG_CHECK(enter(i));
  }
  return work.writer->finish();
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
  for (const auto& [at, edit] : work.edits) batch.remove(key::edit(at.series, at.position, at.index));
  MADANG_CHECK(disk_->write(batch, options_.sync));
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
  for (const auto& [edited, edit] : work.edits) {
    const auto now = edits_.find(edited);
    if (now != edits_.end() && now->second.position == edit.position) edits_.erase(now);
  }
  moved_.notify_all();
  return {};
}

}  // namespace madang::history
