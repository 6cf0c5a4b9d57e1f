#pragma once
// Attribute values as index keys.

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "madang/ngsi/query.h"
#include "madang/state/store.h"

namespace madang::state {

/// Values compare only with their own sort (ngsi::compare). Booleans are kept as the texts they are written as, which
/// have their order.
enum class Sort : std::uint8_t { number, text, instant, date, time_of_day };
inline constexpr std::size_t kSorts = 5;

/// Orders as the values do where `key` differs; values with the same key may differ (texts with the same first eight
/// bytes), then `print`, a hash of the whole text, tells most of them apart. Whatever an index gives is checked against
/// the entity anyway.
struct ValueEntry {
  std::uint64_t key;
  std::uint32_t print;
  Place place;
  bool operator==(const ValueEntry&) const = default;
  /// Two comparisons of words where member by member would take up to six: sorting and the trees live by it.
  bool operator<(const ValueEntry& other) const { return key != other.key ? key < other.key : rest() < other.rest(); }
  std::uint64_t rest() const { return std::uint64_t{print} << 32 | place; }
};
static_assert(sizeof(ValueEntry) == 16);

struct ValueKey {
  Sort sort;
  std::uint64_t key;
  std::uint32_t print;
  auto operator<=>(const ValueKey&) const = default;
};

/// All entries between two keys, both included.
struct KeyRange {
  Sort sort;
  ValueEntry low, high;
};

/// The keys of a value's JSON text: one of a scalar, one for each element of an array of scalars. False where these do
/// not tell all of it (an object, null, arrays in arrays, more than kMostElements).
bool value_keys(std::string_view json, std::vector<ValueKey>& out);
inline constexpr std::size_t kMostElements = 256;

/// The entries that can satisfy `comparison` with `value`; nothing where no range does.
std::optional<KeyRange> key_range(ngsi::Comparison comparison, const ngsi::QueryValue& value);
std::optional<KeyRange> key_range(const ngsi::QueryRange& range);

/// The texts of a Relationship's object: one, or those of an array. False as above. Texts are as written, escapes and
/// all.
template <class Each>
bool each_object(std::string_view json, Each&& each);

/// Calls each(element text) for the elements of a compact JSON array; false where one is no scalar or there are too
/// many.
template <class Each>
bool each_element(std::string_view json, Each&& each) {
  const std::string_view inside = json.substr(1, json.size() - 2);
  std::size_t begin = 0, count = 0;
  bool quoted = false;
  for (std::size_t at = 0; at <= inside.size(); ++at) {
    const char c = at < inside.size() ? inside[at] : ',';
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      return false;
    } else if (c == ',') {
      if (at == begin) return at == inside.size() && count == 0;
      if (++count > kMostElements) return false;
      each(inside.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  return true;
}

template <class Each>
bool each_object(std::string_view json, Each&& each) {
  const auto text = [&](std::string_view element) {
    const bool is_text = element.size() >= 2 && element.front() == '"';
    if (is_text) each(element.substr(1, element.size() - 2));
    return is_text;
  };
  if (json.empty()) return false;
  if (json.front() != '[') return text(json);
  bool all = true;
  return each_element(json, [&](std::string_view element) { all = text(element) && all; }) && all;
}

}  // namespace madang::state
