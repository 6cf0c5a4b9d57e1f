#pragma once
// Numbers in bytes, for the formats of our own: little-endian words, and LEB128 varints with zigzag for signed ones.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace madang::base {

/// The same bytes on every machine; the compiler turns it into nothing on little-endian ones.
template <class Integer>
requires std::is_integral_v<Integer>
constexpr Integer swap_if_big(Integer value) {
  if constexpr (std::endian::native == std::endian::little || sizeof(Integer) == 1) return value;
  if constexpr (sizeof(Integer) == 2) return static_cast<Integer>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(Integer) == 4) return static_cast<Integer>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(Integer) == 8) return static_cast<Integer>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

template <class Integer>
void store_le(std::byte* at, Integer value) {
  value = swap_if_big(value);
  std::memcpy(at, &value, sizeof value);
}

template <class Integer>
Integer load_le(const std::byte* at) {
  Integer value;
  std::memcpy(&value, at, sizeof value);
  return swap_if_big(value);
}

/// Small numbers of either sign become small unsigned ones: 0, -1, 1, -2 … to 0, 1, 2, 3 …
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Numbers told as differences: whatever both are, what minus() gives leads back.
constexpr std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

inline constexpr std::size_t kMaxVarint = 10;

/// Where the next byte goes; the caller has made room.
inline std::byte* put_varint(std::byte* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::byte>(value | 0x80);
  *at++ = static_cast<std::byte>(value);
  return at;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  std::byte bytes[kMaxVarint];
  const std::byte* const end = put_varint(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}

template <class Integer>
void append_le(std::string& out, Integer value) {
  value = swap_if_big(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Reads forwards and never past the end: once something does not fit, `ok()` stays false and everything reads as zero.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> data) : data_(data) {}
  explicit ByteReader(std::string_view data) : data_(std::as_bytes(std::span(data))) {}

  bool ok() const { return ok_; }
  const std::byte* at() const { return data_.data(); }
  std::size_t left() const { return data_.size(); }

  std::span<const std::byte> bytes(std::size_t count) {
    if (count > data_.size()) return fail(), std::span<const std::byte>{};
    const auto taken = data_.first(count);
    data_ = data_.subspan(count);
    return taken;
  }
  std::string_view text(std::size_t count) {
    const auto taken = bytes(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  template <class Integer>
  Integer le() {
    const auto taken = bytes(sizeof(Integer));
    return taken.empty() ? Integer{} : load_le<Integer>(taken.data());
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kMaxVarint && i < data_.size(); ++i) {
      const auto byte = static_cast<std::uint64_t>(data_[i]);
      if (i == kMaxVarint - 1 && byte > 1) break;  // more than 64 bits
      value |= (byte & 0x7F) << (7 * i);
      if (byte < 0x80) return data_ = data_.subspan(i + 1), value;
    }
    return fail(), 0;
  }
  std::int64_t signed_varint() { return unzigzag(varint()); }

 private:
  void fail() {
    ok_ = false;
    data_ = {};
  }

  std::span<const std::byte> data_;
  bool ok_ = true;
};

}  // namespace madang::base
