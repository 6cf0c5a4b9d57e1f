#include "decimals.h"

#include <algorithm>

namespace madang::history {

namespace {

using base::ByteReader;

// How the digits of each number come back. Stored on disk: never renumber.
enum class Style : std::uint8_t {
  none = 0,            // no number in the group
  fixed = 1,           // all have the scale's digits
  trimmed = 2,         // as many as needed (21, 21.5)
  trimmed_to_one = 3,  // as many as needed, at least one (21.0, 21.5)
  told = 4,            // each is told; mantissas stand at one scale
  own_scale = 5,       // each is told; mantissas stand at their own: they would not fit otherwise
};

constexpr std::int64_t kMost = std::int64_t{1} << 61;

constexpr std::array<std::int64_t, kMostDigits + 1> kPowers = [] {
  std::array<std::int64_t, kMostDigits + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

std::int64_t trimmed_digits(std::int64_t mantissa, std::int64_t scale, std::int64_t least) {
  while (scale > least && mantissa % 10 == 0) mantissa /= 10, --scale;
  return scale;
}

Style style_of(std::span<const Row> rows, int scale, std::span<std::int64_t> mantissas) {
  bool fixed = true, trimmed = true, to_one = true, fits = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    if (!row.is_number) continue;
    std::int64_t whole = 0;
    fits = fits &&
           !__builtin_mul_overflow(row.mantissa, kPowers[static_cast<std::size_t>(scale - row.digits)], &whole) &&
           whole < kMost && whole > -kMost;
    if (!fits) break;
    mantissas[i] = whole;
    fixed = fixed && row.digits == scale;
    if (trimmed || to_one) {
      const bool no_zero = row.mantissa % 10 != 0;
      trimmed = trimmed && (row.digits == 0 || no_zero);
      to_one = to_one && (row.digits == 1 || (row.digits > 1 && no_zero));
    }
  }
  if (!fits) return Style::own_scale;
  return fixed ? Style::fixed : trimmed ? Style::trimmed : to_one ? Style::trimmed_to_one : Style::told;
}

}  // namespace

void append_decimals(std::string& out, std::span<const Row> rows) {
  int scale = -1;
  for (const Row& row : rows)
    if (row.is_number) scale = std::max(scale, static_cast<int>(row.digits));
  if (scale < 0) {
    out.push_back(static_cast<char>(Style::none));
    return;
  }
  std::array<std::int64_t, kGroup> mantissas{}, digits{};
  const Style style = style_of(rows, scale, mantissas);
  std::int64_t last_mantissa = 0, last_digits = scale;
  bool begun = false;
  const auto pass = [&](std::size_t i) {
    if (rows[i].is_number) {
      last_mantissa = style == Style::own_scale ? rows[i].mantissa : mantissas[i];
      last_digits = rows[i].digits;
    }
    mantissas[i] = last_mantissa;
    digits[i] = last_digits;
  };
  // What is no number takes the place of the number beside it: that costs least.
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!begun && rows[i].is_number) {
      begun = true;
      pass(i);
      std::fill_n(mantissas.begin(), i, last_mantissa);
      std::fill_n(digits.begin(), i, last_digits);
    }
    if (begun) pass(i);
  }
  out.push_back(static_cast<char>(style));
  out.push_back(static_cast<char>(scale));
  append_group(out, std::span(mantissas).first(rows.size()));
  if (style >= Style::told) append_group(out, std::span(digits).first(rows.size()));
}

bool read_decimals(ByteReader& in, DecimalGroup& group, bool with_digits) {
  const auto head = in.bytes(1);
  if (head.empty() || static_cast<std::uint8_t>(head[0]) > static_cast<std::uint8_t>(Style::own_scale)) return false;
  const auto style = static_cast<Style>(head[0]);
  if (style == Style::none) {
    group.scale = 0;
    std::fill(group.mantissas.begin(), group.mantissas.end(), 0);
    std::fill(group.digits.begin(), group.digits.end(), 0);
    return true;
  }
  const auto scale = in.bytes(1);
  if (scale.empty() || static_cast<int>(scale[0]) > kMostDigits) return false;
  group.scale = style == Style::own_scale ? -1 : static_cast<int>(scale[0]);
  if (!read_group(in, group.mantissas)) return false;
  if (style >= Style::told) {
    if (!read_group(in, group.digits)) return false;
    for (std::int64_t& digits : group.digits)
      if (digits < 0 || digits > kMostDigits) return false;
    return true;
  }
  if (!with_digits) return true;
  for (std::size_t i = 0; i < group.digits.size(); ++i)
    group.digits[i] = style == Style::fixed
                          ? group.scale
                          : trimmed_digits(group.mantissas[i], group.scale, style == Style::trimmed ? 0 : 1);
  return true;
}

bool skip_decimals(ByteReader& in, std::size_t count) {
  const auto head = in.bytes(1);
  if (head.empty()) return false;
  const auto style = static_cast<Style>(head[0]);
  if (style == Style::none) return true;
  (void)in.bytes(1);
  return skip_group(in, count) && (style < Style::told || skip_group(in, count));
}

Decimal to_decimal(std::int64_t mantissa, int scale, std::int64_t digits) {
  for (; scale > digits; --scale) mantissa /= 10;
  return {mantissa, static_cast<std::uint8_t>(digits)};
}

}  // namespace madang::history
