#include "madang/formats/mvt.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include <gtest/gtest.h>
#include <protozero/pbf_reader.hpp>

#include "mvt/cut.h"

namespace madang::formats::mvt {
namespace {

struct Read {
  std::string layer;
  std::uint32_t version = 0, extent = 0;
  struct Feature {
    std::uint64_t id = 0;
    int type = 0;
    std::vector<CellPath> paths;
    std::vector<std::pair<std::string, std::string>> tags;
  };
  std::vector<Feature> features;
};

/// Straight from the specification's text, not by what the writer uses.
std::vector<CellPath> read_geometry(const std::vector<std::uint32_t>& words) {
  std::vector<CellPath> paths;
  Cell at;
  const auto signed_of = [](std::uint32_t word) {
    return static_cast<std::int32_t>(word >> 1) ^ -static_cast<std::int32_t>(word & 1);
  };
  for (std::size_t i = 0; i < words.size();) {
    const std::uint32_t command = words[i] & 7, count = words[i] >> 3;
    ++i;
    if (command == 7) {
      paths.back().push_back(paths.back().front());
      continue;
    }
    for (std::uint32_t n = 0; n < count; ++n, i += 2) {
      at = {at.x + signed_of(words[i]), at.y + signed_of(words[i + 1])};
      if (command == 1) paths.emplace_back();
      paths.back().push_back(at);
    }
  }
  return paths;
}

std::vector<Read> read_tile(const std::string& bytes) {
  std::vector<Read> layers;
  protozero::pbf_reader tile(bytes);
  while (tile.next(3)) {
    Read& layer = layers.emplace_back();
    std::vector<std::string> keys, values;
    std::vector<std::vector<std::uint32_t>> tags;
    protozero::pbf_reader reader = tile.get_message();
    while (reader.next()) {
      switch (reader.tag()) {
        case 15:
          layer.version = reader.get_uint32();
          break;
        case 1:
          layer.layer = reader.get_string();
          break;
        case 5:
          layer.extent = reader.get_uint32();
          break;
        case 3:
          keys.push_back(reader.get_string());
          break;
        case 4: {
          protozero::pbf_reader value = reader.get_message();
          value.next();
          if (value.tag() == 1)
            values.push_back(value.get_string());
          else if (value.tag() == 3)
            values.push_back(std::to_string(value.get_double()));
          else if (value.tag() == 6)
            values.push_back(std::to_string(value.get_sint64()));
          else
            values.push_back(value.get_bool() ? "true" : "false");
          break;
        }
        case 2: {
          Read::Feature& feature = layer.features.emplace_back();
          auto& its = tags.emplace_back();
          protozero::pbf_reader inner = reader.get_message();
          while (inner.next()) {
            if (inner.tag() == 1)
              feature.id = inner.get_uint64();
            else if (inner.tag() == 3)
              feature.type = inner.get_enum();
            else {
              const bool shape = inner.tag() == 4;
              std::vector<std::uint32_t> words;
              for (const std::uint32_t word : inner.get_packed_uint32()) words.push_back(word);
              if (shape)
                feature.paths = read_geometry(words);
              else
                its = words;
            }
          }
          break;
        }
        default:
          reader.skip();
      }
    }
    for (std::size_t i = 0; i < tags.size(); ++i) {
      for (std::size_t n = 0; n + 1 < tags[i].size(); n += 2)
        layer.features[i].tags.emplace_back(keys.at(tags[i][n]), values.at(tags[i][n + 1]));
    }
  }
  return layers;
}

geo::Geometry polygon(geo::Polygon rings) {
  geo::Geometry shape;
  shape.kind = geo::Geometry::Kind::polygon;
  shape.polygons.push_back(std::move(rings));
  return shape;
}
geo::Geometry line(geo::Line points) {
  geo::Geometry shape;
  shape.kind = geo::Geometry::Kind::line;
  shape.lines.push_back(std::move(points));
  return shape;
}
geo::Geometry point(double lon, double lat) {
  geo::Geometry shape;
  shape.points.push_back({lon, lat});
  return shape;
}

TEST(Mvt, TheWorldsTileHasItsMiddleInTheMiddle) {
  TileWriter writer({0, 0, 0});
  writer.begin_layer("places");
  ASSERT_TRUE(writer.begin_feature(point(0, 0), 7));
  writer.add_text("name", "null island");
  writer.add_number("people", 12.0);
  writer.add_number("share", 0.5);
  writer.add_truth("real", false);
  writer.end_feature();
  writer.end_layer();
  const auto layers = read_tile(writer.finish());
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].layer, "places");
  EXPECT_EQ(layers[0].version, 2u);
  EXPECT_EQ(layers[0].extent, 4'096u);
  ASSERT_EQ(layers[0].features.size(), 1u);
  const auto& feature = layers[0].features[0];
  EXPECT_EQ(feature.id, 7u);
  EXPECT_EQ(feature.type, 1);
  ASSERT_EQ(feature.paths.size(), 1u);
  EXPECT_EQ(feature.paths[0][0], (Cell{2'048, 2'048}));
  const std::vector<std::pair<std::string, std::string>> wanted{
      {"name", "null island"}, {"people", "12"}, {"share", "0.500000"}, {"real", "false"}};
  EXPECT_EQ(feature.tags, wanted);
}

TEST(Mvt, BoundsOfTilesAreThoseOfTheWebMap) {
  const geo::Box whole = TileId{0, 0, 0}.bounds();
  EXPECT_NEAR(whole.north, 85.0511287798, 1e-9);
  EXPECT_NEAR(whole.west, -180, 1e-9);
  const geo::Box seoul = TileId{10, 873, 396}.bounds();
  EXPECT_TRUE(seoul.contains({126.978, 37.5665}));
  const geo::Box cell = TileId{10, 873, 396}.cell(0, 0, 2);
  EXPECT_NEAR(cell.north, seoul.north, 1e-9);
  EXPECT_NEAR(cell.east, (seoul.west + seoul.east) / 2, 1e-9);
  EXPECT_FALSE((TileId{3, 8, 0}.valid()));
  EXPECT_FALSE((TileId{23, 0, 0}.valid()));
}

TEST(Mvt, RingsTurnAsTheFormatWantsWhateverWayTheyCame) {
  const geo::Line outer{{-90, -60}, {90, -60}, {90, 60}, {-90, 60}, {-90, -60}};
  const geo::Line hole{{-30, -20}, {30, -20}, {30, 20}, {-30, 20}, {-30, -20}};
  for (const bool turned : {false, true}) {
    geo::Polygon rings{outer, hole};
    if (turned) {
      for (geo::Line& ring : rings) std::reverse(ring.begin(), ring.end());
    }
    TileWriter writer({0, 0, 0});
    writer.begin_layer("a");
    ASSERT_TRUE(writer.begin_feature(polygon(rings)));
    writer.end_feature();
    writer.end_layer();
    const auto layers = read_tile(writer.finish());
    ASSERT_EQ(layers[0].features[0].paths.size(), 2u);
    EXPECT_GT(twice_area(layers[0].features[0].paths[0]), 0);
    EXPECT_LT(twice_area(layers[0].features[0].paths[1]), 0);
  }
}

TEST(Mvt, WhatIsElsewhereIsNotThere) {
  TileWriter writer({5, 27, 12});
  writer.begin_layer("a");
  EXPECT_FALSE(writer.begin_feature(point(0, 0)));
  EXPECT_FALSE(writer.begin_feature(line({{0, 0}, {1, 1}})));
  EXPECT_FALSE(writer.begin_feature(polygon({{{0, 0}, {1, 0}, {1, 1}, {0, 0}}})));
  writer.end_layer();
  EXPECT_EQ(writer.finish(), "");
}

TEST(Mvt, LinesAreCutAndComeBack) {
  std::vector<Path> parts;
  cut_line({{-100, 50}, {50, 50}, {50, 150}, {70, 150}, {70, 50}}, {0, 100}, parts);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].front().x, 0);
  EXPECT_EQ(parts[0].back().y, 100);
  EXPECT_EQ(parts[1].front().y, 100);
  EXPECT_EQ(parts[1].back().y, 50);
}

TEST(Mvt, AnythingStaysInsideAndNearWhatItWas) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> place(-300, 400);
  const Frame frame{-10, 110};
  for (int round = 0; round < 2'000; ++round) {
    Path ring;
    for (int i = 0; i < 3 + round % 9; ++i) ring.push_back({place(random), place(random)});
    ring.push_back(ring.front());
    for (const Unit p : cut_ring(ring, frame)) {
      ASSERT_GE(p.x, frame.low - 1e-9);
      ASSERT_LE(p.x, frame.high + 1e-9);
      ASSERT_GE(p.y, frame.low - 1e-9);
      ASSERT_LE(p.y, frame.high + 1e-9);
    }
    std::vector<Path> parts;
    cut_line(ring, frame, parts);
    for (const Path& part : parts) {
      ASSERT_GE(part.size(), 2u);
      for (const Unit p : part) ASSERT_TRUE((Frame{frame.low - 1e-6, frame.high + 1e-6}).holds(p));
    }
    // Whatever was left out is within the tolerance of the line that stays.
    const Path thin = thinned(ring, 25);
    for (const Unit p : ring) {
      double nearest = HUGE_VAL;
      for (std::size_t i = 1; i < thin.size(); ++i) {
        const Unit a = thin[i - 1], b = thin[i];
        const double length = std::hypot(b.x - a.x, b.y - a.y);
        const double t =
            length == 0
                ? 0
                : std::clamp(((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / (length * length), 0.0, 1.0);
        nearest = std::min(nearest, std::hypot(p.x - a.x - t * (b.x - a.x), p.y - a.y - t * (b.y - a.y)));
      }
      ASSERT_LE(nearest, 25 + 1e-9);
    }
  }
}

}  // namespace
}  // namespace madang::formats::mvt
