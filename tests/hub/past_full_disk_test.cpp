// The disk is full while history lags: changes go on as long as the journal has room, everything says what to do, and
// when there is room again history catches up with what was acknowledged.

#include <map>
#include <thread>

#include "harness.h"

namespace madang::hub::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;
using namespace std::chrono_literals;

class PastOnAFullDisk : public ::testing::Test {
 protected:
  PastOnAFullDisk() {
    world.options.history = true;
    world.options.history_memory = 1 << 20;
    world.options.tail_bytes = 100'000;  // many snapshots, after each of which segments may go
  }

  /// One change; false where the disk has no room for it.
  bool write() {
    clock.advance(1s);
    const std::string id = "urn:r:" + std::to_string(next % 3), value = std::to_string(next);
    ++next;
    const std::string json = R"({"id":")" + id + R"(","type":"T","n":{"value":)" + value + R"(},"t":{"value":")" +
                             std::string(200, static_cast<char>('a' + next % 26)) + "\"}}";
    auto change = world.change(Operation::upsert_update, json, FragmentKind::entity_upsert, id);
    EXPECT_TRUE(change.ok());
    const ChangeResult result = world.apply(std::move(*change));
    if (!result.error) {
      told[id].push_back(value);
    } else {
      EXPECT_EQ(result.error->code, base::Code::insufficient_storage) << result.error->message;
    }
    return !result.error;
  }
  bool until(const std::function<bool(const Health&)>& there) {
    const auto limit = std::chrono::steady_clock::now() + 120s;
    while (!there(world.hub->health()) && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(1ms);
    return there(world.hub->health());
  }
  void compare() {
    const auto n = *(*world.hub->symbols(""))->intern("https://uri.etsi.org/ngsi-ld/default-context/n");
    for (const auto& [id, values] : told) {
      auto query = World::by_change();
      query.names_given = true;
      query.names = {n};
      const auto got = world.past(id, query);
      ASSERT_TRUE(got.ok()) << got.error().message;
      EXPECT_EQ(World::values(got), values) << id;
    }
  }
  /// How much of the disk is in use.
  std::uint64_t used() { return kWhole - *files.free_bytes("city"); }

  static constexpr std::uint64_t kWhole = 1ull << 40;
  base::SimulatedFiles files{kWhole};
  base::ManualClock clock{base::Timestamp{1'700'000'000'000'000'000}};
  World world{files, clock};
  std::map<std::string, std::vector<std::string>> told;  // acknowledged, in order
  int next = 0;
};

TEST_F(PastOnAFullDisk, HistoryWaitsSaysWhatToDoAndCatchesUp) {
  ASSERT_TRUE(world.open().ok());
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(write());
  ASSERT_TRUE(until([](const Health& health) { return health.history_lag == 0; }));
  const std::uint64_t before = world.hub->health().history_durable;

  // Room for some segments of the journal and nothing more: history wants more than that for its tables.
  files.set_disk_bytes(used() + (200 << 10));
  int taken = 0;
  while (taken < 5'000 && write()) ++taken;
  EXPECT_GT(taken, 100);    // the journal takes what it has room for,
  EXPECT_LT(taken, 5'000);  // and refuses what it has not
  // As much again as the journal wants, until history has something that finds no room.
  Health full;
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (full.history_trouble.empty() && std::chrono::steady_clock::now() < limit) {
    files.set_disk_bytes(used() + (70 << 10));
    for (int i = 0; i < 500 && write();) ++i;  // where history keeps up, what it has taken makes room
    const std::uint64_t fed = world.hub->health().history_fed;
    clock.advance(1min);  // what has come is to be written
    (void)until([&](const Health& health) {
      if (!health.history_trouble.empty()) full = health;
      return !full.history_trouble.empty() || health.history_durable >= fed;
    });
  }
  ASSERT_FALSE(full.history_trouble.empty());
  EXPECT_TRUE(full.accepting);
  EXPECT_NE(full.history_trouble.find("space"), std::string::npos) << full.history_trouble;
  EXPECT_LE(full.oldest_kept, full.history_durable + 1);  // what history has not taken stays in the journal
  EXPECT_NE(world.get("urn:r:0"), "");                    // the present is answered all the same

  files.set_disk_bytes(kWhole);
  ASSERT_TRUE(until([](const Health& health) { return health.history_lag == 0 && health.history_trouble.empty(); }))
      << world.hub->health().history_trouble;
  ASSERT_TRUE(until([&](const Health&) { return write(); }));  // the journal looks again once a second
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(write());
  compare();
  EXPECT_GE(world.hub->health().history_durable, before);
  world.close();
  ASSERT_TRUE(world.open().ok());
  compare();
}

TEST_F(PastOnAFullDisk, ACrashMeanwhileLosesNothing) {
  ASSERT_TRUE(world.open().ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(write());
  files.set_disk_bytes(used() + (200 << 10));
  for (int i = 0; i < 5'000 && write();) ++i;
  files.crash(7);
  world.close();
  files.restart();
  files.set_disk_bytes(kWhole);
  ASSERT_TRUE(world.open().ok());
  ASSERT_TRUE(until([](const Health& health) { return health.history_lag == 0; }));
  compare();
}

}  // namespace
}  // namespace madang::hub::testing
