#include "sensorthings/expression.h"

#include <charconv>
#include <cmath>
#include <functional>

#include "madang/base/json.h"
#include "madang/ngsi/query.h"

#include "sensorthings/functions.h"

namespace madang::api::sensorthings {
namespace {

using Node = Expression::Node;
using ShapePtr = std::shared_ptr<const Shape>;

bool compares(Node node) {
  return node >= Node::equal && node <= Node::greater_equal;
}

std::optional<double> number_of(std::string_view json) {
  double number = 0;
  const auto [end, fault] = std::from_chars(json.data(), json.data() + json.size(), number);
  if (fault != std::errc() || end != json.data() + json.size()) return std::nullopt;
  return number;
}

// ---- properties ----

/// The value of a member of an object, or of an item of an array, of compact JSON; empty where there is none.
std::string_view step_into(std::string_view json, const std::string& key) {
  if (json.empty() || (json.front() != '{' && json.front() != '[')) return {};
  const bool array = json.front() == '[';
  std::string quoted;
  base::json::append_string(quoted, key);
  const std::string wanted = quoted + ":";
  std::size_t at = 1, item = 0;
  while (at + 1 < json.size()) {
    // One member or item: up to the comma or the end at this depth.
    std::size_t depth = 0, end = at;
    bool in_text = false;
    for (; end < json.size(); ++end) {
      const char c = json[end];
      if (in_text) {
        if (c == '\\') ++end;
        if (c == '"') in_text = false;
        continue;
      }
      if (c == '"') in_text = true;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && depth-- == 0) break;
      if (c == ',' && depth == 0) break;
    }
    const std::string_view part = json.substr(at, end - at);
    if (array && std::to_string(item) == key) return part;
    if (!array && part.starts_with(wanted)) return part.substr(wanted.size());
    at = end + 1, ++item;
  }
  return {};
}

Value shape_of(std::string_view json) {
  auto shape = std::make_shared<Shape>();
  geo::Point point;
  if (geo::parse_point_fast(json, point)) {
    shape->geometry.points = {point};
    return ShapePtr(std::move(shape));
  }
  auto read = geo::parse_geojson(json);
  if (!read.ok()) return {};
  shape->geometry = *std::move(read);
  return ShapePtr(std::move(shape));
}

Value value_of_path(const Path& path, const Row& observed, const Names& names) {
  Row row = observed;
  const bool place = path.set == Set::locations || path.set == Set::features_of_interest;
  if (place && row.stream != Row::kNone) row.point = nullptr;  // it is of the datastream
  // Which of its datastreams is meant, only a condition can try.
  const bool of_stream = path.set == Set::datastreams || path.set == Set::observed_properties;
  if (of_stream && row.stream == Row::kNone && row.attribute == ngsi::Symbol::none) return {};
  const bool of_point = path.set == Set::observations || path.set == Set::historical_locations;
  if (of_point && row.point == nullptr) return {};
  std::string json;
  if (path.attribute != ngsi::Symbol::none) {
    if (!append_attribute(json, row, path.attribute, names)) return {};
  } else if (!append_property(json, path.set, path.property, row, names)) {
    return {};
  }
  const std::size_t looked = row.entity ? row.entity.attribute_count() * 8u : 0;
  if (!names.effort.spend(looked + json.size() * (1 + path.below.size()))) return {};
  std::string_view value = json;
  for (const std::string& key : path.below) value = step_into(value, key);
  if (path.below.empty() && (path.property == Property::location || path.property == Property::feature))
    return shape_of(value);
  if (path.property == Property::time || path.property == Property::phenomenon_time ||
      path.property == Property::result_time) {
    if (row.point) return Span{row.point->time, row.point->time};
    return {};
  }
  return value_of_json(value);
}

// ---- comparing ----

/// Texts that are moments, where the other side is one.
void agree(Value& a, Value& b) {
  const auto convert = [](Value& text, const Value& other) {
    if (!std::holds_alternative<Span>(other)) return;
    const auto* given = std::get_if<std::string>(&text);
    const auto time = given ? base::parse_timestamp(*given) : base::Result<base::Timestamp>(base::Error{});
    if (time.ok()) text = Span{*time, *time};
  };
  convert(a, b);
  convert(b, a);
}

template <class T>
Truth compare_plain(Node node, const T& a, const T& b) {
  const auto say = [](bool is) { return is ? Truth::yes : Truth::no; };
  switch (node) {
    case Node::equal:
      return say(a == b);
    case Node::unequal:
      return say(!(a == b));
    case Node::less:
      return say(a < b);
    case Node::less_equal:
      return say(!(b < a));
    case Node::greater:
      return say(b < a);
    default:
      return say(!(a < b));
  }
}

/// An interval is before another where all of it is.
Truth compare_spans(Node node, const Span& a, const Span& b) {
  const auto say = [](bool is) { return is ? Truth::yes : Truth::no; };
  switch (node) {
    case Node::equal:
      return say(a.from == b.from && a.until == b.until);
    case Node::unequal:
      return say(a.from != b.from || a.until != b.until);
    case Node::less:
      return say(a.until < b.from);
    case Node::less_equal:
      return say(a.until <= b.until);
    case Node::greater:
      return say(a.from > b.until);
    default:
      return say(a.from >= b.from);
  }
}

Truth compare(Node node, Value a, Value b) {
  agree(a, b);
  if (const auto* x = std::get_if<double>(&a), *y = std::get_if<double>(&b); x && y) return compare_plain(node, *x, *y);
  if (const auto* x = std::get_if<std::string>(&a), *y = std::get_if<std::string>(&b); x && y)
    return compare_plain(node, *x, *y);
  if (const auto* x = std::get_if<bool>(&a), *y = std::get_if<bool>(&b); x && y) return compare_plain(node, *x, *y);
  if (const auto* x = std::get_if<Span>(&a), *y = std::get_if<Span>(&b); x && y) return compare_spans(node, *x, *y);
  using std::chrono::nanoseconds;
  if (const auto* x = std::get_if<nanoseconds>(&a), *y = std::get_if<nanoseconds>(&b); x && y)
    return compare_plain(node, *x, *y);
  // Of two sorts: surely not equal, and no more can be said.
  const bool both = !std::holds_alternative<std::monostate>(a) && !std::holds_alternative<std::monostate>(b);
  return both && node == Node::equal ? Truth::no : both && node == Node::unequal ? Truth::yes : Truth::unknown;
}

bool is_null(const Expression& expression) {
  return expression.node == Node::literal && std::holds_alternative<std::monostate>(expression.literal);
}

Truth truth_of_leaf(const Expression& expression, const Row& row, const Names& names) {
  if (!compares(expression.node)) {
    const Value value = evaluate(expression, row, names);
    const auto* is = std::get_if<bool>(&value);
    return !is ? Truth::unknown : *is ? Truth::yes : Truth::no;
  }
  Value a = evaluate(expression.parts[0], row, names), b = evaluate(expression.parts[1], row, names);
  if (is_null(expression.parts[0]) || is_null(expression.parts[1])) {
    const bool both = std::holds_alternative<std::monostate>(a) && std::holds_alternative<std::monostate>(b);
    if (expression.node != Node::equal && expression.node != Node::unequal) return Truth::unknown;
    return both == (expression.node == Node::equal) ? Truth::yes : Truth::no;
  }
  return compare(expression.node, std::move(a), std::move(b));
}

bool any_stream(const Expression& expression) {
  if (expression.node == Node::path) return expression.path.any_stream;
  for (const Expression& part : expression.parts)
    if (any_stream(part)) return true;
  return false;
}

// ---- arithmetic ----

Value shifted(const Span& span, std::chrono::nanoseconds by) {
  const auto add = [&](base::Timestamp time, base::Timestamp& out) {
    return !__builtin_add_overflow(time.ns, by.count(), &out.ns);
  };
  Span out;
  return add(span.from, out.from) && add(span.until, out.until) ? Value(out) : Value();
}

Value calculate(Node node, const Value& a, const Value& b) {
  using std::chrono::nanoseconds;
  const auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x && y) {
    switch (node) {
      case Node::add:
        return *x + *y;
      case Node::subtract:
        return *x - *y;
      case Node::multiply:
        return *x * *y;
      case Node::divide:
        return *y == 0 ? Value() : Value(*x / *y);
      default:
        return *y == 0 ? Value() : Value(std::fmod(*x, *y));
    }
  }
  if (node != Node::add && node != Node::subtract) return {};
  if (const auto* by = std::get_if<nanoseconds>(&b); by && std::holds_alternative<Span>(a)) {
    if (node == Node::subtract && by->count() == INT64_MIN) return {};
    return shifted(std::get<Span>(a), node == Node::add ? *by : -*by);
  }
  const auto *t = std::get_if<Span>(&a), *u = std::get_if<Span>(&b);
  std::int64_t between = 0;
  if (t && u && node == Node::subtract && !__builtin_sub_overflow(t->from.ns, u->from.ns, &between))
    return nanoseconds(between);
  return {};
}

}  // namespace

Value value_of_json(std::string_view json) {
  if (json.empty() || json == "null") return {};
  if (json == "true" || json == "false") return json == "true";
  if (json.front() == '"') {
    std::string scratch;
    return std::string(base::json::unescape(json.substr(1, json.size() - 2), scratch));
  }
  if (const auto number = number_of(json)) return *number;
  return std::string(json);
}

Value evaluate(const Expression& expression, const Row& row, const Names& names) {
  switch (expression.node) {
    case Node::literal:
      return expression.literal;
    case Node::path:
      return value_of_path(expression.path, row, names);
    case Node::call: {
      std::vector<Value> arguments;
      for (const Expression& part : expression.parts) arguments.push_back(evaluate(part, row, names));
      return call(expression.function, arguments);
    }
    case Node::add:
    case Node::subtract:
    case Node::multiply:
    case Node::divide:
    case Node::modulo:
      return calculate(expression.node, evaluate(expression.parts[0], row, names),
                       evaluate(expression.parts[1], row, names));
    default: {
      const Truth truth = truth_of(expression, row, names);
      return truth == Truth::unknown ? Value() : Value(truth == Truth::yes);
    }
  }
}

Truth truth_of(const Expression& expression, const Row& row, const Names& names) {
  if (names.effort.exceeded()) return Truth::unknown;
  if (expression.node == Node::negation) {
    const Truth part = truth_of(expression.parts.front(), row, names);
    return part == Truth::unknown ? part : part == Truth::yes ? Truth::no : Truth::yes;
  }
  if (expression.node == Node::all || expression.node == Node::any) {
    const Truth decides = expression.node == Node::all ? Truth::no : Truth::yes;
    Truth out = expression.node == Node::all ? Truth::yes : Truth::no;
    for (const Expression& part : expression.parts) {
      const Truth one = truth_of(part, row, names);
      if (one == decides) return one;
      if (one == Truth::unknown) out = one;
    }
    return out;
  }
  if (!row.entity || !any_stream(expression)) return truth_of_leaf(expression, row, names);
  Truth out = Truth::unknown;
  each_stream(row.entity, row.filter, names, [&](std::size_t stream) {
    if (out == Truth::yes || names.effort.exceeded()) return;
    Row one = row;
    one.stream = stream;
    const Truth truth = truth_of_leaf(expression, one, names);
    if (truth != Truth::unknown) out = truth;
  });
  return out;
}

int compare_order(const Value& a, const Value& b) {
  if (a.index() != b.index()) return a.index() < b.index() ? -1 : 1;
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (const auto* x = std::get_if<bool>(&a)) return order(*x, std::get<bool>(b));
  if (const auto* x = std::get_if<double>(&a)) return order(*x, std::get<double>(b));
  if (const auto* x = std::get_if<std::string>(&a)) return order(*x, std::get<std::string>(b));
  if (const auto* x = std::get_if<Span>(&a)) return order(x->from, std::get<Span>(b).from);
  if (const auto* x = std::get_if<std::chrono::nanoseconds>(&a))
    return order(*x, std::get<std::chrono::nanoseconds>(b));
  return 0;
}

bool looks_at(const Expression& expression, Set set) {
  if (expression.node == Node::path) return expression.path.set == set;
  for (const Expression& part : expression.parts)
    if (looks_at(part, set)) return true;
  return false;
}

void each_conjunct(const Expression& expression, const std::function<void(const Expression&)>& see) {
  if (expression.node != Node::all) return see(expression);
  for (const Expression& part : expression.parts) each_conjunct(part, see);
}

namespace {

bool is_time(const Expression& expression) {
  return expression.node == Node::path &&
         (expression.path.property == Property::phenomenon_time || expression.path.property == Property::result_time ||
          expression.path.property == Property::time);
}

/// The bounds of one comparison of the time with a moment; nothing where it is anything else.
std::optional<TimeBounds> bounds_of_term(const Expression& term) {
  if (!compares(term.node) || term.node == Node::unequal) return std::nullopt;
  const bool turned = is_time(term.parts[1]);
  if (!turned && !is_time(term.parts[0])) return std::nullopt;
  const Expression& other = term.parts[turned ? 0 : 1];
  const auto* span = other.node == Node::literal ? std::get_if<Span>(&other.literal) : nullptr;
  if (!span || span->from != span->until || span->from.ns == INT64_MAX || span->from.ns == INT64_MIN)
    return std::nullopt;
  const base::Timestamp at = span->from, behind{at.ns + 1};
  switch (term.node) {
    case Node::equal:
      return TimeBounds{at, behind};
    case Node::less:
      return turned ? TimeBounds{behind, {}} : TimeBounds{{}, at};
    case Node::less_equal:
      return turned ? TimeBounds{at, {}} : TimeBounds{{}, behind};
    case Node::greater:
      return turned ? TimeBounds{{}, at} : TimeBounds{behind, {}};
    default:
      return turned ? TimeBounds{{}, behind} : TimeBounds{at, {}};
  }
}

}  // namespace

TimeBounds bounds_of(const Expression& expression) {
  TimeBounds out;
  each_conjunct(expression, [&](const Expression& term) {
    const auto bounds = bounds_of_term(term);
    if (!bounds) return;
    if (bounds->from) out.from = std::max(out.from.value_or(*bounds->from), *bounds->from);
    if (bounds->until) out.until = std::min(out.until.value_or(*bounds->until), *bounds->until);
  });
  return out;
}

bool is_bounds_only(const Expression& expression) {
  bool only = true;
  each_conjunct(expression, [&](const Expression& term) { only = only && bounds_of_term(term).has_value(); });
  return only;
}

}  // namespace madang::api::sensorthings
