#pragma once
// Coordinate reference systems of requests and answers (OGC API - Features, part 2).

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"
#include "madang/geo/projection.h"

namespace madang::api::ogc {

inline constexpr std::string_view kCrs84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
/// What collections list; any other of EPSG that PROJ knows is taken too.
inline constexpr std::array<std::string_view, 7> kListedCrs{
    kCrs84,
    "http://www.opengis.net/def/crs/EPSG/0/4326",
    "http://www.opengis.net/def/crs/EPSG/0/3857",
    "http://www.opengis.net/def/crs/EPSG/0/5174",
    "http://www.opengis.net/def/crs/EPSG/0/5179",
    "http://www.opengis.net/def/crs/EPSG/0/5181",
    "http://www.opengis.net/def/crs/EPSG/0/5186",
};

/// Coordinates stand in the order in which the system itself has them. Of the thread that made it.
class Crs {
 public:
  /// From `http://www.opengis.net/def/crs/EPSG/0/...` or that of CRS84, nothing else: PROJ itself would take whole
  /// programs. Empty: CRS84. bad_request_data, at `where`, for what is none. Kept for the next to ask.
  static base::Result<std::shared_ptr<const Crs>> find(std::string_view uri, std::string_view where);

  const std::string& uri() const { return uri_; }
  bool is_crs84() const { return projection_.is_plain() && !projection_.north_first(); }
  bool to_earth(double first, double second, geo::Point& out) const;
  /// {0, 0} where the place is outside of what the system describes.
  void from_earth(geo::Point point, double& first, double& second) const;
  /// A shape as it was written, with the first of each pair as `lon`, to the Earth. False: something is not on it.
  bool to_earth(geo::Geometry& shape) const;
  /// A shape on the Earth as GeoJSON with coordinates of this system.
  void append_geojson(std::string& out, geo::Geometry shape) const;

 private:
  Crs(std::string uri, geo::Projection projection) : uri_(std::move(uri)), projection_(std::move(projection)) {}
  std::string uri_;
  geo::Projection projection_;
};
using CrsPtr = std::shared_ptr<const Crs>;

/// `a,b,c,d` or, with heights, six numbers, as what GeoQueries are made of: an area, a line or a point where the box is
/// one, two areas where it crosses the antimeridian.
base::Result<geo::Geometry> parse_bbox(std::string_view text, const Crs& crs, std::string_view where);

}  // namespace madang::api::ogc
