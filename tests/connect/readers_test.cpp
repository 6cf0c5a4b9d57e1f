// What an input is written in, and what is told about one that is not read here.

#include "madang/connect/readers.h"

#include <gtest/gtest.h>

namespace madang::connect {
namespace {

using base::Code;

std::string kind(std::string_view name, std::string_view begin, std::string declared = {}) {
  Layout layout;
  layout.kind = std::move(declared);
  const auto told = kind_of(layout, name, {}, begin);
  if (told.ok()) return *told;
  EXPECT_EQ(told.error().code, Code::not_supported);
  EXPECT_EQ(told.error().where, name);
  return told.error().message;
}

TEST(Readers, ByNameMediaTypeAndFirstBytes) {
  EXPECT_EQ(kind("stops.txt", "stop_id,stop_name\n"), "csv");
  EXPECT_EQ(kind("a.GeoJSON", "{}"), "json");
  EXPECT_EQ(kind("map.osm.pbf", std::string_view("\0\0\0\x0d\x0a", 5)), "osm.pbf");
  EXPECT_EQ(kind("feed", "<?xml version=\"1.0\"?><rss version=\"2.0\">"), "rss");
  EXPECT_EQ(kind("", " [1]"), "json");
  EXPECT_EQ(kind("parameters.csv", "PAR1,PAR2\n"), "csv");
  EXPECT_EQ(kind("anything", "a,b\n", "csv"), "csv");
  constexpr std::string_view package("SQLite format 3\0", 16), shape("\0\0\x27\x0a", 4);
  EXPECT_EQ(kind("trees.gpkg", package), "gpkg");
  EXPECT_EQ(kind("", package), "gpkg");
  EXPECT_EQ(kind("trees", package, "gpkg"), "gpkg");
  EXPECT_EQ(kind("trees.shp", shape), "shp");
  EXPECT_EQ(kind("trees.csv", shape), "shp");
  for (const char* declared : {"", "zip", "gtfs", "csv"}) EXPECT_EQ(kind("gtfs.zip", "PK\x03\x04", declared), "zip");
}

TEST(Readers, WhatAnotherProgramReadsHasToBeWhatItIsSaidToBe) {
  for (const char* declared : {"gpkg", "shp", "zip"}) {
    Layout layout;
    layout.kind = declared;
    EXPECT_EQ(kind_of(layout, "a", {}, "id,n\n1,2\n").error().code, Code::bad_request_data);
  }
  EXPECT_EQ(kind_of({}, "a.gpkg", {}, "<kml/>").error().code, Code::bad_request_data);
  EXPECT_EQ(kind_of({}, "a.shp", {}, "{}").error().code, Code::bad_request_data);
}

TEST(Readers, WhatIsNotReadIsRefusedWithAWayOut) {
  EXPECT_NE(kind("counts.parquet", "PAR1\x15").find("COPY"), std::string::npos);
  EXPECT_NE(kind("counts.parquet", "").find("Parquet: Debian 12 has no library"), std::string::npos);
  EXPECT_NE(kind("list.xlsx", "PK\x03\x04").find("spreadsheet"), std::string::npos);
  EXPECT_NE(kind("air.csv.gz", "\x1f\x8b\x08").find("gunzip"), std::string::npos);
  // Whatever its name or the declaration says.
  EXPECT_NE(kind("counts.csv", "PAR1\x15\x04").find("Parquet"), std::string::npos);
  EXPECT_NE(kind("trees", std::string_view("SQLite format 3\0", 16), "csv").find("gpkg"), std::string::npos);
  EXPECT_NE(kind("counts", "PAR1\x15\x04", "csv").find("Parquet"), std::string::npos);
}

}  // namespace
}  // namespace madang::connect
