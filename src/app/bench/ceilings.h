#pragma once
// What this machine could do at most: measured in every run, so that figures can be read as ratios.

#include <cstdint>
#include <map>
#include <string>

#include "madang/base/result.h"

#include "bench/bench.h"

namespace madang::app {

struct HttpCeiling {
  double requests_per_second = 0;
  double cpu_microseconds = 0;  // of the server, a request
  double p99 = 0;               // seconds
};

struct Ceilings {
  std::map<std::uint64_t, HttpCeiling> bare,
      constant;                           // by connections: the bare epoll server; net::Server's constant answer
  double sync_seconds = 0;                // median of one small write and fdatasync
  double write_bytes_per_second = 0;      // sequential, synced at the end
  double journal_records_per_second = 0;  // 500 B each, group commit
};

/// Runs all of them and prints them. Forks: call it before this process has a second thread.
base::Result<Ceilings> measure_ceilings(const BenchCommand& command, const std::string& folder);

}  // namespace madang::app
