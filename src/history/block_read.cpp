#include <algorithm>
#include <bit>
#include <cstring>

#include <zstd.h>

#include "madang/base/find.h"

#include "block.h"
#include "decimals.h"

namespace madang::history {

namespace {

using base::ByteReader;
using base::Code;

constexpr std::size_t kMostPool = 64u << 20;  // see RunWriter

base::Error broken(const char* what) {
  return base::error(Code::corrupt, std::string("A block of history cannot be read: ") + what + ".");
}

Times take_times(ByteReader& in) {
  Times out;
  out.first = in.signed_varint();
  out.last = static_cast<std::int64_t>(static_cast<std::uint64_t>(out.first) + in.varint());
  return out;
}

Stats take_stats(ByteReader& in) {
  Stats out;
  for (double* const each : {&out.sum, &out.least, &out.most, &out.spread})
    *each = std::bit_cast<double>(in.le<std::uint64_t>());
  out.observed = take_times(in);
  out.modified = take_times(in);
  return out;
}

}  // namespace

base::Result<std::shared_ptr<Block>> Block::open(std::string bytes) {
  auto block = std::make_shared<Block>();
  block->bytes_ = std::move(bytes);
  if (block->bytes_.size() < kPadding) return broken("it is too short");
  ByteReader in(std::string_view(block->bytes_).substr(0, block->bytes_.size() - kPadding));
  const auto version = in.bytes(1);
  if (version.empty() || version[0] != std::byte{1}) return broken("its version is unknown");
  MADANG_CHECK(block->open_parts(in));
  block->group_up();
  MADANG_CHECK(block->open_columns(in));
  return block;
}

base::Status Block::open_parts(ByteReader& in) {
  const std::uint64_t rows = in.varint(), parts = in.varint();
  if (!in.ok() || rows == 0 || rows > kBlockRows || parts == 0 || parts > rows) return broken("its counts");
  parts_.resize(static_cast<std::size_t>(parts));
  SeriesId series = 0;
  for (Part& part : parts_) {
    const std::uint64_t step = in.varint(), count = in.varint();
    if (!in.ok() || count == 0 || count > rows - rows_ || (rows_ > 0 && step == 0) || step > ~SeriesId{0} - series)
      return broken("a part");
    series += step;
    part.series = series;
    part.first = rows_;
    part.count = static_cast<std::uint32_t>(count);
    rows_ += part.count;
    if (count < kStatsFrom) continue;
    const auto has = in.bytes(1);
    part.has_stats = !has.empty() && has[0] == std::byte{1};
    if (part.has_stats) part.stats = take_stats(in);
  }
  if (!in.ok() || rows_ != rows) return broken("its parts");
  return {};
}

void Block::group_up() {
  std::vector<std::uint32_t> counts;
  for (const Part& part : parts_) counts.push_back(part.count);
  group_rows(counts, group_rows_);
  std::uint32_t first = 0;
  for (const std::uint32_t count : group_rows_) {
    group_first_.push_back(first);
    first += count;
  }
}

base::Status Block::open_columns(ByteReader& in) {
  std::array<std::size_t, Places::count> sizes;
  for (std::size_t& size : sizes) size = static_cast<std::size_t>(in.varint());
  for (std::size_t i = 0; i < Places::count; ++i) {
    const auto bytes = in.bytes(sizes[i]);
    if (!in.ok() || !columns_[i].open(bytes, group_rows_)) return broken("a column");
  }
  values_ = in.bytes(static_cast<std::size_t>(in.varint()));
  ByteReader values(values_);
  for (const std::uint32_t count : group_rows_) {
    value_offsets_.push_back(static_cast<std::uint32_t>(values_.size() - values.left()));
    if (!skip_decimals(values, count)) return broken("its numbers");
  }
  pool_ = in.bytes(in.left());
  if (!in.ok() || pool_.empty()) return broken("its texts");
  return {};
}

std::pair<std::size_t, std::size_t> Block::find(SeriesId from, SeriesId to) const {
  const auto before = [](const Part& part, SeriesId series) { return part.series < series; };
  const auto begin = std::lower_bound(parts_.begin(), parts_.end(), from, before);
  auto end = begin;
  while (end != parts_.end() && end->series <= to) ++end;
  return {static_cast<std::size_t>(begin - parts_.begin()), static_cast<std::size_t>(end - parts_.begin())};
}

std::size_t Block::group_of(std::uint32_t row) const {
  const auto after = std::upper_bound(group_first_.begin(), group_first_.end(), row);
  return static_cast<std::size_t>(after - group_first_.begin()) - 1;
}

SeriesId Block::series_at(std::uint32_t row) const {
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), row,
                                      [](std::uint32_t wanted, const Part& part) { return wanted < part.first; });
  return std::prev(after)->series;
}

base::Status Block::read_times(std::size_t group) {
  if (times_of_ == group) return {};
  times_of_ = SIZE_MAX;
  const std::size_t rows = group_rows_[group];
  if (!columns_[Places::flags].read(group, std::span(flags_).first(rows)) ||
      !columns_[Places::observed].read(group, std::span(observed_).first(rows)) ||
      !columns_[Places::modified].read(group, std::span(modified_).first(rows)))
    return broken("its times");
  for (std::size_t i = 0; i < rows; ++i)
    if ((flags_[i] & kObserved) == 0) observed_[i] = kNoTime;
  times_of_ = group;
  return {};
}

base::Status Block::read_decimals(std::size_t group) {
  const std::size_t rows = group_rows_[group];
  ByteReader in(values_.subspan(value_offsets_[group]));
  DecimalGroup decimals{0, std::span(mantissas_).first(rows), std::span(digits_).first(rows)};
  if (!history::read_decimals(in, decimals, true)) return broken("its numbers");
  scale_ = decimals.scale;
  return {};
}

base::Result<bool> Block::all_numbers(std::uint32_t first, std::uint32_t count) {
  bool all = true;
  MADANG_CHECK(each_group(first, count, [&](std::size_t group, std::uint32_t from, std::uint32_t to) -> base::Status {
    const auto flags = std::span(scratch_).first(group_rows_[group]);
    if (!columns_[Places::flags].read(group, flags)) return broken("its flags");
    for (std::uint32_t i = from; i < to; ++i)
      all = all && (flags[i] & (kNumber | kDeleted)) != 0 && (flags[i] & kExpires) == 0;
    return {};
  }));
  return all;
}

base::Status Block::read_values(std::size_t group, bool by_observed) {
  const std::size_t rows = group_rows_[group];
  times_of_ = SIZE_MAX;
  if (!columns_[Places::flags].read(group, std::span(flags_).first(rows)) ||
      !columns_[by_observed ? Places::observed : Places::modified].read(
          group, std::span(by_observed ? observed_ : modified_).first(rows)))
    return broken("its times");
  for (std::size_t i = 0; i < rows; ++i) {
    const bool deleted = (flags_[i] & kDeleted) != 0;
    usable_[i] = !deleted && (!by_observed || (flags_[i] & kObserved) != 0);
  }
  ByteReader in(values_.subspan(value_offsets_[group]));
  DecimalGroup decimals{0, std::span(mantissas_).first(rows), std::span(digits_).first(rows)};
  if (!history::read_decimals(in, decimals, false)) return broken("its numbers");
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  bool exact = decimals.scale >= 0;
  for (std::size_t i = 0; i < rows; ++i) exact = exact && mantissas_[i] < kExact && mantissas_[i] > -kExact;
  if (exact) {
    const double power = kPowers[decimals.scale];
    for (std::size_t i = 0; i < rows; ++i) doubles_[i] = static_cast<double>(mantissas_[i]) / power;
  } else {
    for (std::size_t i = 0; i < rows; ++i)
      doubles_[i] = to_double(mantissas_[i], decimals.scale >= 0 ? decimals.scale : static_cast<int>(digits_[i]));
  }
  return {};
}

base::Status Block::load_texts() {
  if (texts_loaded_) return {};
  ByteReader in(pool_);
  const std::uint64_t size = in.varint(), packed = in.varint();
  if (!in.ok() || size > kMostPool) return broken("the size of its texts");
  if (packed == 0) {
    pool_text_ = in.text(static_cast<std::size_t>(size));
  } else {
    const std::string_view from = in.text(static_cast<std::size_t>(packed));
    if (!in.ok() || ZSTD_getFrameContentSize(from.data(), from.size()) != size) return broken("its packed texts");
    pool_text_.resize(static_cast<std::size_t>(size));
    if (ZSTD_decompress(pool_text_.data(), pool_text_.size(), from.data(), from.size()) != size)
      return broken("its packed texts");
  }
  if (!in.ok()) return broken("its texts");
  ByteReader texts(pool_text_);
  const std::uint64_t count = texts.varint();
  if (count > 3 * kBlockRows) return broken("how many texts it has");
  std::vector<std::size_t> sizes;
  for (std::uint64_t i = 0; i < count; ++i) sizes.push_back(static_cast<std::size_t>(texts.varint()));
  texts_.assign(1, std::string_view());
  for (const std::size_t length : sizes) texts_.push_back(texts.text(length));
  if (!texts.ok()) return broken("its texts");
  texts_loaded_ = true;
  return {};
}

base::Result<bool> Block::holds(std::string_view text) {
  MADANG_CHECK(load_texts());
  return base::holds_text(pool_text_, text);
}

base::Result<std::string_view> Block::text(std::int64_t number) const {
  if (number < 0 || static_cast<std::size_t>(number) >= texts_.size()) return broken("the number of a text");
  return texts_[static_cast<std::size_t>(number)];
}

base::Status Block::read_rows(std::size_t group, std::uint32_t from, std::uint32_t to, std::vector<Row>& out) {
  MADANG_CHECK(load_texts());
  MADANG_CHECK(read_times(group));
  MADANG_CHECK(read_decimals(group));
  const std::uint32_t first = group_first_[group];
  const std::size_t rows = group_rows_[group], base_row = out.size();
  for (std::uint32_t i = from; i < to; ++i) {
    Row& row = out.emplace_back();
    row.series = series_at(first + i);
    row.observed = observed_[i];
    row.modified = row.created = modified_[i];
    row.is_number = (flags_[i] & kNumber) != 0;
    if (row.is_number) {
      const Decimal number = to_decimal(mantissas_[i], scale_ < 0 ? static_cast<int>(digits_[i]) : scale_, digits_[i]);
      row.mantissa = number.mantissa, row.digits = number.digits;
    }
  }
  const auto values = std::span(scratch_).first(rows);
  base::Status status;
  const auto column = [&](Places::Which which, auto&& set) {
    if (!status.ok()) return;
    if (!columns_[which].read(group, values)) {
      status = broken("a column");
      return;
    }
    for (std::uint32_t i = from; i < to && status.ok(); ++i) set(out[base_row + i - from], i, values[i]);
  };
  const auto text_into = [&](std::string_view& to_text, std::int64_t number) {
    if (number == 0) return;
    auto found = text(number);
    if (found.ok())
      to_text = *found;
    else
      status = found.error();
  };
  column(Places::position,
         [](Row& row, std::uint32_t, std::int64_t v) { row.position = static_cast<std::uint64_t>(v); });
  column(Places::index, [](Row& row, std::uint32_t, std::int64_t v) { row.index = static_cast<std::uint32_t>(v); });
  column(Places::created, [&](Row& row, std::uint32_t i, std::int64_t v) {
    if ((flags_[i] & kAsCreated) == 0) row.created = v;
  });
  column(Places::deleted, [&](Row& row, std::uint32_t i, std::int64_t v) {
    if ((flags_[i] & kDeleted) != 0) row.deleted = v;
  });
  column(Places::expires, [&](Row& row, std::uint32_t i, std::int64_t v) {
    if ((flags_[i] & kExpires) != 0) row.expires = v;
  });
  column(Places::meta, [&](Row& row, std::uint32_t, std::int64_t v) { text_into(row.meta, v); });
  column(Places::subs, [&](Row& row, std::uint32_t, std::int64_t v) { text_into(row.subs, v); });
  column(Places::text, [&](Row& row, std::uint32_t, std::int64_t v) {
    if (!row.is_number) text_into(row.text, v);
  });
  return status;
}

}  // namespace madang::history
