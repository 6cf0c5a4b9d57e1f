// Power cuts under mixed load, against a client that writes down what was acknowledged.
//
// Each round: a disk, random changes by several writers at once, the power goes at a random write, the folder is opened
// again. Every acknowledged change must be there; one that was not may be there or not, but whole.

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "harness.h"

namespace madang::hub {
namespace {

using testing::admin;
using testing::World;

constexpr int kEntities = 12;

/// What may be the state of an entity: the acknowledged one, or one of those whose outcome is unknown.
struct Known {
  std::string acknowledged;            // value of "a" and "b", "" for no entity
  std::vector<std::string> uncertain;  // in order of sending
};

class Client {
 public:
  Client(World& world, std::mt19937_64& random) : world_(world), random_(random) {}

  void send_some(int changes) {
    for (int i = 0; i < changes; ++i) {
      send();
      // Now and then everything is answered (as an error once the power is off): on a busy machine the disk's thread
      // would else not get as far as the first acknowledgement.
      if (random_() % 16 != 0) continue;
      EXPECT_TRUE(world_.queue.run_until([this] { return unanswered_ == 0; }));
    }
  }

  const std::map<std::string, Known>& known() const { return known_; }

 private:
  void send() {
    const std::string id = "urn:x:" + std::to_string(random_() % kEntities);
    Known& known = known_[id];
    const std::string before = known.uncertain.empty() ? known.acknowledged : known.uncertain.back();
    const auto stamp = std::to_string(++counter_);
    std::optional<ngsi::Change> change;
    std::string after;
    if (random_() % 5 == 0 && !before.empty()) {
      change = *world_.change(ngsi::Operation::delete_entity, {}, {}, id);
    } else {
      // Both attributes change together: seen apart, a change was applied by half. Some are larger than a disk sector.
      const std::string text(random_() % 8 == 0 ? 3000 : 10, 'x');
      const std::string both = R"("a":)" + stamp + R"(,"b":)" + stamp + R"(,"c":")" + text + "\"";
      change = *world_.change(ngsi::Operation::upsert_update, R"({"id":")" + id + R"(","type":"T",)" + both + "}",
                              ngsi::FragmentKind::entity_update, id);
      after = stamp;
    }
    known.uncertain.push_back(after);
    std::vector<ngsi::Change> changes;
    changes.push_back(std::move(*change));
    ++unanswered_;
    world_.hub->apply(admin(), "", std::move(changes), world_.queue,
                      [this, id, after](std::vector<ChangeResult>&& results) {
                        --unanswered_;
                        Known& entity = known_[id];
                        if (results[0].error) return;
                        // Answers to one entity come in the order of its changes: everything before this one is decided
                        // too.
                        while (entity.uncertain.front() != after) entity.uncertain.erase(entity.uncertain.begin());
                        entity.uncertain.erase(entity.uncertain.begin());
                        entity.acknowledged = after;
                      });
    if (random_() % 3 == 0) world_.queue.run_posted();
  }

  World& world_;
  std::mt19937_64& random_;
  std::map<std::string, Known> known_;
  std::uint64_t counter_ = 0;
  int unanswered_ = 0;
};

std::string value_in(const std::string& shown, const std::string& member) {
  const auto at = shown.find("\"" + member + "\":");
  if (at == std::string::npos) return {};
  const auto from = at + member.size() + 3;
  return shown.substr(from, shown.find_first_of(",}", from) - from);
}

/// How many acknowledged changes were lost, in `rounds` power cuts of one disk's life.
int losses(std::uint64_t seed, bool honest_syncs, bool with_snapshots) {
  std::mt19937_64 random(seed);
  base::SimulatedFiles disk;
  base::ManualClock clock{{1'700'000'000'000'000'000}};
  World world(disk, clock);
  if (!world.open().ok()) return -1;
  disk.ignore_syncs(!honest_syncs);
  Client client(world, random);
  disk.crash_after(random() % (with_snapshots ? 120 : 60) + 1, random());
  client.send_some(static_cast<int>(random() % 80));
  std::thread snapshots;
  if (with_snapshots) {
    snapshots = std::thread([&world] {
      for (int i = 0; i < 3; ++i) (void)world.hub->begin_backup(*admin());
    });
  }
  client.send_some(static_cast<int>(random() % 80) + 20);
  if (snapshots.joinable()) snapshots.join();
  if (!disk.crashed()) disk.crash(random());
  world.queue.run_posted();
  world.close();
  const auto known = client.known();
  disk.restart();
  disk.ignore_syncs(false);
  if (const auto opened = world.open(); !opened.ok()) return honest_syncs ? 1'000 : 1;
  int lost = 0;
  for (const auto& [id, entity] : known) {
    const std::string shown = world.get(id);
    const std::string a = value_in(shown, "a"), b = value_in(shown, "b");
    EXPECT_EQ(a, b) << "half a change of " << id;
    const bool uncertain = std::find(entity.uncertain.begin(), entity.uncertain.end(), a) != entity.uncertain.end();
    if (a != entity.acknowledged && !uncertain) ++lost;
  }
  return lost;
}

TEST(Crash, NoAcknowledgedChangeIsLost) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) ASSERT_EQ(losses(seed, true, false), 0) << "seed " << seed;
}

TEST(Crash, NorWhileSnapshotsAreTaken) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) ASSERT_EQ(losses(seed, true, true), 0) << "seed " << seed;
}

TEST(Crash, ADiskThatDoesNotSyncIsCaught) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) lost += losses(seed, false, false);
  EXPECT_GT(lost, 0) << "this test could not tell a disk that loses acknowledged changes";
}

}  // namespace
}  // namespace madang::hub
