#pragma once
// Where is a point: inside, outside or on the border of a shape? Without GEOS, because this is asked most often.

#include "seam.h"

namespace madang::geo {

enum class Where : std::uint8_t { outside, border, inside };

/// A ray cast along the meridian from a point to the north pole, by the even-odd rule part by part. Edges come in the
/// order of their parts. On a map cut at its seam this is right on the whole cylinder: what lies over the point counts,
/// however far the rings go around.
class Ray {
 public:
  explicit Ray(Point from) : from_(from) {}

  void pass(std::uint32_t part, const Point& a, const Point& b) {
    if (part != part_) next_part(part);
    const bool eastward = a.lon < b.lon;
    const Point &west = eastward ? a : b, &east = eastward ? b : a;
    if (from_.lon < west.lon - kTouch || from_.lon > east.lon + kTouch) return;
    const double low = a.lat < b.lat ? a.lat : b.lat, high = a.lat < b.lat ? b.lat : a.lat;
    if (high < from_.lat - kTouch) return;
    const bool over = from_.lon >= west.lon && from_.lon < east.lon;
    if (low > from_.lat + kTouch) {
      odd_ ^= over;
      return;
    }
    const double width = east.lon - west.lon, rise = east.lat - west.lat;
    const double cross = width * (from_.lat - west.lat) - rise * (from_.lon - west.lon);
    const double length2 = width * width + rise * rise;
    if (cross * cross <= kTouch * kTouch * length2 || length2 == 0) on_edge_ = true;
    odd_ ^= over && cross < 0;
  }
  bool touched() const { return border_ || on_edge_; }
  Where where() const {
    if (inside_ || (odd_ && !on_edge_)) return Where::inside;
    return touched() ? Where::border : Where::outside;
  }

 private:
  void next_part(std::uint32_t part) {
    inside_ |= odd_ && !on_edge_;
    border_ |= on_edge_;
    odd_ = on_edge_ = false;
    part_ = part;
  }
  Point from_;
  std::uint32_t part_ = 0;
  bool odd_ = false, on_edge_ = false;    // of this part
  bool inside_ = false, border_ = false;  // of those before
};

/// What a shape has at the poles. An area that the whole side of the map bounds there holds the pole inside.
class Poles {
 public:
  void pass(const Point& a, const Point& b) {
    if (a.lat >= 90 || b.lat >= 90) north_.pass(a, b);
    if (a.lat <= -90 || b.lat <= -90) south_.pass(a, b);
  }
  Where at(double lat) const { return lat > 0 ? north_.where() : south_.where(); }

 private:
  struct Side {
    bool touched = false;
    double width = 0;  // of the edges along it
    void pass(const Point& a, const Point& b);
    Where where() const;
  };
  Side north_, south_;
};

/// A shape's edges in bands of longitude, so that a point meets few of them.
class EdgeIndex {
 public:
  explicit EdgeIndex(const Geometry& shape);

  /// For an area: by the even-odd rule. Otherwise `inside` on a line or at a point. Poles and both names of the
  /// antimeridian are taken care of.
  Where locate(Point p) const;
  /// Does the straight line from a to b (an edge cut at the seam) meet an edge? Only edges: it may lie wholly inside an
  /// area.
  bool meets(Point a, Point b) const;
  /// Crosses the border of an area itself more often than is worth untangling? Also true where finding out costs too
  /// much.
  bool tangled() const;

  const std::vector<Edge>& edges() const { return edges_; }
  /// One point of every line or ring and all on the seam or at the poles: where no edges meet, these tell inside from
  /// outside.
  const std::vector<Point>& witnesses() const { return witnesses_; }

 private:
  struct Entry {
    Edge edge;
    std::uint32_t part;
  };
  Where look(Point p) const;
  std::size_t band(double lon) const;
  void fill_bands(const std::vector<std::uint32_t>& parts);
  void note_witnesses(const Geometry& shape);

  bool area_ = false;
  Poles poles_;
  double west_ = 180, east_ = -180, south_lat_ = 90, north_lat_ = -90, per_degree_ = 0;
  std::size_t bands_ = 1;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> starts_;  // of each band in entries_
  std::vector<Entry> entries_;
  std::vector<Point> witnesses_;
};

/// The same answer as EdgeIndex::locate for a shape that is asked once.
Where locate(const Geometry& shape, Point p);
bool edges_meet(const Edge& one, const Edge& other);

}  // namespace madang::geo
