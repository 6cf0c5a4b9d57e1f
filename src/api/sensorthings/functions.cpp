#include "sensorthings/functions.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace madang::api::sensorthings {
namespace {

using enum Function;
using ShapePtr = std::shared_ptr<const Shape>;

constexpr std::array<FunctionInfo, 41> kFunctions{{{substringof, "substringof", 2, 2},
                                                   {contains, "contains", 2, 2},
                                                   {startswith, "startswith", 2, 2},
                                                   {endswith, "endswith", 2, 2},
                                                   {length, "length", 1, 1},
                                                   {indexof, "indexof", 2, 2},
                                                   {substring, "substring", 2, 3},
                                                   {tolower, "tolower", 1, 1},
                                                   {toupper, "toupper", 1, 1},
                                                   {trim, "trim", 1, 1},
                                                   {concat, "concat", 2, 2},
                                                   {year, "year", 1, 1},
                                                   {month, "month", 1, 1},
                                                   {day, "day", 1, 1},
                                                   {hour, "hour", 1, 1},
                                                   {minute, "minute", 1, 1},
                                                   {second, "second", 1, 1},
                                                   {fractionalseconds, "fractionalseconds", 1, 1},
                                                   {date, "date", 1, 1},
                                                   {totaloffsetminutes, "totaloffsetminutes", 1, 1},
                                                   {now, "now", 0, 0},
                                                   {mindatetime, "mindatetime", 0, 0},
                                                   {maxdatetime, "maxdatetime", 0, 0},
                                                   {before, "before", 2, 2},
                                                   {after, "after", 2, 2},
                                                   {during, "during", 2, 2},
                                                   {meets, "meets", 2, 2},
                                                   {overlaps, "overlaps", 2, 2},
                                                   {starts, "starts", 2, 2},
                                                   {finishes, "finishes", 2, 2},
                                                   {Function::round, "round", 1, 1},
                                                   {Function::floor, "floor", 1, 1},
                                                   {ceiling, "ceiling", 1, 1},
                                                   {geo_distance, "geo.distance", 2, 2},
                                                   {geo_intersects, "geo.intersects", 2, 2},
                                                   {st_equals, "st_equals", 2, 2},
                                                   {st_disjoint, "st_disjoint", 2, 2},
                                                   {st_within, "st_within", 2, 2},
                                                   {st_overlaps, "st_overlaps", 2, 2},
                                                   {st_intersects, "st_intersects", 2, 2},
                                                   {st_contains, "st_contains", 2, 2}}};
constexpr std::array<std::string_view, 5> kMissing{"geo.length", "st_touches", "st_crosses", "st_relate", "time"};

constexpr std::int64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond;

std::string ascii(std::string text, char from, char to, int by) {
  for (char& c : text)
    if (c >= from && c <= to) c = static_cast<char>(c + by);
  return text;
}

/// Where the character (not byte) of this number begins.
std::size_t byte_of(std::string_view text, double number) {
  std::size_t at = 0;
  for (double left = number; left >= 1 && at < text.size(); --left) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}
double characters(std::string_view text) {
  return static_cast<double>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Value of_text(Function function, const std::string& text) {
  switch (function) {
    case length:
      return characters(text);
    case tolower:
      return ascii(text, 'A', 'Z', 'a' - 'A');
    case toupper:
      return ascii(text, 'a', 'z', 'A' - 'a');
    case trim: {
      const auto first = text.find_first_not_of(" \t\r\n");
      if (first == text.npos) return std::string();
      return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
    }
    default:
      return {};
  }
}

Value of_texts(Function function, const std::string& a, const std::string& b) {
  switch (function) {
    case substringof:
      return b.find(a) != b.npos;
    case contains:
      return a.find(b) != a.npos;
    case startswith:
      return a.starts_with(b);
    case endswith:
      return a.ends_with(b);
    case concat:
      return a + b;
    case indexof: {
      const auto found = a.find(b);
      return found == a.npos ? -1.0 : characters(std::string_view(a).substr(0, found));
    }
    default:
      return {};
  }
}

Value of_number(Function function, double number) {
  switch (function) {
    case Function::round:
      return std::round(number);
    case Function::floor:
      return std::floor(number);
    case ceiling:
      return std::ceil(number);
    default:
      return {};
  }
}

Value of_moment(Function function, base::Timestamp time) {
  const std::int64_t in_day = (time.ns % kDay + kDay) % kDay;
  const std::chrono::sys_days days{std::chrono::days((time.ns - in_day) / kDay)};
  const std::chrono::year_month_day calendar{days};
  switch (function) {
    case year:
      return static_cast<double>(static_cast<int>(calendar.year()));
    case month:
      return static_cast<double>(static_cast<unsigned>(calendar.month()));
    case day:
      return static_cast<double>(static_cast<unsigned>(calendar.day()));
    case hour:
      return static_cast<double>(in_day / (3'600 * kSecond));
    case minute:
      return static_cast<double>(in_day / (60 * kSecond) % 60);
    case second:
      return static_cast<double>(in_day / kSecond % 60);
    case fractionalseconds:
      return static_cast<double>(in_day % kSecond) / static_cast<double>(kSecond);
    case date:
      return Span{{time.ns - in_day}, {time.ns - in_day}};
    case totaloffsetminutes:
      return 0.0;
    default:
      return {};
  }
}

Value of_spans(Function function, const Span& a, const Span& b) {
  switch (function) {
    case before:
      return a.until < b.from;
    case after:
      return a.from > b.until;
    case during:
      return a.from >= b.from && a.until <= b.until;
    case meets:
      return a.until == b.from || a.from == b.until;
    case overlaps:
      return a.from <= b.until && a.until >= b.from;
    case starts:
      return a.from == b.from;
    case finishes:
      return a.until == b.until;
    default:
      return {};
  }
}

Value of_shapes(Function function, const Shape& a, const Shape& b) {
  // Relations are asked of the one that is prepared: nearly always the filter's own.
  if (!a.prepared && !b.prepared) {
    auto made = geo::Prepared::make(b.geometry);
    if (!made.ok()) return {};
    return of_shapes(function, a, Shape{b.geometry, *std::move(made)});
  }
  const bool first = a.prepared != nullptr;
  const geo::Prepared& one = first ? *a.prepared : *b.prepared;
  const geo::Geometry& other = first ? b.geometry : a.geometry;
  switch (function) {
    case geo_distance:
      return one.distance_to(other);
    case geo_intersects:
    case st_intersects:
      return one.intersects(other);
    case st_equals:
      return one.equals(other);
    case st_disjoint:
      return one.disjoint(other);
    case st_overlaps:
      return one.overlaps(other);
    case st_within:
      return first ? one.within(other) : one.contains(other);
    case st_contains:
      return first ? one.contains(other) : one.within(other);
    default:
      return {};
  }
}

/// The moment or interval that a value is, a text too.
std::optional<Span> span_of(const Value& value) {
  if (const auto* span = std::get_if<Span>(&value)) return *span;
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return std::nullopt;
  const auto time = base::parse_timestamp(*text);
  if (!time.ok()) return std::nullopt;
  return Span{*time, *time};
}

Value call_one(Function function, const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return of_number(function, *number);
  const bool of_time = function >= year && function <= totaloffsetminutes;
  if (of_time) {
    const auto span = span_of(value);
    return span ? of_moment(function, span->from) : Value();
  }
  if (const auto* text = std::get_if<std::string>(&value)) return of_text(function, *text);
  return {};
}

Value call_substring(std::span<const Value> arguments) {
  const auto* text = std::get_if<std::string>(&arguments[0]);
  const auto* from = std::get_if<double>(&arguments[1]);
  const auto* count = arguments.size() > 2 ? std::get_if<double>(&arguments[2]) : nullptr;
  if (!text || !from || *from < 0 || (arguments.size() > 2 && (!count || *count < 0))) return {};
  std::string out = text->substr(byte_of(*text, *from));
  if (count) out.resize(byte_of(out, *count));
  return out;
}

}  // namespace

const FunctionInfo* find_function(std::string_view name) {
  const auto found = std::ranges::find(kFunctions, name, &FunctionInfo::name);
  return found == kFunctions.end() ? nullptr : &*found;
}

bool is_missing_function(std::string_view name) {
  return std::ranges::find(kMissing, name) != kMissing.end();
}

Value call(Function function, std::span<const Value> arguments) {
  if (function == substring) return call_substring(arguments);
  if (function == mindatetime) return Span{{INT64_MIN}, {INT64_MIN}};
  if (function == maxdatetime) return Span{{INT64_MAX}, {INT64_MAX}};
  if (arguments.size() == 1) return call_one(function, arguments[0]);
  if (arguments.size() != 2) return {};
  if (function >= before && function <= finishes) {
    const auto a = span_of(arguments[0]), b = span_of(arguments[1]);
    return a && b ? of_spans(function, *a, *b) : Value();
  }
  const auto *a = std::get_if<ShapePtr>(&arguments[0]), *b = std::get_if<ShapePtr>(&arguments[1]);
  if (a && b) return of_shapes(function, **a, **b);
  const auto *x = std::get_if<std::string>(&arguments[0]), *y = std::get_if<std::string>(&arguments[1]);
  return x && y ? of_texts(function, *x, *y) : Value();
}

}  // namespace madang::api::sensorthings
