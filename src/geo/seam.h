#pragma once
// The map has a seam, the antimeridian, and two ends, the poles. Here shapes are cut along the seam into edges that are
// straight lines inside [-180, 180] x [-90, 90], so that nobody else has to think of it.

#include <span>
#include <vector>

#include "madang/geo/geometry.h"

namespace madang::geo {

inline constexpr double kTouch = 1e-11;  // degrees, about a micrometre: nearer than this is on it

struct Edge {
  Point a, b;
};

/// A line or ring cut at the antimeridian. A ring that goes around a pole gets an edge along that pole (the whole upper
/// or lower side of the map), which closes it there.
struct CutPath {
  std::vector<Edge> edges;
  double west = 0, east = 0;  // longitudes of the westernmost and easternmost vertex, followed along the path
  double width = 0;           // between them, the way the path goes; may exceed 360
};

/// Has the path a step of more than 180 degrees? Almost none has: these need no cutting.
bool jumps(const Line& path);
CutPath cut(const Line& path, bool ring);

/// Calls visit(part, a, b) for every edge of the shape; a lone point is an edge of no length. Parts are the polygons,
/// lines and points of the shape, in their order.
template <class Visit>
void visit_edges(const Geometry& shape, Visit&& visit) {
  const auto walk = [&](std::uint32_t part, const Line& path, bool ring) {
    if (!jumps(path)) {
      for (std::size_t i = 1; i < path.size(); ++i) visit(part, path[i - 1], path[i]);
      return;
    }
    const CutPath pieces = cut(path, ring);
    for (const Edge& edge : pieces.edges) visit(part, edge.a, edge.b);
  };
  std::uint32_t part = 0;
  for (const Point& point : shape.points) visit(part++, point, point);
  for (const Line& line : shape.lines) walk(part++, line, false);
  for (const Polygon& polygon : shape.polygons) {
    for (const Line& ring : polygon) walk(part, ring, true);
    ++part;
  }
}

inline bool is_area(const Geometry& shape) {
  return !shape.polygons.empty();
}
inline bool is_points(const Geometry& shape) {
  return !shape.points.empty();
}

/// The meridian intervals of a box: one or two, and the other name of the antimeridian where the box touches one name
/// of it.
struct Span {
  double west, east;
};
struct Spans {
  Span items[3];
  std::size_t count = 0;
  const Span* begin() const { return items; }
  const Span* end() const { return items + count; }
};
Spans spans(const Box& box);

}  // namespace madang::geo
