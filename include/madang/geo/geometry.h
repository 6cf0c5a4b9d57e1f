#pragma once
// Shapes on the Earth: lon, lat in WGS 84 degrees; distances in metres.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::geo {

struct Point {
  double lon = 0, lat = 0;
  bool operator==(const Point&) const = default;
};

/// Axis-aligned in degrees. Where west > east it crosses the antimeridian.
struct Box {
  double west = 0, south = 0, east = 0, north = 0;
  bool contains(Point p) const;  // borders count; 180 and -180 are one meridian
  bool intersects(const Box& other) const;
  bool crosses_antimeridian() const { return west > east; }
  bool operator==(const Box&) const = default;
};

using Line = std::vector<Point>;
using Polygon = std::vector<Line>;  // rings, closed; the first is the outer one

/// A GeoJSON geometry (RFC 7946) but GeometryCollection. One of the vectors is filled, by kind.
struct Geometry {
  enum class Kind : std::uint8_t { point, multi_point, line, multi_line, polygon, multi_polygon };
  Kind kind = Kind::point;
  std::vector<Point> points;      // point (one), multi_point
  std::vector<Line> lines;        // line (one), multi_line
  std::vector<Polygon> polygons;  // polygon (one), multi_polygon
  /// The box around it. A step of more than 180 degrees of longitude is read as the short way, across the antimeridian;
  /// a shape that reaches a pole touches every meridian.
  Box bounds() const;
  bool is_point() const { return kind == Kind::point; }
};

struct Limits {
  std::size_t vertices = 100'000;
};

/// From a GeoJSON geometry's JSON text. `where` is a JSON pointer below it. Altitudes are accepted and dropped;
/// longitudes must be in [-180, 180], latitudes in [-90, 90]; rings closed with four points at least; unknown types and
/// empty ones refused.
base::Result<Geometry> parse_geojson(std::string_view json, const Limits& limits = {});
/// From kind name ("Point", ...) and the JSON text of its coordinates.
base::Result<Geometry> parse_coordinates(std::string_view kind, std::string_view coordinates,
                                         const Limits& limits = {});
/// The hot path: `{"type":"Point","coordinates":[lon,lat]}` in the compact form; false for anything else (then use
/// parse_geojson).
bool parse_point_fast(std::string_view json, Point& out);
void append_geojson(std::string& out, const Geometry& geometry);
std::string_view kind_name(Geometry::Kind kind);

/// Geodesic distance on WGS 84. Within 0.1 % of the true one everywhere, 0.01 % below 100 km.
double distance(Point a, Point b);
/// Shortest distance from a point to a shape (0 inside it).
double distance(Point p, const Geometry& shape);
double distance(const Geometry& a, const Geometry& b);
/// The box that surely holds everything within `metres` of the shape's box.
Box expand(const Box& box, double metres);

/// A shape made ready to be compared with many. Lines are straight on the map (RFC 7946, 3.1.1). Self-intersecting
/// polygons are taken by the even-odd rule; a ring that goes once around the Earth encloses the pole it is nearer to.
/// Relations are those of OGC Simple Features, as NGSI-LD 4.10 wants them: what only touches the border of an area is
/// not within it. "a.contains(b)": b lies in a. Points closer than a micrometre are one. Safe from any thread. `make`
/// refuses what is empty, what is off the map, and polygons that cross themselves so often that comparing them would
/// cost too much (too_complex).
class Prepared {
 public:
  static base::Result<std::shared_ptr<const Prepared>> make(Geometry geometry);
  virtual ~Prepared() = default;
  virtual const Geometry& geometry() const = 0;
  virtual const Box& bounds() const = 0;
  virtual bool covers_point(Point p) const = 0;    // fast; on the border counts as inside
  virtual bool contains_point(Point p) const = 0;  // as fast; on the border counts as outside, as contains() has it
  virtual bool equals(const Geometry& other) const = 0;
  virtual bool disjoint(const Geometry& other) const = 0;
  virtual bool intersects(const Geometry& other) const = 0;
  virtual bool contains(const Geometry& other) const = 0;  // other within this
  virtual bool within(const Geometry& other) const = 0;    // this within other
  virtual bool overlaps(const Geometry& other) const = 0;
  virtual double distance_to(Point p) const = 0;  // metres, 0 inside
  virtual double distance_to(const Geometry& other) const = 0;
};

}  // namespace madang::geo
