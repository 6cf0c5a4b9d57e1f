#include "planar.h"

#include <cmath>
#include <optional>

#include <geos_c.h>

namespace madang::geo {
namespace {

/// Each thread has its own handle. A shape may die after its thread's handle (at exit), so the handle comes back on
/// demand.
GEOSContextHandle_t handle() {
  thread_local GEOSContextHandle_t current = nullptr;
  struct Closer {
    ~Closer() {
      if (current != nullptr) GEOS_finish_r(current);
      current = nullptr;
    }
  };
  thread_local Closer closer;
  static_cast<void>(closer);
  if (current == nullptr) current = GEOS_init_r();
  return current;
}

struct Destroy {
  void operator()(GEOSGeometry* shape) const { GEOSGeom_destroy_r(handle(), shape); }
  void operator()(const GEOSPreparedGeometry* shape) const { GEOSPreparedGeom_destroy_r(handle(), shape); }
};
using Shape = std::unique_ptr<GEOSGeometry, Destroy>;
using PreparedShape = std::unique_ptr<const GEOSPreparedGeometry, Destroy>;

GEOSCoordSequence* sequence(const Line& line) {
  GEOSCoordSequence* out = GEOSCoordSeq_create_r(handle(), static_cast<unsigned>(line.size()), 2);
  for (unsigned i = 0; out != nullptr && i < line.size(); ++i) {
    GEOSCoordSeq_setXY_r(handle(), out, i, line[i].lon, line[i].lat);
  }
  return out;
}

Shape collect(int type, std::vector<Shape>& members) {
  std::vector<GEOSGeometry*> raw;
  for (Shape& member : members) raw.push_back(member.release());
  return Shape(GEOSGeom_createCollection_r(handle(), type, raw.data(), static_cast<unsigned>(raw.size())));
}

Shape lines_of(const std::vector<Line>& lines) {
  std::vector<Shape> members;
  for (const Line& line : lines) members.emplace_back(GEOSGeom_createLineString_r(handle(), sequence(line)));
  return collect(GEOS_MULTILINESTRING, members);
}

/// The point's place on the map with this seam.
Point placed(Point p, Seam seam) {
  if (seam == Seam::greenwich && p.lon < 0) p.lon += 360;
  return p;
}

/// Edges laid out on the map, joined where one begins at the other's end; cut again at longitude 0 where the seam is
/// there.
std::vector<Line> laid_out(const std::vector<Edge>& edges, Seam seam) {
  std::vector<Line> out;
  const auto add = [&](Point a, Point b) {
    if (a == b) return;
    if (out.empty() || !(out.back().back() == a)) out.push_back({a});
    out.back().push_back(b);
  };
  for (const auto& [a, b] : edges) {
    if (seam == Seam::antimeridian || (a.lon >= 0 && b.lon >= 0)) {
      add(a, b);
    } else if (a.lon <= 0 && b.lon <= 0) {
      add({a.lon + 360, a.lat}, {b.lon + 360, b.lat});
    } else {
      const Point &west = a.lon < 0 ? a : b, &east = a.lon < 0 ? b : a;
      const double lat = west.lat + west.lon / (west.lon - east.lon) * (east.lat - west.lat);
      const Point high{360, lat}, low{0, lat};
      a.lon < 0 ? add({a.lon + 360, a.lat}, high) : add(a, low);
      b.lon < 0 ? add(high, {b.lon + 360, b.lat}) : add(low, b);
    }
  }
  return out;
}

/// The ring as it is on this map, unless it crosses the seam.
std::optional<Line> whole(const Line& ring, Seam seam) {
  if (jumps(ring)) return std::nullopt;
  if (seam == Seam::antimeridian) return ring;
  bool west = false, east = false;
  for (const Point& point : ring) west |= point.lon<0, east |= point.lon> 0;
  if (west && east) return std::nullopt;
  Line out = ring;
  for (Point& point : out) point.lon += west ? 360 : 0;
  return out;
}

Shape plain_polygon(const Polygon& polygon, Seam seam) {
  std::vector<GEOSGeometry*> rings;
  for (const Line& ring : polygon) {
    const auto line = whole(ring, seam);
    GEOSGeometry* made = line ? GEOSGeom_createLinearRing_r(handle(), sequence(*line)) : nullptr;
    if (made == nullptr) {
      for (GEOSGeometry* other : rings) GEOSGeom_destroy_r(handle(), other);
      return nullptr;
    }
    rings.push_back(made);
  }
  return Shape(GEOSGeom_createPolygon_r(handle(), rings[0], rings.data() + 1, static_cast<unsigned>(rings.size() - 1)));
}

/// The polygons as they are, where they are valid in the sense of Simple Features and off the seam.
Shape plain_area(const Geometry& shape, Seam seam) {
  std::vector<Shape> members;
  for (const Polygon& polygon : shape.polygons) {
    members.push_back(plain_polygon(polygon, seam));
    if (!members.back()) return nullptr;
  }
  Shape area = members.size() == 1 ? std::move(members[0]) : collect(GEOS_MULTIPOLYGON, members);
  return area && GEOSisValid_r(handle(), area.get()) == 1 ? std::move(area) : nullptr;
}

/// Is the face in the area? Edges that lead there and back divide nothing, so that the place to look at may be on one:
/// then places around it, which are in the face, too.
bool is_inside(const GEOSGeometry* face, const EdgeIndex& index) {
  constexpr int kTries = 32;
  constexpr double kGolden = 2.399963229728653;  // radians: no two directions, nor their opposites, are alike
  const Shape middle(GEOSPointOnSurface_r(handle(), face));
  Point at;
  if (!middle || GEOSGeomGetX_r(handle(), middle.get(), &at.lon) != 1) return false;
  if (GEOSGeomGetY_r(handle(), middle.get(), &at.lat) != 1) return false;
  const auto locate = [&](Point p) { return index.locate({p.lon > 180 ? p.lon - 360 : p.lon, p.lat}); };
  Where where = locate(at);
  if (where != Where::border) return where == Where::inside;
  const Shape border(GEOSBoundary_r(handle(), face));
  double room = 0;
  if (!border || GEOSDistance_r(handle(), middle.get(), border.get(), &room) != 1) return false;
  for (int i = 0; i < kTries && where == Where::border; ++i) {
    where = locate({at.lon + room / 2 * std::cos(kGolden * i), at.lat + room / 2 * std::sin(kGolden * i)});
  }
  return where == Where::inside;
}

/// Any area: its edges and the frame of the map divide the map into faces; those with an odd place inside are the area.
Shape even_odd_area(const EdgeIndex& index, Seam seam) {
  const double west = seam == Seam::antimeridian ? -180 : 0, east = west + 360;
  std::vector<Line> lines = laid_out(index.edges(), seam);
  const Shape own = lines_of(lines);
  lines.push_back({{west, -90}, {east, -90}, {east, 90}, {west, 90}, {west, -90}});
  const Shape all = lines_of(lines);
  const Shape noded(GEOSUnaryUnion_r(handle(), all.get()));
  const GEOSGeometry* input = noded.get();
  const Shape faces(input != nullptr ? GEOSPolygonize_r(handle(), &input, 1) : nullptr);
  std::vector<Shape> inside;
  const int count = faces ? GEOSGetNumGeometries_r(handle(), faces.get()) : 0;
  for (int i = 0; i < count; ++i) {
    const GEOSGeometry* face = GEOSGetGeometryN_r(handle(), faces.get(), i);
    if (is_inside(face, index)) inside.emplace_back(GEOSGeom_clone_r(handle(), face));
  }
  // An area without any inside is its border.
  if (inside.empty()) return Shape(GEOSUnaryUnion_r(handle(), own.get()));
  const Shape pieces = collect(GEOS_MULTIPOLYGON, inside);
  return Shape(GEOSUnaryUnion_r(handle(), pieces.get()));
}

Shape make(const Geometry& shape, const EdgeIndex& index, Seam seam) {
  if (is_area(shape)) {
    if (Shape area = plain_area(shape, seam)) return area;
    return even_odd_area(index, seam);
  }
  const std::vector<Line> lines = laid_out(index.edges(), seam);
  if (!lines.empty()) return lines_of(lines);
  const Point at = placed(index.edges().front().a, seam);  // a line without length is a point
  return Shape(GEOSGeom_createPointFromXY_r(handle(), at.lon, at.lat));
}

}  // namespace

struct Planar::Impl {
  Shape shape;
  mutable PreparedShape prepared_;
  const GEOSPreparedGeometry* prepared() const {
    if (!prepared_) prepared_.reset(GEOSPrepare_r(handle(), shape.get()));
    return prepared_.get();
  }
};

Planar::Planar(const Geometry& shape, const EdgeIndex& index, Seam seam) : impl_(std::make_unique<Impl>()) {
  impl_->shape = make(shape, index, seam);
  if (!impl_->shape) impl_->shape.reset(GEOSGeom_createEmptyPolygon_r(handle()));
}

Planar::~Planar() {
  impl_->prepared_.reset();
}

bool Planar::equals(const Planar& other) const {
  return GEOSEquals_r(handle(), impl_->shape.get(), other.impl_->shape.get()) == 1;
}
bool Planar::contains(const Planar& other) const {
  return GEOSPreparedContains_r(handle(), impl_->prepared(), other.impl_->shape.get()) == 1;
}
bool Planar::overlaps(const Planar& other) const {
  return GEOSPreparedOverlaps_r(handle(), impl_->prepared(), other.impl_->shape.get()) == 1;
}

}  // namespace madang::geo
