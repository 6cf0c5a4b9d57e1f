// Geo queries (clause 4.10): four parameters in, entities out.

#include <gtest/gtest.h>

#include "query_world.h"

namespace madang::ngsi::query_tests {
namespace {

constexpr std::string_view kSquare = "[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]";

Attribute place(std::string name, std::string geometry) {
  return of_kind(Kind::geo_property, std::move(name), std::move(geometry));
}
Attribute point(std::string name, std::string coordinates) {
  return place(std::move(name), R"({"type":"Point","coordinates":)" + coordinates + "}");
}

struct Case {
  std::string_view georel, geometry, coordinates;
  bool expected;
};

void expect_matches(World& world, const EntityBlock& block, const std::vector<Case>& cases) {
  for (const auto& [georel, geometry, coordinates, expected] : cases) {
    const auto query = parse_geo_query(georel, geometry, coordinates, "", world.vocabulary);
    ASSERT_TRUE(query.ok()) << georel << ": " << query.error().message << " at " << query.error().where;
    EXPECT_EQ(matches(*query, EntityView(block)), expected) << georel << ' ' << geometry << ' ' << coordinates;
  }
}

TEST(QueryGeo, PointsAgainstEveryRelation) {
  World world;
  const auto here = world.entity({point("location", "[2,2]")});
  expect_matches(world, here,
                 {
                     {"near;maxDistance==1", "Point", "[2,2]", true},
                     {"near;maxDistance==111000", "Point", "[2,3]", true},
                     {"near;maxDistance==110000", "Point", "[2,3]", false},
                     {"near;maxDistance==1.12e5", "Point", "[3,2]", true},
                     {"near;minDistance==110000", "Point", "[2,3]", true},
                     {"near;minDistance==111000", "Point", "[2,3]", false},
                     {"near;minDistance==1", "Point", "[2,2]", false},
                     {"near;maxDistance==5", "Polygon", kSquare, true},
                     {"within", "Polygon", kSquare, true},
                     {"intersects", "Polygon", kSquare, true},
                     {"disjoint", "Polygon", kSquare, false},
                     {"overlaps", "Polygon", kSquare, false},
                     {"contains", "Polygon", kSquare, false},
                     {"equals", "Point", "[2,2]", true},
                     {"equals", "Point", "[2,2.5]", false},
                     {"contains", "Point", "[2,2]", true},
                     {"intersects", "LineString", "[[0,0],[4,4]]", true},
                     {"disjoint", "LineString", "[[0,1],[4,5]]", true},
                     {"disjoint", "Point", "[50,50]", true},
                     {"intersects", "MultiPoint", "[[1,1],[2,2]]", true},
                 });
  const auto in_hole = world.entity({point("location", "[5,5]")});
  expect_matches(world, in_hole,
                 {{"within", "Polygon", kSquare, false},
                  {"disjoint", "Polygon", kSquare, true},
                  {"near;maxDistance==1000", "Polygon", kSquare, false},
                  {"near;maxDistance==120000", "Polygon", kSquare, true}});
}

TEST(QueryGeo, AreasAndLines) {
  World world;
  const auto area =
      world.entity({place("location", R"({"type":"Polygon","coordinates":[[[8,8],[12,8],[12,12],[8,12],[8,8]]]})")});
  expect_matches(world, area,
                 {
                     {"overlaps", "Polygon", kSquare, true},
                     {"intersects", "Polygon", kSquare, true},
                     {"within", "Polygon", kSquare, false},
                     {"within", "Polygon", "[[[7,7],[13,7],[13,13],[7,13],[7,7]]]", true},
                     {"contains", "Point", "[11,11]", true},
                     {"contains", "Point", "[7,7]", false},
                     {"contains", "Polygon", "[[[9,9],[10,9],[10,10],[9,9]]]", true},
                     {"equals", "Polygon", "[[[12,12],[8,12],[8,8],[12,8],[12,12]]]", true},
                     {"disjoint", "Polygon", "[[[0,0],[7,0],[7,7],[0,0]]]", true},
                     {"near;maxDistance==1", "Point", "[9,9]", true},
                     {"near;maxDistance==1", "Point", "[7,7]", false},
                     {"intersects", "LineString", "[[0,9],[20,9]]", true},
                 });
}

TEST(QueryGeo, AnyInstanceOfTheAskedGeoPropertyCounts) {
  World world;
  Attribute second = point("location", "[50,50]");
  second.dataset_id = "urn:d:2";
  const auto block = world.entity({point("location", "[1,1]"), second, point("observationSpace", "[8,40]"),
                                   property("label", R"({"type":"Point","coordinates":[1,1]})")});
  const EntityView entity(block);
  const auto is_near = [&](std::string_view where, std::string_view geoproperty) {
    const auto query = parse_geo_query("near;maxDistance==10", "Point", where, geoproperty, world.vocabulary);
    return query.ok() && matches(*query, entity);
  };
  EXPECT_TRUE(is_near("[1,1]", ""));
  EXPECT_TRUE(is_near("[50,50]", ""));
  EXPECT_TRUE(is_near("[50,50]", "location"));
  EXPECT_FALSE(is_near("[8,40]", ""));
  EXPECT_TRUE(is_near("[8,40]", "observationSpace"));
  EXPECT_FALSE(is_near("[8,40]", "operationSpace"));
  EXPECT_FALSE(is_near("[1,1]", "unheardOf"));
  EXPECT_FALSE(is_near("[1,1]", "label"));  // looks like a place, but is a Property

  const auto nowhere = world.entity({property("a", "1")});
  expect_matches(world, nowhere,
                 {{"disjoint", "Point", "[1,1]", false}, {"near;minDistance==1", "Point", "[1,1]", false}});
}

TEST(QueryGeo, RefusesWhatIsNoGeoQuery) {
  World world;
  struct Refusal {
    std::string_view georel, geometry, coordinates, where;
  };
  for (const auto& [georel, geometry, coordinates, where] : std::vector<Refusal>{
           {"", "Point", "[1,2]", "georel:1"},
           {"touches", "Point", "[1,2]", "georel:1"},
           {"near", "Point", "[1,2]", "georel:5"},
           {"near;", "Point", "[1,2]", "georel:5"},
           {"near;maxDistance=5", "Point", "[1,2]", "georel:5"},
           {"near;maxDistance==", "Point", "[1,2]", "georel:19"},
           {"near;maxDistance==0", "Point", "[1,2]", "georel:19"},
           {"near;maxDistance==-5", "Point", "[1,2]", "georel:19"},
           {"near;maxDistance==inf", "Point", "[1,2]", "georel:19"},
           {"near;maxDistance==5m", "Point", "[1,2]", "georel:19"},
           {"near;maxDistance==5;minDistance==1", "Point", "[1,2]", "georel:19"},
           {"within;maxDistance==5", "Point", "[1,2]", "georel:7"},
           {"within", "", "[1,2]", "geometry"},
           {"within", "Point", "", "coordinates"},
       }) {
    const auto query = parse_geo_query(georel, geometry, coordinates, "", world.vocabulary);
    ASSERT_FALSE(query.ok()) << georel;
    EXPECT_EQ(query.error().where, where) << georel;
    EXPECT_EQ(query.error().code, base::Code::bad_request_data) << georel;
  }
  for (const auto& [geometry, coordinates] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"Point", "[1]"},
                                                                  {"Point", "[181,0]"},
                                                                  {"Point", "nonsense"},
                                                                  {"Polygon", "[[[0,0],[1,0],[1,1]]]"},
                                                                  {"LineString", "[1,2]"},
                                                                  {"GeometryCollection", "[]"},
                                                                  {"Circle", "[1,2]"}}) {
    const auto query = parse_geo_query("within", geometry, coordinates, "", world.vocabulary);
    ASSERT_FALSE(query.ok()) << geometry << coordinates;
    EXPECT_TRUE(query.error().where.starts_with("coordinates") || query.error().where == "geometry")
        << query.error().where;
  }
}

TEST(QueryGeo, LargeGeometriesAreBounded) {
  World world;
  QueryLimits limits;
  limits.vertices = 4;
  EXPECT_TRUE(
      parse_geo_query("intersects", "LineString", "[[0,0],[1,1],[2,2],[3,3]]", "", world.vocabulary, limits).ok());
  EXPECT_FALSE(
      parse_geo_query("intersects", "LineString", "[[0,0],[1,1],[2,2],[3,3],[4,4]]", "", world.vocabulary, limits)
          .ok());
}

TEST(QueryGeo, WindowHoldsWhateverCanMatch) {
  World world;
  const auto window = [&](std::string_view georel) {
    return parse_geo_query(georel, "Point", "[127,37.5]", "", world.vocabulary).value().window;
  };
  EXPECT_FALSE(window("disjoint"));
  EXPECT_FALSE(window("near;minDistance==5"));
  EXPECT_TRUE(window("within")->contains({127, 37.5}));
  EXPECT_TRUE(window("near;maxDistance==1000")->contains({127.011, 37.5}));
  EXPECT_FALSE(window("near;maxDistance==1000")->contains({127.1, 37.5}));
}

TEST(QueryGeo, GeometryOfAnAttribute) {
  World world;
  const auto block = world.entity({point("location", "[1,2]"), property("a", "1")});
  const EntityView entity(block);
  EXPECT_EQ(geometry_of(entity.attribute(0)).value().points.front(), (geo::Point{1, 2}));
  EXPECT_FALSE(geometry_of(entity.attribute(1)).ok());
}

}  // namespace
}  // namespace madang::ngsi::query_tests
