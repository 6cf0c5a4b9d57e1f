#include "geodesic.h"

#include <algorithm>

namespace madang::geo {
namespace {

constexpr double kShortStep = 0.1;          // degrees: up to here the local radii are exact enough
constexpr double kSteep = 80;               // latitude from which meridians converge too fast for that
constexpr double kLongChord = 2'000'000;    // metres: up to here the chord and a local sphere are
constexpr double kFarthest = 20'003'931.5;  // half a meridian: nothing is farther away

/// Lambert's formula (1942): the great circle on the sphere of reduced latitudes, corrected to first order in the
/// flattening.
double lambert(Point a, Point b) {
  const double beta_a = std::atan((1 - kFlattening) * std::tan(a.lat / kDegrees));
  const double beta_b = std::atan((1 - kFlattening) * std::tan(b.lat / kDegrees));
  const double half_lat = std::sin((beta_b - beta_a) / 2);
  const double half_lon = std::sin((b.lon - a.lon) / kDegrees / 2);
  const double h =
      std::clamp(half_lat * half_lat + std::cos(beta_a) * std::cos(beta_b) * half_lon * half_lon, 0.0, 1.0);
  const double sigma = 2 * std::asin(std::sqrt(h));
  const double p = (beta_a + beta_b) / 2, q = (beta_b - beta_a) / 2;
  const double sin_p = std::sin(p), cos_p = std::cos(p), sin_q = std::sin(q), cos_q = std::cos(q);
  const double x = h < 1 ? (sigma - std::sin(sigma)) * sin_p * sin_p * cos_q * cos_q / (1 - h) : 0;
  const double y = h > 0 ? (sigma + std::sin(sigma)) * cos_p * cos_p * sin_q * sin_q / h : 0;
  return std::min(kEquator * (sigma - kFlattening / 2 * (x + y)), kFarthest);
}

}  // namespace

Vec in_space(Point p) {
  const double lat = p.lat / kDegrees, lon = p.lon / kDegrees;
  const double sine = std::sin(lat);
  const double normal = radii(sine).normal;
  const double across = normal * std::cos(lat);
  return {across * std::cos(lon), across * std::sin(lon), normal * (1 - kEccentricity2) * sine};
}

double distance(Point a, Point b) {
  const double step_lat = b.lat - a.lat, step_lon = longitude_step(b.lon, a.lon);
  const double middle = (a.lat + b.lat) / 2;
  const double sine = std::sin(middle / kDegrees);
  const auto [meridian, normal] = radii(sine);
  if (std::abs(step_lat) < kShortStep && std::abs(step_lon) < kShortStep && std::abs(middle) < kSteep) {
    const double north = meridian * step_lat, east = normal * std::sqrt(1 - sine * sine) * step_lon;
    return std::sqrt(north * north + east * east) / kDegrees;
  }
  const Vec between = in_space(a) - in_space(b);
  const double chord = std::sqrt(dot(between, between));
  if (chord > kLongChord) return lambert(a, b);
  const double diameter = 2 * std::sqrt(meridian * normal);
  return diameter * std::asin(chord / diameter);
}

}  // namespace madang::geo
