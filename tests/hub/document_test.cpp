// Documents that the hub keeps beside entities: durable, of their tenant, in snapshots and backups.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "harness.h"

namespace madang::hub {
namespace {

using testing::admin;
using testing::World;

class DocumentTest : public ::testing::Test {
 protected:
  base::SimulatedFiles disk;
  base::ManualClock clock{{1'700'000'000'000'000'000}};
  World world{disk, clock};
  void SetUp() override { ASSERT_TRUE(world.open().ok()); }

  base::Status put(const std::string& tenant, const std::string& id, const std::string& text) {
    std::optional<base::Status> answer;
    world.hub->put_document(*admin(), tenant, {"context", id, text}, world.queue,
                            [&](base::Status status) { answer = std::move(status); });
    EXPECT_TRUE(world.queue.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  base::Status remove(const std::string& tenant, const std::string& id) {
    std::optional<base::Status> answer;
    world.hub->remove_document(*admin(), tenant, "context", id, world.queue,
                               [&](base::Status status) { answer = std::move(status); });
    EXPECT_TRUE(world.queue.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  std::string all(const std::string& tenant = "", const std::string& collection = "context") {
    std::string out;
    const auto documents = world.hub->documents(*admin(), tenant, collection);
    for (std::size_t i = 0; documents.ok() && i < documents->size(); ++i)
      out += (*documents)[i].id + "=" + (*documents)[i].text + ";";
    return out;
  }
  void restart() {
    world.close();
    ASSERT_TRUE(world.open().ok());
  }
};

TEST_F(DocumentTest, OneThatIsReplacedIsThereAllAlong) {
  ASSERT_TRUE(put("", "1", "0").ok());
  std::atomic<bool> done{false};
  std::atomic<int> missed{0};
  std::thread reader([&] {
    while (!done) missed += all().empty() ? 1 : 0;
  });
  for (int i = 1; i <= 500; ++i) EXPECT_TRUE(put("", "1", std::to_string(i)).ok());
  done = true;
  reader.join();
  EXPECT_EQ(missed, 0);
}

TEST_F(DocumentTest, StayThroughARestartUntilTheyAreRemoved) {
  const std::string long_text(200'000, 'x');
  ASSERT_TRUE(put("", "1", "one").ok());
  ASSERT_TRUE(put("", "2", long_text).ok());
  ASSERT_TRUE(put("", "1", "first").ok());
  restart();
  EXPECT_EQ(all(), "1=first;2=" + long_text + ";");
  ASSERT_TRUE(remove("", "2").ok());
  EXPECT_EQ(remove("", "2").error().code, base::Code::not_found);
  restart();
  EXPECT_EQ(all(), "1=first;");
  EXPECT_EQ(all("", "other"), "");
}

TEST_F(DocumentTest, AnAcknowledgedOneOutlivesAPowerCut) {
  ASSERT_TRUE(put("", "1", "one").ok());
  disk.crash(7);
  world.hub.reset();
  disk.restart();
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(all(), "1=one;");
}

TEST_F(DocumentTest, BelongToTheirTenantAndToThoseWhoMay) {
  ASSERT_TRUE(world.hub->symbols("a", true).ok());
  ASSERT_TRUE(put("a", "1", "one").ok());
  EXPECT_EQ(all(), "");
  EXPECT_EQ(all("a"), "1=one;");
  EXPECT_EQ(put("b", "1", "one").error().code, base::Code::nonexistent_tenant);
  Principal reader;
  reader.role = governance::Role::read;
  std::optional<base::Status> answer;
  world.hub->put_document(reader, "", {"context", "1", "one"}, world.queue,
                          [&](base::Status status) { answer = std::move(status); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, base::Code::forbidden);
}

TEST_F(DocumentTest, AreInSnapshotsAndBackups) {
  ASSERT_TRUE(world.hub->symbols("a", true).ok());
  ASSERT_TRUE(put("a", "1", "one").ok());
  ASSERT_TRUE(put("", "gone", "x").ok());
  ASSERT_TRUE(remove("", "gone").ok());
  const auto plan = world.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  world.hub->end_backup(plan->ticket);
  ASSERT_TRUE(put("a", "2", "two").ok());
  world.close();
  ASSERT_TRUE(restore_folder(disk, "city", "copy", plan->position, std::nullopt).ok());
  world.options.folder = "copy";
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(all("a"), "1=one;") << "as of the backup";
  EXPECT_EQ(all(), "");
}

}  // namespace
}  // namespace madang::hub
