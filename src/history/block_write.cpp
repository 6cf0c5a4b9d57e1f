#include <algorithm>
#include <array>
#include <bit>

#include <boost/unordered/unordered_flat_map.hpp>
#include <zstd.h>

#include "madang/base/bytes.h"

#include "block.h"
#include "decimals.h"

namespace madang::history {

namespace {

using base::append_varint;
using Places = Block::Places;

constexpr char kVersion = 1;
constexpr int kLevel = 3;
constexpr std::size_t kWorthCompressing = 64;

/// The different texts of a block, numbered from 1 as they come; 0: the empty one.
class Texts {
 public:
  std::int64_t number_of(std::string_view text) {
    if (text.empty()) return 0;
    if (text.data() == last_.data() && text.size() == last_.size()) return last_number_;
    const auto [at, fresh] = numbers_.try_emplace(text, static_cast<std::int64_t>(all_.size()) + 1);
    if (fresh) all_.push_back(text);
    last_ = text, last_number_ = at->second;
    return last_number_;
  }
  void append(std::string& out) const {
    std::string plain;
    append_varint(plain, all_.size());
    for (const std::string_view text : all_) append_varint(plain, text.size());
    for (const std::string_view text : all_) plain.append(text);
    append_varint(out, plain.size());
    if (plain.size() >= kWorthCompressing) {
      std::string packed(ZSTD_compressBound(plain.size()), '\0');
      const std::size_t size = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), kLevel);
      if (!ZSTD_isError(size) && size < plain.size()) {
        append_varint(out, size);
        out.append(packed, 0, size);
        return;
      }
    }
    append_varint(out, 0);  // as it is
    out.append(plain);
  }

 private:
  std::vector<std::string_view> all_;
  boost::unordered_flat_map<std::string_view, std::int64_t> numbers_;
  std::string_view last_;
  std::int64_t last_number_ = 0;
};

bool is_plain(const Row& row) {
  return row.is_number && row.observed != kNoTime && row.deleted == kNoTime && row.expires == kNoTime;
}

void append_times(std::string& out, const Times& times) {
  append_varint(out, base::zigzag(times.first));
  append_varint(out, static_cast<std::uint64_t>(times.last) - static_cast<std::uint64_t>(times.first));
}

void append_stats(std::string& out, std::span<const Row> rows) {
  if (!std::all_of(rows.begin(), rows.end(), is_plain)) {
    out.push_back(0);
    return;
  }
  Stats stats;
  stats.least = stats.most = to_double(rows[0].number());
  double mean = 0, count = 0;
  for (const Row& row : rows) {
    const double value = to_double(row.number());
    stats.sum += value;
    stats.least = std::min(stats.least, value);
    stats.most = std::max(stats.most, value);
    const double from_mean = value - mean;  // Welford (1962)
    mean += from_mean / ++count;
    stats.spread += from_mean * (value - mean);
    stats.observed.add(row.observed);
    stats.modified.add(row.modified);
  }
  out.push_back(1);
  for (const double each : {stats.sum, stats.least, stats.most, stats.spread})
    base::append_le(out, std::bit_cast<std::uint64_t>(each));
  append_times(out, stats.observed);
  append_times(out, stats.modified);
}

/// Values of one column, rows that have none taking that of the row beside them.
template <class Get>
void fill(std::span<const Row> rows, std::vector<std::int64_t>& values, Get&& get) {
  values.resize(rows.size());
  std::int64_t last = 0;
  std::size_t missing = 0;
  bool begun = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t value = get(rows[i]);
    if (value != kNoTime) {
      if (!begun) std::fill_n(values.begin(), missing, value);
      begun = true;
      last = value;
    } else if (!begun) {
      ++missing;
    }
    values[i] = last;
  }
}

void append_columns(std::string& out, std::span<const Row> rows, std::span<const std::uint32_t> groups, Texts& texts) {
  std::string columns;
  std::vector<std::int64_t> values;
  std::array<std::size_t, Places::count> sizes;
  const auto column = [&](Places::Which which, bool time, auto&& get) {
    const std::size_t before = columns.size();
    fill(rows, values, get);
    append_column(columns, values, groups, time);
    sizes[which] = columns.size() - before;
  };
  column(Places::flags, false, [](const Row& row) -> std::int64_t {
    const auto flag = [](bool has, Block::Flag which) { return has ? std::int64_t{which} : 0; };
    return flag(row.created == row.modified, Block::kAsCreated) | flag(row.is_number, Block::kNumber) |
           flag(row.observed != kNoTime, Block::kObserved) | flag(row.deleted != kNoTime, Block::kDeleted) |
           flag(row.expires != kNoTime, Block::kExpires);
  });
  column(Places::observed, true, [](const Row& row) { return row.observed; });
  column(Places::modified, true, [](const Row& row) { return row.modified; });
  column(Places::position, false, [](const Row& row) { return static_cast<std::int64_t>(row.position); });
  column(Places::index, false, [](const Row& row) { return static_cast<std::int64_t>(row.index); });
  // What is as it was created says so in its flags.
  column(Places::created, true, [](const Row& row) { return row.created == row.modified ? kNoTime : row.created; });
  column(Places::deleted, true, [](const Row& row) { return row.deleted; });
  column(Places::expires, true, [](const Row& row) { return row.expires; });
  column(Places::meta, false, [&](const Row& row) { return texts.number_of(row.meta); });
  column(Places::subs, false, [&](const Row& row) { return texts.number_of(row.subs); });
  column(Places::text, false, [&](const Row& row) { return row.is_number ? kNoTime : texts.number_of(row.text); });
  for (const std::size_t size : sizes) append_varint(out, size);
  out.append(columns);
}

}  // namespace

void group_rows(std::span<const std::uint32_t> part_rows, std::vector<std::uint32_t>& groups) {
  groups.clear();
  std::uint32_t open = 0;
  const auto close = [&] {
    if (open > 0) groups.push_back(open);
    open = 0;
  };
  for (const std::uint32_t rows : part_rows) {
    if (rows < kOwnGroups) {
      if (open + rows > kGroup) close();
      open += rows;
      continue;
    }
    close();
    for (std::uint32_t left = rows; left > 0;) {
      const std::uint32_t taken = std::min<std::uint32_t>(left, kGroup);
      groups.push_back(taken);
      left -= taken;
    }
  }
  close();
}

BlockInfo encode_block(std::span<const Row> rows, std::string& out) {
  BlockInfo info;
  info.first = rows.front().series;
  info.last = rows.back().series;
  info.first_position = rows.front().position;
  info.rows = static_cast<std::uint32_t>(rows.size());
  std::vector<std::uint32_t> part_rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i].series != rows[i - 1].series) part_rows.push_back(0);
    ++part_rows.back();
    if (rows[i].observed != kNoTime) info.observed.add(rows[i].observed);
    info.modified.add(rows[i].modified);
  }
  std::vector<std::uint32_t> groups;
  group_rows(part_rows, groups);

  out.push_back(kVersion);
  append_varint(out, rows.size());
  append_varint(out, part_rows.size());
  std::size_t first = 0;
  SeriesId series = 0;
  for (const std::uint32_t count : part_rows) {
    append_varint(out, rows[first].series - series);
    append_varint(out, count);
    if (count >= kStatsFrom) append_stats(out, rows.subspan(first, count));
    series = rows[first].series;
    first += count;
  }
  Texts texts;
  append_columns(out, rows, groups, texts);
  std::string values;
  std::size_t at = 0;
  for (const std::uint32_t count : groups) {
    append_decimals(values, rows.subspan(at, count));
    at += count;
  }
  append_varint(out, values.size());
  out.append(values);
  texts.append(out);
  out.append(kPadding, '\0');
  return info;
}

}  // namespace madang::history
