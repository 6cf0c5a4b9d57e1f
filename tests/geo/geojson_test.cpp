#include "worlds.h"

namespace madang::geo {
namespace {

using testing::between;
using testing::shape;

std::string print(const Geometry& geometry) {
  std::string out;
  append_geojson(out, geometry);
  return out;
}

TEST(GeoJson, ReadsEveryKind) {
  for (const std::string_view text : {
           R"({"type":"Point","coordinates":[126.978,37.5665]})",
           R"({"type":"MultiPoint","coordinates":[[1,2],[3,4]]})",
           R"({"type":"LineString","coordinates":[[1,2],[3,4.5]]})",
           R"({"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8]]]})",
           R"({"type":"Polygon","coordinates":[[[0,0],[9,0],[9,9],[0,0]],[[4,1],[5,1],[5,2],[4,1]]]})",
           R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]],[[[2,2],[3,2],[3,3],[2,2]]]]})",
       }) {
    const auto parsed = parse_geojson(text);
    ASSERT_TRUE(parsed.ok()) << text << parsed.error().message;
    EXPECT_EQ(print(*parsed), text);
  }
}

TEST(GeoJson, TakesMembersInAnyOrderAndPassesOverOthers) {
  const auto parsed = parse_geojson(
      R"( { "bbox" : [1,2,3,4], "coordinates" : [ 8.5 , 47.25 , 408.0 ] , "note" : {"a":["]"]}, "type" : "Point" } )");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->points, (std::vector<Point>{{8.5, 47.25}}));
}

struct Refusal {
  std::string_view json;
  base::Code code;
  std::string_view where;
};

TEST(GeoJson, RefusesAndSaysWhere) {
  using base::Code;
  const Refusal cases[] = {
      {"", Code::invalid_request, ""},
      {"[1,2]", Code::bad_request_data, ""},
      {R"({"type":"Point","coordinates":[1,2]} x)", Code::invalid_request, ""},
      {R"({"type":"Point","coordinates":[1,2)", Code::invalid_request, ""},
      {R"({"type":"Point"})", Code::bad_request_data, "/coordinates"},
      {R"({"coordinates":[1,2]})", Code::bad_request_data, "/type"},
      {R"({"type":7,"coordinates":[1,2]})", Code::bad_request_data, "/type"},
      {R"({"type":"point","coordinates":[1,2]})", Code::bad_request_data, "/type"},
      {R"({"type":"GeometryCollection","geometries":[]})", Code::bad_request_data, "/type"},
      {R"({"type":"Point","type":"Point","coordinates":[1,2]})", Code::invalid_request, "/type"},
      {R"({"type":"Point","coordinates":[1,2],"coordinates":[1,2]})", Code::invalid_request, "/coordinates"},
      {R"({"type":"Point","coordinates":5})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"Point","coordinates":[]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"Point","coordinates":[1]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"Point","coordinates":[181,2]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"Point","coordinates":[37.5,126.9]})", Code::bad_request_data, "/coordinates/1"},
      {R"({"type":"Point","coordinates":[1,"2"]})", Code::bad_request_data, "/coordinates/1"},
      {R"({"type":"Point","coordinates":[1,null]})", Code::bad_request_data, "/coordinates/1"},
      {R"({"type":"Point","coordinates":[1,2,"high"]})", Code::bad_request_data, "/coordinates/2"},
      {R"({"type":"Point","coordinates":[1e999,2]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"Point","coordinates":[01,2]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"Point","coordinates":[1,2,3,4,5,6,7,8,9]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"MultiPoint","coordinates":[]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"MultiPoint","coordinates":[[1,2],3]})", Code::bad_request_data, "/coordinates/1"},
      {R"({"type":"LineString","coordinates":[[1,2]]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"Polygon","coordinates":[]})", Code::bad_request_data, "/coordinates"},
      {R"({"type":"Polygon","coordinates":[[]]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]})", Code::bad_request_data, "/coordinates/0"},
      {R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,91],[0,0]]]]})", Code::bad_request_data,
       "/coordinates/0/0/2/1"},
  };
  for (const Refusal& refusal : cases) {
    const auto parsed = parse_geojson(refusal.json);
    ASSERT_FALSE(parsed.ok()) << refusal.json;
    EXPECT_EQ(parsed.error().code, refusal.code) << refusal.json << parsed.error().message;
    EXPECT_EQ(parsed.error().where, refusal.where) << refusal.json;
    EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(GeoJson, BoundsTheVertices) {
  const std::string_view text = R"({"type":"MultiPoint","coordinates":[[1,1],[2,2],[3,3]]})";
  EXPECT_TRUE(parse_geojson(text, {.vertices = 3}).ok());
  const auto refused = parse_geojson(text, {.vertices = 2});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::Code::too_large);
}

TEST(GeoJson, SurvivesDepth) {
  const std::string deep(100'000, '[');
  EXPECT_FALSE(parse_coordinates("MultiPolygon", deep).ok());
  EXPECT_FALSE(parse_geojson(R"({"type":"Point","x":)" + deep).ok());
}

TEST(PointFast, TakesTheCompactFormsOnly) {
  Point p;
  EXPECT_TRUE(parse_point_fast(R"({"type":"Point","coordinates":[126.9779692,37.566535]})", p));
  EXPECT_EQ(p, (Point{126.9779692, 37.566535}));
  EXPECT_TRUE(parse_point_fast(R"({"coordinates":[-0.5,-90],"type":"Point"})", p));
  EXPECT_EQ(p, (Point{-0.5, -90}));
  EXPECT_TRUE(parse_point_fast(R"({"type":"Point","coordinates":[126.97796920000000123,0.1000000000000000055]})", p));
  EXPECT_EQ(p, (Point{126.97796920000000123, 0.1}));
  for (const std::string_view text : {
           R"({"type":"Point","coordinates":[1,2]} )",
           R"({"type":"Point","coordinates":[1,2,3]})",
           R"({"type": "Point","coordinates":[1,2]})",
           R"({"type":"Point","coordinates":[1, 2]})",
           R"({"type":"Point","coordinates":[01,2]})",
           R"({"type":"Point","coordinates":[1.,2]})",
           R"({"type":"Point","coordinates":[.5,2]})",
           R"({"type":"Point","coordinates":[+1,2]})",
           R"({"type":"Point","coordinates":[-,2]})",
           R"({"type":"Point","coordinates":[inf,2]})",
           R"({"type":"Point","coordinates":[1e1,2]})",
           R"({"type":"Point","coordinates":[180.5,2]})",
           R"({"type":"Point","coordinates":[1,-91]})",
           R"({"type":"Point","coordinates":[1,2})",
           R"({"type":"Point","coordinates":[1,2])",
           R"({"type":"Point","coordinates":[1)",
           "{",
           "",
       }) {
    p = {7, 7};
    EXPECT_FALSE(parse_point_fast(text, p)) << text;
    EXPECT_EQ(p, (Point{7, 7})) << text;
  }
}

Line random_line(int least) {
  Line out;
  for (int i = between(least, least + 5); i > 0; --i) out.push_back(testing::anywhere());
  return out;
}
Polygon random_polygon() {
  Polygon out;
  for (int i = between(1, 3); i > 0; --i) {
    out.push_back(random_line(3));
    out.back().push_back(out.back().front());
  }
  return out;
}

TEST(GeoJson, PrintingAndParsingIsIdentity) {
  EXPECT_TRUE(rc::check([] {
    Geometry geometry;
    geometry.kind = static_cast<Geometry::Kind>(between(0, 5));
    const int many = between(1, 3);
    using Kind = Geometry::Kind;
    const Kind kind = geometry.kind;
    if (kind == Kind::point) geometry.points = {testing::anywhere()};
    if (kind == Kind::multi_point) geometry.points = random_line(1);
    if (kind == Kind::line) geometry.lines = {random_line(2)};
    if (kind == Kind::polygon) geometry.polygons = {random_polygon()};
    for (int i = 0; i < many && kind == Kind::multi_line; ++i) geometry.lines.push_back(random_line(2));
    for (int i = 0; i < many && kind == Kind::multi_polygon; ++i) geometry.polygons.push_back(random_polygon());
    const auto parsed = parse_geojson(print(geometry));
    RC_ASSERT(parsed.ok());
    RC_ASSERT(parsed->kind == geometry.kind);
    RC_ASSERT(parsed->points == geometry.points);
    RC_ASSERT(parsed->lines == geometry.lines);
    RC_ASSERT(parsed->polygons == geometry.polygons);
  }));
}

TEST(PointFast, AgreesWithTheFullParser) {
  EXPECT_TRUE(rc::check([] {
    // An arbitrary number is hardly ever a longitude.
    const double lon =
        *rc::gen::oneOf(rc::gen::arbitrary<double>(),
                        rc::gen::map(rc::gen::inRange(-2'000, 2'001), [](int tenth) { return tenth / 10.0; }));
    const Point p{lon, between(-2'000'000'000, 2'000'000'000) / 1e7};
    Geometry geometry;
    geometry.points = {p};
    const std::string text = print(geometry);
    Point fast;
    if (parse_point_fast(text, fast)) {
      RC_ASSERT(fast == p);
      RC_ASSERT(std::abs(p.lon) <= 180 && std::abs(p.lat) <= 90);
    }
    RC_ASSERT(parse_coordinates("Point", text.substr(30, text.size() - 31)).ok() ==
              (std::abs(p.lon) <= 180 && std::abs(p.lat) <= 90));
  }));
}

}  // namespace
}  // namespace madang::geo
