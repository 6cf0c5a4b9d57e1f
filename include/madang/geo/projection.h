#pragma once
// Coordinates of surveyors and old maps to longitude and latitude, by PROJ.

#include <memory>
#include <string>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"

namespace madang::geo {

/// From one coordinate reference system to WGS 84 and back. Not for several threads at once.
class Projection {
 public:
  /// `crs`: "EPSG:2056", "OGC:CRS84", "http://www.opengis.net/def/crs/EPSG/0/5186" or a PROJ or WKT text of one.
  /// bad_request_data where it is none that PROJ knows.
  static base::Result<Projection> make(const std::string& crs);
  Projection(Projection&&) noexcept;
  Projection& operator=(Projection&&) noexcept;
  ~Projection();

  /// `x` to the east (or longitude), `y` to the north, whatever order the system itself writes them in. False: the
  /// place is outside of what the system describes.
  bool to_earth(double x, double y, Point& out) const;
  bool from_earth(Point point, double& x, double& y) const;
  /// It is longitude and latitude already.
  bool is_plain() const { return impl_ == nullptr; }
  /// The system itself writes the north (the latitude) before the east, as EPSG:4326 and EPSG:5186 do.
  bool north_first() const { return north_first_; }

 private:
  struct Impl;
  explicit Projection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  bool north_first_ = false;
};

}  // namespace madang::geo
