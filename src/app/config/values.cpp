// Values of settings as text: sizes, durations, lists.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "madang/base/json.h"

#include "config/settings.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 9> kSizes{{{"GiB", 1ull << 30},
                                      {"MiB", 1ull << 20},
                                      {"KiB", 1ull << 10},
                                      {"GB", 1'000'000'000},
                                      {"MB", 1'000'000},
                                      {"kB", 1'000},
                                      {"TiB", 1ull << 40},
                                      {"B", 1},
                                      {"", 1}}};
constexpr std::array<Unit, 5> kTimes{{{"d", 86'400}, {"h", 3'600}, {"min", 60}, {"s", 1}, {"", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> parse_amount(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) return {};
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto found = std::ranges::find(units, unit, &Unit::name);
  if (found == units.end() || number > (1ull << 62) / found->factor) return {};
  return number * found->factor;
}

template <std::size_t N>
std::string show_amount(std::uint64_t amount, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (amount == 0 || amount % unit.factor != 0) continue;
    return std::to_string(amount / unit.factor) + (unit.factor == 1 && unit.name == "B" ? "" : " ") +
           std::string(unit.factor == 1 && unit.name == "B" ? "" : unit.name);
  }
  return std::to_string(amount);
}

std::string quoted(std::string_view text) {
  std::string out;
  base::json::append_string(out, text);
  return out;
}

/// Puts a value into its place, or says what the place wants.
struct Setter {
  Settings& settings;
  const Value& value;

  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
  std::string_view operator()(const Bytes& place) const {
    std::optional<std::uint64_t> amount;
    if (const auto* number = as<std::int64_t>(); number && *number >= 0) amount = static_cast<std::uint64_t>(*number);
    if (const auto* text = as<std::string>()) amount = parse_amount(*text, kSizes);
    if (!amount) return "a size: a number of bytes or \"64 MiB\"";
    place.put(settings, *amount);
    return {};
  }
  std::string_view operator()(const Duration& place) const {
    const auto* text = as<std::string>();
    const auto amount = text ? parse_amount(*text, kTimes) : std::nullopt;
    if (!amount || *amount > 1ull << 40) return "a duration with its unit: \"10 s\", \"5 min\", \"2 h\" or \"7 d\"";
    place.put(settings, std::chrono::seconds(*amount));
    return {};
  }
  std::string_view operator()(const Count& place) const {
    const auto* number = as<std::int64_t>();
    if (!number || *number < 0) return "a number that is not negative";
    place.put(settings, static_cast<std::uint64_t>(*number));
    if (place.get(settings) != static_cast<std::uint64_t>(*number)) return "a smaller number";
    return {};
  }
  std::string_view operator()(const Flag& place) const {
    if (!as<bool>()) return "true or false";
    place.put(settings, *as<bool>());
    return {};
  }
  std::string_view operator()(const Text& place) const {
    if (!as<std::string>()) return "a text in quotes";
    place.put(settings, *as<std::string>());
    return {};
  }
  std::string_view operator()(const List& place) const {
    if (!as<std::vector<std::string>>()) return "a list of texts: [\"one\", \"two\"]";
    place.put(settings, *as<std::vector<std::string>>());
    return {};
  }
  std::string_view operator()(const AnonymousRole& place) const {
    const auto* text = as<std::string>();
    if (!text || (*text != "none" && *text != "read")) return "\"none\" or \"read\"";
    place.put(settings, *text == "read" ? governance::Role::read : governance::Role::none);
    return {};
  }
};

struct Printer {
  const Settings& settings;

  std::string operator()(const Bytes& place) const {
    const std::string text = show_bytes(place.get(settings));
    return text.find(' ') == std::string::npos ? text : quoted(text);
  }
  std::string operator()(const Duration& place) const { return quoted(show_duration(place.get(settings))); }
  std::string operator()(const Count& place) const { return std::to_string(place.get(settings)); }
  std::string operator()(const Flag& place) const { return place.get(settings) ? "true" : "false"; }
  std::string operator()(const Text& place) const { return quoted(place.get(settings)); }
  std::string operator()(const List& place) const {
    std::string out = "[";
    for (const std::string& text : place.get(settings)) out += (out.size() > 1 ? ", " : "") + quoted(text);
    return out + "]";
  }
  std::string operator()(const AnonymousRole& place) const {
    return place.get(settings) == governance::Role::read ? "\"read\"" : "\"none\"";
  }
};

/// A value of the command line, read as the place wants it: quotes may be left out.
Value read_loosely(const Key& key, std::string_view text) {
  if (std::holds_alternative<Flag>(key.place)) {
    if (text == "true") return true;
    if (text == "false") return false;
  }
  if (std::holds_alternative<Count>(key.place)) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed == std::errc{} && end == text.data() + text.size()) return number;
  }
  if (std::holds_alternative<List>(key.place)) {
    std::vector<std::string> list;
    while (!text.empty()) {
      const auto comma = text.find(',');
      list.emplace_back(text.substr(0, comma));
      text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return list;
  }
  return std::string(text);
}

}  // namespace

base::Result<std::uint64_t> parse_bytes(std::string_view text) {
  if (const auto amount = parse_amount(text, kSizes)) return *amount;
  return error(Code::bad_request_data, "\"" + std::string(text) + "\" is no size; write 512, \"64 MiB\" or \"10 GiB\"");
}

base::Result<std::chrono::seconds> parse_duration(std::string_view text) {
  if (const auto amount = parse_amount(text, kTimes)) return std::chrono::seconds(*amount);
  return error(Code::bad_request_data,
               "\"" + std::string(text) + "\" is no duration; write \"10 s\", \"5 min\" or \"7 d\"");
}

std::string show_bytes(std::uint64_t bytes) {
  constexpr std::array<Unit, 4> kShown{{{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};
  return show_amount(bytes, kShown);
}

std::string show_duration(std::chrono::seconds duration) {
  constexpr std::array<Unit, 4> kShown{{{"d", 86'400}, {"h", 3'600}, {"min", 60}, {"s", 1}}};
  return duration.count() == 0 ? "0 s" : show_amount(static_cast<std::uint64_t>(duration.count()), kShown);
}

base::Status set(Settings& settings, const Key& key, const Value& value) {
  const std::string_view wanted = std::visit(Setter{settings, value}, key.place);
  if (wanted.empty()) return {};
  return error(Code::bad_request_data, std::string(key.name) + " wants " + std::string(wanted));
}

std::string show(const Settings& settings, const Key& key) {
  return std::visit(Printer{settings}, key.place);
}

base::Status set_from_text(Settings& settings, std::string_view assignment) {
  const auto sign = assignment.find('=');
  const Key* key = sign == std::string_view::npos ? nullptr : find_key(assignment.substr(0, sign));
  if (!key) {
    return error(Code::bad_request_data, "--set wants key=value with a key of `madang config`; \"" +
                                             std::string(assignment.substr(0, sign)) + "\" is none");
  }
  return set(settings, *key, read_loosely(*key, assignment.substr(sign + 1)));
}

}  // namespace madang::app
