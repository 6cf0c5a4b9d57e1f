#include "number.h"

#include <array>
#include <charconv>
#include <cmath>

namespace madang::history {

namespace {

constexpr std::array<double, 23> kPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                         1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::int64_t kExact = std::int64_t{1} << 53;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view json) {
  const bool negative = !json.empty() && json.front() == '-';
  const std::string_view text = json.substr(negative ? 1 : 0);
  if (text.empty() || text.size() > kMostDigits + 1) return std::nullopt;
  std::int64_t mantissa = 0;
  int count = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.' && point == text.size() && i > 0) {
      point = i;
    } else if (is_digit(text[i])) {
      mantissa = mantissa * 10 + (text[i] - '0');
      if (++count > kMostDigits) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (point + 1 == text.size()) return std::nullopt;           // "1."
  if (text.front() == '0' && point != 1) return std::nullopt;  // "01"
  if (negative && mantissa == 0) return std::nullopt;          // "-0", "-0.0"
  const auto digits = static_cast<std::uint8_t>(point == text.size() ? 0 : text.size() - point - 1);
  return Decimal{negative ? -mantissa : mantissa, digits};
}

void print(std::string& out, Decimal number) {
  char text[24];
  const auto magnitude = number.mantissa < 0 ? 0 - static_cast<std::uint64_t>(number.mantissa)
                                             : static_cast<std::uint64_t>(number.mantissa);
  const char* const end = std::to_chars(text, text + sizeof text, magnitude).ptr;
  const std::string_view all(text, static_cast<std::size_t>(end - text));
  if (number.mantissa < 0) out.push_back('-');
  if (number.digits == 0) {
    out.append(all);
  } else if (all.size() > number.digits) {
    out.append(all.substr(0, all.size() - number.digits)).push_back('.');
    out.append(all.substr(all.size() - number.digits));
  } else {
    out.append("0.").append(number.digits - all.size(), '0').append(all);
  }
}

double to_double(std::int64_t mantissa, int digits) {
  // Both exact: one rounding, so the nearest double (Clinger 1990).
  if (mantissa > -kExact && mantissa < kExact)
    return static_cast<double>(mantissa) / kPowers[static_cast<std::size_t>(digits)];
  std::string text;
  print(text, Decimal{mantissa, static_cast<std::uint8_t>(digits)});
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

double to_double(Decimal number) {
  return to_double(number.mantissa, number.digits);
}

std::optional<double> parse_double(std::string_view json) {
  if (json.empty() || !(is_digit(json.front()) || json.front() == '-')) return std::nullopt;
  double out = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), out);
  if (error != std::errc() || end != json.data() + json.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

void print(std::string& out, double number) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

}  // namespace madang::history
