#include "osm/rings.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace madang::formats::osm {

namespace {

double area(const geo::Line& ring) {
  double twice = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    twice += ring[i].lon * ring[i + 1].lat - ring[i + 1].lon * ring[i].lat;
  }
  return std::abs(twice) / 2;
}

bool within(geo::Point p, const geo::Line& ring) {
  bool inside = false;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const geo::Point a = ring[i], b = ring[i + 1];
    if ((a.lat > p.lat) != (b.lat > p.lat) && p.lon < (b.lon - a.lon) * (p.lat - a.lat) / (b.lat - a.lat) + a.lon) {
      inside = !inside;
    }
  }
  return inside;
}

/// More of its corners inside than not: one may touch the ring around it.
bool lies_in(const geo::Line& inner, const geo::Line& outer) {
  const auto inside = std::count_if(inner.begin(), inner.end(), [&](geo::Point p) { return within(p, outer); });
  return static_cast<std::size_t>(inside) * 2 > inner.size();
}

}  // namespace

std::optional<std::vector<NodeList>> join_rings(std::vector<NodeList> parts) {
  std::unordered_multimap<Id, std::size_t> ends;
  std::vector<bool> used(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].size() < 2) return std::nullopt;
    if (parts[i].front() == parts[i].back()) continue;
    ends.emplace(parts[i].front(), i);
    ends.emplace(parts[i].back(), i);
  }
  std::vector<NodeList> rings;
  for (std::size_t first = 0; first < parts.size(); ++first) {
    if (used[first]) continue;
    used[first] = true;
    NodeList ring = std::move(parts[first]);
    while (ring.front() != ring.back()) {
      const auto [begin, end] = ends.equal_range(ring.back());
      const auto next = std::find_if(begin, end, [&](const auto& one) { return !used[one.second]; });
      if (next == end) return std::nullopt;
      used[next->second] = true;
      NodeList& part = parts[next->second];
      if (part.front() != ring.back()) std::reverse(part.begin(), part.end());
      ring.insert(ring.end(), part.begin() + 1, part.end());
      ends.erase(next);
    }
    if (ring.size() < 4) return std::nullopt;
    rings.push_back(std::move(ring));
  }
  return rings;
}

std::optional<std::vector<geo::Polygon>> nest(std::vector<geo::Line> outer, std::vector<geo::Line> inner) {
  // The smallest ring around a hole is its own: outer rings may lie in holes of larger ones.
  std::sort(outer.begin(), outer.end(), [](const geo::Line& a, const geo::Line& b) { return area(a) < area(b); });
  std::vector<geo::Polygon> polygons;
  for (geo::Line& ring : outer) polygons.push_back({std::move(ring)});
  for (geo::Line& hole : inner) {
    const auto around = std::find_if(polygons.begin(), polygons.end(), [&](const geo::Polygon& polygon) {
      return area(polygon.front()) > area(hole) && lies_in(hole, polygon.front());
    });
    if (around == polygons.end()) return std::nullopt;
    around->push_back(std::move(hole));
  }
  return polygons;
}

}  // namespace madang::formats::osm
