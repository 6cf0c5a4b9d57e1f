#include "file/format.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <random>

#include "madang/base/bytes.h"

namespace madang::journal {
namespace {

using base::load_le;
using base::store_le;

constexpr std::array<char, 8> kSegmentMagic{'M', 'A', 'D', 'A', 'N', 'G', 'J', '\0'};
constexpr std::array<char, 4> kGroupMagic{'M', 'J', 'G', 'R'};
constexpr std::size_t kChecksumAt = kHeaderBytes - 4;
constexpr std::size_t kNameDigits = 20;
constexpr std::string_view kNameEnd = ".journal";

std::uint32_t header_checksum(ConstHeaderBytes data) {
  return crc32c(data.first(kChecksumAt));
}
void seal(HeaderBytes out) {
  store_le(out.data() + kChecksumAt, header_checksum(out));
}
bool is_sealed(ConstHeaderBytes data) {
  return load_le<std::uint32_t>(data.data() + kChecksumAt) == header_checksum(data);
}

std::uint32_t record_checksum(std::span<const std::byte> after_checksum, Position position) {
  return crc32c(after_checksum, static_cast<std::uint32_t>(position.value));
}

}  // namespace

void store_header(HeaderBytes out, const SegmentHeader& header) {
  std::byte* const at = out.data();
  std::memset(at, 0, out.size());
  std::memcpy(at, kSegmentMagic.data(), kSegmentMagic.size());
  store_le(at + 8, kFormatVersion);
  store_le(at + 16, header.salt);
  store_le(at + 24, header.first.value);
  store_le(at + 32, header.previous.value);
  store_le(at + 40, header.begun.ns);
  seal(out);
}

void store_header(HeaderBytes out, const GroupHeader& header) {
  std::byte* const at = out.data();
  std::memset(at, 0, out.size());
  std::memcpy(at, kGroupMagic.data(), kGroupMagic.size());
  store_le(at + 4, header.count);
  store_le(at + 8, header.salt);
  store_le(at + 16, header.first.value);
  store_le(at + 24, header.offset);
  store_le(at + 32, header.durable.value);
  store_le(at + 40, header.time.ns);
  store_le(at + 48, header.bytes);
  seal(out);
}

base::Result<SegmentHeader> load_segment_header(ConstHeaderBytes data, const std::string& path) {
  const std::byte* const at = data.data();
  if (std::memcmp(at, kSegmentMagic.data(), kSegmentMagic.size()) != 0) {
    return corrupt(path, 0, "it does not begin as a segment does");
  }
  // Before the checksum, because a newer version may put it elsewhere.
  if (const auto version = load_le<std::uint32_t>(at + 8); version > kFormatVersion) {
    return base::error(base::Code::newer_format,
                       path + " has journal format " + std::to_string(version) + ", this program knows formats up to " +
                           std::to_string(kFormatVersion) + ": start the newer version again",
                       path);
  }
  if (!is_sealed(data)) return corrupt(path, 0, "the segment's header fails its checksum");
  return SegmentHeader{load_le<std::uint64_t>(at + 16),
                       {load_le<std::uint64_t>(at + 24)},
                       {load_le<std::uint64_t>(at + 32)},
                       {load_le<std::int64_t>(at + 40)}};
}

std::optional<GroupHeader> load_group_header(ConstHeaderBytes data) {
  const std::byte* const at = data.data();
  if (std::memcmp(at, kGroupMagic.data(), kGroupMagic.size()) != 0 || !is_sealed(data)) return std::nullopt;
  const GroupHeader header{load_le<std::uint32_t>(at + 4),    load_le<std::uint64_t>(at + 8),
                           {load_le<std::uint64_t>(at + 16)}, load_le<std::uint64_t>(at + 24),
                           {load_le<std::uint64_t>(at + 32)}, {load_le<std::int64_t>(at + 40)},
                           load_le<std::uint64_t>(at + 48)};
  constexpr auto kLimit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 2;  // sums never overflow
  const bool sane = header.first.value > 0 && header.first.value < kLimit && header.offset < kLimit &&
                    header.bytes < kLimit && header.bytes / kRecordHeaderBytes >= header.count &&
                    (header.count > 0 || header.bytes == 0);
  return sane ? std::optional(header) : std::nullopt;
}

void store_record(std::byte* out, Position position, RecordKind kind, std::string_view tenant, std::uint32_t key_id,
                  std::span<const std::byte> payload) {
  store_le(out + 4, static_cast<std::uint32_t>(payload.size()));
  store_le(out + 8, key_id);
  out[12] = static_cast<std::byte>(kind);
  out[13] = std::byte{0};
  store_le(out + 14, static_cast<std::uint16_t>(tenant.size()));
  std::byte* const body = out + kRecordHeaderBytes;
  if (!tenant.empty()) std::memcpy(body, tenant.data(), tenant.size());
  if (!payload.empty()) std::memcpy(body + tenant.size(), payload.data(), payload.size());
  const std::size_t size = kRecordHeaderBytes + tenant.size() + payload.size();
  store_le(out, record_checksum({out + 4, size - 4}, position));
}

std::size_t load_record(std::span<const std::byte> data, Position position, Record& out) {
  if (data.size() < kRecordHeaderBytes) return 0;
  const std::byte* const at = data.data();
  const std::size_t payload = load_le<std::uint32_t>(at + 4);
  const std::size_t tenant = load_le<std::uint16_t>(at + 14);
  const std::size_t size = kRecordHeaderBytes + tenant + payload;
  if (size > data.size()) return 0;
  if (load_le<std::uint32_t>(at) != record_checksum(data.subspan(4, size - 4), position)) return 0;
  out.position = position;
  out.kind = static_cast<RecordKind>(at[12]);
  out.tenant = {reinterpret_cast<const char*>(at + kRecordHeaderBytes), tenant};
  out.key_id = load_le<std::uint32_t>(at + 8);
  out.payload = data.subspan(kRecordHeaderBytes + tenant, payload);
  return size;
}

std::uint64_t new_salt() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

std::string segment_name(Position first) {
  const std::string digits = std::to_string(first.value);
  return std::string(kNameDigits - digits.size(), '0').append(digits).append(kNameEnd);
}

std::optional<Position> parse_segment_name(std::string_view name) {
  if (name.size() != kNameDigits + kNameEnd.size() || !name.ends_with(kNameEnd)) return std::nullopt;
  Position first;
  const char* const end = name.data() + kNameDigits;
  const auto [rest, status] = std::from_chars(name.data(), end, first.value);
  if (status != std::errc{} || rest != end || first.value == 0) return std::nullopt;
  return first;
}

base::Error corrupt(const std::string& path, std::uint64_t offset, std::string_view what) {
  std::string where = path + ":" + std::to_string(offset);
  std::string message = "the journal is damaged in " + path + " at offset " + std::to_string(offset) + ": ";
  message.append(what).append(
      ". Run `madang check DIR` to see what is whole. To give up everything from there on, run ");
  message.append("`madang check DIR --cut ").append(where).append("`; otherwise restore a backup");
  return base::error(base::Code::corrupt, std::move(message), std::move(where));
}

}  // namespace madang::journal
