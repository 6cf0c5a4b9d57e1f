#include "snapshot_format.h"

#include <cstddef>
#include <cstdio>

namespace madang::state::format {

std::uint32_t check_of(const FileHeader& header) {
  FileHeader copy = header;
  copy.check = 0;
  const auto bytes = bytes_of(copy);
  constexpr std::size_t kBefore = offsetof(FileHeader, check), kAfter = kBefore + sizeof(header.check);
  return journal::crc32c(bytes.subspan(kAfter), journal::crc32c(bytes.first(kBefore)));
}

std::uint32_t check_of(const BlockHeader& header, std::span<const std::byte> payload) {
  return journal::crc32c(payload, journal::crc32c(bytes_of(header).first(offsetof(BlockHeader, check))));
}

std::string file_name(Position begun) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%020llu", static_cast<unsigned long long>(begun.value));
  return std::string(kPrefix) + digits + std::string(kSuffix);
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto size_bytes = bytes_of(size);
  out.insert(out.end(), size_bytes.begin(), size_bytes.end());
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

bool take_text(std::span<const std::byte>& in, std::string_view& out) {
  std::uint32_t size;
  if (in.size() < sizeof(size)) return false;
  std::memcpy(&size, in.data(), sizeof(size));
  in = in.subspan(sizeof(size));
  if (size > in.size()) return false;
  out = {reinterpret_cast<const char*>(in.data()), size};
  in = in.subspan(size);
  return true;
}

}  // namespace madang::state::format
