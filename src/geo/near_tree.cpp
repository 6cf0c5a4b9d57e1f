#include "near_tree.h"

#include <algorithm>

namespace madang::geo {
namespace {

constexpr std::size_t kLeaf = 4;

Point along(const Edge& edge, double t) {
  return {edge.a.lon + t * (edge.b.lon - edge.a.lon), edge.a.lat + t * (edge.b.lat - edge.a.lat)};
}

/// How the edge moves in space, a unit of t, at its point `p` (the derivative of in_space).
Vec speed(const Edge& edge, Point p) {
  const double lat = p.lat / kDegrees, lon = p.lon / kDegrees;
  const double east = (edge.b.lon - edge.a.lon) / kDegrees, north = (edge.b.lat - edge.a.lat) / kDegrees;
  const auto [meridian, normal] = radii(std::sin(lat));
  const double eastward = normal * std::cos(lat) * east, northward = meridian * north;
  return {-std::sin(lon) * eastward - std::sin(lat) * std::cos(lon) * northward,
          std::cos(lon) * eastward - std::sin(lat) * std::sin(lon) * northward, std::cos(lat) * northward};
}

double square(const Vec& v) {
  return dot(v, v);
}

/// Angles so small that an edge hardly leaves its chord; at most about five pieces an edge on average.
std::vector<Edge> in_pieces(const std::vector<Edge>& edges) {
  const auto length = [](const Edge& edge) {
    return std::max(std::abs(edge.b.lon - edge.a.lon), std::abs(edge.b.lat - edge.a.lat));
  };
  double total = 0;
  for (const Edge& edge : edges) total += length(edge);
  const double longest = std::max(1.0, total / static_cast<double>(4 * edges.size() + 1000));
  std::vector<Edge> out;
  out.reserve(edges.size());
  for (const Edge& edge : edges) {
    const double pieces = std::max(1.0, std::ceil(length(edge) / longest));
    for (double i = 0; i < pieces; ++i) {
      out.push_back(
          {i == 0 ? edge.a : along(edge, i / pieces), i + 1 == pieces ? edge.b : along(edge, (i + 1) / pieces)});
    }
  }
  return out;
}

constexpr double kFar = std::numeric_limits<double>::max();

void grow(Vec& low, Vec& high, const Vec& other_low, const Vec& other_high) {
  low = {std::min(low.x, other_low.x), std::min(low.y, other_low.y), std::min(low.z, other_low.z)};
  high = {std::max(high.x, other_high.x), std::max(high.y, other_high.y), std::max(high.z, other_high.z)};
}

/// How far an edge can bulge from its chord: an eighth of its greatest acceleration.
Vec bulge(const Edge& edge) {
  const double angle = (std::abs(edge.b.lon - edge.a.lon) + std::abs(edge.b.lat - edge.a.lat)) / kDegrees;
  const double metres = kEquator * angle * angle / 8 * 1.02 + 1e-6;
  return {metres, metres, metres};
}

/// Square of the straight distance from a point to a box.
double gap(const Vec& at, const Vec& low, const Vec& high) {
  const double x = std::max({low.x - at.x, 0.0, at.x - high.x});
  const double y = std::max({low.y - at.y, 0.0, at.y - high.y});
  const double z = std::max({low.z - at.z, 0.0, at.z - high.z});
  return x * x + y * y + z * z;
}

}  // namespace

Point nearest_on_edge(const Edge& edge, Point from, const Vec& at) {
  Point best = edge.a;
  double least = square(in_space(edge.a) - at);
  const auto consider = [&](Point p) {
    if (const double d = square(in_space(p) - at); d < least) least = d, best = p;
  };
  consider(edge.b);
  // On the map first: the foot of the perpendicular where longitudes are shrunk as they are at the point's latitude.
  const double shrink = std::cos(from.lat / kDegrees);
  const double dx = (edge.b.lon - edge.a.lon) * shrink, dy = edge.b.lat - edge.a.lat;
  const double px = longitude_step(from.lon, edge.a.lon) * shrink, py = from.lat - edge.a.lat;
  const double length2 = dx * dx + dy * dy;
  if (length2 == 0) return best;
  double t = std::clamp((px * dx + py * dy) / length2, 0.0, 1.0);
  for (int i = 0; i < 4; ++i) {  // then in space: along the tangent
    const Point p = along(edge, t);
    consider(p);
    const Vec way = speed(edge, p);
    if (square(way) == 0) break;
    const double step = dot(at - in_space(p), way) / square(way);
    t = std::clamp(t + step, 0.0, 1.0);
    if (std::abs(step) < 1e-9) break;
  }
  consider(along(edge, t));
  return best;
}

NearTree::NearTree(const std::vector<Edge>& edges) {
  std::vector<Piece> pieces;
  for (const Edge& edge : in_pieces(edges)) {
    const Vec a = in_space(edge.a), b = in_space(edge.b), more = bulge(edge);
    Piece piece{edge, a - more, a + more};
    grow(piece.low, piece.high, b - more, b + more);
    pieces.push_back(piece);
  }
  build(pieces, 0, pieces.size());
  edges_.reserve(pieces.size());
  for (const Piece& piece : pieces) edges_.push_back(piece.edge);
}

std::uint32_t NearTree::build(std::vector<Piece>& pieces, std::size_t from, std::size_t to) {
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  Node node{{kFar, kFar, kFar}, {-kFar, -kFar, -kFar}};
  for (std::size_t i = from; i < to; ++i) grow(node.low, node.high, pieces[i].low, pieces[i].high);
  const bool leaf = to - from <= kLeaf;
  node.first = static_cast<std::uint32_t>(from);
  node.count = leaf ? static_cast<std::uint32_t>(to - from) : 0;
  nodes_.push_back(node);
  if (leaf) return index;
  const Vec size = node.high - node.low;
  const auto axis = size.x >= size.y && size.x >= size.z ? &Vec::x : size.y >= size.z ? &Vec::y : &Vec::z;
  const std::size_t middle = (from + to) / 2;
  const auto at = [&](std::size_t i) { return pieces.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(from), at(middle), at(to),
                   [&](const Piece& a, const Piece& b) { return a.low.*axis < b.low.*axis; });
  build(pieces, from, middle);
  const std::uint32_t right = build(pieces, middle, to);
  nodes_[index].first = right;
  return index;
}

double NearTree::distance(Point p, double enough) const {
  const Vec at = in_space(p);
  double best = enough, best_gap = enough * enough * 1.01;  // a chord is never longer than the way over the ground
  bool found = false;
  std::vector<std::pair<double, std::uint32_t>> open{{gap(at, nodes_[0].low, nodes_[0].high), 0}};
  while (!open.empty()) {
    const auto [lower, index] = open.back();
    open.pop_back();
    if (lower > best_gap) continue;
    const Node& node = nodes_[index];
    if (node.count == 0) {
      std::pair<double, std::uint32_t> left{gap(at, nodes_[index + 1].low, nodes_[index + 1].high), index + 1};
      std::pair<double, std::uint32_t> right{gap(at, nodes_[node.first].low, nodes_[node.first].high), node.first};
      if (left.first < right.first) std::swap(left, right);
      open.push_back(left);
      open.push_back(right);
      continue;
    }
    for (std::uint32_t i = node.first; i < node.first + node.count; ++i) {
      const Point q = nearest_on_edge(edges_[i], p, at);
      const double chord2 = square(in_space(q) - at);
      if (found ? chord2 >= best_gap : chord2 > best_gap) continue;
      const double metres = geo::distance(p, q);
      if (metres <= best) best = metres, best_gap = std::min(best_gap, chord2), found = true;
    }
  }
  return found ? best : std::nextafter(enough, std::numeric_limits<double>::infinity());
}

}  // namespace madang::geo
