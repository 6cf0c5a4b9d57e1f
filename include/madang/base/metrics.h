#pragma once
// Counters, gauges and histograms in Prometheus' text format. Each is registered once, at start, under a constant
// name; changing one is a relaxed atomic add.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace madang::base::metrics {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Latencies in seconds, buckets from 10 µs to 10 s.
class Histogram {
 public:
  static constexpr std::array<double, 13> kBounds{1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
                                                  1e-2, 5e-2, 0.1,  0.5,  1,    10};
  void observe(double seconds);
  void append(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// `labels` is the inside of the braces (`method="GET"`), or empty. References stay valid for the program's life; the
/// same name and labels give the same object.
Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = {});
/// A gauge is asked when scraped. Registering the same name and labels again replaces the function.
void gauge(std::string_view name, std::string_view help, std::string_view labels, std::function<double()> read);
void remove_gauge(std::string_view name, std::string_view labels);

/// The exposition page (text format 0.0.4).
std::string render();

}  // namespace madang::base::metrics
