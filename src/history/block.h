#pragma once
// A block: about a thousand rows as columns, of one series or of many small ones (docs/formats/history.md).

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

#include "integers.h"
#include "row.h"

namespace madang::history {

inline constexpr std::size_t kBlockRows = 1'024;
inline constexpr std::size_t kOwnGroups = 32;   // a series with so many rows in a block shares no group
inline constexpr std::size_t kStatsFrom = 256;  // with so many, it has its statistics beside it

struct Times {
  std::int64_t first = INT64_MAX, last = INT64_MIN;
  void add(std::int64_t time) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  void add(const Times& other) {
    if (other.first < first) first = other.first;
    if (other.last > last) last = other.last;
  }
  bool empty() const { return first > last; }
};

/// What a run knows of each of its blocks without reading it.
struct BlockInfo {
  SeriesId first = 0, last = 0;      // series
  std::uint64_t first_position = 0;  // of its first row
  std::uint32_t rows = 0;
  Times observed, modified;  // observed: of those rows that have one
};

/// Of a part of which every row is a number, observed, and neither deleted nor expiring.
struct Stats {
  double sum = 0, least = 0, most = 0;
  double spread = 0;  // sum of the squares of the differences from the mean
  Times observed, modified;
};

/// Appends rows sorted by series and, in each, by position and index; at most kBlockRows, at least one.
BlockInfo encode_block(std::span<const Row> rows, std::string& out);

class Block {
 public:
  /// Takes the bytes and checks what reading will rely on; corrupt where they are no block.
  static base::Result<std::shared_ptr<Block>> open(std::string bytes);

  struct Part {
    SeriesId series = 0;
    std::uint32_t first = 0, count = 0;  // rows
    bool has_stats = false;
    Stats stats;
  };
  const std::vector<Part>& parts() const { return parts_; }
  std::size_t rows() const { return rows_; }
  /// The parts of these series, from and to inclusive, as places in parts().
  std::pair<std::size_t, std::size_t> find(SeriesId from, SeriesId to) const;

  /// Appends rows first to first+count; their texts live as long as the block. `wanted` may pass groups over: it sees
  /// the times (observed; kNoTime where there is none, and modified) of those of a group's rows that are asked for.
  struct GroupTimes {
    std::span<const std::int64_t> observed, modified;
  };
  template <class Wanted>  // bool(const GroupTimes&)
  base::Status read(std::uint32_t first, std::uint32_t count, std::vector<Row>& out, Wanted&& wanted) {
    return each_group(first, count, [&](std::size_t group, std::uint32_t from, std::uint32_t to) -> base::Status {
      MADANG_CHECK(read_times(group));
      if (!wanted(
              GroupTimes{std::span(observed_).subspan(from, to - from), std::span(modified_).subspan(from, to - from)}))
        return {};
      return read_rows(group, from, to, out);
    });
  }
  base::Status read(std::uint32_t first, std::uint32_t count, std::vector<Row>& out) {
    return read(first, count, out, [](const GroupTimes&) { return true; });
  }

  /// Some value, or something that goes with one, holds this text.
  base::Result<bool> holds(std::string_view text);

  /// Every row is a number that does not expire, or tells of a deletion.
  base::Result<bool> all_numbers(std::uint32_t first, std::uint32_t count);
  /// Of a part of which all_numbers(): times and numbers, group by group: see(times, numbers, usable). A row is usable
  /// where it is no deletion and has the time.
  template <class See>
  base::Status read_numbers(std::uint32_t first, std::uint32_t count, bool by_observed, See&& see) {
    return each_group(first, count, [&](std::size_t group, std::uint32_t from, std::uint32_t to) -> base::Status {
      MADANG_CHECK(read_values(group, by_observed));
      see(std::span<const std::int64_t>(by_observed ? observed_ : modified_).subspan(from, to - from),
          std::span<const double>(doubles_).subspan(from, to - from),
          std::span<const bool>(usable_).subspan(from, to - from));
      return {};
    });
  }

  /// What a row has. The rarest change comes lowest: so flags that differ in it alone take one bit.
  enum Flag : std::int64_t { kAsCreated = 1, kNumber = 2, kObserved = 4, kDeleted = 8, kExpires = 16 };
  struct Places {  // of columns
    enum Which : std::size_t {
      flags,
      observed,
      modified,
      position,
      index,
      created,
      deleted,
      expires,
      meta,
      subs,
      text,
      count
    };
  };

 private:
  base::Status open_parts(base::ByteReader& in);
  base::Status open_columns(base::ByteReader& in);
  void group_up();
  base::Status read_times(std::size_t group);
  base::Status read_rows(std::size_t group, std::uint32_t from, std::uint32_t to, std::vector<Row>& out);
  base::Status read_values(std::size_t group, bool by_observed);
  base::Status read_decimals(std::size_t group);
  base::Status load_texts();
  base::Result<std::string_view> text(std::int64_t number) const;
  SeriesId series_at(std::uint32_t row) const;

  template <class Visit>  // visit(group, from, to): rows within the group
  base::Status each_group(std::uint32_t first, std::uint32_t count, Visit&& visit) {
    const std::uint32_t end = first + count;
    for (std::size_t group = group_of(first); group < group_rows_.size() && group_first_[group] < end; ++group) {
      const std::uint32_t begin = group_first_[group];
      const std::uint32_t from = first > begin ? first - begin : 0;
      const std::uint32_t to = end - begin < group_rows_[group] ? end - begin : group_rows_[group];
      MADANG_CHECK(visit(group, from, to));
    }
    return {};
  }
  std::size_t group_of(std::uint32_t row) const;

  std::string bytes_;
  std::uint32_t rows_ = 0;
  std::vector<Part> parts_;
  std::vector<std::uint32_t> group_rows_, group_first_;
  std::array<Column, Places::count> columns_;
  std::span<const std::byte> values_;  // decimals, group by group
  std::vector<std::uint32_t> value_offsets_;
  std::span<const std::byte> pool_;
  bool texts_loaded_ = false;
  std::string pool_text_;
  std::vector<std::string_view> texts_;
  // Of the group at hand.
  std::array<std::int64_t, kGroup> flags_, observed_, modified_, mantissas_, digits_, scratch_;
  std::array<double, kGroup> doubles_;
  std::array<bool, kGroup> usable_;
  std::size_t times_of_ = SIZE_MAX;
  int scale_ = 0;  // of the group's mantissas where all have one; else -1
};

/// The same grouping for who writes and who reads: series with kOwnGroups rows or more have groups of their own, others
/// share, up to kGroup rows.
void group_rows(std::span<const std::uint32_t> part_rows, std::vector<std::uint32_t>& groups);

}  // namespace madang::history
