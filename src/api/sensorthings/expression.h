#pragma once
// $filter and $orderby (OGC 18-088, 9.3.3.5): expressions over the properties of a row and of what it leads to.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"

#include "sensorthings/model.h"
#include "sensorthings/row.h"

namespace madang::api::sensorthings {

/// From one moment to another; of a single moment both are it.
struct Span {
  base::Timestamp from, until;
};
struct Shape {
  geo::Geometry geometry;
  std::shared_ptr<const geo::Prepared> prepared;  // of one in the filter
};
using Value = std::variant<std::monostate, bool, double, std::string, Span, std::chrono::nanoseconds,
                           std::shared_ptr<const Shape>>;

/// A property, reached from the set that the filter is about.
struct Path {
  Set set;
  Property property;
  std::vector<std::string> below;               // within it: keys of objects, numbers of array's items
  ngsi::Symbol attribute = ngsi::Symbol::none;  // `properties/attribute`
  bool any_stream = false;                      // it leads through the datastreams of a thing: any of them may be meant
};

enum class Function : std::uint8_t;

struct Expression {
  enum class Node : std::uint8_t {
    literal,
    path,
    call,
    negation,
    all,
    any,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    add,
    subtract,
    multiply,
    divide,
    modulo
  };
  Node node = Node::literal;
  Function function{};
  Value literal;
  Path path{};
  std::vector<Expression> parts;
};

struct ExpressionLimits {
  std::size_t terms = 200;
  std::size_t depth = 32;
  std::size_t vertices = 10'000;
};

/// As in SQL: what asks about a property that is not there is unknown, and so is its negation.
enum class Truth : std::uint8_t { no, yes, unknown };

/// A condition. bad_request_data with the column from 1 as "$filter:<column>"; not_supported for what the standard has
/// and is not offered; too_complex.
base::Result<Expression> read_filter(std::string_view text, Set set, Names& names, base::Timestamp now,
                                     const ExpressionLimits& limits = {});
/// The expressions of an order, each with whether it falls.
struct OrderTerm {
  Expression by;
  bool descending = false;
};
base::Result<std::vector<OrderTerm>> read_order(std::string_view text, Set set, Names& names, base::Timestamp now,
                                                const ExpressionLimits& limits = {});

Value evaluate(const Expression& expression, const Row& row, const Names& names);
Truth truth_of(const Expression& expression, const Row& row, const Names& names);
inline bool holds(const Expression& expression, const Row& row, const Names& names) {
  return truth_of(expression, row, names) == Truth::yes;
}
/// Of two values that are ordered by: <0, 0, >0. Nothing comes first, then what is of another sort by its sort.
int compare_order(const Value& a, const Value& b);

/// Whether a property of this set is looked at.
bool looks_at(const Expression& expression, Set set);
/// The parts that must all hold: itself, or those of an `and`.
void each_conjunct(const Expression& expression, const std::function<void(const Expression&)>& see);

/// What must hold of the time of an observation, as far as conjuncts compare it with a fixed one: an interval that
/// holds every row that meets the expression.
struct TimeBounds {
  std::optional<base::Timestamp> from;   // inclusive
  std::optional<base::Timestamp> until;  // exclusive
};
TimeBounds bounds_of(const Expression& expression);
/// It says no more than these bounds do: what lies within meets it.
bool is_bounds_only(const Expression& expression);

/// The value of a JSON text. A string that is a moment is that only where it is compared with one.
Value value_of_json(std::string_view json);

}  // namespace madang::api::sensorthings
