#pragma once
// Where a page ended, as the opaque text of an address. Names the last entity, so that it still points there after a
// restart has given entities other places.

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace madang::hub {

struct Cursor {
  std::uint32_t place = 0;
  std::string id;
};

inline std::string write_cursor(const Cursor& cursor) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = std::to_string(cursor.place) + ".";
  for (const char c : cursor.id) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

inline std::optional<Cursor> read_cursor(std::string_view text) {
  Cursor cursor;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor.place);
  const auto used = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || used == text.size() || text[used] != '.' || (text.size() - used) % 2 == 0)
    return std::nullopt;
  for (std::size_t i = used + 1; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) return std::nullopt;
    cursor.id += static_cast<char>(byte);
  }
  return cursor;
}

}  // namespace madang::hub
