#pragma once
// The small change of the entity format (docs/formats/entity.md): flags of an instance, varints, texts.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "madang/base/byte_buffer.h"

namespace madang::ngsi::encoding {

// An instance begins with its name's place (u16) and these flags (u16); each flagged field follows in this order.
inline constexpr std::uint16_t kKindMask = 0x000f;
inline constexpr std::uint16_t kNestedKeys = 0x0010;
inline constexpr std::uint16_t kCreated = 0x0020;
inline constexpr std::uint16_t kModified = 0x0040;
inline constexpr std::uint16_t kObserved = 0x0080;
inline constexpr std::uint16_t kExpires = 0x0100;
inline constexpr std::uint16_t kDataset = 0x0200;
inline constexpr std::uint16_t kUnit = 0x0400;
inline constexpr std::uint16_t kValueType = 0x0800;
inline constexpr std::uint16_t kSubs = 0x1000;
inline constexpr std::uint16_t kForeignKeys = 0x2000;
inline constexpr std::uint16_t kUntyped = 0x4000;
inline constexpr std::uint16_t kExtras = 0x8000;

inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Writers return where the next one goes on; the caller has made room.
inline constexpr std::size_t kMostVarint = 10;  // bytes

inline std::byte* put(std::byte* at, const void* from, std::size_t size) {
  if (size > 0) std::memcpy(at, from, size);
  return at + size;
}
inline std::byte* put_u16(std::byte* at, std::uint16_t value) {
  return put(at, &value, sizeof(value));
}
inline std::byte* put_varint(std::byte* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::byte>(value | 0x80);
  *at++ = static_cast<std::byte>(value);
  return at;
}
inline std::byte* put_text(std::byte* at, std::string_view text) {
  return put(put_varint(at, text.size()), text.data(), text.size());
}

inline void append_varint(base::ByteBuffer& out, std::uint64_t value) {
  out.end_at(put_varint(out.room(kMostVarint), value));
}
inline void append_text(base::ByteBuffer& out, std::string_view text) {
  out.end_at(put_text(out.room(kMostVarint + text.size()), text));
}

/// Reads within bounds; after a step outside `ok` is false and everything reads as nothing.
class Cursor {
 public:
  explicit Cursor(const std::byte* begin, const std::byte* end) : at_(begin), end_(end) {}
  bool ok() const { return ok_; }
  const std::byte* at() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const auto next = static_cast<std::uint64_t>(*at_++);
      value |= (next & 0x7f) << shift;
      if ((next & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  const std::byte* take(std::uint64_t size) {
    if (!ok_ || size > left()) {
      ok_ = false;
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += size;
    return from;
  }
  std::uint16_t u16() {
    std::uint16_t value = 0;
    if (const std::byte* from = take(2)) std::memcpy(&value, from, 2);
    return value;
  }
  std::string_view text() {
    const std::uint64_t size = varint();
    const std::byte* from = take(size);
    return from ? std::string_view(reinterpret_cast<const char*>(from), static_cast<std::size_t>(size))
                : std::string_view();
  }

 private:
  const std::byte* at_;
  const std::byte* end_;
  bool ok_ = true;
};

}  // namespace madang::ngsi::encoding
