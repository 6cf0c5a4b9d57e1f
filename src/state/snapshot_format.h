#pragma once
// The bytes of docs/formats/snapshot.md.

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "madang/state/snapshot.h"

namespace madang::state::format {

inline constexpr char kMagic[8] = {'M', 'A', 'D', 'A', 'N', 'G', 'S', 'S'};
inline constexpr std::uint32_t kVersion = 2;  // the first had entities without extras and without expiry, no documents

struct FileHeader {
  char magic[8];
  std::uint32_t version = kVersion;
  std::uint32_t check = 0;
  std::uint64_t begun = 0;
  std::int64_t time = 0;
};
static_assert(sizeof(FileHeader) == 32);
std::uint32_t check_of(const FileHeader& header);

enum class BlockKind : std::uint16_t { tenant = 1, names = 2, index = 3, entities = 4, end = 5, document = 6 };

struct BlockHeader {
  std::uint32_t size = 0;
  BlockKind kind{};
  std::uint16_t tenant = 0;
  std::uint32_t number = 0;
  std::uint32_t check = 0;
};
static_assert(sizeof(BlockHeader) == 16);
std::uint32_t check_of(const BlockHeader& header, std::span<const std::byte> payload);

struct End {
  std::uint64_t entities = 0;
  std::uint32_t blocks = 0;
  std::uint32_t zero = 0;
  std::uint64_t complete = 0;
};
static_assert(sizeof(End) == 24);

inline constexpr std::uint64_t kEndBytes = sizeof(BlockHeader) + sizeof(End);
inline constexpr std::size_t kBlockBytes = 1u << 20;   // of an entities block, about
inline constexpr std::uint32_t kMostBytes = 1u << 31;  // of any block

constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + 7) & ~std::uint64_t{7};
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}
template <class T>
std::span<std::byte> writable_bytes_of(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

std::string file_name(Position begun);
inline constexpr std::string_view kPrefix = "snapshot-", kSuffix = ".madang";

/// Appends a size and the bytes.
void append_text(std::vector<std::byte>& out, std::string_view text);
/// Takes such a text off the front; false where there is none.
bool take_text(std::span<const std::byte>& in, std::string_view& out);

}  // namespace madang::state::format
