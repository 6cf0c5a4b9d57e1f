#pragma once
// Chance that is the same everywhere: a hash of what it is about.

#include <cmath>
#include <cstdint>

namespace madang::sample {

/// SplitMix64's last step (Steele, Lea, Flood 2014): every bit of the input stirs every bit of the output.
inline std::uint64_t stirred(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

template <class... Parts>
std::uint64_t hash_of(std::uint64_t first, Parts... parts) {
  std::uint64_t hash = stirred(first);
  ((hash = stirred(hash ^ static_cast<std::uint64_t>(parts))), ...);
  return hash;
}

/// From 0 to below 1.
template <class... Parts>
double chance(Parts... parts) {
  return static_cast<double>(hash_of(static_cast<std::uint64_t>(parts)...) >> 11) * 0x1p-53;
}

/// A value that wanders smoothly from -1 to 1: new every `period`, cosine between.
template <class... Parts>
double wander(double seconds, double period, Parts... parts) {
  const double step = std::floor(seconds / period);
  const double part = seconds / period - step;
  const auto at = static_cast<std::int64_t>(step);
  const double a = chance(parts..., at), b = chance(parts..., at + 1);
  constexpr double kPi = 3.14159265358979323846;
  return 2 * (a + (b - a) * (1 - std::cos(part * kPi)) / 2) - 1;
}

}  // namespace madang::sample
