#include "seam.h"

#include <algorithm>
#include <cmath>

namespace madang::geo {
namespace {

/// How many whole turns each vertex lies east of the first one's reading of longitude.
struct Course {
  std::vector<int> turns;
  std::size_t westmost = 0, eastmost = 0;
  double width = 0;
};

/// Steps from 180 to -180 are either nothing (the same meridian) or the whole way around: `full` says which reading.
Course follow(const Line& path, bool full) {
  Course course;
  course.turns.resize(path.size());
  int turn = 0;
  double west = path[0].lon, east = path[0].lon;
  for (std::size_t i = 1; i < path.size(); ++i) {
    const double step = path[i].lon - path[i - 1].lon;
    if (std::abs(step) > 180 && !(full && std::abs(step) == 360)) turn += step > 0 ? -1 : 1;
    course.turns[i] = turn;
    const double lon = path[i].lon + 360.0 * turn;
    if (lon < west) west = lon, course.westmost = i;
    if (lon > east) east = lon, course.eastmost = i;
  }
  course.width = east - west;
  return course;
}

/// A split shape repeats the antimeridian's vertices (180, then -180), a map frame runs along a parallel from -180 to
/// 180. The first reading is taken where it gives a closed shape that has a width, else the second if it closes.
Course choose(const Line& path, bool ring) {
  Course course = follow(path, false);
  const bool closed = !ring || course.turns.back() == 0;
  if (closed && course.width > 0) return course;
  Course framed = follow(path, true);
  if (framed.width > 0 && (!ring || framed.turns.back() == 0)) return framed;
  return course;
}

void cut_step(const Point& a, const Point& b, int turn, std::vector<Edge>& out) {
  if (turn == 0) {
    out.push_back({a, b});
    return;
  }
  // The crossing is computed from west to east, so that both directions give the same vertex.
  const Point& west = turn > 0 ? a : b;
  const Point& east = turn > 0 ? b : a;
  const double before = 180 - west.lon, after = east.lon + 180;
  if (before + after <= 0) {  // along the antimeridian
    out.push_back({{180, a.lat}, {180, b.lat}});
    return;
  }
  const double lat = west.lat + before / (before + after) * (east.lat - west.lat);
  const double side = turn > 0 ? 180 : -180;
  if (a.lon != side) out.push_back({a, {side, lat}});
  if (b.lon != -side) out.push_back({{-side, lat}, b});
}

}  // namespace

bool jumps(const Line& path) {
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (std::abs(path[i].lon - path[i - 1].lon) > 180) return true;
  }
  return false;
}

CutPath cut(const Line& path, bool ring) {
  const Course course = choose(path, ring);
  CutPath out;
  out.edges.reserve(path.size() + 2);
  for (std::size_t i = 1; i < path.size(); ++i) {
    cut_step(path[i - 1], path[i], course.turns[i] - course.turns[i - 1], out.edges);
  }
  out.west = path[course.westmost].lon;
  out.east = path[course.eastmost].lon;
  out.width = course.width;
  if (ring && course.turns.back() % 2 != 0) {
    double sum = 0;
    for (const Point& point : path) sum += point.lat;
    const double pole = sum >= 0 ? 90 : -90;
    out.edges.push_back({{-180, pole}, {180, pole}});
  }
  return out;
}

Spans spans(const Box& box) {
  Spans out;
  if (box.crosses_antimeridian()) {
    out.items[out.count++] = {box.west, 180};
    out.items[out.count++] = {-180, box.east};
    return out;
  }
  out.items[out.count++] = {box.west, box.east};
  const bool at_west = box.west <= -180, at_east = box.east >= 180;
  if (at_west && !at_east) out.items[out.count++] = {180, 180};
  if (at_east && !at_west) out.items[out.count++] = {-180, -180};
  return out;
}

}  // namespace madang::geo
