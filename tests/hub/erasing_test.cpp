// What is erased is gone: from answers, from every file of the folder, also after crashes; what is not meant stays.

#include "harness.h"

namespace madang::hub::testing {
namespace {

/// Every file below a folder of the simulated disk, as somebody with the disk in hand would see it.
std::string raw(base::FileSystem& files) {
  std::string all;
  for (const std::string folder : {"city", "city/journal", "city/snapshots"}) {
    const auto names = files.list(folder);
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>{})
      if (auto text = base::read_file(files, folder + "/" + name); text.ok()) all += *text;
  }
  return all;
}

class Erasing : public ::testing::Test {
 protected:
  Erasing() : world(files, base::system_clock()) { world.options.erase_within = std::chrono::seconds(0); }

  std::string ask(std::vector<std::string> ids, bool everything = false, const PrincipalPtr& who = admin()) {
    std::optional<base::Result<std::string>> answer;
    world.hub->erase(*who, world.tenant, {std::move(ids), everything}, world.queue,
                     [&](base::Result<std::string> id) { answer = std::move(id); });
    EXPECT_TRUE(world.queue.run_until([&] { return answer.has_value(); }));
    return answer->ok() ? **answer : "refused: " + answer->error().message;
  }
  Hub::ErasureState state(const std::string& id) {
    for (auto& each : *world.hub->erasures(*admin(), world.tenant))
      if (each.id == id) return each;
    return {};
  }
  void wait_until_done(const std::string& id) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!state(id).done && std::chrono::steady_clock::now() < limit) world.queue.run_posted();
    ASSERT_TRUE(state(id).done) << "not done in time";
  }

  base::SimulatedFiles files;
  World world;
};

TEST_F(Erasing, TakesAnEntityFromAnswersJournalAndSnapshots) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:kim", R"("phone":"010-1234-5678")");
  world.create("urn:person:lee", R"("phone":"010-9999-0000")");
  ASSERT_TRUE(world.hub->begin_backup(*admin()).ok());  // takes a snapshot
  world.hub->end_backup(1);
  world.update("urn:person:kim", R"("phone":"010-1234-1111")");
  ASSERT_NE(raw(files).find("010-1234"), std::string::npos);

  const std::string id = ask({"urn:person:kim"});
  wait_until_done(id);
  EXPECT_EQ(world.get("urn:person:kim"), "");
  EXPECT_EQ(world.get("urn:person:lee"), R"({"id":"urn:person:lee","type":"T","phone":"010-9999-0000"})");
  const std::string after = raw(files);
  EXPECT_EQ(after.find("010-1234"), std::string::npos);
  EXPECT_EQ(after.find("urn:person:kim"), std::string::npos);
  EXPECT_NE(after.find("010-9999"), std::string::npos);
  const auto told = state(id);
  EXPECT_EQ(told.entities, 1u);
  EXPECT_EQ(told.by, "test");
  EXPECT_GE(told.records, 3u);

  world.close();
  ASSERT_TRUE(check_folder(files, "city", [](std::string_view) {}).ok());
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:person:kim"), "");
  EXPECT_NE(world.get("urn:person:lee"), "");
  EXPECT_TRUE(state(id).done);
}

TEST_F(Erasing, LeavesWhatComesLaterUnderTheSameId) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:kim", R"("phone":"before")");
  const std::string id = ask({"urn:person:kim", "urn:person:never"});
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (world.get("urn:person:kim") != "" && std::chrono::steady_clock::now() < limit) world.queue.run_posted();
  world.create("urn:person:kim", R"("phone":"anew")");
  wait_until_done(id);
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.get("urn:person:kim"), R"({"id":"urn:person:kim","type":"T","phone":"anew"})");
  EXPECT_EQ(raw(files).find("before"), std::string::npos);
}

TEST_F(Erasing, TakesEverythingOfATenantAndNothingOfOthers) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:a", R"("word":"public")");
  world.tenant = "clinic";
  ASSERT_TRUE(world.hub->symbols("clinic", true).ok());
  for (int i = 0; i < 300; ++i) {
    auto made = world.change(ngsi::Operation::create,
                             R"({"id":"urn:p:)" + std::to_string(i) + R"(","type":"T","note":"secret"})",
                             ngsi::FragmentKind::entity, "urn:p:" + std::to_string(i));
    ASSERT_TRUE(made.ok());
    ASSERT_FALSE(world.apply(std::move(*made)).error);
  }
  wait_until_done(ask({}, true));
  const std::string after = raw(files);
  EXPECT_EQ(after.find("secret"), std::string::npos);
  EXPECT_EQ(after.find("urn:p:"), std::string::npos);
  EXPECT_NE(after.find("public"), std::string::npos);
  EXPECT_TRUE(world.ask({}).ids.empty());
  world.close();
  ASSERT_TRUE(world.open().ok());
  EXPECT_TRUE(world.ask({}).ids.empty());
  world.tenant = "";
  EXPECT_EQ(world.ask({}).ids.size(), 1u);
}

TEST_F(Erasing, GoesOnAfterARestart) {
  world.options.erase_within = std::chrono::seconds(7'200);
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:kim", R"("phone":"010-1234-5678")");
  const std::string id = ask({"urn:person:kim"});
  files.crash(7);
  world.close();
  files.restart();
  ASSERT_NE(raw(files).find("010-1234"), std::string::npos);
  world.options.erase_within = std::chrono::seconds(0);
  ASSERT_TRUE(world.open().ok());
  wait_until_done(id);
  EXPECT_EQ(world.get("urn:person:kim"), "");
  EXPECT_EQ(raw(files).find("010-1234"), std::string::npos);
}

TEST_F(Erasing, IsForAdministratorsAndWithinLimits) {
  ASSERT_TRUE(world.open().ok());
  auto writer = std::make_shared<Principal>(*admin());
  writer->role = governance::Role::write;
  EXPECT_NE(ask({"urn:a"}, false, writer).find("refused"), std::string::npos);
  EXPECT_FALSE(world.hub->erasures(*writer, "").ok());
  EXPECT_NE(ask({}).find("refused"), std::string::npos);
  EXPECT_NE(ask({"urn:a"}, true).find("refused"), std::string::npos);
  EXPECT_NE(ask(std::vector<std::string>(10'001, "urn:a")).find("refused"), std::string::npos);
}

TEST_F(Erasing, WaitsForABackupThatIsBeingCopied) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:kim", R"("phone":"010-1234-5678")");
  const auto plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok());
  const std::string id = ask({"urn:person:kim"});
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!state(id).removed && std::chrono::steady_clock::now() < limit) world.queue.run_posted();
  EXPECT_FALSE(state(id).done);
  EXPECT_NE(raw(files).find("010-1234"), std::string::npos);
  world.hub->end_backup(plan->ticket);
  wait_until_done(id);
  EXPECT_EQ(raw(files).find("010-1234"), std::string::npos);
}

TEST_F(Erasing, ReachesSealedBackupsByTheirKeys) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:kim", R"("phone":"010-1234-5678")");
  world.create("urn:person:lee", R"("phone":"010-9999-0000")");
  auto plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok());
  world.hub->end_backup(plan->ticket);
  world.update("urn:person:kim", R"("phone":"010-1234-1111")");
  world.update("urn:person:lee", R"("phone":"010-9999-1111")");
  plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok());
  ASSERT_TRUE(seal_folder(files, "city", "vault", *plan, nullptr).ok());
  world.hub->end_backup(plan->ticket);
  const std::string vault = *base::read_file(files, "vault/backup.madang");
  for (const std::string_view word : {"010-", "kim", "lee", "phone"}) EXPECT_EQ(vault.find(word), std::string::npos);
  ASSERT_TRUE(check_folder(files, "vault", [](std::string_view) {}).ok());

  const auto restored = [&](const std::string& to, std::optional<std::uint64_t> at = {}) {
    const auto passed_over = restore_folder(files, "vault", to, at, {}, "city/keys");
    EXPECT_TRUE(passed_over.ok()) << passed_over.error().message;
    World other(files, base::system_clock());
    other.options.folder = to;
    EXPECT_TRUE(other.open().ok());
    return other.get("urn:person:kim") + other.get("urn:person:lee");
  };
  EXPECT_EQ(restored("before"), R"({"id":"urn:person:kim","type":"T","phone":"010-1234-1111"})"
                                R"({"id":"urn:person:lee","type":"T","phone":"010-9999-1111"})");
  EXPECT_EQ(restored("first", 2), R"({"id":"urn:person:kim","type":"T","phone":"010-1234-5678"})"
                                  R"({"id":"urn:person:lee","type":"T","phone":"010-9999-0000"})");
  wait_until_done(ask({"urn:person:kim"}));
  EXPECT_EQ(restored("after"), R"({"id":"urn:person:lee","type":"T","phone":"010-9999-1111"})");
  EXPECT_FALSE(restore_folder(files, "vault", "without", {}, {}).ok());
  EXPECT_FALSE(restore_folder(files, "vault", "beyond", 99, {}, "city/keys").ok());
}

TEST_F(Erasing, ADamagedSealedBackupIsFound) {
  ASSERT_TRUE(world.open().ok());
  world.create("urn:person:lee", R"("phone":"010-9999-0000")");
  const auto plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok());
  ASSERT_TRUE(seal_folder(files, "city", "vault", *plan, nullptr).ok());
  auto file = *files.open("vault/backup.madang", base::FileSystem::Open::write);
  const std::uint64_t size = *file->size();
  for (std::uint64_t at = 0; at < size; at += 7) {
    std::byte byte{};
    ASSERT_TRUE(file->read_at(at, {&byte, 1}).ok());
    byte ^= std::byte{16};
    ASSERT_TRUE(file->write_at(at, {&byte, 1}).ok());
    EXPECT_FALSE(check_folder(files, "vault", [](std::string_view) {}).ok()) << at;
    byte ^= std::byte{16};
    ASSERT_TRUE(file->write_at(at, {&byte, 1}).ok());
  }
  ASSERT_TRUE(file->truncate(size - 1).ok());
  EXPECT_FALSE(check_folder(files, "vault", [](std::string_view) {}).ok());
}

}  // namespace
}  // namespace madang::hub::testing
