// Boxes: what they hold, the box around a shape, and boxes grown by a distance.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "madang/geo/geometry.h"

#include "geodesic.h"
#include "seam.h"

namespace madang::geo {
namespace {

/// The meridians a path covers, from `west` eastwards over `width` degrees.
struct Reach {
  double west, east, width;
};

Reach reach_of(const Line& path, bool ring) {
  if (jumps(path)) {
    const CutPath pieces = cut(path, ring);
    return {pieces.west, pieces.east, pieces.width};
  }
  const auto [low, high] =
      std::minmax_element(path.begin(), path.end(), [](const Point& a, const Point& b) { return a.lon < b.lon; });
  return {low->lon, high->lon, high->lon - low->lon};
}

/// The shortest interval of the circle that holds all: what the widest gap between them leaves.
void tighten(std::vector<Reach>& reaches, Box& box) {
  std::sort(reaches.begin(), reaches.end(), [](const Reach& a, const Reach& b) { return a.west < b.west; });
  const auto far_end = [](const Reach& reach) { return reach.west + reach.width; };
  const auto last = std::max_element(reaches.begin(), reaches.end(),
                                     [&](const Reach& a, const Reach& b) { return far_end(a) < far_end(b); });
  double end = far_end(*last) - 360, east = last->east, gap = 0;  // covered so far, coming from the turn before
  box.west = -180;
  box.east = 180;
  for (const Reach& reach : reaches) {
    if (reach.west - end > gap) {
      gap = reach.west - end;
      box.west = reach.west;
      box.east = east;
    }
    if (far_end(reach) > end) end = far_end(reach), east = reach.east;
  }
}

}  // namespace

bool Box::contains(Point p) const {
  if (!(p.lat >= south && p.lat <= north)) return false;
  if (crosses_antimeridian()) return p.lon >= west || p.lon <= east;
  if (p.lon >= west && p.lon <= east) return true;
  return std::abs(p.lon) == 180 && (west <= -180 || east >= 180);
}

bool Box::intersects(const Box& other) const {
  if (!(other.south <= north && other.north >= south)) return false;
  if (!crosses_antimeridian() && !other.crosses_antimeridian() && other.west <= east && other.east >= west) return true;
  for (const Span& mine : spans(*this)) {
    for (const Span& theirs : spans(other)) {
      if (theirs.west <= mine.east && theirs.east >= mine.west) return true;
    }
  }
  return false;
}

Box Geometry::bounds() const {
  Box box{180, 90, -180, -90};
  visit_edges(*this, [&](std::uint32_t, Point a, Point b) {
    box.west = std::min({box.west, a.lon, b.lon});
    box.east = std::max({box.east, a.lon, b.lon});
    box.south = std::min({box.south, a.lat, b.lat});
    box.north = std::max({box.north, a.lat, b.lat});
  });
  if (box.north >= 90 || box.south <= -90) {
    box.west = -180;
    box.east = 180;
  } else if (box.west <= -180 && box.east >= 180) {
    std::vector<Reach> reaches;
    for (const Point& point : points) reaches.push_back({point.lon, point.lon, 0});
    for (const Line& line : lines) reaches.push_back(reach_of(line, false));
    for (const Polygon& polygon : polygons) {
      for (const Line& ring : polygon) reaches.push_back(reach_of(ring, true));
    }
    for (Reach& reach : reaches) {  // one name for the antimeridian where an interval begins
      if (reach.west >= 180) reach.west = -180;
    }
    tighten(reaches, box);
  }
  return box;
}

Box expand(const Box& box, double metres) {
  // A hundredth more than the sphere of the smallest radius of curvature asks for pays for the flattening.
  const double angle = std::max(metres, 0.0) / kSmallestRadius * 1.01 + 1e-11;
  Box out = box;
  out.south = std::max(-90.0, box.south - angle * kDegrees);
  out.north = std::min(90.0, box.north + angle * kDegrees);
  const double lat = std::max(std::abs(box.south), std::abs(box.north)) / kDegrees;
  const double ratio = std::sin(std::min(angle, std::numbers::pi / 2)) / std::cos(lat);
  const double width = box.crosses_antimeridian() ? box.east + 360 - box.west : box.east - box.west;
  const double wider = ratio < 1 ? std::asin(ratio) * kDegrees : 180;
  if (out.south <= -90 || out.north >= 90 || width + 2 * wider >= 360) {
    out.west = -180;
    out.east = 180;
    return out;
  }
  out.west -= wider;
  out.east += wider;
  if (out.west < -180) out.west += 360;
  if (out.east > 180) out.east -= 360;
  return out;
}

}  // namespace madang::geo
