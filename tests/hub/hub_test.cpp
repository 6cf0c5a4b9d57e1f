// The one path: what goes in comes out, in order, for those who may, also after a restart.

#include "madang/hub/hub.h"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "governance/deny_policy.h"
#include "harness.h"

namespace madang::hub {
namespace {

using testing::admin;
using testing::World;

class HubTest : public ::testing::Test {
 protected:
  base::SimulatedFiles disk;
  base::ManualClock clock{{1'700'000'000'000'000'000}};
  World world{disk, clock};
  void SetUp() override { ASSERT_TRUE(world.open().ok()); }
};

TEST_F(HubTest, AnAcknowledgedChangeIsSeenAndKept) {
  EXPECT_FALSE(world.create("urn:x:1", R"("a":1)").error);
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":1})");
  EXPECT_FALSE(world.update("urn:x:1", R"("b":{"k":[1,2]})").error);
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":1,"b":{"k":[1,2]}})");
  EXPECT_FALSE(world.remove("urn:x:1").error);
  EXPECT_EQ(world.get("urn:x:1"), "");
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:x:1"), "");
}

TEST_F(HubTest, RefusalsNameTheReason) {
  ASSERT_FALSE(world.create("urn:x:1", R"("a":1)").error);
  EXPECT_EQ(world.create("urn:x:1", R"("a":1)").error->code, base::Code::already_exists);
  EXPECT_EQ(world.update("urn:x:2", R"("a":1)").error->code, base::Code::not_found);
  EXPECT_EQ(world.remove("urn:x:2").error->code, base::Code::not_found);
}

TEST_F(HubTest, TheVersionGuardsAnUpdate) {
  const auto first = world.create("urn:x:1", R"("a":1)");
  auto change = *world.change(ngsi::Operation::append, R"({"a":2})", ngsi::FragmentKind::attributes, "urn:x:1");
  change.if_versions = {first.version};
  const auto second = world.apply(std::move(change));
  EXPECT_FALSE(second.error);
  EXPECT_GT(second.version, first.version);
  change = *world.change(ngsi::Operation::append, R"({"a":3})", ngsi::FragmentKind::attributes, "urn:x:1");
  change.if_versions = {first.version};
  EXPECT_EQ(world.apply(std::move(change)).error->code, base::Code::precondition_failed);
}

TEST_F(HubTest, ABatchAppliesEachEntityForItselfAndInOrder) {
  std::vector<ngsi::Change> changes;
  for (const char* json : {R"({"id":"urn:x:1","type":"T","a":1})", R"({"id":"urn:x:1","type":"T","a":2})",
                           R"({"id":"urn:x:2","type":"T","a":3})"}) {
    const std::string id = std::string(json).substr(7, 7);
    changes.push_back(*world.change(ngsi::Operation::create, json, ngsi::FragmentKind::entity, id));
  }
  std::vector<ChangeResult> results;
  world.hub->apply(admin(), "", std::move(changes), world.queue,
                   [&](std::vector<ChangeResult>&& r) { results = std::move(r); });
  ASSERT_TRUE(world.queue.run_until([&] { return !results.empty(); }));
  EXPECT_FALSE(results[0].error);
  EXPECT_EQ(results[1].error->code, base::Code::already_exists);
  EXPECT_FALSE(results[2].error);
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":1})");
}

/// Enough for several slices; the last one is that of an entity that is there.
std::vector<ngsi::Change> big_batch(World& world, int size) {
  std::vector<ngsi::Change> changes;
  for (int i = 0; i < size; ++i) {
    const std::string id = "urn:x:" + std::to_string(i + 1 == size ? 0 : i);
    const std::string json = R"({"id":")" + id + R"(","type":"T","a":)" + std::to_string(i) + "}";
    changes.push_back(*world.change(ngsi::Operation::create, json, ngsi::FragmentKind::entity, id));
  }
  return changes;
}

TEST_F(HubTest, ABigBatchLetsOthersInBetween) {
  std::vector<ChangeResult> results;
  std::optional<std::uint64_t> others;  // version
  world.hub->apply(admin(), "", big_batch(world, 1'000), world.queue,
                   [&](std::vector<ChangeResult>&& r) { results = std::move(r); });
  std::vector<ngsi::Change> other;
  other.push_back(
      *world.change(ngsi::Operation::create, R"({"id":"urn:y","type":"T"})", ngsi::FragmentKind::entity, "urn:y"));
  world.hub->apply(admin(), "", std::move(other), world.queue,
                   [&](std::vector<ChangeResult>&& r) { others = r[0].version; });
  ASSERT_TRUE(world.queue.run_until([&] { return !results.empty() && others; }));
  ASSERT_EQ(results.size(), 1'000u);
  for (std::size_t i = 0; i + 1 < results.size(); ++i) ASSERT_FALSE(results[i].error) << i;
  for (std::size_t i = 0; i + 2 < results.size(); ++i) ASSERT_LT(results[i].version, results[i + 1].version) << i;
  EXPECT_EQ(results.back().error->code, base::Code::already_exists);
  EXPECT_GT(*others, results.front().version);
  EXPECT_LT(*others, results[998].version);
}

TEST_F(HubTest, ABatchWhoseFirstSliceWasLostSaysSo) {
  std::vector<ChangeResult> results;
  world.hub->apply(admin(), "", big_batch(world, 1'000), world.queue,
                   [&](std::vector<ChangeResult>&& r) { results = std::move(r); });
  testing::Queue elsewhere;
  bool lost = false;
  world.hub->on_failure([&](base::Error) { lost = true; });
  for (int i = 0; i < 100 && !lost; ++i) {  // the sync may be that of a segment made ready beforehand
    disk.fail_sync(1);
    bool answered = false;
    const std::string id = "urn:y:" + std::to_string(i), json = R"({"id":")" + id + R"(","type":"T"})";
    std::vector<ngsi::Change> other;
    other.push_back(*world.change(ngsi::Operation::create, json, ngsi::FragmentKind::entity, id));
    world.hub->apply(admin(), "", std::move(other), elsewhere, [&](std::vector<ChangeResult>&&) { answered = true; });
    ASSERT_TRUE(elsewhere.run_until([&] { return answered; }));
  }
  ASSERT_TRUE(world.queue.run_until([&] { return !results.empty(); }));
  ASSERT_EQ(results.size(), 1'000u);
  ASSERT_TRUE(lost);
  for (const ChangeResult& result : results) ASSERT_EQ(result.error->code, base::Code::unavailable);
}

TEST_F(HubTest, NothingUndurableIsShown) {
  bool failed = false;
  world.hub->on_failure([&](base::Error) { failed = true; });
  // A sync may also be that of a segment made ready beforehand, which is simply tried again: go on until one of ours
  // fails.
  ChangeResult result;
  std::string id;
  const auto ours = [&] { return result.error && result.error->code == base::Code::unavailable; };
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int i = 0; !ours() && std::chrono::steady_clock::now() < limit; ++i) {
    id = "urn:x:" + std::to_string(i);
    disk.fail_sync(1);
    result = world.create(id, R"("a":1)");
  }
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, base::Code::unavailable);
  EXPECT_TRUE(failed);
  EXPECT_EQ(world.get(id), "");
  EXPECT_EQ(world.create("urn:x:other", R"("a":1)").error->code, base::Code::unavailable);
}

TEST_F(HubTest, PagesFollowOneAnother) {
  for (int i = 0; i < 50; ++i)
    ASSERT_FALSE(world.create("urn:x:" + std::to_string(i), R"("a":)" + std::to_string(i)).error);
  std::vector<std::string> seen;
  QueryPage page;
  page.limit = 7;
  page.count = true;
  for (;;) {
    const auto found = world.ask({}, page);
    ASSERT_FALSE(found.error);
    EXPECT_EQ(found.answer.count, 50u);
    seen.insert(seen.end(), found.ids.begin(), found.ids.end());
    if (!found.answer.next) break;
    page.after = found.answer.next;
  }
  EXPECT_EQ(seen.size(), 50u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST_F(HubTest, WhatAPolicyHidesDoesNotExist) {
  ASSERT_FALSE(world.create("urn:x:open", R"("a":1,"secret":7)").error);
  ASSERT_FALSE(world.create("urn:x:closed", R"("a":1)").error);
  const auto secret = *world.names().find("secret");
  const auto who = governance::testing::denied_principal("closed", secret);
  EXPECT_EQ(world.get("urn:x:closed", who), "");
  EXPECT_EQ(world.get("urn:x:open", who), R"({"id":"urn:x:open","type":"T","a":1})");
  QueryPage page;
  page.count = true;
  EXPECT_EQ(world.ask({}, page, who).answer.count, 1u);
  ngsi::Query by_secret;
  by_secret.q = *ngsi::parse_q("secret==7", world.names());
  EXPECT_EQ(world.ask(by_secret, page, who).answer.count, 0u);
  EXPECT_EQ(world.ask(by_secret, page).answer.count, 1u);
  EXPECT_EQ(world.remove("urn:x:closed", who).error->code, base::Code::not_found);
  EXPECT_EQ(world.update("urn:x:open", R"("secret":8)", who).error->code, base::Code::forbidden);
  EXPECT_EQ(world.create("urn:x:closed", R"("a":2)", who).error->code, base::Code::forbidden);
  const auto attributes = world.hub->attributes(*who, "");
  ASSERT_TRUE(attributes.ok());
  for (const auto& attribute : attributes.value()) EXPECT_FALSE(attribute.name.ends_with("secret"));
}

// ---- what expires (clause 4.22) ----

class Expiry : public HubTest {
 protected:
  void create_transient(const std::string& id) {
    ASSERT_FALSE(world.create(id, R"("expiresAt":"2023-11-14T22:14:20Z","a":1)").error);  // in a minute
  }
  void wait_until(const std::function<bool()>& holds) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(holds());
  }
};

TEST_F(Expiry, IsSeenAtOnceAndThenRecorded) {
  create_transient("urn:x:1");
  ASSERT_FALSE(world.create("urn:x:2", R"("a":1,"b":{"value":2,"expiresAt":"2023-11-14T22:14:20Z"})").error);
  const auto appended = world.hub->health().appended;
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":1})");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(world.get("urn:x:1"), "");
  EXPECT_EQ(world.get("urn:x:2"), R"({"id":"urn:x:2","type":"T","a":1})");
  QueryPage page;
  page.count = true;
  EXPECT_EQ(world.ask({}, page).answer.count, 1u);
  // Two records, and nothing more once they are shown.
  wait_until([&] { return world.hub->health().shown == appended + 2; });
  EXPECT_EQ(world.hub->health().entities, 1u);
  EXPECT_EQ(world.get("urn:x:2"), R"({"id":"urn:x:2","type":"T","a":1})");
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.hub->health().appended, appended + 2);
  EXPECT_EQ(world.get("urn:x:2"), R"({"id":"urn:x:2","type":"T","a":1})");
}

TEST_F(Expiry, OutlivesARestartAndASnapshot) {
  create_transient("urn:x:1");
  ASSERT_TRUE(world.hub->begin_backup(*admin()).ok());  // takes a snapshot
  ASSERT_FALSE(world.create("urn:x:2", R"("a":1,"b":{"value":2,"expiresAt":"2023-11-14T22:14:20Z"})").error);
  world.close();
  clock.advance(std::chrono::seconds(60));
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:x:1"), "");
  EXPECT_EQ(world.get("urn:x:2"), R"({"id":"urn:x:2","type":"T","a":1})");
  wait_until([&] { return world.hub->health().entities == 1; });
}

TEST_F(Expiry, WhatFollowsFindsItGone) {
  create_transient("urn:x:1");
  create_transient("urn:x:2");
  ASSERT_FALSE(world.create("urn:x:3", R"("a":1,"b":{"value":2,"expiresAt":"2023-11-14T22:14:20Z"})").error);
  clock.advance(std::chrono::seconds(60));
  EXPECT_FALSE(world.create("urn:x:1", R"("a":2)").error);
  EXPECT_EQ(world.update("urn:x:2", R"("a":2)").error->code, base::Code::not_found);
  EXPECT_FALSE(world.update("urn:x:3", R"("c":3)").error);
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":2})");
  EXPECT_EQ(world.get("urn:x:2"), "");
  EXPECT_EQ(world.get("urn:x:3"), R"({"id":"urn:x:3","type":"T","a":1,"c":3})");
}

TEST_F(Expiry, ManyAtOnceGoInSlices) {
  std::vector<ngsi::Change> changes;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = "urn:x:" + std::to_string(i);
    changes.push_back(*world.change(ngsi::Operation::create,
                                    R"({"id":")" + id + R"(","type":"T","expiresAt":"2023-11-14T22:14:20Z"})",
                                    ngsi::FragmentKind::entity, id));
  }
  bool done = false;
  world.hub->apply(admin(), "", std::move(changes), world.queue, [&](std::vector<ChangeResult>&&) { done = true; });
  ASSERT_TRUE(world.queue.run_until([&] { return done; }));
  EXPECT_EQ(world.hub->health().entities, 1'000u);
  clock.advance(std::chrono::seconds(60));
  EXPECT_TRUE(world.ask({}).ids.empty());
  wait_until([&] { return world.hub->health().entities == 0; });
  EXPECT_EQ(world.hub->health().appended, 2'000u);
}

TEST_F(HubTest, WhatAPolicyHidesIsNotJoinedAndLeadsNowhere) {
  world.create("urn:home", R"("owner":{"type":"Relationship","object":["urn:closed:1","urn:open:2"]})");
  world.create("urn:closed:1", R"("name":{"type":"Property","value":"Kim"},"wage":{"type":"Property","value":1})");
  world.create("urn:open:2", R"("name":{"type":"Property","value":"Lee"},"wage":{"type":"Property","value":2})");
  const auto who = governance::testing::denied_principal("closed", *world.names().intern("wage"));

  const auto joined = [&](const PrincipalPtr& asker) {
    const auto neighbours = world.hub->neighbours(*asker, "").value();
    ngsi::Representation how;
    how.format = ngsi::Format::simplified;
    ngsi::Joining joining;
    joining.neighbours = neighbours.get();
    joining.whole = how;
    std::string out;
    EXPECT_TRUE(world.hub
                    ->retrieve(*asker, "", "urn:home",
                               [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
                                 ngsi::append_entity(out, entity, world.names(), how, filter, &joining);
                               })
                    .ok());
    return out;
  };
  EXPECT_EQ(joined(admin()),
            R"({"id":"urn:home","type":"T","owner":[{"id":"urn:closed:1","type":"T","name":"Kim","wage":1},)"
            R"({"id":"urn:open:2","type":"T","name":"Lee","wage":2}]})");
  EXPECT_EQ(joined(who),
            R"({"id":"urn:home","type":"T","owner":["urn:closed:1",{"id":"urn:open:2","type":"T","name":"Lee"}]})");

  const auto found = [&](const std::string& q, const PrincipalPtr& asker) {
    ngsi::Query query;
    query.q = ngsi::parse_q(q, world.names()).value();
    return world.ask(std::move(query), {}, asker).ids.size();
  };
  EXPECT_EQ(found("owner{name}==\"Kim\"", admin()), 1u);
  EXPECT_EQ(found("owner{name}==\"Kim\"", who), 0u);
  EXPECT_EQ(found("owner{name}==\"Lee\"", who), 1u);
  EXPECT_EQ(found("owner{wage}==2", admin()), 1u);
  EXPECT_EQ(found("owner{wage}", who), 0u);
}

TEST_F(HubTest, TenantsShareNothing) {
  ASSERT_FALSE(world.create("urn:x:1", R"("a":1)").error);
  World other(disk, clock);
  EXPECT_EQ(other.open().error().code, base::Code::conflict);  // the folder is taken
  EXPECT_EQ(world.hub->symbols("busan").error().code, base::Code::nonexistent_tenant);
  ASSERT_TRUE(world.hub->symbols("busan", true).ok());
  bool found = world.hub->retrieve(*admin(), "busan", "urn:x:1", [](ngsi::EntityView, const ngsi::Filter*) {}).ok();
  EXPECT_FALSE(found);
}

TEST_F(HubTest, AFolderOfANewerVersionIsRefusedByName) {
  world.close();
  ASSERT_TRUE(base::write_file_atomically(disk, "city/format", "madang 99\n").ok());
  const auto opened = world.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, base::Code::newer_format);
}

TEST_F(HubTest, DeclaredIndexesOutliveARestart) {
  ASSERT_FALSE(world.create("urn:x:1", R"("a":1)").error);
  const std::string prefix(ngsi::kDefaultVocabulary);
  ASSERT_TRUE(world.hub->declare_index(*admin(), {"", prefix + "T", prefix + "a"}).ok());
  ASSERT_FALSE(world.create("urn:x:2", R"("a":2)").error);
  world.close();
  ASSERT_TRUE(world.open().ok());
  auto listed = world.hub->indexes(*admin());
  ASSERT_TRUE(listed.ok());
  const auto& indexes = listed.value();
  ASSERT_EQ(indexes.size(), 1u);
  EXPECT_EQ(indexes[0].index.attribute, prefix + "a");
}

TEST_F(HubTest, ARestoredFolderIsTheStateOfThatPoint) {
  ASSERT_FALSE(world.create("urn:x:1", R"("a":1)").error);
  const auto at = world.update("urn:x:1", R"("a":2)").version;
  ASSERT_FALSE(world.update("urn:x:1", R"("a":3)").error);
  ASSERT_FALSE(world.create("urn:x:2", R"("a":1)").error);
  world.close();
  ASSERT_TRUE(restore_folder(disk, "city", "then", at, {}).ok());
  std::vector<std::string> lines;
  const auto checked = check_folder(disk, "then", [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_TRUE(checked.ok()) << checked.error().message;
  world.options.folder = "then";
  const auto reopened = world.open();
  ASSERT_TRUE(reopened.ok()) << reopened.error().message;
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":2})");
  EXPECT_EQ(world.get("urn:x:2"), "");
  ASSERT_FALSE(world.update("urn:x:1", R"("a":4)").error);
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:x:1"), R"({"id":"urn:x:1","type":"T","a":4})");
}

}  // namespace
}  // namespace madang::hub
