#pragma once
// How far is a shape from a point? A tree of boxes in space over the shape's edges.

#include <limits>

#include "geodesic.h"
#include "seam.h"

namespace madang::geo {

/// The point of an edge (straight on the map, so a curve in space) that is nearest to `from`, which is `at` in space.
Point nearest_on_edge(const Edge& edge, Point from, const Vec& at);

class NearTree {
 public:
  explicit NearTree(const std::vector<Edge>& edges);
  /// Metres to the nearest edge, or anything above `enough` if none is as near as that.
  double distance(Point p, double enough = std::numeric_limits<double>::infinity()) const;

 private:
  struct Node {
    Vec low, high;
    // The edges of a leaf. For others count is 0 and `first` the right child; the left one follows its parent.
    std::uint32_t first = 0, count = 0;
  };
  struct Piece {
    Edge edge;
    Vec low, high;  // the box around it
  };
  std::uint32_t build(std::vector<Piece>& pieces, std::size_t from, std::size_t to);
  std::vector<Edge> edges_;
  std::vector<Node> nodes_;
};

}  // namespace madang::geo
