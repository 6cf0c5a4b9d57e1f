#include "http/parameters.h"

#include <algorithm>
#include <charconv>
#include <ranges>
#include <span>

#include "madang/base/time.h"
#include "madang/base/uri.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

bool encoded(std::string_view text) {
  return text.find_first_of("%+") != text.npos;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  return "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...\"" : "\"");
}

const ParamInfo* find_param(std::string_view name) {
  for (const ParamInfo& param : all_params()) {
    if (param.name == name) return &param;
  }
  return nullptr;
}

/// What a value of this kind must look like. Syntax of query languages is their parsers' matter.
base::Status check_kind(const ParamInfo& param, std::string_view value) {
  const std::string name(param.name);
  if (value.size() > param.bytes) {
    return error(Code::invalid_request,
                 "The value of \"" + name + "\" is longer than " + std::to_string(param.bytes) + " bytes.", name);
  }
  switch (param.kind) {
    case ParamKind::boolean:
      if (value == "true" || value == "false") return {};
      return error(Code::bad_request_data, "\"" + name + "\" is true or false, not " + quoted(value) + ".", name);
    case ParamKind::unsigned_:
    case ParamKind::positive: {
      const std::uint64_t least = param.kind == ParamKind::positive ? 1 : 0;
      std::uint64_t number = 0;
      const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (fault == std::errc() && end == value.data() + value.size() && number >= least) return {};
      return error(Code::bad_request_data,
                   "\"" + name + "\" is a whole number from " + std::to_string(least) + ", not " + quoted(value) + ".",
                   name);
    }
    case ParamKind::date_time:
      if (auto time = base::parse_date_time(value); !time) {
        return error(Code::bad_request_data, "\"" + name + "\": " + time.error().message, name);
      }
      return {};
    case ParamKind::duration:
      if (parse_duration(value)) return {};
      return error(Code::bad_request_data,
                   "\"" + name + "\" is a duration such as PT10M or P1D (ISO 8601), not " + quoted(value) + ".", name);
    case ParamKind::uri:
    case ParamKind::uris:
      if (each_item(value, [](std::string_view item) { return item == "@none" || base::is_absolute_uri(item); }))
        return {};
      return error(Code::bad_request_data, "\"" + name + "\" takes URIs; " + quoted(value) + " has something else.",
                   name);
    case ParamKind::text:
    case ParamKind::words:
      return {};
  }
  return {};
}

base::Status check_words(std::string_view name, std::string_view value, std::string_view allowed) {
  base::Status status;
  each_item(value, [&](std::string_view word) {
    if (contains_item(allowed, word)) return true;
    status = error(Code::invalid_request,
                   "\"" + std::string(name) + "\" does not take " + quoted(word) +
                       " here; it takes: " + std::string(allowed) + ".",
                   std::string(name));
    return false;
  });
  return status;
}

std::string names_of(const Operation& operation) {
  if (operation.op == Op::not_offered) return {};
  std::string names;
  for (Param param : operation.params) {
    if (!info(param).offered) continue;
    names += names.empty() ? " This operation takes: " : ", ";
    names += info(param).name;
  }
  return names.empty() ? names : names + ".";
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (!text.starts_with('P') || text.size() < 3) return std::nullopt;
  text.remove_prefix(1);
  struct Unit {
    char letter;
    std::int64_t seconds;
  };
  // Years and months as the calendar has them on average: a lifetime is a suggestion.
  constexpr Unit kDate[] = {{'Y', 31'556'952}, {'M', 2'629'746}, {'W', 604'800}, {'D', 86'400}};
  constexpr Unit kTime[] = {{'H', 3'600}, {'M', 60}, {'S', 1}};
  std::span<const Unit> units = kDate;
  double sum = 0;
  bool in_time = false;
  while (!text.empty()) {
    if (!in_time && text.front() == 'T') {
      in_time = true, units = kTime;
      text.remove_prefix(1);
      if (text.empty()) return std::nullopt;
    }
    double number = 0;
    const bool digit = text.front() >= '0' && text.front() <= '9';
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (!digit || fault != std::errc() || end == text.data() + text.size()) return std::nullopt;
    const auto unit = std::ranges::find(units, *end, &Unit::letter);
    if (unit == units.end()) return std::nullopt;
    sum += number * static_cast<double>(unit->seconds);
    units = units.subspan(static_cast<std::size_t>(unit - units.begin()) + 1);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  constexpr double kMost = 1e11;
  return std::chrono::seconds(static_cast<std::int64_t>(std::min(sum, kMost)));
}

bool contains_item(std::string_view list, std::string_view wanted) {
  return !wanted.empty() && !each_item(list, [&](std::string_view item) { return item != wanted; });
}

base::Status Parameters::parse(std::string_view query, const Operation& operation,
                               std::forward_list<std::string>& decoded) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto value = equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    MADANG_CHECK(add(pair.substr(0, equals), value, operation, decoded));
  }
  return {};
}

base::Status Parameters::add(std::string_view name, std::string_view value, const Operation& operation,
                             std::forward_list<std::string>& decoded) {
  for (std::string_view* part : {&name, &value}) {
    if (!encoded(*part)) continue;
    auto text = base::percent_decode(*part, true);
    if (!text) return error(Code::invalid_request, "The query of the target: " + text.error().message);
    decoded.push_front(std::move(*text));
    *part = decoded.front();
  }
  if (!base::is_valid_utf8(name) || !base::is_valid_utf8(value)) {
    return error(Code::invalid_request, "The query of the target is not UTF-8.");
  }
  const ParamInfo* param = find_param(name);
  const bool taken =
      param && std::find(operation.params.begin(), operation.params.end(), param->id) != operation.params.end();
  if (!taken && operation.takes_others) return add_other(name, value);
  if (!taken) {
    return error(Code::invalid_request, "There is no parameter " + quoted(name) + " here." + names_of(operation),
                 std::string(name.substr(0, 80)));
  }
  if (has(param->id)) {
    return error(Code::invalid_request, "The parameter \"" + std::string(name) + "\" is given more than once.",
                 std::string(name));
  }
  MADANG_CHECK(check_kind(*param, value));
  if (operation.op == Op::not_offered) return {};
  if (param->id == Param::options) MADANG_CHECK(check_words(name, value, operation.options));
  if (param->id == Param::format) MADANG_CHECK(check_words(name, value, operation.formats));
  set(param->id, value);
  return {};
}

base::Status Parameters::add_other(std::string_view name, std::string_view value) {
  constexpr std::size_t kLongest = 2'048;
  const auto same = [&](const auto& other) { return other.first == name; };
  if (std::find_if(others_.begin(), others_.end(), same) != others_.end()) {
    return error(Code::invalid_request, "The parameter " + quoted(name) + " is given more than once.",
                 std::string(name.substr(0, 80)));
  }
  if (others_.size() == kMostOthers || name.size() > kLongest || value.size() > kLongest) {
    return error(Code::invalid_request, "There are too many parameters, or this one is too long.",
                 std::string(name.substr(0, 80)));
  }
  others_.emplace_back(name, value);
  return {};
}

void Parameters::set(Param param, std::string_view value) {
  std::uint8_t& slot = slots_[static_cast<std::size_t>(param)];
  if (!slot) {
    assert(count_ < kMost);
    slot = ++count_;
  }
  values_[slot - 1u] = value;
}

std::optional<std::uint64_t> Parameters::number(Param param) const {
  if (!has(param)) return std::nullopt;
  const std::string_view text = (*this)[param];
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool Parameters::has_option(std::string_view option) const {
  return contains_item((*this)[Param::options], option);
}

}  // namespace madang::api
