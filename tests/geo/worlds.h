#pragma once
// Shapes for tests: from GeoJSON-like text, from drawings, and at random.

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "madang/geo/geometry.h"

namespace madang::geo::testing {

inline Geometry shape(std::string_view kind, std::string_view coordinates) {
  auto parsed = parse_coordinates(kind, coordinates);
  EXPECT_TRUE(parsed.ok()) << kind << " " << coordinates << ": " << (parsed.ok() ? "" : parsed.error().message);
  return std::move(parsed).value();
}

inline std::shared_ptr<const Prepared> prepare(Geometry geometry) {
  auto made = Prepared::make(std::move(geometry));
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return std::move(made).value();
}
inline std::shared_ptr<const Prepared> prepare(std::string_view kind, std::string_view coordinates) {
  return prepare(shape(kind, coordinates));
}

inline Geometry point(double lon, double lat) {
  Geometry out;
  out.points = {{lon, lat}};
  return out;
}

inline Geometry polygon(Polygon rings) {
  Geometry out;
  out.kind = Geometry::Kind::polygon;
  out.polygons = {std::move(rings)};
  return out;
}

inline Line box_ring(double west, double south, double east, double north) {
  return {{west, south}, {east, south}, {east, north}, {west, north}, {west, south}};
}
inline Geometry square(double west, double south, double east, double north) {
  return polygon({box_ring(west, south, east, north)});
}

/// One whole number of `low` to `high`, both included.
inline int between(int low, int high) {
  return *rc::gen::inRange(low, high + 1);
}

/// A point anywhere, often on the seams and ends of the map.
inline Point anywhere() {
  const auto pick = [](double most) {
    switch (between(0, 5)) {
      case 0:
        return most;
      case 1:
        return -most;
      case 2:
        return 0.0;
      case 3:
        return (most - 0.001 * between(0, 100)) * (between(0, 1) == 0 ? -1 : 1);
      default:
        return most * between(-1'000'000, 1'000'000) / 1e6;
    }
  };
  const double lon = pick(180);
  return {lon, pick(90)};
}

/// A point of a small town.
inline Point in_town(double lon, double lat, double size) {
  const double dx = between(-10'000, 10'000) / 1e4, dy = between(-10'000, 10'000) / 1e4;
  return {lon + dx * size, lat + dy * size};
}

}  // namespace madang::geo::testing
