#pragma once
// madang bench: how fast a server is, as ratios to what this machine could do at most, measured in the same run.

#include <cstdint>
#include <string>
#include <vector>

namespace madang::app {

struct BenchCommand {
  std::string target;  // URL of another broker; empty: an own server
  std::vector<std::uint64_t> entities{1'000, 10'000, 100'000};
  std::vector<std::uint64_t> connections{1, 64, 512};
  double seconds = 3;
  std::string only;
  std::string folder;
  bool history = false;  // the server keeps it meanwhile
  int server_cpu = 0, load_cpu = 1;
};
int bench(const BenchCommand& command);

}  // namespace madang::app
