#pragma once
// Several runs read as one, row by row in the order of series and, in each, of positions; what was edited or cut away
// takes its effect on the way.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "impl.h"

namespace madang::history {

/// What is to take effect.
struct Changes {
  std::map<EditKey, Edit> edits;
  std::map<SeriesId, std::uint64_t> cuts;

  bool touches(SeriesId series) const {
    const auto edit = edits.lower_bound(EditKey{series, 0, 0});
    return (edit != edits.end() && edit->first.series == series) || cuts.contains(series) ||
           cuts.contains(series_of(entity_of(series), kAllFields));
  }
  /// Of a run of roll-ups in which what was cut away up to `position` has taken effect.
  bool cuts_rolled(SeriesId series, std::uint64_t position) const {
    for (const SeriesId each : {series, series_of(entity_of(series), kAllFields)})
      if (const auto cut = cuts.find(each); cut != cuts.end() && position <= cut->second) return true;
    return false;
  }
  bool cut_away(const Row& row) const {
    for (const SeriesId each : {row.series, series_of(entity_of(row.series), kAllFields)})
      if (const auto cut = cuts.find(each); cut != cuts.end() && row.position <= cut->second) return true;
    return false;
  }
};

/// Blocks that were read to their end, and how many rows the writer had taken by then: it may still use their texts.
class Spent {
 public:
  template <class Writer>
  void hold(std::shared_ptr<Block> block, const Writer& writer) {
    while (!blocks_.empty() && blocks_.front().second <= writer.written()) blocks_.pop_front();
    if (block) blocks_.emplace_back(std::move(block), writer.taken());
  }

 private:
  std::deque<std::pair<std::shared_ptr<Block>, std::uint64_t>> blocks_;
};

/// One run being read from its first row to its last.
class RunReader {
 public:
  RunReader(const Disk& disk, RunPtr run) : run_(std::move(run)), blocks_(disk.blocks(run_->number)) {}
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

/// Reads runs (oldest first) and gives `writer`, which is like a RunWriter, what they hold. `go_on` no: unavailable.
template <class Writer>
class Joining {
 public:
  Joining(const Disk& disk, const std::vector<RunPtr>& from, const Changes& changes, Writer& writer)
      : changes_(changes), writer_(writer) {
    for (const RunPtr& run : from) inputs_.emplace_back(disk, run);
  }

  template <class GoOn>
  base::Status run(GoOn&& go_on) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) MADANG_CHECK(enter(i));
    while (!queue_.empty()) {
      if (!go_on()) return base::error(base::Code::unavailable, "History is being closed.");
      const auto [series, i] = queue_.top();
      queue_.pop();
      MADANG_CHECK(take(inputs_[i], series));
      MADANG_CHECK(enter(i));
    }
    return writer_.finish();
  }

 private:
  base::Status enter(std::size_t i) {
    MADANG_TRY(const bool more, inputs_[i].fill());
    if (more) queue_.emplace(inputs_[i].series(), i);
    return {};
  }

  base::Status take(RunReader& input, SeriesId series) {
    if (input.untouched() != nullptr) {
      if (writer_.accepts(input.info()) && !changes_.touches(series)) {
        MADANG_CHECK(writer_.add_block(*input.untouched(), input.info()));
        input.pass();
        return {};
      }
      spent_.hold(input.block(), writer_);
      MADANG_CHECK(input.unpack());
    }
    for (; input.has_row() && input.row().series == series; input.next()) MADANG_CHECK(add(input.row()));
    return {};
  }

  base::Status add(const Row& row) {
    if (changes_.edits.empty() && changes_.cuts.empty()) return writer_.add(row);
    if (changes_.cut_away(row)) return {};
    const auto edit = changes_.edits.find(EditKey{row.series, row.position, row.index});
    if (edit == changes_.edits.end()) return writer_.add(row);
    if (edit->second.block.empty()) return {};
    MADANG_TRY(auto block, Block::open(edit->second.block));
    std::vector<Row> rows;
    MADANG_CHECK(block->read(0, 1, rows));
    rows[0].created = row.created;
    MADANG_CHECK(writer_.add(rows[0]));
    spent_.hold(std::move(block), writer_);
    return {};
  }

  const Changes& changes_;
  Writer& writer_;
  std::deque<RunReader> inputs_;
  using Next = std::tuple<SeriesId, std::size_t>;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> queue_;
  Spent spent_;
};

}  // namespace madang::history
