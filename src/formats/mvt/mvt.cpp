#include "madang/formats/mvt.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>

#include <boost/unordered/unordered_flat_map.hpp>
#include <protozero/pbf_writer.hpp>

#include "mvt/cut.h"

namespace madang::formats::mvt {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kMostLatitude = 85.05112877980659;  // where the map is a square

/// From 0 in the north-west to 1 in the south-east.
Unit on_map(geo::Point point) {
  const double lat = std::clamp(point.lat, -kMostLatitude, kMostLatitude) * kPi / 180;
  return {(point.lon + 180) / 360, (1 - std::asinh(std::tan(lat)) / kPi) / 2};
}
geo::Point off_map(double x, double y) {
  return {x * 360 - 180, std::atan(std::sinh(kPi * (1 - 2 * y))) * 180 / kPi};
}
geo::Box box_of(double west, double north, double east, double south) {
  const geo::Point low = off_map(std::max(west, 0.0), std::min(south, 1.0));
  const geo::Point high = off_map(std::min(east, 1.0), std::max(north, 0.0));
  return {low.lon, low.lat, high.lon, high.lat};
}

// Field numbers of vector_tile.proto.
enum TileField : protozero::pbf_tag_type { layers = 3 };
enum LayerField : protozero::pbf_tag_type {
  version = 15,
  layer_name = 1,
  features = 2,
  keys = 3,
  values = 4,
  extent = 5
};
enum FeatureField : protozero::pbf_tag_type { feature_id = 1, tags = 2, shape_type = 3, geometry = 4 };
enum ValueField : protozero::pbf_tag_type { string_value = 1, double_value = 3, sint_value = 6, bool_value = 7 };
enum Command : std::uint32_t { move_to = 1, line_to = 2, close_path = 7 };
enum ShapeType : std::uint32_t { point = 1, line = 2, polygon = 3 };

/// Steps from cell to cell, as the format has them.
class Pen {
 public:
  std::vector<std::uint32_t> out;

  void clear() { out.clear(), at_ = {}; }
  void command(Command what, std::size_t count) { out.push_back(what | static_cast<std::uint32_t>(count) << 3); }
  void go(Cell to) {
    step(to.x - at_.x), step(to.y - at_.y);
    at_ = to;
  }
  void path(const CellPath& path, std::size_t count) {
    command(move_to, 1), go(path[0]);
    command(line_to, count - 1);
    for (std::size_t i = 1; i < count; ++i) go(path[i]);
  }

 private:
  void step(std::int32_t by) {
    out.push_back((static_cast<std::uint32_t>(by) << 1) ^ static_cast<std::uint32_t>(by >> 31));
  }
  Cell at_;
};

/// Texts or values by their place of first use.
class Dictionary {
 public:
  std::uint32_t place_of(std::string_view entry) {
    if (const auto found = places_.find(entry); found != places_.end()) return found->second;
    const auto place = static_cast<std::uint32_t>(entries_.size());
    places_.emplace(entries_.emplace_back(entry), place);
    return place;
  }
  const std::deque<std::string>& entries() const { return entries_; }
  void clear() { places_.clear(), entries_.clear(); }

 private:
  std::deque<std::string> entries_;  // they stay where they are
  boost::unordered_flat_map<std::string_view, std::uint32_t> places_;
};

}  // namespace

geo::Box TileId::bounds(double margin) const {
  const double side = std::ldexp(1.0, -static_cast<int>(z));
  return box_of((x - margin) * side, (y - margin) * side, (x + 1 + margin) * side, (y + 1 + margin) * side);
}

geo::Box TileId::cell(std::uint32_t column, std::uint32_t row, std::uint32_t side) const {
  const double whole = std::ldexp(1.0, -static_cast<int>(z)), part = whole / side;
  const double west = x * whole + column * part, north = y * whole + row * part;
  return box_of(west, north, west + part, north + part);
}

struct TileWriter::Impl {
  Impl(TileId t, TileOptions o) : tile(t), options(o) {}

  const TileId tile;
  const TileOptions options;
  std::string out, layer;
  std::string name;
  Dictionary keys_, values_;
  std::vector<std::uint32_t> tags_;
  std::string value_;  // of an attribute, as the format has it
  CellPath cells_;
  Pen pen;
  ShapeType type = point;
  std::uint64_t id = 0;
  std::size_t count = 0;

  Frame frame() const {
    return {-static_cast<double>(options.buffer), static_cast<double>(options.extent + options.buffer)};
  }
  Unit place(geo::Point at) const {
    const Unit map = on_map(at);
    const double scale = std::ldexp(static_cast<double>(options.extent), static_cast<int>(tile.z));
    return {map.x * scale - static_cast<double>(tile.x) * options.extent,
            map.y * scale - static_cast<double>(tile.y) * options.extent};
  }
  Path places(const geo::Line& of) const {
    Path path;
    path.reserve(of.size());
    for (const geo::Point at : of) path.push_back(place(at));
    return path;
  }

  void draw_points(const std::vector<geo::Point>& points) {
    type = point;
    cells_.clear();
    for (const geo::Point at : points) {
      if (const Unit unit = place(at); frame().holds(unit)) cells_.push_back(on_grid(unit));
    }
    if (cells_.empty()) return;
    pen.command(move_to, cells_.size());
    for (const Cell cell : cells_) pen.go(cell);
  }

  void draw_line(const geo::Line& of) {
    type = line;
    std::vector<Path> parts;
    cut_line(places(of), frame(), parts);
    for (const Path& part : parts) {
      const CellPath cells = on_grid(thinned(part, options.tolerance));
      if (cells.size() > 1) pen.path(cells, cells.size());
    }
  }

  void draw_polygon(const geo::Polygon& of) {
    type = polygon;
    for (std::size_t i = 0; i < of.size(); ++i) {
      Path ring = cut_ring(places(of[i]), frame());
      if (ring.size() < 3) {
        if (i == 0) return;  // the whole polygon is elsewhere
        continue;
      }
      if (ring.front().x != ring.back().x || ring.front().y != ring.back().y) ring.push_back(ring.front());
      CellPath cells = on_grid(thinned(ring, options.tolerance));
      if (cells.size() > 1 && cells.front() == cells.back()) cells.pop_back();
      const std::int64_t area = cells.size() < 3 ? 0 : twice_area(cells);
      if (std::abs(area) < 2) {
        if (i == 0) return;
        continue;
      }
      // The outer ring turns clockwise, holes the other way.
      if ((area > 0) != (i == 0)) std::reverse(cells.begin(), cells.end());
      pen.path(cells, cells.size());
      pen.command(close_path, 1);
    }
  }

  void draw(const geo::Geometry& shape) {
    using Kind = geo::Geometry::Kind;
    switch (shape.kind) {
      case Kind::point:
      case Kind::multi_point:
        return draw_points(shape.points);
      case Kind::line:
      case Kind::multi_line:
        for (const geo::Line& one : shape.lines) draw_line(one);
        return;
      default:
        for (const geo::Polygon& one : shape.polygons) draw_polygon(one);
    }
  }

  template <class Write>
  void tag(std::string_view key, Write&& write) {
    value_.clear();
    write(protozero::pbf_writer(value_));
    tags_.push_back(keys_.place_of(key));
    tags_.push_back(values_.place_of(value_));
  }
};

TileWriter::TileWriter(TileId tile, TileOptions options) : impl_(std::make_unique<Impl>(tile, options)) {}
TileWriter::~TileWriter() = default;

void TileWriter::begin_layer(std::string_view name) {
  impl_->name = name;
  impl_->layer.clear();
  impl_->keys_.clear(), impl_->values_.clear();
  impl_->count = 0;
}

bool TileWriter::begin_feature(const geo::Geometry& shape, std::uint64_t id) {
  impl_->pen.clear();
  impl_->tags_.clear();
  impl_->id = id;
  impl_->draw(shape);
  return !impl_->pen.out.empty();
}

void TileWriter::add_text(std::string_view key, std::string_view text) {
  impl_->tag(key, [&](protozero::pbf_writer value) { value.add_string(string_value, text.data(), text.size()); });
}
void TileWriter::add_number(std::string_view key, double number) {
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  impl_->tag(key, [&](protozero::pbf_writer value) {
    if (std::abs(number) < kExact && number == std::floor(number))
      value.add_sint64(sint_value, static_cast<std::int64_t>(number));
    else
      value.add_double(double_value, number);
  });
}
void TileWriter::add_truth(std::string_view key, bool truth) {
  impl_->tag(key, [&](protozero::pbf_writer value) { value.add_bool(bool_value, truth); });
}

void TileWriter::end_feature() {
  Impl& me = *impl_;
  protozero::pbf_writer layer(me.layer);
  protozero::pbf_writer feature(layer, features);
  if (me.id != 0) feature.add_uint64(feature_id, me.id);
  feature.add_packed_uint32(tags, me.tags_.begin(), me.tags_.end());
  feature.add_enum(shape_type, static_cast<std::int32_t>(me.type));
  feature.add_packed_uint32(geometry, me.pen.out.begin(), me.pen.out.end());
  ++me.count;
}

void TileWriter::end_layer() {
  Impl& me = *impl_;
  if (me.count == 0) return;
  std::string layer;
  protozero::pbf_writer writer(layer);
  writer.add_uint32(version, 2);
  writer.add_string(layer_name, me.name);
  layer += me.layer;
  for (const std::string& key : me.keys_.entries()) writer.add_string(keys, key);
  for (const std::string& value : me.values_.entries()) writer.add_message(values, value);
  writer.add_uint32(extent, me.options.extent);
  protozero::pbf_writer(me.out).add_message(layers, layer);
}

std::string TileWriter::finish() {
  return std::move(impl_->out);
}

std::size_t TileWriter::bytes() const {
  return impl_->out.size() + impl_->layer.size();
}

}  // namespace madang::formats::mvt
