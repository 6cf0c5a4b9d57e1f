// Power cuts at random points over a disk that loses, tears and reorders whatever no sync covers.

#include <atomic>
#include <random>

#include "harness.h"

namespace madang::journal {
namespace {

using base::Code;
using base::SimulatedFiles;

/// What the outside world knows of a journal: every record that it was told is durable, and the fate of those in doubt.
struct World {
  std::uint64_t seed = 0;
  std::uint64_t acknowledged = 0;  // the highest position that was called durable, ever
  std::vector<std::string>
      payloads;      // of each position that the journal has now, from 1; in doubt above `acknowledged`
  std::string loss;  // what was found missing or wrong
};

/// Compares a reopened journal with what the world knows; learns which records in doubt survived.
void compare(World& world, Journal& journal, std::uint64_t kept_from) {
  const std::uint64_t last = journal.last().value;
  const auto say = [&](const std::string& what) {
    if (world.loss.empty()) world.loss = "seed " + std::to_string(world.seed) + ": " + what;
  };
  if (last < world.acknowledged)
    return say("ends at " + std::to_string(last) + ", was durable up to " + std::to_string(world.acknowledged));
  if (last > world.payloads.size()) return say("holds records that were never appended");
  const std::uint64_t first = journal.first().value;
  if (first > std::max(kept_from, std::uint64_t{1})) return say("begins too late");
  auto reader = journal.read({first - 1});
  if (!reader.ok()) return say(reader.error().message);
  Record record;
  for (std::uint64_t position = first; position <= last; ++position) {
    const auto more = (*reader)->next(record);
    if (!more.ok()) return say(more.error().message);
    if (!*more || record.position.value != position) return say("a gap at " + std::to_string(position));
    if (keep(record).payload != world.payloads[position - 1])
      return say("another content at " + std::to_string(position));
  }
  world.payloads.resize(last);
  world.acknowledged = last;  // what was found is durable from now on
}

/// One life of the process: opens, compares, appends until the power goes (or the work is done).
void live(World& world, SimulatedFiles& files, std::mt19937_64& random, std::uint64_t life,
          std::uint64_t& dropped_below) {
  Options options = small();
  options.segment_bytes = 16u << 10;
  auto opened = open(files, options);
  if (!opened.ok()) {
    if (!files.crashed() && world.loss.empty())
      world.loss = "seed " + std::to_string(world.seed) + ": " + opened.error().message;
    return;
  }
  auto journal = std::move(opened).value();
  compare(world, *journal, dropped_below);
  if (files.crashed() || !world.loss.empty()) {
    if (files.crashed()) world.loss.clear();  // the comparison itself was cut short
    return;
  }
  std::atomic<std::uint64_t> durable{0};
  journal->on_durable([&](const base::Result<Position>& position) {
    if (position.ok()) durable = position->value;
  });
  for (int batch = 0; batch < 40; ++batch) {
    bool failed = false;
    for (std::uint64_t i = random() % 12; !failed && i < 12; ++i) {
      const std::string payload = payload_at(journal->last().value + 1, life);
      failed = !journal->append(RecordKind::entity_patch, "", 0, bytes_of(payload)).ok();
      if (!failed) world.payloads.push_back(payload);
    }
    if (failed) break;
    journal->commit();
    if (random() % 3 == 0 && !journal->wait(journal->last()).ok()) break;
    if (random() % 16 == 0) {
      dropped_below = std::max(dropped_below, durable / 2 + 1);
      if (!journal->drop({durable / 2}).ok()) break;
    }
  }
  journal.reset();
  world.acknowledged = std::max<std::uint64_t>(world.acknowledged, durable);
}

/// Some lives on one disk, each but the last ended by a power cut at a random operation.
World story(std::uint64_t seed, bool ignore_syncs) {
  World world;
  world.seed = seed;
  std::mt19937_64 random(seed);
  SimulatedFiles files;
  files.ignore_syncs(ignore_syncs);
  std::uint64_t dropped_below = 1;
  for (std::uint64_t life = 0; life < 5 && world.loss.empty(); ++life) {
    // Often early, so that recovery itself is hit too.
    const std::uint64_t after = random() % (random() % 4 == 0 ? 12 : 120) + 1;
    files.crash_after(after, random());
    live(world, files, random, life, dropped_below);
    if (!files.crashed()) files.crash(random());
    files.restart();
  }
  if (world.loss.empty()) live(world, files, random, 9, dropped_below);
  return world;
}

TEST(Crash, NothingDurableIsLostAndNothingFollowsAGap) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {  // 600 power cuts
    const World world = story(seed, false);
    ASSERT_EQ(world.loss, "");
    ASSERT_GT(world.acknowledged, 0u) << seed;
  }
}

TEST(Crash, TheMutationWithoutSyncIsCaught) {
  unsigned caught = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) caught += story(seed, true).loss.empty() ? 0 : 1;
  EXPECT_GT(caught, 10u);
}

TEST(Crash, AfterAFailedSyncNothingIsAcceptedAndReopeningLosesNothing) {
  for (std::uint64_t nth = 1; nth <= 40; ++nth) {
    SimulatedFiles files;
    std::uint64_t durable = 0;
    {
      auto journal = open(files).value();
      std::atomic<unsigned> errors{0};
      journal->on_durable([&](const base::Result<Position>& position) { errors += position.ok() ? 0 : 1; });
      files.fail_sync(nth);
      base::Status status;
      while (status.ok() && journal->last().value < 400) {
        const std::string payload = payload_at(journal->last().value + 1);
        const auto position = journal->append(RecordKind::entity_put, "", 0, bytes_of(payload));
        status = position.ok() ? journal->wait(*position) : base::Status(position.error());
      }
      durable = journal->durable().value;
      if (!status.ok()) {
        EXPECT_EQ(status.error().code, Code::io);
        EXPECT_EQ(journal->append(RecordKind::entity_put, "", 0, {}).error().code, Code::unavailable);
        EXPECT_LT(durable, journal->last().value);
        EXPECT_EQ(errors, 1u);
      }
    }
    // The process starts again, but not the machine: readers see pages that the disk never got.
    auto journal = open(files).value();
    ASSERT_GE(journal->last().value, durable);
    fill(*journal, 30);
    const std::uint64_t last = journal->last().value;
    files.crash(nth);
    journal.reset();
    files.restart();
    journal = open(files).value();
    ASSERT_EQ(journal->last().value, last) << "sync " << nth;
    const auto all = read_all(*journal);
    for (const Kept& record : all) ASSERT_EQ(record.payload, payload_at(record.position.value));
  }
}

}  // namespace
}  // namespace madang::journal
