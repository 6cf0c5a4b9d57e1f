#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "madang/formats/geojson.h"

namespace madang::formats {

namespace {

/// Members that NGSI-LD itself gives a meaning (clauses 4.5.1 to 4.7 and the core context).
constexpr std::array<std::string_view, 26> kTaken{"id",
                                                  "type",
                                                  "scope",
                                                  "location",
                                                  "observationSpace",
                                                  "operationSpace",
                                                  "createdAt",
                                                  "modifiedAt",
                                                  "deletedAt",
                                                  "expiresAt",
                                                  "observedAt",
                                                  "unitCode",
                                                  "datasetId",
                                                  "instanceId",
                                                  "value",
                                                  "object",
                                                  "vocab",
                                                  "json",
                                                  "languageMap",
                                                  "valueList",
                                                  "objectList",
                                                  "objectType",
                                                  "valueType",
                                                  "previousValue",
                                                  "coordinates",
                                                  "entity"};

struct Span {
  std::uint32_t first, last;
};
/// Blocks beyond ASCII that hold no letters and no numbers, roughly: what slips through, the server refuses by name.
constexpr std::array<Span, 12> kSigns{{{0x80, 0xA9},
                                       {0xAB, 0xB4},
                                       {0xB6, 0xB9},
                                       {0xBB, 0xBF},
                                       {0xD7, 0xD7},
                                       {0xF7, 0xF7},
                                       {0x300, 0x36F},
                                       {0x2000, 0x2BFF},
                                       {0x2E00, 0x3004},
                                       {0x3008, 0x3030},
                                       {0xE000, 0xF8FF},
                                       {0xFE00, 0xFE6F}}};

/// The next code point of valid UTF-8.
std::uint32_t next_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size == 1 || at + size > text.size()) return ++at, lead;
  std::uint32_t point = lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(at + i) & 0x3F);
  at += size;
  return point;
}

bool is_ascii_letter(std::uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(std::uint32_t c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(std::uint32_t c) {
  if (c < 0x80) return is_ascii_letter(c) || is_digit(c) || c == '_';
  if (c >= 0xFF00 && c <= 0xFF0F) return false;    // full-width punctuation
  if (c >= 0x1F000 && c <= 0x1FAFF) return false;  // pictures
  return std::ranges::none_of(kSigns, [c](Span s) { return c >= s.first && c <= s.last; });
}

}  // namespace

std::string entity_name(std::string_view name) {
  std::string made;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t begin = at;
    const std::uint32_t c = next_point(name, at);
    const bool fits = is_name_character(c);
    if (made.empty() && (!fits || c == '_' || is_digit(c))) made = fits && c == '_' ? "p" : "p_";
    if (fits) {
      made.append(name.substr(begin, at - begin));
    } else if (made != "p_" || begin != 0) {
      made.push_back('_');
    }
  }
  if (made.empty()) made = "p_";
  if (std::ranges::find(kTaken, made) != kTaken.end()) made.push_back('_');
  return made;
}

}  // namespace madang::formats
