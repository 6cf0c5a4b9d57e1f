#pragma once
// The small change of the entity format (docs/formats/entity.md): flags of an instance, numbers, texts.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "madang/base/byte_buffer.h"
#include "madang/base/bytes.h"

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

using base::put_varint;
using base::unzigzag;
using base::zigzag;

// Writers return where the next one goes on; the caller has made room.
inline std::byte* put(std::byte* at, const void* from, std::size_t size) {
  if (size > 0) std::memcpy(at, from, size);
  return at + size;
}
inline std::byte* put_u16(std::byte* at, std::uint16_t value) {
  return put(at, &value, sizeof(value));
}
inline std::byte* put_text(std::byte* at, std::string_view text) {
  return put(put_varint(at, text.size()), text.data(), text.size());
}

inline void append_varint(base::ByteBuffer& out, std::uint64_t value) {
  out.end_at(put_varint(out.room(base::kMaxVarint), value));
}
inline void append_text(base::ByteBuffer& out, std::string_view text) {
  out.end_at(put_text(out.room(base::kMaxVarint + text.size()), text));
}

/// Reads what the writers above wrote.
class Cursor : public base::ByteReader {
 public:
  Cursor(const std::byte* begin, const std::byte* end) : ByteReader(std::span(begin, end)) {}

  const std::byte* take(std::uint64_t size) { return bytes(static_cast<std::size_t>(size)).data(); }
  std::uint16_t u16() { return le<std::uint16_t>(); }
  std::string_view text() { return ByteReader::text(static_cast<std::size_t>(varint())); }
};

}  // namespace madang::ngsi::encoding
