#include "live/position.h"

#include <array>

namespace madang::api::live {

namespace {

// RFC 4648, 7 (base32hex): texts of one length sort as their positions do.
constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kLength = 13;  // of 64 bits

}  // namespace

std::string position_text(std::uint64_t position) {
  std::string text(kLength + 1, 'p');
  for (std::size_t i = kLength; i > 0; --i) {
    text[i] = kDigits[position & 31];
    position >>= 5;
  }
  return text;
}

std::optional<std::uint64_t> read_position(std::string_view text) {
  if (text.size() != kLength + 1 || text.front() != 'p') return std::nullopt;
  std::uint64_t position = 0;
  for (const char c : text.substr(1)) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || position >> 59 != 0) return std::nullopt;
    position = position << 5 | digit;
  }
  return position;
}

}  // namespace madang::api::live
