#pragma once
// The ellipsoid WGS 84: radii, and points in space.

#include <cmath>
#include <numbers>

#include "madang/geo/geometry.h"

namespace madang::geo {

inline constexpr double kDegrees = 180 / std::numbers::pi;  // in a radian
inline constexpr double kEquator = 6'378'137.0;             // semi-major axis, metres
inline constexpr double kFlattening = 1 / 298.257223563;
inline constexpr double kEccentricity2 = kFlattening * (2 - kFlattening);
inline constexpr double kSmallestRadius =
    kEquator * (1 - kEccentricity2);  // of curvature: along the meridian, at the equator

/// Metres from the Earth's centre: x towards lon 0, y towards lon 90, z towards the north pole.
struct Vec {
  double x = 0, y = 0, z = 0;
  friend Vec operator-(const Vec& a, const Vec& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend Vec operator+(const Vec& a, const Vec& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend Vec operator*(const Vec& a, double k) { return {a.x * k, a.y * k, a.z * k}; }
  friend double dot(const Vec& a, const Vec& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
};

Vec in_space(Point p);

/// Radii of curvature at a latitude, given its sine: along the meridian, and across it.
struct Radii {
  double meridian, normal;
};
inline Radii radii(double sine) {
  const double w2 = 1 - kEccentricity2 * sine * sine;
  const double normal = kEquator / std::sqrt(w2);
  return {normal * (1 - kEccentricity2) / w2, normal};
}

/// a - b in degrees of longitude, the short way around.
inline double longitude_step(double a, double b) {
  double step = a - b;
  if (step > 180) step -= 360;
  if (step < -180) step += 360;
  return step;
}

}  // namespace madang::geo
