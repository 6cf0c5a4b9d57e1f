#include "merge_value.h"

#include <utility>
#include <vector>

#include "json_text.h"

namespace madang::ngsi {

namespace {

constexpr std::string_view kNullLiteral = "\"urn:ngsi-ld:null\"";
using Members = std::vector<std::pair<std::string_view, std::string_view>>;

Members members_of(std::string_view text) {
  Members out;
  if (text.front() == '{')
    json_text::each_member(text,
                           [&out](std::string_view key, std::string_view value) { out.emplace_back(key, value); });
  return out;
}

const std::string_view* find(const Members& members, std::string_view key) {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

}  // namespace

std::string merge_values(std::string_view before, std::string_view patch) {
  if (patch.front() != '{') return std::string(patch);
  const Members old = members_of(before);
  const Members given = members_of(patch);
  std::string out = "{";
  const auto add = [&out](std::string_view key, std::string_view value) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(key).append("\":").append(value);
  };
  for (const auto& [key, value] : old) {
    const std::string_view* newer = find(given, key);
    if (newer == nullptr)
      add(key, value);
    else if (*newer != kNullLiteral)
      add(key, merge_values(value, *newer));
  }
  for (const auto& [key, value] : given)
    if (value != kNullLiteral && find(old, key) == nullptr) add(key, merge_values("{}", value));
  out += '}';
  return out;
}

}  // namespace madang::ngsi
