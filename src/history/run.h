#pragma once
// A run: rows of a stretch of the journal, sorted by series, in blocks on disk. Written once, never changed, joined
// with its neighbours into larger ones.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block.h"
#include "disk.h"

namespace madang::history {

/// When decisions about what is kept (decision.h) have something to do in a run again. Times are Decision::time of the
/// first that would; INT64_MAX: none will.
struct Outlook {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> rules;  // tenants with series there, and hashes of their rules
  std::int64_t lapse = INT64_MAX;                              // something in it goes
  std::int64_t due = INT64_MAX;                                // and it is worth writing the run anew
};
std::string encode_outlook(const Outlook& outlook);
std::optional<Outlook> read_outlook(std::string_view bytes);

struct Run {
  std::uint64_t number = 0;
  std::uint64_t first_position = 0, last_position = 0;
  std::uint64_t rows = 0;
  std::vector<BlockInfo> blocks;
  std::optional<Outlook> outlook;  // none: not known, or nothing was decided when it was written
  /// Set when others took its place: its blocks go with the last who reads it.
  Disk* dropped_from = nullptr;

  ~Run() {
    if (dropped_from != nullptr) dropped_from->drop_run(number);
  }
  /// The blocks that may hold some of these series: [first, second).
  std::pair<std::size_t, std::size_t> find(SeriesId from, SeriesId to) const;
};
using RunPtr = std::shared_ptr<Run>;

std::string encode_run(const Run& run);
base::Result<RunPtr> read_run(std::uint64_t number, std::string_view bytes);

/// Takes rows in their order and makes blocks of them.
class RunWriter {
 public:
  using Emit = std::function<base::Status(std::uint32_t block, std::string_view bytes)>;
  RunWriter(Run& run, Emit emit) : run_(run), emit_(std::move(emit)) {}
  base::Status add(const Row& row);
  /// A whole block of one series as it is. Only where accepts() says so.
  base::Status add_block(std::string_view bytes, const BlockInfo& info);
  bool accepts(const BlockInfo& info) const;
  base::Status finish();
  /// Of the rows given to add(), in their order: how many there were, and of how many the texts are needed no longer.
  std::uint64_t taken() const { return taken_; }
  std::uint64_t written() const { return taken_ - rows_.size(); }

 private:
  base::Status write(std::size_t count);

  Run& run_;
  Emit emit_;
  std::vector<Row> rows_;
  std::uint64_t taken_ = 0;
  std::size_t begun_ = 0;       // where the last series begins
  std::size_t text_bytes_ = 0;  // of the rows that wait
  std::string bytes_;
};

}  // namespace madang::history
