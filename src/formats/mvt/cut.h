#pragma once
// Shapes in the units of a tile: cut at its edge, thinned, rounded.

#include <cstdint>
#include <vector>

namespace madang::formats::mvt {

struct Unit {
  double x = 0, y = 0;
};
using Path = std::vector<Unit>;

struct Cell {
  std::int32_t x = 0, y = 0;
  bool operator==(const Cell&) const = default;
};
using CellPath = std::vector<Cell>;

/// The square from -margin to extent + margin in both directions.
struct Frame {
  double low = 0, high = 0;
  bool holds(Unit p) const { return p.x >= low && p.x <= high && p.y >= low && p.y <= high; }
};

/// The parts of a line inside, in order.
void cut_line(const Path& line, Frame frame, std::vector<Path>& parts);
/// A closed ring's part inside, closed again along the edge (Sutherland and Hodgman 1974); empty: there is none.
Path cut_ring(const Path& ring, Frame frame);
/// Without the points that are less than `tolerance` off (Douglas and Peucker 1973). The ends stay.
Path thinned(const Path& line, double tolerance);
/// On the grid, without repetitions.
Cell on_grid(Unit at);
CellPath on_grid(const Path& line);
/// Twice the signed area of a ring: positive where it turns clockwise on the screen (y goes down).
std::int64_t twice_area(const CellPath& ring);

}  // namespace madang::formats::mvt
