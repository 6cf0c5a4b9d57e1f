// The geo query language (clause 4.10), from its four parameters.

#include <algorithm>
#include <array>
#include <charconv>

#include "query_text.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::Result;
using base::Status;
using Relation = GeoQuery::Relation;

struct RelationName {
  std::string_view name;
  Relation relation;
};
constexpr std::array<RelationName, 7> kRelations{{{"near", Relation::near},
                                                  {"equals", Relation::equals},
                                                  {"disjoint", Relation::disjoint},
                                                  {"intersects", Relation::intersects},
                                                  {"contains", Relation::contains},
                                                  {"within", Relation::within},
                                                  {"overlaps", Relation::overlaps}}};

/// PositiveNumber: a JSON number without minus, and not zero.
Result<double> read_metres(Cursor& cursor) {
  const auto text = cursor.rest();
  double metres = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), metres);
  const bool starts_with_digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!starts_with_digit || problem != std::errc{} || end != text.data() + text.size() || !(metres > 0))
    return cursor.expected("a distance in metres greater than 0, and nothing after it");
  return metres;
}

Status read_relation(Cursor& cursor, GeoQuery& query) {
  const auto name = cursor.take_until(";");
  const auto* found = std::find_if(kRelations.begin(), kRelations.end(), [&](const auto& r) { return r.name == name; });
  if (found == kRelations.end())
    return cursor.fail(Code::bad_request_data,
                       "expected near, equals, disjoint, intersects, contains, within or overlaps", 0);
  query.relation = found->relation;
  if (query.relation != Relation::near) {
    if (cursor.done()) return {};
    return cursor.fail(Code::bad_request_data, "only near has a distance", cursor.at());
  }
  const bool has_maximum = cursor.take(";maxDistance==");
  if (!has_maximum && !cursor.take(";minDistance==")) return cursor.expected("';maxDistance==' or ';minDistance=='");
  MADANG_TRY(const double metres, read_metres(cursor));
  (has_maximum ? query.max_distance : query.min_distance) = metres;
  return {};
}

/// Outside of which box nothing can match?
std::optional<geo::Box> window_of(const GeoQuery& query) {
  if (query.relation == Relation::disjoint) return std::nullopt;
  const geo::Box& bounds = query.prepared->bounds();
  if (query.relation != Relation::near) return bounds;
  if (!query.max_distance) return std::nullopt;
  return geo::expand(bounds, *query.max_distance);
}

}  // namespace

base::Status set_geometry(GeoQuery& query, geo::Geometry geometry) {
  query.geometry = std::move(geometry);
  MADANG_TRY(query.prepared, geo::Prepared::make(query.geometry));
  query.window = window_of(query);
  return {};
}

Result<GeoQuery> parse_geo_query(std::string_view georel, std::string_view geometry, std::string_view coordinates,
                                 std::string_view geoproperty, Vocabulary& vocabulary, const QueryLimits& limits) {
  GeoQuery query;
  Cursor cursor("georel", georel);
  MADANG_CHECK(check_text(cursor, limits));
  MADANG_CHECK(read_relation(cursor, query));

  if (geometry.empty()) return base::error(Code::bad_request_data, "georel needs a geometry", "geometry");
  if (coordinates.empty()) return base::error(Code::bad_request_data, "georel needs coordinates", "coordinates");
  auto shape = geo::parse_coordinates(geometry, coordinates, geo::Limits{.vertices = limits.vertices});
  if (!shape) {
    base::Error error = std::move(shape).error();
    error.where = "coordinates" + error.where;
    return error;
  }
  MADANG_CHECK(set_geometry(query, *std::move(shape)));

  auto property = vocabulary.find(geoproperty.empty() ? "location" : geoproperty);
  if (!property) {
    base::Error error = std::move(property).error();
    error.where = "geoproperty";
    return error;
  }
  query.property = *property;
  return query;
}

}  // namespace madang::ngsi
