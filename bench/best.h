#pragma once
// Of several rounds of the same work the one that nothing disturbed.

#include <algorithm>
#include <chrono>

namespace madang::bench {

/// Seconds.
template <class Work>
double best(Work work) {
  constexpr int kRounds = 5;
  double least = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  return least;
}

}  // namespace madang::bench
