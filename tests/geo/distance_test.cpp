#include <boost/geometry/formulas/karney_inverse.hpp>
#include <boost/geometry/srs/spheroid.hpp>

#include "worlds.h"

namespace madang::geo {
namespace {

using testing::between;
using testing::point;
using testing::prepare;
using testing::shape;

constexpr double kRadian = 3.14159265358979323846 / 180;

/// Karney's algorithm (2013), exact to nanometres, by people who are not us.
double true_distance(Point a, Point b) {
  using Formula = boost::geometry::formula::karney_inverse<double, true, true, true, true, true>;
  const boost::geometry::srs::spheroid<double> wgs84(6378137.0, 6356752.3142451793);
  return Formula::apply(a.lon * kRadian, a.lat * kRadian, b.lon * kRadian, b.lat * kRadian, wgs84).distance;
}

TEST(Distance, KnownPlaces) {
  const Point seoul{126.9780, 37.5665}, busan{129.0756, 35.1796}, zurich{8.5417, 47.3769}, sydney{151.2093, -33.8688};
  EXPECT_EQ(distance(seoul, seoul), 0);
  EXPECT_NEAR(distance({0, 0}, {1, 0}), 111'319.491, 0.05);  // a degree of the equator
  EXPECT_NEAR(distance({0, 0}, {0, 1}), 110'574.389, 0.05);  // and of a meridian
  EXPECT_NEAR(distance({0, -90}, {77, 90}), 20'003'931.459, 20);
  for (const auto& [a, b] : {std::pair{seoul, busan}, {zurich, seoul}, {seoul, sydney}, {zurich, sydney}}) {
    const double truth = true_distance(a, b);
    EXPECT_NEAR(distance(a, b), truth, truth * (truth < 1e5 ? 1e-4 : 1e-3));
  }
}

TEST(Distance, AcrossTheAntimeridianAndThePole) {
  EXPECT_NEAR(distance({179.9, 0}, {-179.9, 0}), 0.2 * 111'319.491, 0.01);
  EXPECT_EQ(distance({180, 10}, {-180, 10}), 0);
  EXPECT_NEAR(distance({0, 89.999}, {180, 89.999}), 0.002 * 111'693.98, 0.1);
  EXPECT_NEAR(distance({12, 90}, {99, 90}), 0, 1e-6);
}

TEST(Distance, WithinItsPromiseEverywhere) {
  EXPECT_TRUE(rc::check([] {
    const Point a = testing::anywhere();
    Point b = testing::anywhere();
    const int way = between(0, 3);
    const double step = std::pow(10.0, between(-70, 10) / 10.0);
    if (way < 2) b = {a.lon + step * between(-100, 100) / 100, a.lat + step * between(-100, 100) / 100};
    if (way == 2) b = {a.lon + 180 + step * between(-100, 100) / 100, -a.lat + step * between(-100, 100) / 100};
    b.lat = std::clamp(b.lat, -90.0, 90.0);
    if (b.lon > 180) b.lon -= 360;
    if (b.lon < -180) b.lon += 360;
    const double truth = true_distance(a, b);
    RC_ASSERT(std::abs(distance(a, b) - truth) <= truth * (truth < 1e5 ? 1e-4 : 1e-3) + 1e-6);
    RC_ASSERT(std::abs(distance(a, b) - distance(b, a)) <= 1e-9 * truth + 1e-9);
  }));
}

TEST(Distance, ToAShape) {
  const Geometry street = shape("LineString", "[[8.50,47.37],[8.52,47.37]]");
  EXPECT_NEAR(distance({8.51, 47.371}, street), distance({8.51, 47.371}, {8.51, 47.37}), 0.01);
  EXPECT_NEAR(distance({8.49, 47.37}, street), distance({8.49, 47.37}, {8.50, 47.37}), 0.01);
  const Geometry park = testing::square(8.50, 47.37, 8.52, 47.38);
  EXPECT_EQ(distance({8.51, 47.375}, park), 0);
  EXPECT_EQ(distance({8.50, 47.375}, park), 0);
  EXPECT_NEAR(prepare(park)->distance_to(Point{8.51, 47.40}), distance({8.51, 47.40}, {8.51, 47.38}), 0.05);
  EXPECT_NEAR(distance(park, testing::square(8.50, 47.39, 8.52, 47.40)), distance({8.5, 47.38}, {8.5, 47.39}), 0.05);
  EXPECT_EQ(distance(park, testing::square(8.51, 47.375, 8.6, 47.4)), 0);
  EXPECT_EQ(distance(testing::square(8.505, 47.372, 8.506, 47.373), park), 0);
  EXPECT_NEAR(distance(point(8.53, 47.375), park), distance({8.53, 47.375}, {8.52, 47.375}), 0.05);
}

TEST(Distance, InAHoleIsToItsRim) {
  const auto ring = testing::polygon({testing::box_ring(0, 0, 0.4, 0.4), testing::box_ring(0.1, 0.1, 0.3, 0.3)});
  EXPECT_NEAR(prepare(ring)->distance_to(Point{0.12, 0.2}), distance({0.12, 0.2}, {0.1, 0.2}), 0.05);
}

TEST(Distance, ToShapesAcrossTheAntimeridian) {
  const auto fiji = prepare("Polygon", "[[[179,-18],[-179,-18],[-179,-16],[179,-16],[179,-18]]]");
  EXPECT_EQ(fiji->distance_to(Point{180, -17}), 0);
  EXPECT_EQ(fiji->distance_to(Point{-179.5, -17}), 0);
  EXPECT_NEAR(fiji->distance_to(Point{-178, -17}), distance({-178, -17}, {-179, -17}), 20);
  EXPECT_NEAR(fiji->distance_to(Point{178, -17}), distance({178, -17}, {179, -17}), 20);
  const auto line = prepare("LineString", "[[170,0],[180,0]]");
  EXPECT_NEAR(line->distance_to(Point{-179.9, 0}), distance({-179.9, 0}, {180, 0}), 0.01);
}

/// Along the edge in small steps.
double by_sampling(Point p, const Line& line, int steps) {
  double best = 1e9;
  for (std::size_t i = 1; i < line.size(); ++i) {
    for (int k = 0; k <= steps; ++k) {
      const double t = static_cast<double>(k) / steps;
      const Point at{line[i - 1].lon + t * (line[i].lon - line[i - 1].lon),
                     line[i - 1].lat + t * (line[i].lat - line[i - 1].lat)};
      best = std::min(best, distance(p, at));
    }
  }
  return best;
}

TEST(Distance, ToLinesAgreesWithSampling) {
  EXPECT_TRUE(rc::check([] {
    Geometry line;
    line.kind = Geometry::Kind::line;
    const double size = std::pow(10.0, between(-3, 1));
    const double lat = between(-79, 79), lon = between(-160, 160);
    Line path;
    for (int i = between(2, 12); i > 0; --i) path.push_back(testing::in_town(lon, lat, size));
    line.lines = {path};
    const Point p = testing::in_town(lon, lat, 2 * std::min(size, 5.0));
    const double sampled = by_sampling(p, path, 400), found = distance(p, line);
    RC_ASSERT(found <= sampled * 1.0001 + 0.001);
    RC_ASSERT(found >= sampled * 0.9999 - 2 * size * 111'320 * 3 / 400);
  }));
}

TEST(Box, ExpandHoldsAllThatIsNear) {
  EXPECT_TRUE(rc::check([] {
    const Point centre = testing::anywhere();
    const double metres = std::pow(10.0, between(0, 70) / 10.0);
    const Box box = expand({centre.lon, centre.lat, centre.lon, centre.lat}, metres);
    const double angle = metres / 6'356'000;
    const double bearing = between(0, 360) * kRadian, far = angle * between(0, 100) / 100;
    const double lat = centre.lat * kRadian;
    const double to_lat = std::asin(
        std::clamp(std::sin(lat) * std::cos(far) + std::cos(lat) * std::sin(far) * std::cos(bearing), -1.0, 1.0));
    const double step =
        std::atan2(std::sin(bearing) * std::sin(far) * std::cos(lat), std::cos(far) - std::sin(lat) * std::sin(to_lat));
    Point p{centre.lon + step / kRadian, to_lat / kRadian};
    if (p.lon > 180) p.lon -= 360;
    if (p.lon < -180) p.lon += 360;
    if (true_distance(centre, p) > metres) return;
    RC_ASSERT(box.contains(p));
  }));
}

TEST(Box, ContainsAndIntersects) {
  const Box plain{10, 0, 20, 10}, crossing{170, 0, -170, 10}, to_seam{170, 0, 180, 10}, from_seam{-180, 0, -170, 10};
  EXPECT_TRUE(plain.contains({10, 10}));
  EXPECT_FALSE(plain.contains({9.99, 5}));
  EXPECT_TRUE(crossing.contains({180, 5}));
  EXPECT_TRUE(crossing.contains({-175, 5}));
  EXPECT_FALSE(crossing.contains({0, 5}));
  EXPECT_TRUE(to_seam.contains({-180, 5}));
  EXPECT_TRUE(to_seam.intersects(from_seam));
  EXPECT_TRUE(crossing.intersects(from_seam));
  EXPECT_TRUE(crossing.intersects({-175, 5, -100, 6}));
  EXPECT_FALSE(crossing.intersects(plain));
  EXPECT_FALSE(plain.intersects({10, 11, 20, 12}));
}

TEST(Box, BoundsOfShapes) {
  EXPECT_EQ(shape("LineString", "[[1,2],[3,-4]]").bounds(), (Box{1, -4, 3, 2}));
  EXPECT_EQ(shape("Polygon", "[[[170,1],[-170,1],[-170,5],[170,5],[170,1]]]").bounds(), (Box{170, 1, -170, 5}));
  EXPECT_EQ(
      shape("MultiPolygon", "[[[[177,1],[180,1],[180,2],[177,1]]],[[[-180,1],[-178,1],[-178,2],[-180,1]]]]").bounds(),
      (Box{177, 1, -178, 2}));
  EXPECT_EQ(shape("Polygon", "[[[-180,-60],[180,-60],[180,60],[-180,60],[-180,-60]]]").bounds(),
            (Box{-180, -60, 180, 60}));
  EXPECT_EQ(shape("Polygon", "[[[0,80],[120,80],[-120,80],[0,80]]]").bounds(), (Box{-180, 80, 180, 90}));
  EXPECT_EQ(shape("MultiPoint", "[[-100,0],[100,1]]").bounds(), (Box{-100, 0, 100, 1}));
  EXPECT_EQ(shape("LineString", "[[170,0],[180,0],[-180,0],[-170,0]]").bounds(), (Box{170, 0, -170, 0}));
}

}  // namespace
}  // namespace madang::geo
