// CRC-32C: the processor's instruction where there is one, tables otherwise.
//
// The instruction takes three cycles but a new one can begin each cycle, so three blocks side by side go three times as
// fast as one. Their sums are joined by what a block of zeros would have done to the first two, which is linear, so
// four table look-ups do it.

#include <array>
#include <bit>
#include <cstring>

#include "madang/base/bytes.h"
#include "madang/journal/journal.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define MADANG_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define MADANG_CRC_TARGET __attribute__((target("+crc")))
#endif

namespace madang::journal {
namespace {

using Table = std::array<std::uint32_t, 256>;
using Tables = std::array<Table, 8>;

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

/// kTables[k][b]: what byte b does to the sum when k more bytes of zeros follow it.
constexpr Tables kTables = [] {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xFF];
    }
  }
  return tables;
}();

std::uint32_t update_by_tables(std::uint32_t sum, const std::byte* at, std::size_t size) {
  for (; size >= 8; at += 8, size -= 8) {
    const std::uint64_t word = base::load_le<std::uint64_t>(at) ^ sum;
    sum = 0;
    for (std::size_t k = 0; k < 8; ++k) sum ^= kTables[7 - k][(word >> (8 * k)) & 0xFF];
  }
  for (; size > 0; ++at, --size) sum = (sum >> 8) ^ kTables[0][(sum ^ static_cast<std::uint32_t>(*at)) & 0xFF];
  return sum;
}

#ifdef MADANG_CRC_TARGET

/// What `Bytes` zero bytes do to a sum.
template <std::size_t Bytes>
struct Shift {
  std::array<Table, 4> tables{};
  constexpr Shift() {
    std::array<std::uint32_t, 32> basis{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
      std::uint32_t sum = std::uint32_t{1} << bit;
      for (std::size_t i = 0; i < Bytes; ++i) sum = (sum >> 8) ^ kTables[0][sum & 0xFF];
      basis[bit] = sum;
    }
    for (std::size_t part = 0; part < 4; ++part) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        for (std::size_t bit = 0; bit < 8; ++bit) {
          if ((byte >> bit & 1) != 0) tables[part][byte] ^= basis[part * 8 + bit];
        }
      }
    }
  }
  std::uint32_t operator()(std::uint32_t sum) const {
    return tables[0][sum & 0xFF] ^ tables[1][sum >> 8 & 0xFF] ^ tables[2][sum >> 16 & 0xFF] ^ tables[3][sum >> 24];
  }
};

constexpr std::size_t kShort = 128;  // bytes a lane: a record
constexpr std::size_t kLong = 1'024;
constexpr Shift<kShort> kShiftShort;
constexpr Shift<kLong> kShiftLong;

#if defined(__x86_64__)
MADANG_CRC_TARGET inline std::uint32_t step8(std::uint32_t sum, const std::byte* at) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(sum, base::load_le<std::uint64_t>(at)));
}
MADANG_CRC_TARGET inline std::uint32_t step1(std::uint32_t sum, std::byte byte) {
  return _mm_crc32_u8(sum, static_cast<std::uint8_t>(byte));
}
bool has_instruction() {
  return __builtin_cpu_supports("sse4.2") != 0;
}
#else
MADANG_CRC_TARGET inline std::uint32_t step8(std::uint32_t sum, const std::byte* at) {
  return __crc32cd(sum, base::load_le<std::uint64_t>(at));
}
MADANG_CRC_TARGET inline std::uint32_t step1(std::uint32_t sum, std::byte byte) {
  return __crc32cb(sum, static_cast<std::uint8_t>(byte));
}
bool has_instruction() {
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#endif

template <std::size_t Lane>
MADANG_CRC_TARGET std::uint32_t three_lanes(std::uint32_t sum, const std::byte* at, const Shift<Lane>& shift) {
  std::uint32_t second = 0;
  std::uint32_t third = 0;
  for (std::size_t i = 0; i < Lane; i += 8) {
    sum = step8(sum, at + i);
    second = step8(second, at + Lane + i);
    third = step8(third, at + 2 * Lane + i);
  }
  return shift(shift(sum) ^ second) ^ third;
}

MADANG_CRC_TARGET std::uint32_t update_by_instruction(std::uint32_t sum, const std::byte* at, std::size_t size) {
  for (; size >= 3 * kLong; at += 3 * kLong, size -= 3 * kLong) sum = three_lanes(sum, at, kShiftLong);
  for (; size >= 3 * kShort; at += 3 * kShort, size -= 3 * kShort) sum = three_lanes(sum, at, kShiftShort);
  for (; size >= 8; at += 8, size -= 8) sum = step8(sum, at);
  for (; size > 0; ++at, --size) sum = step1(sum, *at);
  return sum;
}

const bool kHasInstruction = has_instruction();

#endif

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed) {
#ifdef MADANG_CRC_TARGET
  if (kHasInstruction) return ~update_by_instruction(~seed, data.data(), data.size());
#endif
  return ~update_by_tables(~seed, data.data(), data.size());
}

/// For the tests: the same without the processor's help.
std::uint32_t crc32c_by_tables(std::span<const std::byte> data, std::uint32_t seed) {
  return ~update_by_tables(~seed, data.data(), data.size());
}

}  // namespace madang::journal
