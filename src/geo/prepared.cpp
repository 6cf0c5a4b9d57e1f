// Relations between shapes. Points and the question whether two shapes meet are answered from the edges themselves;
// GEOS is asked only whether lines and areas contain, overlap or equal one another, after cheap reasons to say no have
// failed.

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "edges.h"
#include "near_tree.h"
#include "planar.h"

namespace madang::geo {
namespace {

using base::Code;

int dimension(const Geometry& shape) {
  return is_points(shape) ? 0 : is_area(shape) ? 2 : 1;
}

/// The ends of lines: a point that ends an odd number of them is their border (the rule of Simple Features).
bool ends_line(const Geometry& shape, Point p) {
  const auto same = [&](const Point& end) {
    return std::abs(longitude_step(end.lon, p.lon)) <= kTouch && std::abs(end.lat - p.lat) <= kTouch;
  };
  std::size_t ends = 0;
  for (const Line& line : shape.lines)
    ends += static_cast<std::size_t>(same(line.front())) + static_cast<std::size_t>(same(line.back()));
  return ends % 2 != 0;
}

/// A shape with what is needed to compare it, each part made when first wanted.
class Comparable {
 public:
  explicit Comparable(const Geometry& shape) : shape_(shape), bounds_(shape.bounds()), edges_(shape) {}

  const Geometry& shape() const { return shape_; }
  const Box& bounds() const { return bounds_; }
  const EdgeIndex& edges() const { return edges_; }
  Where locate(Point p) const {
    const Where where = edges_.locate(p);
    return where == Where::inside && !shape_.lines.empty() && ends_line(shape_, p) ? Where::border : where;
  }
  const NearTree& near_tree() const {
    std::call_once(near_once_, [this] { near_tree_.emplace(edges_.edges()); });
    return *near_tree_;
  }
  /// To be used while mutex() is held.
  const Planar& planar(Seam seam) const {
    auto& made = planar_[static_cast<std::size_t>(seam)];
    if (!made) made.emplace(shape_, edges_, seam);
    return *made;
  }
  std::mutex& mutex() const { return mutex_; }
  bool touches_antimeridian() const {
    return bounds_.crosses_antimeridian() || bounds_.west <= -180 || bounds_.east >= 180;
  }

 private:
  const Geometry& shape_;
  Box bounds_;
  EdgeIndex edges_;
  mutable std::once_flag near_once_;
  mutable std::optional<NearTree> near_tree_;
  mutable std::mutex mutex_;
  mutable std::optional<Planar> planar_[2];
};

bool any_inside(const EdgeIndex& area, const std::vector<Point>& points) {
  return std::any_of(points.begin(), points.end(), [&](Point p) { return area.locate(p) != Where::outside; });
}

/// Two shapes meet where edges meet, or where one lies wholly inside the other: then any point of it tells.
bool meet(const Comparable& a, const Comparable& b) {
  if (!a.bounds().intersects(b.bounds())) return false;
  if (any_inside(a.edges(), b.edges().witnesses()) || any_inside(b.edges(), a.edges().witnesses())) return true;
  const bool fewer = a.edges().edges().size() < b.edges().edges().size();
  const EdgeIndex &few = fewer ? a.edges() : b.edges(), &many = fewer ? b.edges() : a.edges();
  return std::any_of(few.edges().begin(), few.edges().end(),
                     [&](const Edge& edge) { return many.meets(edge.a, edge.b); });
}

/// Are all points in the shape, and one of them not on its border?
template <class Locate>
bool hold_all(const std::vector<Point>& points, Locate&& locate) {
  bool inside = false;
  for (const Point& p : points) {
    const Where where = locate(p);
    if (where == Where::outside) return false;
    inside |= where == Where::inside;
  }
  return inside;
}

bool box_holds(const Box& outer, const Box& inner) {
  const auto near = [](double a, double b) { return a <= b + kTouch; };
  if (!near(outer.south, inner.south) || !near(inner.north, outer.north)) return false;
  if (outer.crosses_antimeridian() || inner.crosses_antimeridian()) return true;  // GEOS will tell
  if (std::abs(inner.west) >= 180 || std::abs(inner.east) >= 180) return true;
  return near(outer.west, inner.west) && near(inner.east, outer.east);
}

/// Both shapes on the map whose seam they stay away from, if there is one.
Seam seam_for(const Comparable& a, const Comparable& b) {
  return a.touches_antimeridian() || b.touches_antimeridian() ? Seam::greenwich : Seam::antimeridian;
}

template <class Ask>
bool ask_geos(const Comparable& a, const Comparable& b, Ask&& ask) {
  const Seam seam = seam_for(a, b);
  const std::scoped_lock held(a.mutex(), b.mutex());
  return ask(a.planar(seam), b.planar(seam));
}

bool contains(const Comparable& a, const Comparable& b) {
  if (is_points(b.shape())) return hold_all(b.shape().points, [&](Point p) { return a.locate(p); });
  if (is_points(a.shape()) || dimension(a.shape()) < dimension(b.shape()) || !box_holds(a.bounds(), b.bounds()))
    return false;
  const auto& vertices = b.edges().edges();
  if (std::any_of(vertices.begin(), vertices.end(),
                  [&](const Edge& e) { return a.edges().locate(e.a) == Where::outside; }))
    return false;
  return ask_geos(a, b, [](const Planar& x, const Planar& y) { return x.contains(y); });
}

double least_distance(const Comparable& a, const Comparable& b) {
  double best = std::numeric_limits<double>::infinity();
  const auto try_vertices = [&](const Comparable& from, const Comparable& to) {
    for (const auto& [start, end] : from.edges().edges()) {
      best = std::min(best, to.near_tree().distance(start, best));
      best = std::min(best, to.near_tree().distance(end, best));
    }
  };
  try_vertices(a, b);
  try_vertices(b, a);
  return best;
}

double distance_between(const Comparable& a, const Comparable& b) {
  return meet(a, b) ? 0 : least_distance(a, b);
}

class PreparedShape final : public Prepared {
 public:
  explicit PreparedShape(Geometry shape) : own_(std::move(shape)), me_(own_) {}

  bool tangled() const { return me_.edges().tangled(); }
  const Geometry& geometry() const override { return own_; }
  const Box& bounds() const override { return me_.bounds(); }
  bool covers_point(Point p) const override { return me_.edges().locate(p) != Where::outside; }
  bool contains_point(Point p) const override { return me_.locate(p) == Where::inside; }
  bool disjoint(const Geometry& other) const override { return !intersects(other); }

  bool intersects(const Geometry& other) const override {
    if (is_points(other)) return any_inside(me_.edges(), other.points);
    if (is_points(own_))
      return std::any_of(own_.points.begin(), own_.points.end(),
                         [&](Point p) { return geo::locate(other, p) != Where::outside; });
    return meet(me_, Comparable(other));
  }

  bool equals(const Geometry& other) const override {
    if (dimension(own_) != dimension(other)) return false;
    if (is_points(own_)) {
      const auto in = [](const Geometry& a, const Geometry& b) {
        return std::all_of(a.points.begin(), a.points.end(),
                           [&](Point p) { return geo::locate(b, p) != Where::outside; });
      };
      return in(other, own_) && in(own_, other);
    }
    const Comparable that(other);
    if (!box_holds(me_.bounds(), that.bounds()) || !box_holds(that.bounds(), me_.bounds())) return false;
    return ask_geos(me_, that, [](const Planar& a, const Planar& b) { return a.equals(b); });
  }

  bool contains(const Geometry& other) const override {
    if (is_points(other)) return hold_all(other.points, [&](Point p) { return me_.locate(p); });
    return geo::contains(me_, Comparable(other));
  }

  bool within(const Geometry& other) const override {
    if (is_points(own_)) {
      return hold_all(own_.points, [&](Point p) {
        const Where where = geo::locate(other, p);
        return where == Where::inside && ends_line(other, p) ? Where::border : where;
      });
    }
    if (is_points(other)) return false;
    const Comparable that(other);
    return geo::contains(that, me_);
  }

  bool overlaps(const Geometry& other) const override {
    if (dimension(own_) != dimension(other)) return false;
    if (is_points(own_)) {
      const auto common = [](const Geometry& a, const Geometry& b) {
        return std::count_if(a.points.begin(), a.points.end(),
                             [&](Point p) { return geo::locate(b, p) != Where::outside; });
      };
      const auto mine = common(own_, other), theirs = common(other, own_);
      return mine > 0 && mine < std::ssize(own_.points) && theirs < std::ssize(other.points);
    }
    const Comparable that(other);
    if (!meet(me_, that)) return false;
    return ask_geos(me_, that, [](const Planar& a, const Planar& b) { return a.overlaps(b); });
  }

  double distance_to(Point p) const override {
    return is_area(own_) && covers_point(p) ? 0 : me_.near_tree().distance(p);
  }
  double distance_to(const Geometry& other) const override {
    if (other.kind == Geometry::Kind::point) return distance_to(other.points[0]);
    if (own_.kind == Geometry::Kind::point) return distance(own_.points[0], other);
    return distance_between(me_, Comparable(other));
  }

 private:
  Geometry own_;
  Comparable me_;
};

base::Status check(const Geometry& shape) {
  const auto bad = [](const Point& p) { return !(std::abs(p.lon) <= 180 && std::abs(p.lat) <= 90); };
  const auto bad_line = [&](const Line& line, std::size_t least) {
    return line.size() < least || std::any_of(line.begin(), line.end(), bad);
  };
  bool wrong = shape.points.empty() && shape.lines.empty() && shape.polygons.empty();
  wrong |= std::any_of(shape.points.begin(), shape.points.end(), bad);
  for (const Line& line : shape.lines) wrong |= bad_line(line, 2);
  for (const Polygon& polygon : shape.polygons) {
    wrong |= polygon.empty();
    for (const Line& ring : polygon) wrong |= bad_line(ring, 4) || ring.front() != ring.back();
  }
  if (wrong) return base::error(Code::bad_request_data, "The geometry is empty, not closed or off the map.");
  return {};
}

}  // namespace

double distance(Point p, const Geometry& shape) {
  if (shape.kind == Geometry::Kind::point) return distance(p, shape.points[0]);
  if (is_area(shape) && locate(shape, p) != Where::outside) return 0;
  std::vector<Edge> edges;
  visit_edges(shape, [&](std::uint32_t, const Point& a, const Point& b) { edges.push_back({a, b}); });
  return NearTree(edges).distance(p);
}

double distance(const Geometry& a, const Geometry& b) {
  if (a.kind == Geometry::Kind::point) return distance(a.points[0], b);
  if (b.kind == Geometry::Kind::point) return distance(b.points[0], a);
  return distance_between(Comparable(a), Comparable(b));
}

base::Result<std::shared_ptr<const Prepared>> Prepared::make(Geometry geometry) {
  MADANG_CHECK(check(geometry));
  auto shape = std::make_shared<PreparedShape>(std::move(geometry));
  if (shape->tangled()) {
    return base::error(Code::too_complex,
                       "The polygon crosses itself too often; give its outline without the crossings.");
  }
  return std::shared_ptr<const Prepared>(std::move(shape));
}

}  // namespace madang::geo
