#include "madang/geo/projection.h"

#include <cmath>
#include <utility>

#include <proj.h>

namespace madang::geo {
namespace {

struct FreeContext {
  void operator()(PJ_CONTEXT* context) const { proj_context_destroy(context); }
};
struct FreeTransform {
  void operator()(PJ* transform) const { proj_destroy(transform); }
};

/// "http://www.opengis.net/def/crs/EPSG/0/2056" to "EPSG:2056".
std::string short_name(const std::string& crs) {
  constexpr std::string_view kDefinitions = "opengis.net/def/crs/";
  const auto at = crs.find(kDefinitions);
  if (at == std::string::npos) return crs;
  const std::string rest = crs.substr(at + kDefinitions.size());
  const auto first = rest.find('/'), last = rest.rfind('/');
  if (first == std::string::npos || first == last) return crs;
  return rest.substr(0, first) + ":" + rest.substr(last + 1);
}

bool writes_north_first(PJ_CONTEXT* context, const std::string& name) {
  const std::unique_ptr<PJ, FreeTransform> crs(proj_create(context, name.c_str()));
  if (!crs) return false;
  const std::unique_ptr<PJ, FreeTransform> system(proj_crs_get_coordinate_system(context, crs.get()));
  const char* direction = nullptr;
  if (!system || !proj_cs_get_axis_info(context, system.get(), 0, nullptr, nullptr, &direction, nullptr, nullptr,
                                        nullptr, nullptr))
    return false;
  return std::string_view(direction) == "north";
}

}  // namespace

struct Projection::Impl {
  std::unique_ptr<PJ_CONTEXT, FreeContext> context;
  std::unique_ptr<PJ, FreeTransform> transform;
};

Projection::Projection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Projection::Projection(Projection&&) noexcept = default;
Projection& Projection::operator=(Projection&&) noexcept = default;
Projection::~Projection() = default;

base::Result<Projection> Projection::make(const std::string& crs) {
  const std::string name = short_name(crs);
  if (name.empty() || name == "EPSG:4326" || name == "OGC:CRS84" || name == "CRS84") {
    Projection plain(nullptr);
    plain.north_first_ = name == "EPSG:4326";
    return plain;
  }
  auto impl = std::make_unique<Impl>();
  impl->context.reset(proj_context_create());
  proj_log_level(impl->context.get(), PJ_LOG_NONE);
  proj_context_set_enable_network(impl->context.get(), 0);
  const std::unique_ptr<PJ, FreeTransform> raw(
      proj_create_crs_to_crs(impl->context.get(), name.c_str(), "OGC:CRS84", nullptr));
  if (raw) impl->transform.reset(proj_normalize_for_visualization(impl->context.get(), raw.get()));
  if (!impl->transform) {
    return base::error(base::Code::bad_request_data,
                       "\"" + crs.substr(0, 80) +
                           "\" is no coordinate reference system that is known here: write one such as EPSG:5186.");
  }
  Projection made(std::move(impl));
  made.north_first_ = writes_north_first(made.impl_->context.get(), name);
  return made;
}

bool Projection::to_earth(double x, double y, Point& out) const {
  if (impl_) {
    const PJ_COORD moved = proj_trans(impl_->transform.get(), PJ_FWD, proj_coord(x, y, 0, HUGE_VAL));
    x = moved.xy.x, y = moved.xy.y;
  }
  if (!std::isfinite(x) || !std::isfinite(y) || std::abs(x) > 180 || std::abs(y) > 90) return false;
  out = {x, y};
  return true;
}

bool Projection::from_earth(Point point, double& x, double& y) const {
  x = point.lon, y = point.lat;
  if (!impl_) return true;
  const PJ_COORD moved = proj_trans(impl_->transform.get(), PJ_INV, proj_coord(x, y, 0, HUGE_VAL));
  x = moved.xy.x, y = moved.xy.y;
  return std::isfinite(x) && std::isfinite(y);
}

}  // namespace madang::geo
