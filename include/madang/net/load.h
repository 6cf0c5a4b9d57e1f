#pragma once
// An HTTP load generator: many kept-open connections from one thread, each sending its next request when the answer
// before has come (closed loop), or at a paced rate. Cheap enough to keep a fast server busy: prepared bytes go out as
// they are, answers are cut at Content-Length.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::net {

/// Counts of durations in buckets whose width is at most 1/32 of their value (the idea of HDR histograms).
class LatencyHistogram {
 public:
  void add(std::uint64_t ns, std::uint64_t times = 1);
  void add(const LatencyHistogram& other);
  /// The duration in seconds that a share of `quantile` (0 to 1) does not exceed; 0 where nothing was counted.
  double quantile(double quantile) const;
  double max() const { return static_cast<double>(max_) / 1e9; }
  double mean() const;
  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::size_t kSteps = 32;  // per doubling
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t upper_bound(std::size_t bucket);
  std::array<std::uint64_t, kSteps * 60> buckets_{};
  std::uint64_t count_ = 0, max_ = 0, sum_ = 0;
};

struct LoadOptions {
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 8080;
  std::size_t connections = 64;
  std::size_t pipeline = 1;  // requests under way on one connection
  /// The bytes of the n-th request: a whole HTTP/1.1 request with Host and, where it has a body, Content-Length. The
  /// view must stay valid until the next call. Called on the thread of run_load.
  std::function<std::string_view(std::uint64_t index)> request;
  std::uint64_t requests = 0;             // end after so many; 0: only the duration counts
  std::chrono::milliseconds duration{0};  // end after so long; 0: only the number counts
  std::chrono::milliseconds warm_up{0};   // before it, sent but not counted
  double rate = 0;  // requests a second in all; 0: as fast as answers come. Paced latencies are taken from
                    // the moment a request was due, so that a stalled server cannot hide its stall
  std::chrono::milliseconds patience{10'000};  // no answer at all for so long: gives up (error `timeout`)
  int cpu = -1;                                // pins the thread
};

struct LoadReport {
  std::uint64_t requests = 0;               // answered within the measured time
  std::array<std::uint64_t, 6> by_class{};  // [2]: 2xx, …; [0]: no HTTP answer
  std::uint64_t failures = 0;               // connections that broke
  std::uint64_t bytes_in = 0, bytes_out = 0;
  LatencyHistogram latency;
  double seconds = 0;
  double requests_per_second() const { return seconds > 0 ? static_cast<double>(requests) / seconds : 0; }
};

/// Round robin over prepared requests.
std::function<std::string_view(std::uint64_t)> round_robin(std::vector<std::string> requests);

/// A whole request's bytes.
std::string raw_request(std::string_view method, std::string_view target, std::string_view headers = {},
                        std::string_view body = {});

/// Runs the load and waits for its end. io where no connection can be made, timeout where answers stop coming.
base::Result<LoadReport> run_load(const LoadOptions& options);

}  // namespace madang::net
