#include "mvt/cut.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace madang::formats::mvt {
namespace {

/// The share [from, to] of a segment that is inside (Liang and Barsky 1984); false: none.
bool inside_part(Unit a, Unit b, Frame frame, double& from, double& to) {
  from = 0, to = 1;
  const auto edge = [&](double step, double room) {
    if (step == 0) return room >= 0;
    const double at = room / step;
    if (step < 0)
      from = std::max(from, at);
    else
      to = std::min(to, at);
    return from <= to;
  };
  const double dx = b.x - a.x, dy = b.y - a.y;
  return edge(-dx, a.x - frame.low) && edge(dx, frame.high - a.x) && edge(-dy, a.y - frame.low) &&
         edge(dy, frame.high - a.y);
}

/// One side of the frame: keeps what is on the inner side.
template <class Inside, class Cross>
Path cut_side(const Path& ring, Inside&& inside, Cross&& cross) {
  Path out;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Unit here = ring[i], before = ring[(i + ring.size() - 1) % ring.size()];
    const bool in = inside(here), was = inside(before);
    if (in != was) out.push_back(cross(before, here));
    if (in) out.push_back(here);
  }
  return out;
}

double distance_squared(Unit p, Unit a, Unit b) {
  double x = a.x, y = a.y, dx = b.x - x, dy = b.y - y;
  if (dx != 0 || dy != 0) {
    const double t = std::clamp(((p.x - x) * dx + (p.y - y) * dy) / (dx * dx + dy * dy), 0.0, 1.0);
    x += dx * t, y += dy * t;
  }
  dx = p.x - x, dy = p.y - y;
  return dx * dx + dy * dy;
}

}  // namespace

void cut_line(const Path& line, Frame frame, std::vector<Path>& parts) {
  bool open = false;
  for (std::size_t i = 1; i < line.size(); ++i) {
    const Unit a = line[i - 1], b = line[i];
    double from = 0, to = 1;
    if (!inside_part(a, b, frame, from, to)) {
      open = false;
      continue;
    }
    const auto at = [&](double t) { return Unit{a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t}; };
    if (!open || from > 0) parts.push_back({at(from)});
    parts.back().push_back(at(to));
    open = to >= 1;
  }
}

Path cut_ring(const Path& ring, Frame frame) {
  if (std::all_of(ring.begin(), ring.end(), [&](Unit p) { return frame.holds(p); })) return ring;
  const auto at_x = [](double x) {
    return [x](Unit a, Unit b) { return Unit{x, a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)}; };
  };
  const auto at_y = [](double y) {
    return [y](Unit a, Unit b) { return Unit{a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y), y}; };
  };
  Path out = cut_side(
      ring, [&](Unit p) { return p.x >= frame.low; }, at_x(frame.low));
  out = cut_side(
      out, [&](Unit p) { return p.x <= frame.high; }, at_x(frame.high));
  out = cut_side(
      out, [&](Unit p) { return p.y >= frame.low; }, at_y(frame.low));
  return cut_side(
      out, [&](Unit p) { return p.y <= frame.high; }, at_y(frame.high));
}

Path thinned(const Path& line, double tolerance) {
  if (line.size() < 3 || tolerance <= 0) return line;
  std::vector<bool> kept(line.size());
  kept.front() = kept.back() = true;
  std::vector<std::pair<std::size_t, std::size_t>> open{{0, line.size() - 1}};
  while (!open.empty()) {
    const auto [first, last] = open.back();
    open.pop_back();
    double farthest = tolerance * tolerance;
    std::size_t at = 0;
    for (std::size_t i = first + 1; i < last; ++i) {
      const double off = distance_squared(line[i], line[first], line[last]);
      if (off > farthest) farthest = off, at = i;
    }
    if (at == 0) continue;
    kept[at] = true;
    open.emplace_back(first, at), open.emplace_back(at, last);
  }
  Path out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (kept[i]) out.push_back(line[i]);
  }
  return out;
}

Cell on_grid(Unit at) {
  return {static_cast<std::int32_t>(std::lround(at.x)), static_cast<std::int32_t>(std::lround(at.y))};
}

CellPath on_grid(const Path& line) {
  CellPath out;
  for (const Unit p : line) {
    const Cell cell = on_grid(p);
    if (out.empty() || !(out.back() == cell)) out.push_back(cell);
  }
  return out;
}

std::int64_t twice_area(const CellPath& ring) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Cell a = ring[i], b = ring[(i + 1) % ring.size()];
    sum += static_cast<std::int64_t>(a.x) * b.y - static_cast<std::int64_t>(b.x) * a.y;
  }
  return sum;
}

}  // namespace madang::formats::mvt
