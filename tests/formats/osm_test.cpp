#include "madang/formats/osm.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <protozero/pbf_builder.hpp>
#include <protozero/pbf_writer.hpp>
#include <zlib.h>

namespace madang::formats::osm {
namespace {

struct Seen : Handler {
  std::string text;
  void tags(Tags all) {
    for (const Tag& tag : all) text += " " + std::string(tag.key) + "=" + std::string(tag.value);
    text += "\n";
  }
  void node(const Node& node) override {
    text += "n" + std::to_string(node.id) + " " + std::to_string(node.at.lon) + "," + std::to_string(node.at.lat);
    tags(node.tags);
  }
  void way(const Way& way) override {
    text += "w" + std::to_string(way.id);
    for (const Id id : way.nodes) text += " " + std::to_string(id);
    tags(way.tags);
  }
  void relation(const Relation& relation) override {
    text += "r" + std::to_string(relation.id);
    for (const Member& m : relation.members) {
      text += " " + std::to_string(static_cast<int>(m.kind)) + ":" + std::to_string(m.id) + ":" + std::string(m.role);
    }
    tags(relation.tags);
  }
};

std::string feed(Reader& reader, std::string_view bytes, std::size_t piece) {
  base::Status status;
  for (; status.ok() && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    status = reader.push(bytes.substr(0, piece));
  }
  if (status.ok()) status = reader.finish();
  return status.ok() ? "" : status.error().where + ": " + status.error().message;
}

constexpr std::string_view kXml = R"(<?xml version='1.0' encoding='UTF-8'?>
<osm version="0.6"><bounds minlat="0"/>
<node id="1" lat="47.1" lon="9.5"><tag k="amenity" v="cafe"/><tag k="name" v="Z&#252;"/></node>
<node id="2" lat="0" lon="0" visible="false"/>
<way id="-7"><nd ref="1"/><nd ref="3"/><tag k="highway" v="path"/></way>
<relation id="9"><member type="way" ref="-7" role="outer"/><tag k="type" v="multipolygon"/></relation>
</osm>)";

TEST(OsmXml, Elements) {
  for (const std::size_t piece : {1u, 1'000'000u}) {
    Seen seen;
    EXPECT_EQ(feed(*read_xml(seen), kXml, piece), "");
    EXPECT_EQ(seen.text,
              "n1 9.500000,47.100000 amenity=cafe name=Zü\nw-7 1 3 highway=path\nr9 1:-7:outer type=multipolygon\n");
  }
}

TEST(OsmXml, Refusals) {
  Seen seen;
  const auto refused = [&](std::string_view inside) {
    return feed(*read_xml(seen), "<osm>" + std::string(inside) + "</osm>", 1000);
  };
  EXPECT_EQ(feed(*read_xml(seen), "<gpx/>", 1000), "line 1, column 1: no OSM XML: its root is <gpx>");
  EXPECT_EQ(refused("<node id='x' lat='0' lon='0'/>"), "line 1, column 6: node needs id, a number");
  EXPECT_EQ(refused("<node id='1' lat='91' lon='0'/>"), "line 1, column 6: node needs lon and lat on the map");
  EXPECT_EQ(refused("<way id='1'><nd/></way>"), "line 1, column 18: nd needs ref, a number");
  EXPECT_EQ(refused("<relation id='1'><member type='x' ref='1'/></relation>"),
            "line 1, column 23: member needs type (node, way, relation) and ref");
  EXPECT_EQ(
      feed(*read_xml(seen, {.items = 2}), "<osm><way id='1'><nd ref='1'/><nd ref='1'/><nd ref='1'/></way></osm>", 1000),
      "line 1, column 44: more than 2 parts of one thing");
}

std::string packed_blob(std::string_view type, const std::string& content, bool zip = true) {
  std::string blob, header, out;
  protozero::pbf_writer writer(blob);
  if (zip) {
    std::string small(content.size() + 100, '\0');
    uLongf size = small.size();
    ::compress(reinterpret_cast<Bytef*>(small.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
               content.size());
    writer.add_int32(2, static_cast<std::int32_t>(content.size()));
    writer.add_bytes(3, small.data(), size);
  } else {
    writer.add_bytes(1, content);
  }
  protozero::pbf_writer head(header);
  head.add_string(1, std::string(type));
  head.add_int32(3, static_cast<std::int32_t>(blob.size()));
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(header.size() >> shift);
  return out + header + blob;
}

std::string header_block(const std::string& needs = "DenseNodes") {
  std::string content;
  protozero::pbf_writer writer(content);
  writer.add_string(4, "OsmSchema-V0.6");
  writer.add_string(4, needs);
  return content;
}

std::string data_block() {
  std::string content, table, group;
  protozero::pbf_writer strings(table);
  for (const char* text : {"", "amenity", "cafe", "highway", "path", "outer"}) strings.add_string(1, std::string(text));
  protozero::pbf_writer groups(group);
  {
    protozero::pbf_writer dense(groups, 2);
    const std::vector<std::int64_t> ids{1, 2}, lats{471'000'000, -1}, lons{95'000'000, 1};
    const std::vector<std::int32_t> tags{1, 2, 0, 0};
    dense.add_packed_sint64(1, ids.begin(), ids.end());
    dense.add_packed_sint64(8, lats.begin(), lats.end());
    dense.add_packed_sint64(9, lons.begin(), lons.end());
    dense.add_packed_int32(10, tags.begin(), tags.end());
  }
  {
    protozero::pbf_writer way(groups, 3);
    const std::vector<std::uint32_t> keys{3}, values{4};
    const std::vector<std::int64_t> refs{1, 2, -2};
    way.add_int64(1, 7);
    way.add_packed_uint32(2, keys.begin(), keys.end());
    way.add_packed_uint32(3, values.begin(), values.end());
    way.add_packed_sint64(8, refs.begin(), refs.end());
  }
  {
    protozero::pbf_writer relation(groups, 4);
    const std::vector<std::int32_t> roles{5}, kinds{1};
    const std::vector<std::int64_t> refs{7};
    relation.add_int64(1, 9);
    relation.add_packed_int32(8, roles.begin(), roles.end());
    relation.add_packed_sint64(9, refs.begin(), refs.end());
    relation.add_packed_int32(10, kinds.begin(), kinds.end());
  }
  protozero::pbf_writer block(content);
  block.add_message(1, table);
  block.add_message(2, group);
  return content;
}

TEST(OsmPbf, Elements) {
  const std::string bytes = packed_blob("OSMHeader", header_block(), false) + packed_blob("Other", "?") +
                            packed_blob("OSMData", data_block());
  for (const std::size_t piece : {1u, 13u, 1'000'000u}) {
    Seen seen;
    EXPECT_EQ(feed(*read_pbf(seen), bytes, piece), "");
    EXPECT_EQ(seen.text,
              "n1 9.500000,47.100000 amenity=cafe\nn3 9.500000,47.100000\nw7 1 3 1 highway=path\nr9 1:7:outer\n");
  }
}

TEST(OsmPbf, Refusals) {
  Seen seen;
  const std::string head = packed_blob("OSMHeader", header_block());
  const auto refused = [&](const std::string& bytes) { return feed(*read_pbf(seen), bytes, 100); };
  EXPECT_EQ(refused(""), "offset 0: an empty file is no OSM PBF");
  EXPECT_EQ(refused("PK\3\4xxxxxxxxx"), "offset 0: no OSM PBF: a header of 1347093252 bytes");
  EXPECT_EQ(refused(packed_blob("OSMData", data_block())), "offset 0: no OSM PBF: it does not begin with OSMHeader");
  EXPECT_EQ(refused(packed_blob("OSMHeader", header_block("HistoricalInformation"))),
            "offset 0: the file needs HistoricalInformation, which is not read here");
  EXPECT_TRUE(refused(head + head.substr(0, 20)).ends_with("the file ends within a block"));
  std::string bomb;
  protozero::pbf_writer(bomb).add_int32(2, 40 << 20);
  std::string header;
  protozero::pbf_writer writer(header);
  writer.add_string(1, "OSMData");
  writer.add_int32(3, static_cast<std::int32_t>(bomb.size()));
  EXPECT_TRUE(refused(head + std::string(3, '\0') + static_cast<char>(header.size()) + header + bomb)
                  .ends_with("a block of more than 33554432 bytes"));
}

/// A map of nodes by letters, one degree a cell.
class Map {
 public:
  explicit Map(std::vector<std::string> rows) {
    for (std::size_t y = 0; y < rows.size(); ++y) {
      for (std::size_t x = 0; x < rows[y].size(); ++x) {
        if (rows[y][x] == ' ') continue;
        const geo::Point at{static_cast<double>(x), static_cast<double>(rows.size() - 1 - y)};
        builder.node({rows[y][x], at, {}});
      }
    }
  }
  void way(Id id, std::string_view nodes, std::vector<Tag> tags = {}) {
    const std::vector<Id> ids(nodes.begin(), nodes.end());
    builder.way({id, ids, tags});
  }
  void relation(Id id, std::vector<Member> members, std::vector<Tag> tags) { builder.relation({id, members, tags}); }

  std::vector<std::string> features;
  FeatureBuilder builder{[this](const Feature& feature) {
    std::string text;
    if (feature.street) text += "street ";
    if (feature.building) text += "building ";
    if (feature.place) text += "place ";
    text += std::to_string(feature.id) + " ";
    geo::append_geojson(text, feature.geometry);
    features.push_back(text);
  }};
};

TEST(OsmFeatures, LinesAreasAndPlaces) {
  Map map({"ab", "cd"});
  map.way(1, "ab", {{"highway", "residential"}});
  map.way(2, "abdca", {{"building", "yes"}, {"amenity", "school"}});
  map.way(3, "abdca", {{"highway", "pedestrian"}});
  map.way(4, "abdca", {{"highway", "pedestrian"}, {"area", "yes"}});
  map.way(5, "ab", {{"waterway", "stream"}});
  map.way(6, "ab", {{"building", "no"}});
  map.way(7, "axb", {{"highway", "path"}});
  map.way(8, "abxca", {{"building", "yes"}});
  const std::vector<Tag> cafe{{"amenity", "cafe"}};
  map.builder.node({'e', {3, 3}, cafe});
  const auto counts = map.builder.finish();
  EXPECT_EQ(map.features, (std::vector<std::string>{
                              R"(place 101 {"type":"Point","coordinates":[3,3]})",
                              R"(street 1 {"type":"LineString","coordinates":[[0,1],[1,1]]})",
                              R"(building place 2 {"type":"Polygon","coordinates":[[[0,1],[1,1],[1,0],[0,0],[0,1]]]})",
                              R"(street 3 {"type":"LineString","coordinates":[[0,1],[1,1],[1,0],[0,0],[0,1]]})",
                              R"(street 4 {"type":"Polygon","coordinates":[[[0,1],[1,1],[1,0],[0,0],[0,1]]]})",
                              R"(street 7 {"type":"LineString","coordinates":[[0,1],[1,1]]})"}));
  EXPECT_EQ(counts->incomplete, 1u);
  EXPECT_EQ(counts->ways, 8u);
}

TEST(OsmFeatures, RingsOfManyWaysWithHolesAndIslands) {
  Map map({"a        b", " e    f  ", "  i  j   ", "  k  l   ", " g    h  ", "d        c", "           pq",
           "           rs"});
  map.way(1, "abc");
  map.way(2, "adc");
  map.way(3, "efhge");
  map.way(4, "ijlki");
  map.way(5, "pqsrp");
  const std::vector<Tag> tags{{"type", "multipolygon"}, {"building", "yes"}};
  map.relation(9,
               {{Kind::way, 1, "outer"},
                {Kind::way, 2, "outer"},
                {Kind::way, 3, "inner"},
                {Kind::way, 4, "outer"},
                {Kind::way, 5, ""},
                {Kind::node, 1, "label"}},
               tags);
  map.relation(10, {{Kind::way, 1, "outer"}}, tags);                           // does not close
  map.relation(11, {{Kind::way, 77, "outer"}}, tags);                          // is not there
  map.relation(12, {{Kind::way, 5, "outer"}, {Kind::way, 3, "inner"}}, tags);  // a hole elsewhere
  const auto counts = map.builder.finish();
  ASSERT_EQ(map.features.size(), 1u);
  EXPECT_EQ(map.features[0],
            R"(building 9 {"type":"MultiPolygon","coordinates":[[[[11,1],[12,1],[12,0],[11,0],[11,1]]],)"
            R"([[[2,5],[5,5],[5,4],[2,4],[2,5]]],)"
            R"([[[0,7],[9,7],[9,2],[0,2],[0,7]],[[1,6],[6,6],[6,3],[1,3],[1,6]]]]})");
  EXPECT_EQ(counts->incomplete, 3u);
}

TEST(OsmFeatures, TooMuchMemory) {
  FeatureBuilder builder([](const Feature&) { FAIL(); }, 100);
  for (int i = 0; i < 100; ++i) builder.node({i, {}, std::vector<Tag>{{"shop", "x"}}});
  EXPECT_EQ(builder.finish().error().code, base::Code::too_large);
}

TEST(OsmStreet, WhatTagsSay) {
  const auto street = [](std::vector<Tag> tags) { return street_of(tags); };
  EXPECT_EQ(street({{"maxspeed", "50"}}).maxspeed, 50);
  EXPECT_NEAR(*street({{"maxspeed", "30 mph"}}).maxspeed, 48.28, 0.01);
  EXPECT_EQ(street({{"maxspeed", "CH:urban"}}).maxspeed, std::nullopt);
  EXPECT_EQ(street({{"lanes", "2"}}).lanes, 2);
  EXPECT_EQ(street({{"lanes", "2;3"}}).lanes, std::nullopt);
  EXPECT_EQ(street({{"oneway", "-1"}}).oneway, -1);
  EXPECT_EQ(street({{"junction", "roundabout"}}).oneway, 1);
  EXPECT_EQ(street({{"highway", "motorway"}, {"oneway", "no"}}).oneway, 0);
  EXPECT_EQ(street({{"name", "Städtle"}}).name, "Städtle");
}

}  // namespace
}  // namespace madang::formats::osm
