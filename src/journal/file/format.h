#pragma once
// The bytes of docs/formats/journal.md: headers of segments and groups, and records.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "madang/journal/journal.h"

namespace madang::journal {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kHeaderBytes = 64;        // of a segment and of a group
inline constexpr std::size_t kBlockBytes = 512;        // groups begin at multiples of it
inline constexpr std::size_t kRecordHeaderBytes = 16;  // before the tenant's name
inline constexpr std::size_t kMaxTenantBytes = 65'535;
inline constexpr std::string_view kSpareName = "spare";
inline constexpr std::string_view kFreshSpareName = "spare.new";
inline constexpr std::string_view kLockName = "lock";

using HeaderBytes = std::span<std::byte, kHeaderBytes>;
using ConstHeaderBytes = std::span<const std::byte, kHeaderBytes>;

constexpr std::uint64_t round_to_block(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

struct SegmentHeader {
  std::uint64_t salt = 0;
  Position first;
  Position previous;  // first position of the segment before; 0 for the journal's very first
  base::Timestamp begun;
};

struct GroupHeader {
  std::uint32_t count = 0;
  std::uint64_t salt = 0;
  Position first;
  std::uint64_t offset = 0;
  Position durable;
  base::Timestamp time;
  std::uint64_t bytes = 0;  // of records

  Position next() const { return {first.value + count}; }
  Position last() const { return {first.value + count - 1}; }
  std::uint64_t end() const { return offset + round_to_block(kHeaderBytes + bytes); }
};

void store_header(HeaderBytes out, const SegmentHeader& header);
void store_header(HeaderBytes out, const GroupHeader& header);

/// `path` is for the error: corrupt, or newer_format.
base::Result<SegmentHeader> load_segment_header(ConstHeaderBytes data, const std::string& path);
/// Nothing where the bytes are no group header. Whether it belongs where it was found is for the caller to check.
std::optional<GroupHeader> load_group_header(ConstHeaderBytes data);

/// Writes a record (kRecordHeaderBytes + tenant + payload) at `out`.
void store_record(std::byte* out, Position position, RecordKind kind, std::string_view tenant, std::uint32_t key_id,
                  std::span<const std::byte> payload);
/// Reads the record at the beginning of `data`, whose views point into it; its size, or 0 where it is not whole.
std::size_t load_record(std::span<const std::byte> data, Position position, Record& out);

/// A random number that no other segment has.
std::uint64_t new_salt();

std::string segment_name(Position first);
std::optional<Position> parse_segment_name(std::string_view name);

/// The error of a damaged journal, with the commands by which the operator decides.
base::Error corrupt(const std::string& path, std::uint64_t offset, std::string_view what);

}  // namespace madang::journal
