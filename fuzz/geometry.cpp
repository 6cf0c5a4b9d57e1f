// Reads strangers' geometries in every way there is; what is accepted must print and read back as itself and answer
// questions.

#include "madang/geo/geometry.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace madang::geo;

void must(bool holds) {
  if (!holds) std::abort();
}

void use(const Geometry& geometry) {
  std::string text;
  append_geojson(text, geometry);
  const auto again = parse_geojson(text);
  must(again.ok());
  must(again->points == geometry.points && again->lines == geometry.lines && again->polygons == geometry.polygons);
  const Box bounds = geometry.bounds();
  const auto prepared = Prepared::make(geometry);
  if (!prepared.ok()) return;
  const auto ask = [&](Point p) {
    must((*prepared)->covers_point(p) && bounds.contains(p));
    must((*prepared)->distance_to(p) < 1);
  };
  for (const Point& p : geometry.points) ask(p);
  for (const Line& line : geometry.lines) ask(line.front());
  for (const Polygon& polygon : geometry.polygons) ask(polygon.front().front());
  (*prepared)->contains(geometry);
  (*prepared)->overlaps(geometry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Limits limits{.vertices = 200};
  Point fast;
  const bool compact = parse_point_fast(text, fast);
  const auto whole = parse_geojson(text, limits);
  must(!compact || (whole.ok() && whole->points[0] == fast));
  if (whole.ok()) use(*whole);
  for (const auto kind : {Geometry::Kind::point, Geometry::Kind::line, Geometry::Kind::multi_polygon}) {
    if (const auto part = parse_coordinates(kind_name(kind), text, limits); part.ok()) use(*part);
  }
  return 0;
}
