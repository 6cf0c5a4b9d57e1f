#pragma once
// Numbers that keep the digits they came with: a decimal mantissa and how many of its digits stand behind the point.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace madang::history {

struct Decimal {
  std::int64_t mantissa = 0;
  std::uint8_t digits = 0;  // behind the point
  bool operator==(const Decimal&) const = default;
};

/// More digits would not fit the mantissa's 63 bits whatever they are.
inline constexpr int kMostDigits = 18;

/// Nothing where print() would not give the very text back: an exponent, `-0`, more than 18 digits, no number at all.
std::optional<Decimal> parse_decimal(std::string_view json);
void print(std::string& out, Decimal number);
/// The nearest double, as a reader of the text would get it.
double to_double(Decimal number);
double to_double(std::int64_t mantissa, int digits);

/// Any JSON number; nothing for other texts.
std::optional<double> parse_double(std::string_view json);
/// The shortest text that reads as this double again.
void print(std::string& out, double number);

}  // namespace madang::history
