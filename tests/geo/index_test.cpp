#include "madang/geo/index.h"

#include <map>

#include "worlds.h"

namespace madang::geo {
namespace {

using testing::anywhere;
using testing::between;
using testing::in_town;

std::vector<Key> keys_of(const std::vector<PointIndex::Hit>& hits) {
  std::vector<Key> out;
  for (const auto& hit : hits) out.push_back(hit.key);
  std::sort(out.begin(), out.end());
  return out;
}

Box random_box() {
  Point a = anywhere(), b = anywhere();
  if (between(0, 2) == 0) b = {a.lon + between(0, 1000) / 1e4, a.lat + between(0, 1000) / 1e4};
  b.lon = b.lon > 180 ? b.lon - 360 : b.lon;
  return {a.lon, std::min({a.lat, b.lat}), b.lon, std::min(90.0, std::max(a.lat, b.lat))};
}

/// Points in towns and on the map's rims, with a map beside them that says the truth.
struct World {
  PointIndex index;
  std::map<Key, Point> truth;
  Point town = anywhere();

  Point place() const {
    if (between(0, 3) == 0) return anywhere();
    Point p = in_town(town.lon, town.lat, 0.02);
    p.lat = std::clamp(p.lat, -90.0, 90.0);
    if (p.lon > 180) p.lon -= 360;
    if (p.lon < -180) p.lon += 360;
    return p;
  }
  void step() {
    const Key key = static_cast<Key>(between(0, 400));
    const auto it = truth.find(key);
    const Point to = place();
    if (it == truth.end()) {
      index.insert(key, to);
      truth[key] = to;
    } else if (between(0, 2) == 0) {
      index.erase(key, it->second);
      truth.erase(it);
    } else {
      index.move(key, it->second, to);
      it->second = to;
    }
  }
  template <class Test>
  std::vector<Key> brute(Test&& test) const {
    std::vector<Key> out;
    for (const auto& [key, at] : truth) {
      if (test(at)) out.push_back(key);
    }
    return out;
  }
};

TEST(PointIndex, IsBruteForce) {
  EXPECT_TRUE(rc::check([] {
    World world;
    for (int i = between(0, 1500); i > 0; --i) world.step();
    RC_ASSERT(world.index.size() == world.truth.size());
    for (int i = 0; i < 8; ++i) {
      const Box box = random_box();
      const auto expected = world.brute([&](Point p) { return box.contains(p); });
      std::vector<Key> keys;
      std::vector<PointIndex::Hit> hits;
      RC_ASSERT(world.index.find(box, keys) && world.index.find(box, hits));
      std::sort(keys.begin(), keys.end());
      RC_ASSERT(keys == expected);
      RC_ASSERT(keys_of(hits) == expected);
      for (const auto& hit : hits) RC_ASSERT(hit.at == world.truth.at(hit.key));
      RC_ASSERT(10 * world.index.estimate(box) >= expected.size());
      RC_ASSERT(world.index.estimate(box) <= 3 * world.truth.size());
    }
    for (int i = 0; i < 8; ++i) {
      const Point centre = between(0, 1) == 0 ? world.place() : anywhere();
      const double metres = std::pow(10.0, between(0, 73) / 10.0);
      std::vector<PointIndex::Hit> hits;
      RC_ASSERT(world.index.find_circle(centre, metres, hits));
      RC_ASSERT(keys_of(hits) == world.brute([&](Point p) { return distance(centre, p) <= metres; }));
    }
  }));
}

TEST(PointIndex, NearestIsBruteForce) {
  EXPECT_TRUE(rc::check([] {
    World world;
    for (int i = between(0, 300); i > 0; --i) world.step();
    const Point centre = between(0, 1) == 0 ? world.place() : anywhere();
    const auto count = static_cast<std::size_t>(between(0, 20));
    std::vector<std::pair<double, Key>> expected;
    for (const auto& [key, at] : world.truth) expected.emplace_back(distance(centre, at), key);
    std::sort(expected.begin(), expected.end());
    expected.resize(std::min(count, expected.size()));
    std::vector<std::pair<double, Key>> found;
    for (const auto& [metres, hit] : world.index.nearest(centre, count)) found.emplace_back(metres, hit.key);
    RC_ASSERT(found == expected);
  }));
}

TEST(PointIndex, StopsAtTheMost) {
  PointIndex index;
  for (Key key = 0; key < 100; ++key) index.insert(key, {8.5 + 1e-5 * static_cast<double>(key), 47.4});
  const Box all{8, 47, 9, 48};
  std::vector<Key> keys{777};
  EXPECT_TRUE(index.find(all, keys, 100));
  EXPECT_EQ(keys.size(), 101u);
  EXPECT_FALSE(index.find(all, keys, 99));
  EXPECT_EQ(keys.size(), 200u);
  std::vector<PointIndex::Hit> hits;
  EXPECT_FALSE(index.find_circle({8.5, 47.4}, 10'000, hits, 0));
  EXPECT_TRUE(hits.empty());
}

TEST(PointIndex, CrowdsAtOnePlace) {
  // Everything at (0, 0): a city's forgotten default. Moves and erases must still find their key.
  PointIndex index;
  constexpr Key kMany = 20'000;
  for (Key key = 0; key < kMany; ++key) index.insert(key, {0, 0});
  std::vector<PointIndex::Hit> hits;
  EXPECT_TRUE(index.find_circle({0, 0}, 1, hits));
  EXPECT_EQ(hits.size(), kMany);
  for (Key key = 0; key < kMany; key += 2) index.move(key, {0, 0}, {0, 1});
  for (Key key = 1; key < kMany; key += 2) index.move(key, {0, 0}, {0.0001, 0});
  hits.clear();
  EXPECT_TRUE(index.find({0, 1, 0, 1}, hits));
  EXPECT_EQ(hits.size(), kMany / 2);
  for (const auto& hit : hits) EXPECT_EQ(hit.key % 2, 0u);
  for (Key key = 0; key < kMany; ++key) index.erase(key, key % 2 == 0 ? Point{0, 1} : Point{0.0001, 0});
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.estimate({-180, -90, 180, 90}), 0u);
}

TEST(PointIndex, EmptyCellsAreFreed) {
  PointIndex index;
  index.insert(1, {0, 0});
  const std::size_t one = index.memory_bytes();
  for (int i = 0; i < 1000; ++i) index.move(1, {i * 0.1, 0}, {(i + 1) * 0.1, 0});
  EXPECT_LE(index.memory_bytes(), one + 4096);
  std::vector<Key> keys;
  index.find({-180, -90, 180, 90}, keys);
  EXPECT_EQ(keys, std::vector<Key>{1});
}

TEST(PointIndex, FewBytesAPoint) {
  PointIndex index;
  constexpr Key kMany = 100'000;  // as dense as a million over 37 x 30 km
  for (Key key = 0; key < kMany; ++key) {
    index.insert(key, {126.9 + static_cast<double>(key % 331) / 331 * 0.13,
                       37.5 + static_cast<double>(key / 331) / 303 * 0.086});
  }
  EXPECT_LE(index.memory_bytes() / kMany, 40u);
}

TEST(BoxIndex, IsBruteForce) {
  EXPECT_TRUE(rc::check([] {
    BoxIndex index;
    std::map<Key, Box> truth;
    for (int i = between(0, 300); i > 0; --i) {
      const Key key = static_cast<Key>(between(0, 60));
      if (const auto it = truth.find(key); it != truth.end()) {
        index.erase(key, it->second);
        truth.erase(it);
      } else {
        truth[key] = random_box();
        index.insert(key, truth[key]);
      }
    }
    RC_ASSERT(index.size() == truth.size());
    for (int i = 0; i < 10; ++i) {
      const Box box = random_box();
      std::vector<Key> expected, found;
      for (const auto& [key, other] : truth) {
        if (other.intersects(box)) expected.push_back(key);
      }
      RC_ASSERT(index.find(box, found));
      std::sort(found.begin(), found.end());
      RC_ASSERT(found == expected);
      const auto most = static_cast<std::size_t>(between(0, 30));
      found.clear();
      RC_ASSERT(index.find(box, found, most) == (expected.size() <= most));
      RC_ASSERT(found.size() == std::min(most, expected.size()));
    }
  }));
}

}  // namespace
}  // namespace madang::geo
