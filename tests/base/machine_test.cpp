#include "madang/base/machine.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace madang::base {
namespace {

namespace fs = std::filesystem;

class Machine : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "madang-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
  }
  void TearDown() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }

  std::string root;
};

constexpr std::uint64_t kMiB = 1 << 20;

TEST_F(Machine, WithoutControlGroupsAllMemoryIsUsable) {
  const std::uint64_t all = usable_memory(root);
  EXPECT_GT(all, 64 * kMiB);
  write("/proc/self/cgroup", "0::/system.slice/x.service\n");
  write("/sys/fs/cgroup/system.slice/x.service/memory.max", "max\n");
  EXPECT_EQ(usable_memory(root), all);
}

TEST_F(Machine, TheTightestGroupAroundCounts) {
  write("/proc/self/cgroup", "0::/city.slice/x.service\n");
  write("/sys/fs/cgroup/city.slice/x.service/memory.max", "50331648\n");
  EXPECT_EQ(usable_memory(root), 48 * kMiB);
  write("/sys/fs/cgroup/city.slice/memory.max", "33554432\n");
  EXPECT_EQ(usable_memory(root), 32 * kMiB);
}

TEST_F(Machine, AContainerSeesItsLimitAtTheTop) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/memory.max", "16777216\n");
  EXPECT_EQ(usable_memory(root), 16 * kMiB);
  write("/proc/self/cgroup", "0::/../../host/path\n");
  EXPECT_EQ(usable_memory(root), 16 * kMiB);
}

TEST_F(Machine, VersionOneHasAHierarchyForMemory) {
  write("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/a\n0::/\nnonsense\n0::\n1:memory:nowhere\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes", "8388608\n");
  EXPECT_EQ(usable_memory(root), 8 * kMiB);
}

}  // namespace
}  // namespace madang::base
