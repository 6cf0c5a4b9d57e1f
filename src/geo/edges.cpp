#include "edges.h"

#include <algorithm>
#include <cmath>

namespace madang::geo {
namespace {

constexpr std::size_t kEdgesPerBand = 4;
constexpr std::size_t kMostBands = 16'384;
constexpr std::size_t kFewEdges = 64;            // too few to be dangerous
constexpr std::size_t kMostCrossings = 100'000;  // GEOS untangles these in about a second
constexpr std::size_t kMostPairs = 4'000'000;

/// Asks the shape at both names of the antimeridian, and at the pole rather than at one of the pole's longitudes.
template <class Look>
Where resolve(Point p, const Poles& poles, bool area, Look&& look) {
  if (std::abs(p.lat) >= 90) {
    const Where where = poles.at(p.lat);
    return area || where == Where::outside ? where : Where::inside;
  }
  if (std::abs(p.lon) < 180) return look(p);
  const Where west = look({-180, p.lat}), east = look({180, p.lat});
  // Two halves of a shape that was split there: the cut is not a border.
  if (west == Where::border && east == Where::border) return Where::inside;
  return std::max(west, east);
}

Where answer(const Ray& ray, bool area) {
  if (area) return ray.where();
  return ray.touched() ? Where::inside : Where::outside;
}

/// Twice the area of the triangle, zero where c is within kTouch of the line through a and b.
double turn(Point a, Point b, Point c) {
  const double width = b.lon - a.lon, rise = b.lat - a.lat;
  const double cross = width * (c.lat - a.lat) - rise * (c.lon - a.lon);
  return cross * cross <= kTouch * kTouch * (width * width + rise * rise) ? 0 : cross;
}

bool ranges_apart(double a, double b, double c, double d) {
  return std::max(a, b) < std::min(c, d) - kTouch || std::max(c, d) < std::min(a, b) - kTouch;
}

}  // namespace

bool edges_meet(const Edge& one, const Edge& other) {
  if (ranges_apart(one.a.lon, one.b.lon, other.a.lon, other.b.lon)) return false;
  if (ranges_apart(one.a.lat, one.b.lat, other.a.lat, other.b.lat)) return false;
  const double c = turn(one.a, one.b, other.a), d = turn(one.a, one.b, other.b);
  if ((c > 0 && d > 0) || (c < 0 && d < 0)) return false;
  const double a = turn(other.a, other.b, one.a), b = turn(other.a, other.b, one.b);
  return !((a > 0 && b > 0) || (a < 0 && b < 0));
}

void Poles::Side::pass(const Point& a, const Point& b) {
  touched = true;
  if (a.lat == b.lat) width += std::abs(a.lon - b.lon);
}

Where Poles::Side::where() const {
  const double times = std::round(width / 360);
  const bool whole = times > 0 && std::abs(width - 360 * times) < 1e-6;
  if (whole) return std::fmod(times, 2) != 0 ? Where::inside : Where::outside;
  return touched ? Where::border : Where::outside;
}

Where locate(const Geometry& shape, Point p) {
  Poles poles;
  if (std::abs(p.lat) >= 90) {
    visit_edges(shape, [&](std::uint32_t, const Point& a, const Point& b) { poles.pass(a, b); });
  }
  return resolve(p, poles, is_area(shape), [&](Point at) {
    Ray ray(at);
    visit_edges(shape, [&](std::uint32_t part, const Point& a, const Point& b) { ray.pass(part, a, b); });
    return answer(ray, is_area(shape));
  });
}

EdgeIndex::EdgeIndex(const Geometry& shape) : area_(is_area(shape)) {
  std::vector<std::uint32_t> parts;
  visit_edges(shape, [&](std::uint32_t part, const Point& a, const Point& b) {
    edges_.push_back({a, b});
    parts.push_back(part);
    poles_.pass(a, b);
    west_ = std::min({west_, a.lon, b.lon});
    east_ = std::max({east_, a.lon, b.lon});
    south_lat_ = std::min({south_lat_, a.lat, b.lat});
    north_lat_ = std::max({north_lat_, a.lat, b.lat});
  });
  fill_bands(parts);
  note_witnesses(shape);
}

std::size_t EdgeIndex::band(double lon) const {
  return static_cast<std::size_t>(std::clamp((lon - west_) * per_degree_, 0.0, static_cast<double>(bands_ - 1)));
}

/// As many bands as give each a few edges, but fewer where long edges would lie in too many of them.
void EdgeIndex::fill_bands(const std::vector<std::uint32_t>& parts) {
  const auto first = [&](const Edge& edge) { return band(std::min(edge.a.lon, edge.b.lon) - kTouch); };
  const auto last = [&](const Edge& edge) { return band(std::max(edge.a.lon, edge.b.lon) + kTouch); };
  bands_ = std::clamp<std::size_t>(edges_.size() / kEdgesPerBand, 1, kMostBands);
  std::size_t total = 0;
  for (;; bands_ /= 2) {
    per_degree_ = east_ > west_ ? static_cast<double>(bands_) / (east_ - west_) : 0;
    total = 0;
    for (const Edge& edge : edges_) total += last(edge) - first(edge) + 1;
    if (bands_ == 1 || total <= 3 * edges_.size() + 64) break;
  }
  starts_.assign(bands_ + 1, 0);
  for (const Edge& edge : edges_) {
    for (std::size_t i = first(edge); i <= last(edge); ++i) ++starts_[i + 1];
  }
  for (std::size_t i = 0; i < bands_; ++i) starts_[i + 1] += starts_[i];
  entries_.resize(total);
  std::vector<std::uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (std::size_t k = 0; k < edges_.size(); ++k) {
    for (std::size_t i = first(edges_[k]); i <= last(edges_[k]); ++i) entries_[next[i]++] = {edges_[k], parts[k]};
  }
}

void EdgeIndex::note_witnesses(const Geometry& shape) {
  witnesses_ = shape.points;
  for (const Line& line : shape.lines) witnesses_.push_back(line.front());
  for (const Polygon& polygon : shape.polygons) {
    for (const Line& ring : polygon) witnesses_.push_back(ring.front());
  }
  for (const Edge& edge : edges_) {
    for (const Point& end : {edge.a, edge.b}) {
      if (std::abs(end.lon) >= 180 || std::abs(end.lat) >= 90) witnesses_.push_back(end);
    }
  }
}

Where EdgeIndex::look(Point p) const {
  if (p.lon < west_ - kTouch || p.lon > east_ + kTouch || p.lat < south_lat_ - kTouch || p.lat > north_lat_ + kTouch) {
    return Where::outside;
  }
  Ray ray(p);
  const std::size_t i = band(p.lon);
  for (std::uint32_t k = starts_[i]; k < starts_[i + 1]; ++k)
    ray.pass(entries_[k].part, entries_[k].edge.a, entries_[k].edge.b);
  return answer(ray, area_);
}

Where EdgeIndex::locate(Point p) const {
  return resolve(p, poles_, area_, [this](Point at) { return look(at); });
}

bool EdgeIndex::meets(Point a, Point b) const {
  const Edge edge{a, b};
  if (ranges_apart(a.lon, b.lon, west_, east_) || ranges_apart(a.lat, b.lat, south_lat_, north_lat_)) return false;
  const std::size_t from = band(std::min(a.lon, b.lon) - kTouch), to = band(std::max(a.lon, b.lon) + kTouch);
  for (std::uint32_t k = starts_[from]; k < starts_[to + 1]; ++k) {
    if (edges_meet(edge, entries_[k].edge)) return true;
  }
  return false;
}

bool EdgeIndex::tangled() const {
  if (!area_ || edges_.size() <= kFewEdges) return false;
  std::size_t crossings = 0, pairs = 0;
  std::vector<Edge> band;
  const auto low = [](const Edge& edge) { return std::min(edge.a.lat, edge.b.lat); };
  for (std::size_t i = 0; i < bands_; ++i) {
    band.clear();
    for (std::uint32_t k = starts_[i]; k < starts_[i + 1]; ++k) band.push_back(entries_[k].edge);
    std::sort(band.begin(), band.end(), [&](const Edge& a, const Edge& b) { return low(a) < low(b); });
    for (std::size_t k = 0; k < band.size(); ++k) {
      const double high = std::max(band[k].a.lat, band[k].b.lat);
      for (std::size_t n = k + 1; n < band.size() && low(band[n]) <= high; ++n) {
        crossings += edges_meet(band[k], band[n]);
        if (++pairs > kMostPairs || crossings > kMostCrossings + 4 * edges_.size()) return true;
      }
    }
  }
  return false;
}

}  // namespace madang::geo
