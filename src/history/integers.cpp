#include "integers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace madang::history {

namespace {

using base::ByteReader;

enum class Mode : std::uint8_t { above_least = 0, steps = 1, changes_of_steps = 2 };
constexpr unsigned kWidths = 65;  // 0 to 64 bits
constexpr std::array<std::int64_t, 5> kUnits{1, 1'000, 1'000'000, 1'000'000'000, 60'000'000'000};

// Everything wraps around, so that any 64-bit numbers come back.
using Word = std::uint64_t;

void append_signed(std::string& out, Word value) {
  base::append_varint(out, base::zigzag(static_cast<std::int64_t>(value)));
}
Word take_signed(ByteReader& in) {
  return static_cast<Word>(in.signed_varint());
}

struct Range {
  Word least = 0;
  unsigned width = 0;
};
Range range_of(std::span<const Word> values) {
  if (values.empty()) return {};
  auto least = static_cast<std::int64_t>(values[0]), most = least;
  for (const Word value : values) {
    least = std::min(least, static_cast<std::int64_t>(value));
    most = std::max(most, static_cast<std::int64_t>(value));
  }
  return {static_cast<Word>(least),
          static_cast<unsigned>(std::bit_width(static_cast<Word>(most) - static_cast<Word>(least)))};
}

constexpr std::size_t packed_size(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

void pack(std::string& out, std::span<const Word> values, const Range& range) {
  const std::size_t begin = out.size();
  out.resize(begin + packed_size(values.size(), range.width) + sizeof(Word) + 1);
  auto* const to = reinterpret_cast<std::byte*>(out.data() + begin);
  std::size_t bit = 0;
  for (const Word value : values) {
    const Word above = value - range.least;
    std::byte* const at = to + bit / 8;
    const unsigned shift = bit % 8;
    base::store_le(at, base::load_le<Word>(at) | above << shift);
    if (shift + range.width > 64) at[8] |= static_cast<std::byte>(above >> (64 - shift));
    bit += range.width;
  }
  out.resize(begin + packed_size(values.size(), range.width));
}

void unpack(const std::byte* from, unsigned width, Word least, std::span<std::int64_t> out) {
  if (width == 0) {
    std::fill(out.begin(), out.end(), static_cast<std::int64_t>(least));
    return;
  }
  const Word mask = ~Word{0} >> (64 - width);
  std::size_t bit = 0;
  if (width <= 56) {
    for (std::int64_t& value : out) {
      value = static_cast<std::int64_t>(least + (base::load_le<Word>(from + bit / 8) >> (bit % 8) & mask));
      bit += width;
    }
    return;
  }
  for (std::int64_t& value : out) {
    const std::byte* const at = from + bit / 8;
    const unsigned shift = bit % 8;
    Word word = base::load_le<Word>(at) >> shift;
    if (shift > 0) word |= static_cast<Word>(at[8]) << (64 - shift);
    value = static_cast<std::int64_t>(least + (word & mask));
    bit += width;
  }
}

/// How many values of `count` stand packed; the rest are told before them.
std::size_t packed_count(Mode mode, std::size_t count) {
  return count - std::min(count, static_cast<std::size_t>(mode));
}

void sum_up(std::span<std::int64_t> values, Word first) {
  Word sum = first;
  for (std::int64_t& value : values) {
    sum += static_cast<Word>(value);
    value = static_cast<std::int64_t>(sum);
  }
}

}  // namespace

void append_group(std::string& out, std::span<const std::int64_t> values) {
  std::array<Word, kGroup> plain, steps, changes;
  const std::size_t count = values.size();
  for (std::size_t i = 0; i < count; ++i) plain[i] = static_cast<Word>(values[i]);
  for (std::size_t i = 1; i < count; ++i) steps[i - 1] = plain[i] - plain[i - 1];
  for (std::size_t i = 2; i < count; ++i) changes[i - 2] = steps[i - 1] - steps[i - 2];
  const std::span<const Word> all[] = {std::span(plain).first(count), std::span(steps).first(count > 0 ? count - 1 : 0),
                                       std::span(changes).first(count > 1 ? count - 2 : 0)};
  Mode mode = Mode::above_least;
  Range range = range_of(all[0]);
  for (std::size_t i = 1; i < std::min<std::size_t>(count, 3); ++i) {
    const Range other = range_of(all[i]);
    if (other.width < range.width) range = other, mode = static_cast<Mode>(i);
  }
  out.push_back(static_cast<char>(static_cast<unsigned>(mode) * kWidths + range.width));
  if (mode != Mode::above_least) append_signed(out, plain[0]);
  if (mode == Mode::changes_of_steps) append_signed(out, steps[0]);
  append_signed(out, range.least);
  pack(out, all[static_cast<std::size_t>(mode)], range);
}

bool read_group(ByteReader& in, std::span<std::int64_t> out) {
  const auto head = in.bytes(1);
  if (head.empty() || static_cast<unsigned>(head[0]) >= 3 * kWidths) return false;
  const auto mode = static_cast<Mode>(static_cast<unsigned>(head[0]) / kWidths);
  const unsigned width = static_cast<unsigned>(head[0]) % kWidths;
  if (out.size() < static_cast<std::size_t>(mode)) return false;
  const Word first = mode == Mode::above_least ? 0 : take_signed(in);
  const Word step = mode == Mode::changes_of_steps ? take_signed(in) : 0;
  const Word least = take_signed(in);
  const std::size_t told = static_cast<std::size_t>(mode);
  const auto packed = in.bytes(packed_size(packed_count(mode, out.size()), width));
  if (!in.ok()) return false;
  unpack(packed.data(), width, least, out.subspan(told));
  if (mode == Mode::changes_of_steps) {
    out[1] = static_cast<std::int64_t>(step);
    sum_up(out.subspan(2), step);
  }
  if (mode != Mode::above_least) {
    out[0] = static_cast<std::int64_t>(first);
    sum_up(out.subspan(1), first);
  }
  return true;
}

bool skip_group(ByteReader& in, std::size_t count) {
  const auto head = in.bytes(1);
  if (head.empty() || static_cast<unsigned>(head[0]) >= 3 * kWidths) return false;
  const auto mode = static_cast<Mode>(static_cast<unsigned>(head[0]) / kWidths);
  for (unsigned told = 0; told <= static_cast<unsigned>(mode); ++told) (void)in.varint();
  (void)in.bytes(packed_size(packed_count(mode, count), static_cast<unsigned>(head[0]) % kWidths));
  return in.ok();
}

void append_column(std::string& out, std::span<const std::int64_t> values, std::span<const std::uint32_t> groups,
                   bool unit_of_time) {
  const bool constant =
      std::all_of(values.begin(), values.end(), [&](std::int64_t value) { return value == values[0]; });
  if (constant) {
    out.push_back(0);
    append_signed(out, values.empty() ? 0 : static_cast<Word>(values[0]));
    return;
  }
  std::size_t unit = unit_of_time ? kUnits.size() - 1 : 0;
  std::int64_t rest = 0;
  for (std::size_t i = 0; i < values.size() && unit > 0;) {
    rest = values[0] % kUnits[unit];
    if (values[i] % kUnits[unit] == rest)
      ++i;
    else
      --unit, i = 0;
  }
  if (unit == 0) rest = 0;
  out.push_back(static_cast<char>(1 + unit));
  if (unit > 0) append_signed(out, static_cast<Word>(rest));
  std::array<std::int64_t, kGroup> whole;
  for (const std::uint32_t count : groups) {
    for (std::uint32_t i = 0; i < count; ++i) whole[i] = (values[i] - rest) / kUnits[unit];
    append_group(out, std::span(whole).first(count));
    values = values.subspan(count);
  }
}

bool Column::open(std::span<const std::byte> bytes, std::span<const std::uint32_t> groups) {
  ByteReader in(bytes);
  const auto head = in.bytes(1);
  if (head.empty()) return false;
  const auto unit = static_cast<std::size_t>(head[0]);
  constant_ = unit == 0;
  if (constant_) {
    value_ = in.signed_varint();
    return in.ok();
  }
  if (unit > kUnits.size()) return false;
  unit_ = kUnits[unit - 1];
  rest_ = unit > 1 ? in.signed_varint() : 0;
  bytes_ = bytes;
  offsets_.clear();
  for (const std::uint32_t count : groups) {
    offsets_.push_back(static_cast<std::uint32_t>(bytes.size() - in.left()));
    if (!skip_group(in, count)) return false;
  }
  return in.ok();
}

bool Column::read(std::size_t group, std::span<std::int64_t> out) const {
  if (constant_) {
    std::fill(out.begin(), out.end(), value_);
    return true;
  }
  if (group >= offsets_.size()) return false;
  ByteReader in(bytes_.subspan(offsets_[group]));
  if (!read_group(in, out)) return false;
  if (unit_ == 1) return true;
  for (std::int64_t& value : out)
    value = static_cast<std::int64_t>(static_cast<Word>(rest_) + static_cast<Word>(value) * static_cast<Word>(unit_));
  return true;
}

}  // namespace madang::history
