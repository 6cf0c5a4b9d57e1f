#pragma once
// Mapbox Vector Tiles 2.1: shapes of the Earth cut, thinned and packed for one square of a web map.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "madang/geo/geometry.h"

namespace madang::formats::mvt {

inline constexpr std::uint32_t kDeepest = 22;

/// A square of the web Mercator pyramid (EPSG:3857): at zoom z there are 2^z by 2^z, counted from the north-west.
struct TileId {
  std::uint32_t z = 0, x = 0, y = 0;
  bool valid() const { return z <= kDeepest && x < (1u << z) && y < (1u << z); }
  /// Of the square with a margin, a share of its side.
  geo::Box bounds(double margin = 0) const;
  /// A part of it: the square is divided by `side` in both directions.
  geo::Box cell(std::uint32_t column, std::uint32_t row, std::uint32_t side) const;
  bool operator==(const TileId&) const = default;
};

struct TileOptions {
  std::uint32_t extent = 4'096;  // units along a side
  std::uint32_t buffer = 64;     // units beyond it that are kept, so that seams do not show
  double tolerance = 2;          // units that a line may be off after thinning
};

/// Writes the layers of one tile. Not for several threads at once.
class TileWriter {
 public:
  explicit TileWriter(TileId tile, TileOptions options = {});
  ~TileWriter();

  void begin_layer(std::string_view name);
  /// False: nothing of the shape is on the tile; then no end_feature(). Areas of less than a unit go too.
  bool begin_feature(const geo::Geometry& shape, std::uint64_t id = 0);
  void add_text(std::string_view key, std::string_view text);
  void add_number(std::string_view key, double number);
  void add_truth(std::string_view key, bool truth);
  void end_feature();
  void end_layer();  // a layer without features is left out
  /// The tile: empty where there is nothing on it.
  std::string finish();
  std::size_t bytes() const;  // so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats::mvt
