// The ordering language (clause 4.23.3), from text to terms.

#include "madang/ngsi/order.h"

#include <array>

#include "query_text.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::Result;
using By = OrderTerm::By;
using Direction = OrderTerm::Direction;

constexpr std::size_t kMostTerms = 16;

struct DirectionName {
  std::string_view name;
  Direction direction;
};
constexpr std::array<DirectionName, 4> kDirections{{{"asc", Direction::ascending},
                                                    {"desc", Direction::descending},
                                                    {"dist-asc", Direction::nearest},
                                                    {"dist-desc", Direction::farthest}}};

By member_named(std::string_view name) {
  if (name == "id" || name == "@id") return By::id;
  if (name == "type" || name == "@type") return By::type;
  return name == "scope" ? By::scope : By::attribute;
}

/// A path is written as q writes it, where it stands alone for "has this".
Result<AttributePath> read_path(const Cursor& cursor, std::string_view text, std::size_t at, Vocabulary& vocabulary,
                                const QueryLimits& limits) {
  if (text.empty() || text.find_first_of("=<>!~|()\"{} ") != text.npos)
    return cursor.fail(Code::bad_request_data,
                       "expected an attribute's name or path, such as name, speed.observedAt "
                       "or address[city]",
                       at);
  auto expression = parse_q(text, vocabulary, limits);
  if (!expression) return cursor.placed(std::move(expression).error(), at);
  return std::move(expression->term.path);
}

Result<OrderTerm> read_term(Cursor& cursor, Vocabulary& vocabulary, const QueryLimits& limits) {
  OrderTerm term;
  const std::size_t begin = cursor.at();
  const auto name = cursor.take_until(";,");
  term.by = member_named(name);
  if (term.by == By::attribute) {
    MADANG_TRY(term.path, read_path(cursor, name, begin, vocabulary, limits));
  }
  if (!cursor.take(";")) return term;
  const std::size_t direction_at = cursor.at();
  const auto wanted = cursor.take_until(",");
  for (const auto& [text, direction] : kDirections) {
    if (wanted != text) continue;
    term.direction = direction;
    const bool has_place = term.by == By::attribute && !term.path.names.empty() &&
                           term.path.member == AttributePath::Member::value && term.path.keys.empty();
    if (term.by_distance() && !has_place)
      return cursor.fail(Code::bad_request_data, "only a GeoProperty has a distance", begin);
    return term;
  }
  return cursor.fail(Code::bad_request_data, "expected asc, desc, dist-asc or dist-desc", direction_at);
}

Result<std::shared_ptr<const geo::Prepared>> read_reference(std::string_view geometry, std::string_view coordinates,
                                                            const QueryLimits& limits) {
  auto shape = geo::parse_coordinates(geometry.empty() ? "Point" : geometry, coordinates,
                                      geo::Limits{.vertices = limits.vertices});
  if (!shape) {
    base::Error error = std::move(shape).error();
    error.where = "orderFrom" + error.where;
    return error;
  }
  return geo::Prepared::make(*std::move(shape));
}

}  // namespace

Result<Order> parse_order(std::string_view order_by, std::string_view collation, std::string_view geometry,
                          std::string_view coordinates, Vocabulary& vocabulary, const QueryLimits& limits) {
  Order order;
  Cursor cursor("orderBy", order_by);
  MADANG_CHECK(check_text(cursor, limits));
  bool by_distance = false;
  do {
    if (order.terms.size() == kMostTerms)
      return cursor.fail(Code::too_complex, "more than " + std::to_string(kMostTerms) + " terms", cursor.at());
    MADANG_TRY(OrderTerm term, read_term(cursor, vocabulary, limits));
    by_distance = by_distance || term.by_distance();
    order.terms.push_back(std::move(term));
  } while (cursor.take(","));
  MADANG_TRY(order.collator, Collator::make(collation));
  if (by_distance && coordinates.empty())
    return base::error(Code::bad_request_data, "An order by distance needs coordinates to measure from (4.23.3).",
                       "orderFrom");
  if (!by_distance && !(coordinates.empty() && geometry.empty()))
    return base::error(Code::bad_request_data, "Coordinates to measure from go with an order by distance.",
                       "orderFrom");
  if (by_distance) {
    MADANG_TRY(order.from, read_reference(geometry, coordinates, limits));
  }
  return order;
}

}  // namespace madang::ngsi
