#include "ogc/crs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace madang::api::ogc {
namespace {

using base::Code;
using base::error;

constexpr std::string_view kEpsg = "http://www.opengis.net/def/crs/EPSG/0/";

bool is_known_form(std::string_view uri) {
  if (uri == kCrs84) return true;
  if (!uri.starts_with(kEpsg)) return false;
  const std::string_view number = uri.substr(kEpsg.size());
  return !number.empty() && number.size() <= 6 && number.find_first_not_of("0123456789") == number.npos;
}

template <class Visit>
void each_point(geo::Geometry& shape, Visit&& visit) {
  for (geo::Point& point : shape.points) visit(point);
  for (geo::Line& line : shape.lines)
    for (geo::Point& point : line) visit(point);
  for (geo::Polygon& polygon : shape.polygons)
    for (geo::Line& ring : polygon)
      for (geo::Point& point : ring) visit(point);
}

geo::Polygon area(double west, double south, double east, double north) {
  return {{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}};
}

geo::Geometry shape_of(const geo::Box& box) {
  geo::Geometry shape;
  if (box.crosses_antimeridian()) {
    shape.kind = geo::Geometry::Kind::multi_polygon;
    if (box.west < 180) shape.polygons.push_back(area(box.west, box.south, 180, box.north));
    if (box.east > -180) shape.polygons.push_back(area(-180, box.south, box.east, box.north));
  } else if (box.west == box.east && box.south == box.north) {
    shape.points = {{box.west, box.south}};
  } else if (box.west == box.east || box.south == box.north) {
    shape.kind = geo::Geometry::Kind::line;
    shape.lines = {{{box.west, box.south}, {box.east, box.north}}};
  } else {
    shape.kind = geo::Geometry::Kind::polygon;
    shape.polygons = {area(box.west, box.south, box.east, box.north)};
  }
  return shape;
}

/// The box on the Earth that holds a box of a projection: its sides are bent there, so points along them count.
base::Result<geo::Box> box_on_earth(double first, double second, double first_end, double second_end, const Crs& crs,
                                    std::string_view where) {
  constexpr int kSteps = 8;
  geo::Box box{180, 90, -180, -90};
  for (int i = 0; i <= kSteps; ++i) {
    for (int j = 0; j <= kSteps; ++j) {
      geo::Point point;
      if (!crs.to_earth(first + (first_end - first) * i / kSteps, second + (second_end - second) * j / kSteps, point))
        return error(Code::bad_request_data, "The box is not within what its reference system describes.",
                     std::string(where));
      box.west = std::min(box.west, point.lon), box.east = std::max(box.east, point.lon);
      box.south = std::min(box.south, point.lat), box.north = std::max(box.north, point.lat);
    }
  }
  return box;
}

}  // namespace

base::Result<CrsPtr> Crs::find(std::string_view uri, std::string_view where) {
  constexpr std::size_t kKept = 16;
  thread_local std::vector<CrsPtr> kept;
  if (uri.empty()) uri = kCrs84;
  for (const CrsPtr& one : kept)
    if (one->uri() == uri) return one;
  const base::Error unknown = error(Code::bad_request_data,
                                    "A reference system is written as " + std::string(kCrs84) + " or " +
                                        std::string(kEpsg) + "5186, and is one that is known here.",
                                    std::string(where));
  if (!is_known_form(uri)) return unknown;
  auto projection = geo::Projection::make(std::string(uri));
  if (!projection.ok()) return unknown;
  if (kept.size() == kKept) kept.erase(kept.begin());
  return kept.emplace_back(new Crs(std::string(uri), std::move(*projection)));
}

bool Crs::to_earth(double first, double second, geo::Point& out) const {
  if (projection_.north_first()) std::swap(first, second);
  return projection_.to_earth(first, second, out);
}

void Crs::from_earth(geo::Point point, double& first, double& second) const {
  if (!projection_.from_earth(point, first, second)) first = second = 0;
  if (projection_.north_first()) std::swap(first, second);
}

bool Crs::to_earth(geo::Geometry& shape) const {
  bool good = true;
  each_point(shape, [&](geo::Point& point) { good = to_earth(point.lon, point.lat, point) && good; });
  return good;
}

void Crs::append_geojson(std::string& out, geo::Geometry shape) const {
  each_point(shape, [&](geo::Point& point) { from_earth(point, point.lon, point.lat); });
  geo::append_geojson(out, shape);
}

base::Result<geo::Geometry> parse_bbox(std::string_view text, const Crs& crs, std::string_view where) {
  const auto wrong = [&](const char* why) { return error(Code::bad_request_data, why, std::string(where)); };
  std::vector<double> numbers;
  while (true) {
    const std::string_view one = text.substr(0, text.find(','));
    double number = 0;
    const auto [end, fault] = std::from_chars(one.data(), one.data() + one.size(), number);
    if (fault != std::errc() || end != one.data() + one.size() || !std::isfinite(number) || numbers.size() == 6)
      return wrong("A box is four numbers, or six with heights, with commas between them.");
    numbers.push_back(number);
    if (one.size() == text.size()) break;
    text.remove_prefix(one.size() + 1);
  }
  if (numbers.size() == 6) numbers = {numbers[0], numbers[1], numbers[3], numbers[4]};
  if (numbers.size() != 4) return wrong("A box is four numbers, or six with heights, with commas between them.");
  geo::Point low, high;
  if (crs.is_crs84() || crs.uri().ends_with("/4326")) {
    if (!crs.to_earth(numbers[0], numbers[1], low) || !crs.to_earth(numbers[2], numbers[3], high))
      return wrong("The box is not on the Earth: longitudes are within -180 and 180, latitudes within -90 and 90.");
    if (low.lat > high.lat) return wrong("The box ends to the south of where it begins.");
    return shape_of({low.lon, low.lat, high.lon, high.lat});
  }
  if (numbers[0] > numbers[2] || numbers[1] > numbers[3]) return wrong("The box ends before it begins.");
  MADANG_TRY(const geo::Box box, box_on_earth(numbers[0], numbers[1], numbers[2], numbers[3], crs, where));
  return shape_of(box);
}

}  // namespace madang::api::ogc
