// Points in a grid of cells, and above it coarser grids that know which of their cells hold anything.
//
// The finest cells are 360/2^17 degrees wide and high (about 300 m north-south, 240 m east-west in Seoul or Zurich);
// only cells that hold points exist, in a hash map, each with one block of keys and coordinates. Each level above is
// eight times coarser each way, so that a node there keeps its 64 children in one bit mask: a query starts at the level
// where a few nodes cover it and walks down set bits, never through empty land, whether it asks for a street or for the
// Earth.

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/geo/index.h"

#include "geodesic.h"
#include "seam.h"

namespace madang::geo {
namespace {

using Name = std::uint64_t;  // of a cell or node: its column and row in its level

constexpr std::uint32_t kColumns = 1u << 17, kRows = 1u << 16;
constexpr double kPerDegree = kColumns / 360.0;
constexpr unsigned kLevels = 6;        // of nodes; the top one holds the whole Earth in one node
constexpr unsigned kFan = 3;           // bits of column and row that a level takes away
constexpr std::uint32_t kCrowd = 512;  // points in a cell from which on a table finds a key's slot
constexpr std::uint32_t kNowhere = UINT32_MAX;

std::uint32_t column_of(double lon) {
  return std::min(static_cast<std::uint32_t>((lon + 180) * kPerDegree), kColumns - 1);
}
std::uint32_t row_of(double lat) {
  return std::min(static_cast<std::uint32_t>((lat + 90) * kPerDegree), kRows - 1);
}
Name name_of(std::uint32_t column, std::uint32_t row) {
  return Name{row} << 32 | column;
}
Name cell_of(Point p) {
  return name_of(column_of(p.lon), row_of(p.lat));
}
std::uint32_t column_in(Name name) {
  return static_cast<std::uint32_t>(name);
}
std::uint32_t row_in(Name name) {
  return static_cast<std::uint32_t>(name >> 32);
}
Name parent_of(Name name) {
  return name_of(column_in(name) >> kFan, row_in(name) >> kFan);
}
std::uint64_t bit_of(Name child) {
  return std::uint64_t{1} << ((row_in(child) & 7) * 8 + (column_in(child) & 7));
}

struct Hash {
  using is_avalanching = void;
  std::size_t operator()(Name name) const {
    const std::uint64_t mixed = (name ^ name >> 29) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 32;
  }
};

/// The points of one cell: all keys, then all longitudes, then all latitudes, in one block that grows by quarters.
class Cell {
 public:
  std::uint32_t size() const { return size_; }
  Key key(std::uint32_t i) const { return block_[i]; }
  double lon(std::uint32_t i) const { return std::bit_cast<double>(block_[capacity_ + i]); }
  double lat(std::uint32_t i) const { return std::bit_cast<double>(block_[2 * capacity_ + i]); }
  Point at(std::uint32_t i) const { return {lon(i), lat(i)}; }
  const std::uint64_t* keys() const { return block_.get(); }
  std::size_t bytes() const { return std::size_t{capacity_} * 24; }

  void set(std::uint32_t i, Point p) {
    block_[capacity_ + i] = std::bit_cast<std::uint64_t>(p.lon);
    block_[2 * capacity_ + i] = std::bit_cast<std::uint64_t>(p.lat);
  }
  void push(Key key, Point p) {
    if (size_ == capacity_) resize(capacity_ + std::max(1u, capacity_ / 4));
    block_[size_] = key;
    set(size_++, p);
  }
  /// The last one takes the place of the removed one.
  void remove(std::uint32_t i) {
    --size_;
    block_[i] = block_[size_];
    set(i, at(size_));
    if (size_ * 2 <= capacity_ && size_ > 0) resize(size_ + std::max(1u, size_ / 4));
  }
  std::uint32_t find(Key key) const {
    const std::uint64_t* const keys = block_.get();
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (keys[i] == key) return i;
    }
    return kNowhere;
  }

 private:
  void resize(std::uint32_t capacity) {
    std::unique_ptr<std::uint64_t[]> block(new std::uint64_t[std::size_t{capacity} * 3]);
    for (std::size_t k = 0; k < 3; ++k) std::copy_n(block_.get() + k * capacity_, size_, block.get() + k * capacity);
    block_ = std::move(block);
    capacity_ = capacity;
  }
  std::unique_ptr<std::uint64_t[]> block_;
  std::uint32_t size_ = 0, capacity_ = 0;
};

struct Node {
  std::uint64_t children = 0;  // bit row * 8 + column
  std::uint64_t points = 0;
};

/// Cells from one corner to the other, both included.
struct Window {
  std::uint32_t west, south, east, north;
  Window above(unsigned levels) const {
    const unsigned bits = levels * kFan;
    return {west >> bits, south >> bits, east >> bits, north >> bits};
  }
  bool holds(Name name) const {
    return column_in(name) >= west && column_in(name) <= east && row_in(name) >= south && row_in(name) <= north;
  }
  /// Not on the rim: all points of such a cell are in the box that the window was made of.
  bool holds_inside(Name name) const {
    return column_in(name) > west && column_in(name) < east && row_in(name) > south && row_in(name) < north;
  }
};

Window window_of(const Span& span, const Box& box) {
  return {column_of(span.west), row_of(box.south), column_of(span.east), row_of(box.north)};
}

/// The children of a node that lie in the window (of the children's level), as a mask.
std::uint64_t mask_of(Name node, const Window& window) {
  const std::uint32_t column = column_in(node) << kFan, row = row_in(node) << kFan;
  if (window.east < column || window.west > column + 7 || window.north < row || window.south > row + 7) return 0;
  const std::uint32_t west = std::max(window.west, column) - column, east = std::min(window.east, column + 7) - column;
  const std::uint32_t south = std::max(window.south, row) - row, north = std::min(window.north, row + 7) - row;
  const std::uint64_t line = (std::uint64_t{0xFF} >> (7 - (east - west))) << west;
  std::uint64_t lines = line * 0x0101010101010101u;
  lines &= ~std::uint64_t{0} << (south * 8);
  return lines & ~std::uint64_t{0} >> ((7 - north) * 8);
}

Name child_of(Name node, unsigned bit) {
  return name_of((column_in(node) << kFan) + bit % 8, (row_in(node) << kFan) + bit / 8);
}

template <class T>
void make_room(std::vector<T>& out, std::size_t more) {
  if (out.capacity() - out.size() < more) out.reserve(std::max(out.capacity() * 2, out.size() + more));
}

/// Decides cheaply for nearly all points whether they are in a circle: on the plane that touches at the centre, with
/// the meridians' convergence to first order. What is within the error of that is left to geo::distance.
class Circle {
 public:
  Circle(Point centre, double metres) : centre_(centre), metres_(metres) {
    const double lat = centre.lat / kDegrees, sine = std::sin(lat), cosine = std::cos(lat);
    const auto [meridian, normal] = radii(sine);
    north_ = meridian / kDegrees;
    east_ = normal * cosine / kDegrees;
    turn_ = -meridian * sine / kDegrees / kDegrees / 2;
    const double angle = metres / kSmallestRadius, slope = sine / cosine;
    if (std::abs(centre.lat) < 80 && angle < 0.02) {
      const double error = 1e-6 + 0.01 * angle + 2 * angle * angle * (1 + slope * slope);
      sure_in_ = metres * (1 - error);
      sure_in_ *= sure_in_;
      sure_out_ = metres * (1 + error);
      sure_out_ *= sure_out_;
    }
  }
  bool contains(Point p) const {
    const double up = p.lat - centre_.lat;
    const double dy = up * north_, dx = longitude_step(p.lon, centre_.lon) * (east_ + turn_ * up);
    const double square = dx * dx + dy * dy;
    if (square < sure_in_) return true;
    if (square > sure_out_) return false;
    return distance(centre_, p) <= metres_;
  }

 private:
  Point centre_;
  double metres_;
  double north_, east_, turn_;  // metres a degree, and how east_ changes with latitude, half
  double sure_in_ = -1, sure_out_ = std::numeric_limits<double>::infinity();
};

}  // namespace

struct PointIndex::Impl {
  template <class T>
  using Map = boost::unordered_flat_map<Name, T, Hash>;
  Map<Cell> cells;
  Map<Node> nodes[kLevels];  // [0] just above the cells
  Map<boost::unordered_flat_map<Key, std::uint32_t>> crowds;
  std::size_t count = 0, block_bytes = 0;

  void add(Name name, Key key, Point at) {
    auto [it, fresh] = cells.try_emplace(name);
    Cell& cell = it->second;
    block_bytes -= cell.bytes();
    cell.push(key, at);
    block_bytes += cell.bytes();
    if (fresh) mark(name);
    if (cell.size() > kCrowd) note_in_crowd(name, cell, key);
  }

  void note_in_crowd(Name name, const Cell& cell, Key key) {
    auto [it, fresh] = crowds.try_emplace(name);
    if (!fresh) {
      it->second[key] = cell.size() - 1;
      return;
    }
    for (std::uint32_t i = 0; i < cell.size(); ++i) it->second[cell.key(i)] = i;
  }

  std::uint32_t slot(Name name, const Cell& cell, Key key) const {
    if (cell.size() <= kCrowd / 2 || crowds.empty()) return cell.find(key);
    const auto crowd = crowds.find(name);
    if (crowd == crowds.end()) return cell.find(key);
    const auto it = crowd->second.find(key);
    return it == crowd->second.end() ? kNowhere : it->second;
  }

  /// Where the key is: its cell and place. It must be there.
  std::pair<Map<Cell>::iterator, std::uint32_t> locate(Name name, Key key) {
    const auto it = cells.find(name);
    assert(it != cells.end() && "the point is not where the caller says");
    const std::uint32_t i = slot(name, it->second, key);
    assert(i != kNowhere && "the point is not where the caller says");
    return {it, i};
  }

  void remove(Map<Cell>::iterator it, std::uint32_t i) {
    const Name name = it->first;
    Cell& cell = it->second;
    const Key gone = cell.key(i);
    block_bytes -= cell.bytes();
    cell.remove(i);
    block_bytes += cell.bytes();
    if (const auto crowd = crowds.find(name); crowd != crowds.end()) {
      crowd->second.erase(gone);
      if (i < cell.size()) crowd->second[cell.key(i)] = i;
      if (cell.size() <= kCrowd / 2) crowds.erase(crowd);
    }
    if (cell.size() > 0) return;
    block_bytes -= cell.bytes();
    cells.erase(it);
    unmark(name);
  }

  /// A cell or node came to be: its ancestors know.
  void mark(Name child) {
    for (unsigned level = 0; level < kLevels; ++level) {
      Node& node = nodes[level][parent_of(child)];
      const bool known = node.children != 0;
      node.children |= bit_of(child);
      if (known) return;
      child = parent_of(child);
    }
  }
  void unmark(Name child) {
    for (unsigned level = 0; level < kLevels; ++level) {
      const auto it = nodes[level].find(parent_of(child));
      it->second.children &= ~bit_of(child);
      if (it->second.children != 0) return;
      child = it->first;
      nodes[level].erase(it);
    }
  }
  /// Counts a point in the nodes above a cell, or out of them, up to but not including the first one that is above
  /// `other` too.
  template <bool in>
  void tally(Name cell, Name other) {
    for (unsigned level = 0; level < kLevels; ++level) {
      cell = parent_of(cell);
      other = parent_of(other);
      if (cell == other) return;
      Node& node = nodes[level][cell];
      in ? ++node.points : --node.points;
    }
  }
  template <bool in>
  void tally(Name cell) {
    for (unsigned level = 0; level < kLevels; ++level) {
      cell = parent_of(cell);
      Node& node = nodes[level][cell];
      in ? ++node.points : --node.points;
    }
  }

  /// Calls visit(name, cell) for the cells in the window until it says false.
  template <class Visit>
  bool walk(const Window& window, Visit&& visit) const {
    unsigned level = 0;
    while (level < kLevels) {
      const Window here = window.above(level);
      if (here.east - here.west <= 1 && here.north - here.south <= 1) break;
      ++level;
    }
    const Window top = window.above(level);
    for (std::uint32_t row = top.south; row <= top.north; ++row) {
      for (std::uint32_t column = top.west; column <= top.east; ++column) {
        if (!descend(level, name_of(column, row), window, visit)) return false;
      }
    }
    return true;
  }
  template <class Visit>
  bool descend(unsigned level, Name name, const Window& window, Visit& visit) const {
    if (level == 0) {
      const auto it = cells.find(name);
      return it == cells.end() || visit(name, it->second);
    }
    const auto it = nodes[level - 1].find(name);
    if (it == nodes[level - 1].end()) return true;
    for (std::uint64_t rest = it->second.children & mask_of(name, window.above(level - 1)); rest != 0;
         rest &= rest - 1) {
      const auto bit = static_cast<unsigned>(std::countr_zero(rest));
      if (!descend(level - 1, child_of(name, bit), window, visit)) return false;
    }
    return true;
  }

  template <class Out, class Make>
  bool find_in_box(const Box& box, std::vector<Out>& out, std::size_t most, Make&& make) const {
    const std::size_t before = out.size();
    for (const Span& span : spans(box)) {
      if (!(span.west <= span.east && box.south <= box.north)) continue;
      const Window window = window_of(span, box);
      const bool all = walk(window, [&](Name name, const Cell& cell) {
        make_room(out, cell.size());
        const bool inside = window.holds_inside(name);
        for (std::uint32_t i = 0; i < cell.size(); ++i) {
          const Point at = cell.at(i);
          const bool in = at.lon >= span.west && at.lon <= span.east && at.lat >= box.south && at.lat <= box.north;
          if (!inside && !in) continue;
          if (out.size() - before == most) return false;
          out.push_back(make(cell.key(i), at));
        }
        return true;
      });
      if (!all) return false;
    }
    return true;
  }
};

PointIndex::PointIndex() : impl_(std::make_unique<Impl>()) {}
PointIndex::~PointIndex() = default;

void PointIndex::insert(Key key, Point at) {
  const Name cell = cell_of(at);
  impl_->add(cell, key, at);
  impl_->tally<true>(cell);
  ++impl_->count;
}

void PointIndex::move(Key key, Point from, Point to) {
  const Name old_cell = cell_of(from), new_cell = cell_of(to);
  const auto [it, i] = impl_->locate(old_cell, key);
  if (old_cell == new_cell) {
    it->second.set(i, to);
    return;
  }
  impl_->tally<false>(old_cell, new_cell);
  impl_->remove(it, i);
  impl_->add(new_cell, key, to);
  impl_->tally<true>(new_cell, old_cell);
}

void PointIndex::erase(Key key, Point at) {
  const Name cell = cell_of(at);
  const auto [it, i] = impl_->locate(cell, key);
  impl_->tally<false>(cell);
  impl_->remove(it, i);
  --impl_->count;
}

std::size_t PointIndex::size() const {
  return impl_->count;
}

std::size_t PointIndex::memory_bytes() const {
  const auto table = [](const auto& map) { return map.bucket_count() * (sizeof(*map.begin()) + 1); };
  std::size_t bytes =
      sizeof(Impl) + impl_->block_bytes + impl_->cells.size() * 16 + table(impl_->cells) + table(impl_->crowds);
  for (const auto& level : impl_->nodes) bytes += table(level);
  for (const auto& [name, crowd] : impl_->crowds) bytes += table(crowd);
  return bytes;
}

bool PointIndex::find(const Box& box, std::vector<Key>& out, std::size_t most) const {
  return impl_->find_in_box(box, out, most, [](Key key, Point) { return key; });
}

bool PointIndex::find(const Box& box, std::vector<Hit>& out, std::size_t most) const {
  return impl_->find_in_box(box, out, most, [](Key key, Point at) { return Hit{key, at}; });
}

bool PointIndex::find_circle(Point centre, double metres, std::vector<Hit>& out, std::size_t most) const {
  if (!(metres >= 0)) return true;
  const Circle circle(centre, metres);
  const Box box = expand({centre.lon, centre.lat, centre.lon, centre.lat}, metres);
  const std::size_t before = out.size();
  for (const Span& span : spans(box)) {
    const bool all = impl_->walk(window_of(span, box), [&](Name, const Cell& cell) {
      make_room(out, cell.size());
      for (std::uint32_t i = 0; i < cell.size(); ++i) {
        const Point at = cell.at(i);
        if (at.lon < span.west || at.lon > span.east || !circle.contains(at)) continue;
        if (out.size() - before == most) return false;
        out.push_back({cell.key(i), at});
      }
      return true;
    });
    if (!all) return false;
  }
  return true;
}

std::size_t PointIndex::estimate(const Box& box) const {
  constexpr std::size_t kMostNodes = 64;
  std::size_t total = 0;
  for (const Span& span : spans(box)) {
    if (!(span.west <= span.east && box.south <= box.north)) continue;
    const Window window = window_of(span, box);
    std::vector<Name> front{0}, next;
    unsigned level = kLevels;
    for (; level > 0; --level, front.swap(next), next.clear()) {
      const auto& nodes = impl_->nodes[level - 1];
      const Window below = window.above(level - 1);
      for (const Name name : front) {
        const auto it = nodes.find(name);
        if (it == nodes.end()) continue;
        for (std::uint64_t rest = it->second.children & mask_of(name, below); rest != 0; rest &= rest - 1) {
          next.push_back(child_of(name, static_cast<unsigned>(std::countr_zero(rest))));
        }
      }
      if (next.size() > kMostNodes) break;
    }
    for (const Name name : front) {
      if (level == 0) {
        total += impl_->cells.find(name)->second.size();
      } else if (const auto it = impl_->nodes[level - 1].find(name); it != impl_->nodes[level - 1].end()) {
        total += it->second.points;
      }
    }
  }
  return total;
}

std::vector<std::pair<double, PointIndex::Hit>> PointIndex::nearest(Point centre, std::size_t count) const {
  constexpr double kFirst = 100, kFarthest = 20'050'000;  // metres; nothing on Earth is farther than the second
  std::vector<Hit> hits;
  count = std::min(count, size());
  for (double metres = kFirst; count > 0 && hits.size() < count; metres *= 2) {
    hits.clear();
    const Box box = expand({centre.lon, centre.lat, centre.lon, centre.lat}, metres);
    if (metres < kFarthest && estimate(box) < count) continue;
    find_circle(centre, metres, hits);
    if (metres >= kFarthest) break;
  }
  std::vector<std::pair<double, Hit>> out;
  out.reserve(hits.size());
  for (const Hit& hit : hits) out.emplace_back(distance(centre, hit.at), hit);
  const auto nearer = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.key < b.second.key;
  };
  const auto kept = out.begin() + static_cast<std::ptrdiff_t>(std::min(count, out.size()));
  std::partial_sort(out.begin(), kept, out.end(), nearer);
  out.erase(kept, out.end());
  return out;
}

}  // namespace madang::geo
