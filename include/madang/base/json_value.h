#pragma once
// One value of a small JSON document from outside (a declaration, a subscription), with where it stands, so that each
// check names the place. Heavy: for .cpp files only.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/time.h"
#include "madang/base/uri.h"

namespace madang::base::json {

namespace dom = simdjson::dom;

inline Error wrong(std::string message, std::string pointer) {
  return base::error(Code::bad_request_data, std::move(message), std::move(pointer));
}

/// One member's value, with where it stands.
struct Value {
  dom::element json;
  std::string at;

  Result<std::string> text(std::size_t most) const {
    std::string_view found;
    if (json.get(found)) return wrong("A string was expected.", at);
    if (found.empty()) return wrong("An empty text means nothing here.", at);
    if (found.size() > most) return wrong("The text is longer than " + std::to_string(most) + " bytes.", at);
    return std::string(found);
  }
  Result<std::string> uri(std::size_t most) const {
    MADANG_TRY(std::string found, text(most));
    if (!base::is_absolute_uri(found)) return wrong("\"" + found.substr(0, 80) + "\" is no URI.", at);
    return found;
  }
  Result<bool> truth() const {
    bool found = false;
    if (json.get(found)) return wrong("true or false was expected.", at);
    return found;
  }
  Result<double> positive() const {
    double found = 0;
    if (json.get(found) || !std::isfinite(found) || found <= 0)
      return wrong("A number greater than 0 was expected.", at);
    return found;
  }
  Result<base::Timestamp> date_time() const {
    MADANG_TRY(const std::string found, text(64));
    auto time = base::parse_date_time(found);
    if (!time.ok()) return wrong("A DateTime was expected (4.6.3), such as 2030-01-31T12:00:00Z.", at);
    return time;
  }
  /// A number of `unit`s, at most a hundred years.
  Result<std::chrono::nanoseconds> duration(std::chrono::nanoseconds unit) const {
    MADANG_TRY(const double number, positive());
    const double ns = number * static_cast<double>(unit.count());
    constexpr double kCentury = 100.0 * 366 * 86'400 * 1e9;
    if (ns > kCentury) return wrong("The time is longer than a hundred years.", at);
    return std::chrono::nanoseconds(std::max<std::int64_t>(static_cast<std::int64_t>(ns), 1));
  }

  template <class Visit>  // visit(const Value&) returns a Status
  Status each(std::size_t most, Visit&& visit) const {
    dom::array array;
    if (json.get(array)) return wrong("An array was expected.", at);
    std::size_t count = 0;
    for (const dom::element item : array) {
      if (count == most) return wrong("There are more than " + std::to_string(most) + " of these.", at);
      MADANG_CHECK(visit(Value{item, at + "/" + std::to_string(count++)}));
    }
    if (count == 0) return wrong("An empty array is not allowed here.", at);
    return {};
  }
  template <class Visit>  // visit(name, const Value&) returns a Status
  Status members(Visit&& visit) const {
    dom::object object;
    if (json.get(object)) return wrong("A JSON object was expected.", at);
    return each_field(object, at, visit);
  }
  template <class Visit>
  static Status each_field(const dom::object& object, const std::string& at, Visit&& visit) {
    std::vector<std::string_view> seen;
    for (const auto field : object) {
      std::string pointer = at + "/";
      base::json::append_pointer(pointer, field.key);
      if (std::find(seen.begin(), seen.end(), field.key) != seen.end())
        return wrong("The member is given twice.", pointer);
      seen.push_back(field.key);
      MADANG_CHECK(visit(field.key, Value{field.value, std::move(pointer)}));
    }
    return {};
  }
};

inline Error unknown(std::string_view name, const Value& value) {
  return wrong("There is no member \"" + std::string(name.substr(0, 80)) + "\" here.", value.at);
}

inline bool among(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace madang::base::json
