#pragma once
// The hash of every map whose keys are names. Names come from strangers, so it is seeded anew in every process:
// nobody outside can prepare names that fall into one bucket.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace madang::ngsi {

std::uint64_t name_hash_seed();  // the same for the life of the process

/// Multiplies 8 bytes at a time and folds the 128-bit product. Transparent: a std::string key is found by a view.
struct NameHash {
  using is_transparent = void;
  using is_avalanching = void;  // boost: every bit is already mixed

  std::size_t operator()(std::string_view text) const {
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t state = seed ^ (left * 0x9e3779b97f4a7c15ull);
    for (; left >= 8; at += 8, left -= 8) state = fold(state ^ word(at, 8), 0xd6e8feb86659fd93ull ^ seed);
    if (left > 0) state = fold(state ^ word(at, left), 0xa0761d6478bd642full ^ seed);
    return fold(state, 0xe7037ed1a0b428dbull);
  }

 private:
  inline static const std::uint64_t seed = name_hash_seed();

  static std::uint64_t word(const char* at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    return value;
  }
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
};

struct NameEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

}  // namespace madang::ngsi
