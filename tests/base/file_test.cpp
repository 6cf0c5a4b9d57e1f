#include "madang/base/file.h"

#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>
#include <unistd.h>

#include "madang/base/log.h"
#include "madang/base/metrics.h"
#include "madang/base/simulated_files.h"

namespace madang::base {
namespace {

using Open = FileSystem::Open;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string content(FileSystem& files, const std::string& path) {
  const auto found = read_file(files, path);
  return found.ok() ? *found : std::string(code_name(found.error().code));
}

/// Both file systems do the same as long as the power stays on.
class Files : public testing::TestWithParam<bool> {
 protected:
  FileSystem& files() { return GetParam() ? static_cast<FileSystem&>(simulated_) : real_files(); }
  std::string folder_ = testing::TempDir() + "madang_files_" + std::to_string(::getpid());

  void SetUp() override { ASSERT_TRUE(files().make_folder(folder_ + "/a/b").ok()); }
  void TearDown() override {
    for (const std::string& folder : {folder_ + "/a/b", folder_ + "/a", folder_}) {
      const auto names = files().list(folder);
      if (!names.ok()) continue;
      for (const std::string& name : *names) (void)files().remove(folder + "/" + name);
      (void)files().remove(folder);
    }
  }

 private:
  SimulatedFiles simulated_;
};
INSTANTIATE_TEST_SUITE_P(Both, Files, testing::Bool(),
                         [](const auto& with) { return with.param ? "Simulated" : "Real"; });

TEST_P(Files, WriteReadTruncate) {
  const std::string path = folder_ + "/a/file";
  EXPECT_EQ(files().open(path, Open::write).error().code, Code::not_found);
  auto file = files().open(path, Open::create).value();
  EXPECT_EQ(files().open(path, Open::create).error().code, Code::already_exists);
  ASSERT_TRUE(file->write_at(3, bytes_of("city")).ok());
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(content(files(), path), std::string("\0\0\0city", 7));
  std::byte buffer[16];
  EXPECT_EQ(file->read_at(5, buffer).value(), 2u);
  EXPECT_EQ(file->read_at(50, buffer).value(), 0u);
  ASSERT_TRUE(file->truncate(4).ok());
  EXPECT_EQ(file->size().value(), 4u);
  EXPECT_FALSE(files().open(path, Open::read).value()->write_at(0, bytes_of("x")).ok());
  EXPECT_EQ(read_file(files(), path, 3).error().code, Code::too_large);
}

TEST_P(Files, NamesAndFolders) {
  ASSERT_TRUE(files().make_folder(folder_ + "/a").ok());
  ASSERT_TRUE(write_file_atomically(files(), folder_ + "/a/one", "1").ok());
  ASSERT_TRUE(write_file_atomically(files(), folder_ + "/a/one", "uno").ok());
  EXPECT_EQ(content(files(), folder_ + "/a/one"), "uno");
  ASSERT_TRUE(files().rename(folder_ + "/a/one", folder_ + "/a/two").ok());
  const auto names = files().list(folder_ + "/a").value();
  EXPECT_EQ(names, (std::vector<std::string>{"b", "two"}));
  EXPECT_TRUE(files().exists(folder_ + "/a/two"));
  ASSERT_TRUE(files().remove(folder_ + "/a/two").ok());
  EXPECT_FALSE(files().exists(folder_ + "/a/two"));
  EXPECT_EQ(files().remove(folder_ + "/a/two").error().code, Code::not_found);
  EXPECT_FALSE(files().list(folder_ + "/nowhere").ok());
  EXPECT_GT(files().free_bytes(folder_).value(), 0u);
}

TEST_P(Files, OneLockAtATime) {
  auto lock = files().lock(folder_ + "/a/lock").value();
  EXPECT_EQ(files().lock(folder_ + "/a/lock").error().code, Code::conflict);
  lock.reset();
  EXPECT_TRUE(files().lock(folder_ + "/a/lock").ok());
}

TEST(SimulatedFiles, KeepsWhatASyncCovered) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedFiles files;
    ASSERT_TRUE(files.make_folder("d").ok());
    auto file = files.open("d/f", Open::create).value();
    ASSERT_TRUE(file->write_at(0, bytes_of("kept")).ok());
    ASSERT_TRUE(file->sync().ok());
    ASSERT_TRUE(files.sync_folder("d").ok());
    ASSERT_TRUE(file->write_at(4, bytes_of(" or not")).ok());
    files.crash(seed);
    EXPECT_EQ(file->sync().error().code, Code::io);
    files.restart();
    EXPECT_EQ(file->size().error().code, Code::io);  // files opened before are dead
    EXPECT_EQ(content(files, "d/f").substr(0, 4), "kept");
  }
}

TEST(SimulatedFiles, LosesTearsAndReordersTheRest) {
  unsigned lost_name = 0, lost_data = 0, kept_data = 0, torn = 0, later_only = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SimulatedFiles files;
    ASSERT_TRUE(files.make_folder("d").ok());
    auto file = files.open("d/f", Open::create).value();
    const std::string first(2'000, '1');
    const std::string second(2'000, '2');
    ASSERT_TRUE(file->write_at(0, bytes_of(first)).ok());
    ASSERT_TRUE(file->write_at(2'000, bytes_of(second)).ok());
    files.crash(seed);
    files.restart();
    const std::string found = content(files, "d/f");
    if (found == "not_found") {
      ++lost_name;
      continue;
    }
    const auto ones = std::count(found.begin(), found.end(), '1');
    const auto twos = std::count(found.begin(), found.end(), '2');
    lost_data += ones == 0 && twos == 0;
    kept_data += ones == 2'000 && twos == 2'000;
    torn += ones > 0 && ones < 2'000;
    later_only += ones == 0 && twos > 0;
  }
  for (const unsigned count : {lost_name, lost_data, kept_data, torn, later_only}) EXPECT_GT(count, 5u);
}

TEST(SimulatedFiles, AnAtomicReplacementIsOldOrNewAtEveryCrash) {
  bool saw_old = false, saw_new = false;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SimulatedFiles files;
    ASSERT_TRUE(files.make_folder("d").ok());
    ASSERT_TRUE(write_file_atomically(files, "d/f", "old").ok());
    files.crash_after(1 + seed % 6, seed);
    const bool done = write_file_atomically(files, "d/f", "new").ok();
    files.crash(seed);
    files.restart();
    const std::string found = content(files, "d/f");
    ASSERT_TRUE(found == "new" || (found == "old" && !done)) << found;
    (found == "new" ? saw_new : saw_old) = true;
    ASSERT_TRUE(write_file_atomically(files, "d/f", "later").ok());  // whatever the crash left lying
  }
  EXPECT_TRUE(saw_old && saw_new);
}

TEST(SimulatedFiles, AFailedOrIgnoredSyncCoversNothing) {
  for (const bool ignore : {false, true}) {
    unsigned lost = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      SimulatedFiles files;
      ASSERT_TRUE(files.make_folder("d").ok());
      auto file = files.open("d/f", Open::create).value();
      ASSERT_TRUE(files.sync_folder("d").ok());
      ASSERT_TRUE(file->write_at(0, bytes_of("x")).ok());
      ignore ? files.ignore_syncs(true) : files.fail_sync(1);
      EXPECT_EQ(file->sync().ok(), ignore);
      EXPECT_TRUE(file->sync().ok());
      EXPECT_EQ(content(files, "d/f"), "x");  // readers notice nothing
      files.crash(seed);
      files.restart();
      lost += content(files, "d/f") != "x";
    }
    EXPECT_EQ(ignore ? lost > 5 : lost == 50, true) << lost;
  }
}

TEST(SimulatedFiles, FillsUp) {
  SimulatedFiles files(10);
  auto file = files.open("f", Open::create).value();
  ASSERT_TRUE(file->write_at(0, bytes_of("12345678")).ok());
  EXPECT_EQ(files.free_bytes("f").value(), 2u);
  EXPECT_EQ(file->write_at(8, bytes_of("9abc")).error().code, Code::insufficient_storage);
  EXPECT_TRUE(file->write_at(0, bytes_of("overwritten").first(8)).ok());
  files.set_disk_bytes(100);
  EXPECT_TRUE(file->write_at(8, bytes_of("9abc")).ok());
}

TEST(Log, WritesJsonLinesAndThinsFloods) {
  const std::string path = testing::TempDir() + "madang_log_" + std::to_string(::getpid());
  ASSERT_TRUE(log::set_file(path));
  log::info("first \"event\"", {{"text", "a\nb"}, {"count", 3u}, {"ratio", 0.5}, {"yes", true}});
  log::write(log::Level::debug, "below the level");
  for (int i = 0; i < 1'000; ++i) log::warning("flood");
  ASSERT_EQ(std::rename(path.c_str(), (path + ".1").c_str()), 0);
  log::reopen();
  log::error("after the rotation");
  log::set_file("");
  const std::string before = content(real_files(), path + ".1");
  EXPECT_NE(before.find(R"("level":"info","event":"first \"event\"","text":"a\nb","count":3,"ratio":0.5,"yes":true})"),
            std::string::npos);
  EXPECT_EQ(before.find("below the level"), std::string::npos);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  EXPECT_GT(lines, 1);
  EXPECT_LT(lines, 900);
  EXPECT_NE(content(real_files(), path).find("after the rotation"), std::string::npos);
  EXPECT_FALSE(log::set_file("/nonexistent/folder/log"));
  (void)real_files().remove(path);
  (void)real_files().remove(path + ".1");
}

TEST(Metrics, RendersPrometheusText) {
  metrics::counter("test_total", "Things", "kind=\"a\"").add(3);
  EXPECT_EQ(&metrics::counter("test_total", "Things", "kind=\"a\""), &metrics::counter("test_total", "", "kind=\"a\""));
  auto& seconds = metrics::histogram("test_seconds", "Waiting");
  seconds.observe(0.0007);
  seconds.observe(0.001);
  seconds.observe(99);
  metrics::gauge("test_now", "Now", "", [] { return 1.5; });
  const std::string page = metrics::render();
  for (const char* line : {"# HELP test_total Things\n# TYPE test_total counter\ntest_total{kind=\"a\"} 3\n",
                           "test_seconds_bucket{le=\"0.0005\"} 0\n", "test_seconds_bucket{le=\"0.001\"} 2\n",
                           "test_seconds_bucket{le=\"10\"} 2\n", "test_seconds_bucket{le=\"+Inf\"} 3\n",
                           "test_seconds_count 3\n", "test_seconds_sum 99.0017\n", "test_now 1.5\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << "\n" << page;
  }
  metrics::remove_gauge("test_now", "");
  EXPECT_EQ(metrics::render().find("test_now"), std::string::npos);
}

}  // namespace
}  // namespace madang::base
