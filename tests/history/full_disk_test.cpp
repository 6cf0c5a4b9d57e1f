// A disk that is full: history says so, takes nothing more, loses nothing, and goes on when there is room again. Wants
// a folder on a file system of some 200 MiB (RocksDB goes on where there is room for all it holds in memory):
//
//   mount -t tmpfs -o size=200m none /mnt/small && MADANG_SMALL_DISK=/mnt/small history_tests
//   --gtest_filter='FullDisk*'

#include <cstdlib>
#include <fstream>

#include "world.h"

namespace madang::history::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;

TEST(FullDisk, HistoryWaitsAndGoesOn) {
  const char* const small = std::getenv("MADANG_SMALL_DISK");
  if (small == nullptr) GTEST_SKIP() << "MADANG_SMALL_DISK names no small file system";
  World world;  // makes the records, and has room
  const std::string id = "urn:e:1";
  world.change(Operation::create, id, R"({"id":"urn:e:1","type":"T","a":{"type":"Property","value":0}})");
  std::string noise;
  for (int i = 0; i < 6'000; ++i) {
    world.clock.advance(std::chrono::milliseconds(1));
    noise.clear();
    for (int k = 0; k < 500; ++k) noise.push_back(static_cast<char>('a' + (i * 7919 + k * k * 31 + (i ^ k)) % 26));
    world.change(Operation::append, id, R"({"a":{"type":"Property","value":")" + noise + "\"}}",
                 FragmentKind::attributes);
  }
  const std::string ballast = std::string(small) + "/ballast";
  std::filesystem::remove_all(std::string(small) + "/history");
  Options options;
  options.folder = std::string(small) + "/history";
  options.memory_bytes = 2 << 20;
  options.sync = true;
  auto opened = History::open(options, world.clock);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  {
    std::ofstream out(ballast, std::ios::binary);
    const std::string piece(64 << 10, 'x');
    while (out.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  bool was_full = false;
  for (auto& [record, payload] : world.records) {
    record.payload = payload;
    for (;;) {
      const auto fed = (*opened)->feed(record);
      if (fed.ok()) break;
      ASSERT_EQ(fed.error().code, base::Code::insufficient_storage);
      EXPECT_FALSE((*opened)->health().trouble.empty());
      EXPECT_LT((*opened)->durable(), (*opened)->fed());
      was_full = true;
      std::filesystem::remove(ballast);
      // The writer tries again by itself.
      const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (!(*opened)->health().trouble.empty() && std::chrono::steady_clock::now() < limit) (void)(*opened)->flush();
    }
  }
  EXPECT_TRUE(was_full);
  std::filesystem::remove(ballast);
  ASSERT_TRUE((*opened)->flush().ok());
  const auto wanted = world.instances(world.evolution(id));
  std::swap(world.history, *opened);
  EXPECT_TRUE(world.instances(world.evolution(id)) == wanted);
  world.options.folder = options.folder;
  opened->reset();
  world.open();
  EXPECT_TRUE(world.instances(world.evolution(id)) == wanted);
  world.history.reset();
  std::filesystem::remove_all(options.folder);
}

}  // namespace
}  // namespace madang::history::testing
