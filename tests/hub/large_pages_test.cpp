// Many large pages asked for at once: they are written one after another, and small questions in between.

#include <algorithm>

#include "harness.h"

namespace madang::hub {
namespace {

using testing::admin;
using testing::World;

TEST(LargePages, AreWrittenOneAfterAnother) {
  base::SimulatedFiles disk;
  base::ManualClock clock{{1'700'000'000'000'000'000}};
  World world{disk, clock};
  ASSERT_TRUE(world.open().ok());
  constexpr std::size_t kEntities = 100, kBytes = 20'000, kQuestions = 8;
  const std::string members = R"("a":")" + std::string(kBytes, 'x') + '"';
  for (std::size_t i = 0; i < kEntities; ++i)
    ASSERT_FALSE(world.create("urn:x:" + std::to_string(i), members).error) << i;

  std::size_t in_memory = 0, most = 0, done = 0, small = 0;
  QueryPage page;
  page.limit = kEntities;
  const auto later = [&](std::function<void()> work) { world.queue.post(std::move(work)); };
  std::vector<std::size_t> sizes(kQuestions);
  for (std::size_t& size : sizes) {
    world.hub->query(
        admin(), world.tenant, {}, page,
        [&](ngsi::EntityView entity, const ngsi::Filter*) {
          size += entity.bytes().size();
          most = std::max(most, in_memory += entity.bytes().size());
        },
        [&](base::Result<QueryAnswer> answer) {
          EXPECT_TRUE(answer.ok());
          in_memory -= size;
          ++done;
        },
        later);
  }
  EXPECT_EQ(done, 0u);
  page.limit = 1;
  const auto nothing = [](ngsi::EntityView, const ngsi::Filter*) {};
  world.hub->query(
      admin(), world.tenant, {}, page, nothing, [&](base::Result<QueryAnswer> answer) { small += answer.ok(); }, later);
  EXPECT_EQ(small, 1u) << "a small page waits for no large one";
  ASSERT_TRUE(world.queue.run_until([&] { return done == kQuestions; }));
  for (const std::size_t size : sizes) EXPECT_GE(size, kEntities * kBytes);
  EXPECT_LT(most, 2 * kEntities * kBytes);
}

}  // namespace
}  // namespace madang::hub
