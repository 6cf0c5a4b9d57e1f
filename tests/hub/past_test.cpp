// The hub and its history on a real disk: one reads one's own writes, nothing is taken twice, nothing is dropped too
// early.

#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "harness.h"

namespace madang::hub::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;
using namespace std::chrono_literals;

class PastTest : public WithHistory {
 protected:
  void drive(int speed) {
    clock.advance(1s);
    WithHistory::drive(speed);
  }
  base::Result<ngsi::Evolution> past(const PrincipalPtr& who = admin(), ngsi::EvolutionQuery query = {}) {
    query.order = ngsi::TimeProperty::modified_at;
    return world.past(kCar, query, who);
  }
  std::vector<std::string> speeds(const base::Result<ngsi::Evolution>& got) {
    std::vector<std::string> out;
    if (!got.ok()) return {got.error().message};
    const auto speed = *(*world.hub->symbols(""))->intern("https://uri.etsi.org/ngsi-ld/default-context/speed");
    for (std::size_t i = 0; i < got->view().attribute_count(); ++i)
      if (got->view().attribute_name(i) == speed) out.emplace_back(got->view().attribute(i).value);
    return out;
  }
};

TEST_F(PastTest, OneReadsOnesOwnWritesAndTheyStay) {
  open();
  for (int speed = 1; speed <= 50; ++speed) {
    drive(speed);
    ASSERT_EQ(speeds(past()).size(), static_cast<std::size_t>(speed));
  }
  const auto before = past();
  world.close();
  open();
  const auto after = past();
  ASSERT_EQ(speeds(after), speeds(before));
  for (std::size_t i = 0; i < before->beside.size(); ++i) EXPECT_EQ(after->beside[i].id, before->beside[i].id);
  EXPECT_EQ(world.hub->health().history_lag, 0u);
}

TEST_F(PastTest, AFolderFromBeforeBeginsWithWhatThereIs) {
  world.options.history = false;
  open();
  drive(1);
  drive(2);
  EXPECT_EQ(past().error().code, base::Code::not_supported);
  world.close();
  world.options.history = true;
  open();
  EXPECT_EQ(speeds(past()), std::vector<std::string>{"2"});
  drive(3);
  EXPECT_EQ(speeds(past()), (std::vector<std::string>{"2", "3"}));
}

TEST_F(PastTest, HistoryThatIsLostIsNoReasonNotToStart) {
  open();
  drive(1);
  world.close();
  std::filesystem::remove_all(world.options.folder + "/history");
  open();
  EXPECT_EQ(speeds(past()), std::vector<std::string>{"1"});
}

TEST_F(PastTest, OfOtherDataItIsRefused) {
  open();
  for (int i = 0; i < 5; ++i) drive(i);
  ASSERT_EQ(speeds(past()).size(), 5u);  // so it has come that far
  world.close();
  std::filesystem::rename(world.options.folder + "/history", folder + "/aside");
  std::filesystem::remove_all(world.options.folder);
  open();
  drive(1);
  world.close();
  std::filesystem::remove_all(world.options.folder + "/history");
  std::filesystem::rename(folder + "/aside", world.options.folder + "/history");
  EXPECT_EQ(world.open().error().code, base::Code::corrupt);
}

/// The power is cut at some write of the journal or of history; afterwards the past is what was acknowledged.
TEST(PastPowerCut, HistoryIsWhatTheJournalSays) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 random(seed);
    base::SimulatedFiles files;
    base::ManualClock clock{base::Timestamp{1'700'000'000'000'000'000}};
    World world{files, clock};
    world.options.history = true;
    world.options.history_memory = 1 << 20;
    world.options.tail_bytes = 20'000;                     // so that segments are dropped, too
    std::map<std::string, std::vector<std::string>> told;  // what was acknowledged, or perhaps kept: in order
    std::set<std::string> acknowledged;
    int next = 1;
    for (int round = 0; round < 4; ++round) {
      ASSERT_TRUE(world.open().ok()) << seed;
      // Each value was written once, and what readers are shown is the last of them.
      for (const auto& [id, values] : told) {
        const auto found = World::values(world.past(id, World::by_change()));
        auto at = found.begin();
        for (const std::string& value : values) {
          const bool there = at != found.end() && *at == value;
          EXPECT_TRUE(there || !acknowledged.contains(value)) << id << " " << value << " seed " << seed;
          if (there) ++at;
        }
        EXPECT_TRUE(at == found.end()) << id << ": not in its place, or twice: " << *at << " seed " << seed;
        EXPECT_TRUE(found.empty() || world.get(id).find("\"n\":" + found.back() + "}") != std::string::npos)
            << world.get(id);
      }
      files.crash_after(50 + random() % 900, random());
      for (int i = 0; i < 150 && !files.crashed(); ++i) {
        clock.advance(1s);
        const std::string id = "urn:r:" + std::to_string(random() % 5), value = std::to_string(next++);
        const std::string json = R"({"id":")" + id + R"(","type":"T","n":{"value":)" + value + "}}";
        auto change = world.change(Operation::upsert_update, json, FragmentKind::entity_upsert, id);
        ASSERT_TRUE(change.ok());
        told[id].push_back(value);
        if (!world.apply(std::move(*change)).error) acknowledged.insert(value);
      }
      world.close();
      files.crash(random());
      files.restart();
    }
  }
}

/// Hides the attribute `plate`.
struct NoPlates final : governance::Policy, ngsi::Filter {
  explicit NoPlates(ngsi::Symbol hidden) : plate(hidden) {}
  const ngsi::Filter* reading(std::string_view) const override { return this; }
  base::Status writing(std::string_view, const ngsi::EntityView&, const ngsi::EntityView&,
                       const std::vector<ngsi::Symbol>&) const override {
    return {};
  }
  bool allows_entity(const ngsi::EntityView&) const override { return true; }
  bool allows_attribute(const ngsi::EntityView&, ngsi::Symbol attribute) const override { return attribute != plate; }
  ngsi::Symbol plate;
};

TEST_F(PastTest, WhatIsHiddenNowIsHiddenInThePast) {
  open();
  drive(1);
  auto who = std::make_shared<Principal>(*admin());
  const auto plate = *(*world.hub->symbols(""))->intern("https://uri.etsi.org/ngsi-ld/default-context/plate");
  who->policy = std::make_shared<NoPlates>(plate);
  EXPECT_EQ(past()->view().attribute_count(), 2u);
  EXPECT_EQ(past(who)->view().attribute_count(), 1u);
  EXPECT_FALSE(past(who)->view().has_attribute(plate));

  ngsi::EvolutionsQuery query;
  query.query.q = *ngsi::parse_q("plate==\"GE 1\"", world.names());
  query.evolution.order = ngsi::TimeProperty::modified_at;
  const auto found = [&](const PrincipalPtr& asks) {
    std::optional<base::Result<ngsi::EvolutionsAnswer>> got;
    world.hub->query_past(asks, "", query, {}, world.queue,
                          [&](base::Result<ngsi::EvolutionsAnswer> answer) { got = std::move(answer); });
    EXPECT_TRUE(world.queue.run_until([&] { return got.has_value(); }));
    EXPECT_TRUE(got->ok());
    return (*got)->entities.size();
  };
  EXPECT_EQ(found(admin()), 1u);
  EXPECT_EQ(found(who), 0u);  // nobody learns a hidden value by asking about it
}

TEST_F(PastTest, OfCreationsAtTheSameMomentOneIsTheFirst) {
  open();
  const auto change = [&](ngsi::TemporalChange::Operation operation, const std::string& id) {
    ngsi::TemporalChange out;
    out.operation = operation;
    out.id = id;
    if (operation != ngsi::TemporalChange::Operation::append) return out;
    ngsi::EntityBuilder builder;
    builder.begin(id);
    builder.add_type(*(*world.hub->symbols(""))->intern("https://example.org/Car"));
    out.block = *builder.finish();
    return out;
  };
  // How many of so many at the same moment found it there, and how many did not.
  const auto race = [&](ngsi::TemporalChange::Operation operation, const std::string& id, bool may_be_new) {
    std::size_t there = 0, not_there = 0;
    for (int i = 0; i < 8; ++i) {
      world.hub->change_past(admin(), "", change(operation, id), may_be_new, world.queue,
                             [&](const base::Result<Hub::PastKnows>& known) {
                               ASSERT_TRUE(known.ok()) << known.error().message;
                               ++(known->entity ? there : not_there);
                             });
    }
    EXPECT_TRUE(world.queue.run_until([&] { return there + not_there == 8; }));
    return std::pair(there, not_there);
  };
  using Past = ngsi::TemporalChange::Operation;
  for (int i = 0; i < 20; ++i) {
    const std::string id = "urn:ngsi-ld:Car:new" + std::to_string(i);
    EXPECT_EQ(race(Past::append, id, false), std::pair(std::size_t{0}, std::size_t{8}));
    EXPECT_EQ(race(Past::append, id, true), std::pair(std::size_t{7}, std::size_t{1}));
    EXPECT_EQ(race(Past::append, id, false), std::pair(std::size_t{8}, std::size_t{0}));
    EXPECT_EQ(race(Past::delete_entity, id, false), std::pair(std::size_t{1}, std::size_t{7}));
  }
}

TEST_F(PastTest, ABackupHoldsIt) {
  open();
  for (int i = 0; i < 5; ++i) drive(i);
  ASSERT_EQ(speeds(past()).size(), 5u);  // so it has come that far
  const auto plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const std::string copy = folder + "/backup";
  for (const std::string& file : plan->files) {
    std::filesystem::create_directories((std::filesystem::path(copy) / file).parent_path());
    std::filesystem::copy_file(std::filesystem::path(world.options.folder) / file, std::filesystem::path(copy) / file);
  }
  world.hub->end_backup(plan->ticket);
  for (const auto& entry : std::filesystem::directory_iterator(world.options.folder))
    EXPECT_FALSE(entry.path().filename().string().starts_with("history-")) << entry.path();
  const auto before = speeds(past());
  world.close();
  std::vector<std::string> lines;
  const auto listing = [&] {
    std::vector<std::pair<std::string, std::filesystem::file_time_type>> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(copy))
      if (entry.path().string().find("history") != std::string::npos)
        out.emplace_back(entry.path(), entry.last_write_time());
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto untouched = listing();
  ASSERT_TRUE(check_folder(base::real_files(), copy, [&](std::string_view line) { lines.emplace_back(line); }).ok());
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("history: 10"); }))
      << ::testing::PrintToString(lines);
  EXPECT_EQ(listing(), untouched);  // who checks changes nothing
  const std::string restored = folder + "/restored";
  ASSERT_TRUE(restore_folder(base::real_files(), copy, restored, std::nullopt, std::nullopt, {}).ok());
  world.options.folder = restored;
  open();
  EXPECT_EQ(speeds(past()), before);
  drive(9);
  EXPECT_EQ(speeds(past()).size(), before.size() + 1);
}

}  // namespace
}  // namespace madang::hub::testing
