#pragma once
// The district is small: metres on a plane around its middle.

#include <cmath>

#include "madang/geo/geometry.h"

namespace madang::sample {

struct Metres {
  double x = 0, y = 0;  // east, north
};

inline constexpr geo::Point kMiddle{126.621, 35.792};
inline constexpr double kLatitudeMetres = 110'946;  // one degree, at this latitude (WGS 84)
inline constexpr double kLongitudeMetres = 90'418;

inline geo::Point to_earth(Metres at) {
  const auto rounded = [](double degrees) { return std::round(degrees * 1e7) / 1e7; };
  return {rounded(kMiddle.lon + at.x / kLongitudeMetres), rounded(kMiddle.lat + at.y / kLatitudeMetres)};
}
inline Metres to_metres(geo::Point at) {
  return {(at.lon - kMiddle.lon) * kLongitudeMetres, (at.lat - kMiddle.lat) * kLatitudeMetres};
}
inline geo::Point beside(geo::Point at, double east, double north) {
  const Metres here = to_metres(at);
  return to_earth({here.x + east, here.y + north});
}
inline double metres_between(geo::Point a, geo::Point b) {
  return std::hypot((a.lon - b.lon) * kLongitudeMetres, (a.lat - b.lat) * kLatitudeMetres);
}
inline double length_of(const geo::Line& line) {
  double length = 0;
  for (std::size_t i = 1; i < line.size(); ++i) length += metres_between(line[i - 1], line[i]);
  return length;
}

}  // namespace madang::sample
