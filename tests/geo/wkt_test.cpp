#include "madang/geo/wkt.h"

#include <gtest/gtest.h>

namespace madang::geo {
namespace {

std::string again(std::string_view text) {
  const auto shape = parse_wkt(text);
  if (!shape) return shape.error().where + ": " + shape.error().message;
  std::string out;
  append_wkt(out, *shape);
  return out;
}

TEST(Wkt, WhatIsWrittenIsRead) {
  for (const char* text :
       {"POINT(127.5 37.25)", "MULTIPOINT(1 2,3 4)", "LINESTRING(0 0,1 1,2 -1)", "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
        "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))", "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))"})
    EXPECT_EQ(again(text), text);
}

TEST(Wkt, SpaceCaseAndFurtherDimensionsDoNotMatter) {
  EXPECT_EQ(again(" point z ( 1e2  -2.5 30 )\n"), "POINT(100 -2.5)");
  EXPECT_EQ(again("POINT ZM(1 2 3 4)"), "POINT(1 2)");
  EXPECT_EQ(again("MultiPoint((1 2),(3 4))"), "MULTIPOINT(1 2,3 4)");
  EXPECT_EQ(again("POINT(+1 +2)"), "POINT(1 2)");
}

TEST(Wkt, NumbersAreNotDegreesYet) {
  EXPECT_EQ(again("POINT(953934.5 1952032)"), "POINT(953934.5 1952032)");
}

TEST(Wkt, FaultsSayWhere) {
  for (const char* text :
       {"", "CIRCLE(1 2)", "POINT EMPTY", "POINT", "POINT()", "POINT(1)", "POINT(1 2", "POINT(1 2 3 4 5)",
        "POINT(1 2,3 4)", "POINT(a b)", "POINT(1 nan)", "POINT(1 inf)", "LINESTRING(1 2)", "POLYGON((0 0,1 0,1 1,0 1))",
        "POLYGON((0 0,1 1,0 0))", "POINT(1 2) x", "POINT X(1 2)"})
    EXPECT_FALSE(parse_wkt(text).ok()) << text;
  EXPECT_EQ(parse_wkt("POINT(1 x)").error().where, "9");
}

TEST(Wkt, StopsBehindTheShapeWhereAsked) {
  std::size_t used = 0;
  ASSERT_TRUE(parse_wkt("POINT(1 2)) AND a=1", {}, &used).ok());
  EXPECT_EQ(used, 10u);
}

TEST(Wkt, PositionsAreCounted) {
  const auto shape = parse_wkt("MULTIPOINT(1 2,3 4,5 6)", {.vertices = 2});
  ASSERT_FALSE(shape.ok());
  EXPECT_EQ(shape.error().code, base::Code::too_large);
}

}  // namespace
}  // namespace madang::geo
