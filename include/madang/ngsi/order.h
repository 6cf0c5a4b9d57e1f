#pragma once
// Entities in an order (clause 4.23): what they are ordered by, and the values of an entity that decide.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"
#include "madang/ngsi/query.h"

namespace madang::ngsi {

/// How texts follow one another: an ICU collation, named by a language tag (RFC 6067, clause 4.23.3). Safe from any
/// thread.
class Collator {
 public:
  /// bad_request_data for what is no tag, or names a collation that does not exist. "" and "und-x-icu" are ICU's root.
  static base::Result<std::shared_ptr<const Collator>> make(std::string_view tag);
  virtual ~Collator() = default;
  virtual int compare(std::string_view a, std::string_view b) const = 0;
};
using CollatorPtr = std::shared_ptr<const Collator>;

/// Clause 4.23.2: values of different sorts follow one another in this order. It is the same whichever way the values
/// of one sort go: what an entity does not have stands last.
enum class OrderSort : std::uint8_t {
  distance,
  number,
  text,
  object,
  array,
  truth,
  time_of_day,
  date,
  instant,
  null,
  absent
};

struct OrderTerm {
  enum class By : std::uint8_t { attribute, id, type, scope };
  enum class Direction : std::uint8_t { ascending, descending, nearest, farthest };
  By by = By::attribute;
  Direction direction = Direction::ascending;
  AttributePath path;  // also of the entity's own times, `createdAt`
  bool by_distance() const { return direction >= Direction::nearest; }
  bool is_descending() const { return direction == Direction::descending || direction == Direction::farthest; }
};

/// A whole `orderBy`. Entities that are equal in all terms follow one another by their ids.
struct Order {
  std::vector<OrderTerm> terms;
  CollatorPtr collator;
  std::shared_ptr<const geo::Prepared> from;  // what distances are measured from; null where none are
};

/// `order_by` as in `orderBy=name,age;desc`. The others may be empty: the root collation, a Point, no distances. Errors
/// name the parameter and the column.
base::Result<Order> parse_order(std::string_view order_by, std::string_view collation, std::string_view geometry,
                                std::string_view coordinates, Vocabulary& vocabulary, const QueryLimits& limits = {});

/// A value that decides. `text` is of what it was read from.
struct OrderValue {
  OrderSort sort = OrderSort::absent;
  double number = 0;       // distance, number, truth
  std::int64_t ticks = 0;  // ns, days
  std::string_view text;   // a text; of objects and arrays their JSON
};

/// The same, to be kept.
struct OrderKey {
  OrderSort sort = OrderSort::absent;
  double number = 0;
  std::int64_t ticks = 0;
  std::string text;
  OrderKey() = default;
  explicit OrderKey(const OrderValue& value)
      : sort(value.sort), number(value.number), ticks(value.ticks), text(value.text) {}
  OrderValue view() const { return {sort, number, ticks, text}; }
};

/// A distance as `OrderValue::number` holds it: metres, but where both shapes are points the haversine (clause 4.23.1),
/// which grows with the distance and needs no inverse sine.
double order_distance(const Order& order, geo::Point target);
/// At least as many metres as `number` stands for, by any way to measure them on the Earth.
double metres_at_most(const Order& order, double number);

/// Reads the values that decide. Not for several threads at once.
class OrderReader {
 public:
  OrderReader(const Order& order, const SymbolTable& symbols)
      : order_(order), symbols_(symbols), scratch_(order.terms.size()) {}
  /// The value for a term; attributes that `filter` hides are absent. It lives until the term's next one is read, and
  /// as long as the entity.
  OrderValue read(std::size_t term, EntityView entity, const Filter* filter);

 private:
  OrderValue of_attribute(const OrderTerm& term, EntityView entity, const Filter* filter, std::string& scratch) const;

  const Order& order_;
  const SymbolTable& symbols_;
  std::vector<std::string> scratch_;
};

/// Which of two values of a term comes first in the answer: <0, 0 or >0, the term's direction counted.
int compare(const Order& order, std::size_t term, const OrderValue& a, const OrderValue& b);

}  // namespace madang::ngsi
