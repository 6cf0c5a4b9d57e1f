#include "madang/base/machine.h"

#include <algorithm>
#include <fstream>
#include <string_view>

#include <unistd.h>

namespace madang::base {

namespace {

/// The number in a control group's file; UINT64_MAX where there is none, or "max".
std::uint64_t limit_in(const std::string& file) {
  std::uint64_t bytes = 0;
  return std::ifstream(file) >> bytes ? bytes : UINT64_MAX;
}

/// A group may use no more than any group around it. In a container the path is the host's and leads nowhere, but the
/// topmost folder is the container's own.
std::uint64_t limit_of(const std::string& top, std::string group, const std::string& name) {
  std::uint64_t least = limit_in(top + "/" + name);
  for (; group.size() > 1; group.resize(group.rfind('/'))) least = std::min(least, limit_in(top + group + "/" + name));
  return least;
}

}  // namespace

std::uint64_t usable_memory(const std::string& root) {
  std::uint64_t bytes =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream groups(root + "/proc/self/cgroup");
  // Lines "0::/group" (version 2) or "4:cpu,memory:/group" (version 1).
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos || line.compare(second, 2, ":/") != 0) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") bytes = std::min(bytes, limit_of(root + "/sys/fs/cgroup", group, "memory.max"));
    if (controllers.find(",memory,") != controllers.npos)
      bytes = std::min(bytes, limit_of(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
  }
  return bytes;
}

}  // namespace madang::base
