// Entity maps: who sees them, how long they last, and how many there may be.
#include "entity_maps.h"

#include <gtest/gtest.h>

namespace madang::api {
namespace {

using base::Code;
using std::chrono::seconds;

class Maps : public testing::Test {
 protected:
  base::Result<EntityMap> make(std::vector<std::string> ids, std::string_view tenant = "", std::string_view who = "ann",
                               std::optional<seconds> lifetime = {}) {
    return maps.make(tenant, who, 7, std::move(ids), lifetime);
  }
  bool is_there(const EntityMap& map, std::string_view tenant = "", std::string_view who = "ann") const {
    return maps.find(tenant, who, map.id).has_value();
  }
  void wait(seconds time) { clock.advance(time); }

  base::ManualClock clock;
  EntityMaps maps{clock,
                  {.maps = 3, .entities = 4, .bytes = 4'000, .lifetime = seconds(600), .longest = seconds(3600)}};
};

TEST_F(Maps, AreSortedAndFoundByIdOrAddress) {
  const auto map = make({"urn:b", "urn:a"});
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(*map->ids, (std::vector<std::string>{"urn:a", "urn:b"}));
  EXPECT_TRUE(is_there(*map));
  EXPECT_TRUE(maps.find("", "ann", EntityMaps::location(*map)));
  EXPECT_TRUE(maps.find("", "ann", "http://city.example" + EntityMaps::location(*map)));
  EXPECT_FALSE(maps.find("", "ann", map->id + "0"));
}

TEST_F(Maps, AreSeenByTheirMakerInTheirTenantOnly) {
  const auto map = make({"urn:a"}, "north");
  ASSERT_TRUE(map.ok());
  EXPECT_TRUE(is_there(*map, "north"));
  EXPECT_FALSE(is_there(*map, "south"));
  EXPECT_FALSE(is_there(*map, "north", "bob"));
  EXPECT_FALSE(maps.drop("north", "bob", map->id));
  EXPECT_FALSE(maps.set_expiry("south", "ann", map->id, clock.now()));
  EXPECT_TRUE(maps.drop("north", "ann", map->id));
  EXPECT_FALSE(maps.drop("north", "ann", map->id));
}

TEST_F(Maps, LastAsLongAsAskedWithinWhatIsAllowed) {
  const auto usual = make({"urn:a"});
  const auto brief = make({"urn:a"}, "", "ann", seconds(1));
  const auto endless = make({"urn:a"}, "", "ann", seconds(1'000'000));
  wait(seconds(2));
  EXPECT_TRUE(is_there(*usual));
  EXPECT_FALSE(is_there(*brief));
  wait(seconds(600));
  EXPECT_FALSE(is_there(*usual));
  EXPECT_TRUE(is_there(*endless));
  ASSERT_TRUE(maps.set_expiry("", "ann", endless->id, {clock.now().ns + std::int64_t{1} * 86'400'000'000'000}));
  wait(seconds(3'599));
  EXPECT_TRUE(is_there(*endless));
  wait(seconds(1));
  EXPECT_FALSE(is_there(*endless));
}

TEST_F(Maps, AreBoundedInEntitiesNumberAndBytes) {
  EXPECT_EQ(make({"a:1", "a:2", "a:3", "a:4", "a:5"}).error().code, Code::too_many_results);
  std::vector<EntityMap> made;
  for (int i = 0; i < 3; ++i) made.push_back(*make({"a:1"}));
  EXPECT_EQ(make({"a:1"}).error().code, Code::insufficient_storage);
  EXPECT_TRUE(make({"a:1"}, "south").ok());  // of each tenant
  EXPECT_EQ(make({std::string(3'000, 'a')}, "south").error().code, Code::insufficient_storage);

  EXPECT_TRUE(maps.drop("", "ann", made[0].id));
  EXPECT_TRUE(make({"a:1"}).ok());  // there is room again
  wait(seconds(601));
  EXPECT_TRUE(make({std::string(3'000, 'a')}).ok());  // those that expired count no more
}

TEST_F(Maps, LoseWhatNoLongerFitsWhileThoseWhoReadThemKeepTheirs) {
  const auto map = make({"urn:a", "urn:b", "urn:c"});
  ASSERT_TRUE(map.ok());
  maps.prune("", "bob", map->id, {"urn:a"});  // not his
  maps.prune("", "ann", map->id, {"urn:b", "urn:x"});
  EXPECT_EQ(*maps.find("", "ann", map->id)->ids, (std::vector<std::string>{"urn:a", "urn:c"}));
  EXPECT_EQ(map->ids->size(), 3u);
}

}  // namespace
}  // namespace madang::api
