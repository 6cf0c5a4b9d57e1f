#include "file/erasing.h"

#include <cstring>

#include "madang/base/bytes.h"

namespace madang::journal {
namespace {

using base::load_le;
using base::store_le;

constexpr std::string_view kMagic{"MADANGE\0", 8};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeadBytes = 24;   // magic, version, count, first position of the segment
constexpr std::size_t kEntryBytes = 16;  // offset, position
constexpr std::size_t kTailBytes = 4;    // checksum
constexpr std::uint64_t kMostBytes = 1ull << 30;

/// A record to be overwritten, by where it is.
struct Target {
  std::uint64_t offset = 0;
  Position position;
};

std::string list_of(const SegmentFile& segment, const std::vector<Target>& targets) {
  std::string list(kHeadBytes + targets.size() * kEntryBytes + kTailBytes, '\0');
  auto* at = reinterpret_cast<std::byte*>(list.data());
  std::memcpy(at, kMagic.data(), kMagic.size());
  store_le(at + 8, kVersion);
  store_le(at + 12, static_cast<std::uint32_t>(targets.size()));
  store_le(at + 16, segment.header.first.value);
  at += kHeadBytes;
  for (const Target& target : targets) {
    store_le(at, target.offset);
    store_le(at + 8, target.position.value);
    at += kEntryBytes;
  }
  store_le(at, crc32c(std::as_bytes(std::span(list)).first(list.size() - kTailBytes)));
  return list;
}

struct List {
  Position segment;
  std::vector<Target> targets;
};

base::Result<List> read_list(base::FileSystem& files, const std::string& path) {
  MADANG_TRY(const std::string text, base::read_file(files, path, kMostBytes));
  const auto bytes = std::as_bytes(std::span(text));
  const std::byte* at = bytes.data();
  if (bytes.size() < kHeadBytes + kTailBytes || text.compare(0, kMagic.size(), kMagic) != 0)
    return corrupt(path, 0, "it is no list of records to erase");
  if (load_le<std::uint32_t>(at + 8) > kVersion)
    return base::error(base::Code::newer_format, "The list was written by a newer version of Madang.", path);
  const std::size_t count = load_le<std::uint32_t>(at + 12);
  if (bytes.size() != kHeadBytes + count * kEntryBytes + kTailBytes ||
      load_le<std::uint32_t>(at + bytes.size() - kTailBytes) != crc32c(bytes.first(bytes.size() - kTailBytes)))
    return corrupt(path, 0, "the list of records to erase fails its checksum");
  List list{{load_le<std::uint64_t>(at + 16)}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* entry = at + kHeadBytes + i * kEntryBytes;
    list.targets.push_back({load_le<std::uint64_t>(entry), {load_le<std::uint64_t>(entry + 8)}});
  }
  return list;
}

/// A record's sizes and its tenant stay, so that the records behind it stay where they are. What of it may be torn by
/// an earlier attempt is written again; the sizes and the tenant never change, and so cannot be torn.
base::Status overwrite(base::File& file, const Target& target, std::vector<std::byte>& buffer) {
  buffer.resize(kRecordHeaderBytes);
  MADANG_TRY(const std::size_t got, file.read_at(target.offset, buffer));
  if (got != buffer.size()) return base::error(base::Code::corrupt, "The segment ends before a record to erase.");
  const std::size_t payload = load_le<std::uint32_t>(buffer.data() + 4);
  const std::size_t tenant_bytes = load_le<std::uint16_t>(buffer.data() + 14);
  std::string tenant(tenant_bytes, '\0');
  MADANG_TRY(const std::size_t name,
             file.read_at(target.offset + kRecordHeaderBytes, std::as_writable_bytes(std::span(tenant))));
  if (name != tenant_bytes) return base::error(base::Code::corrupt, "The segment ends within a record to erase.");
  const std::vector<std::byte> zeros(payload);
  buffer.resize(kRecordHeaderBytes + tenant_bytes + payload);
  store_record(buffer.data(), target.position, RecordKind::erased, tenant, 0, zeros);
  return file.write_at(target.offset, buffer);
}

base::Status overwrite_all(base::File& file, const std::vector<Target>& targets) {
  std::vector<std::byte> buffer;
  for (const Target& target : targets) MADANG_CHECK(overwrite(file, target, buffer));
  return file.sync();
}

base::Result<std::vector<Target>> find(const Catalog& catalog, const SegmentFile& segment, Position upto,
                                       const std::function<bool(const Record&)>& which) {
  MADANG_TRY(auto file, catalog.files().open(catalog.path(segment.name), base::FileSystem::Open::read));
  GroupReader groups(std::move(file), segment);
  std::vector<Target> targets;
  while (groups.next() <= upto) {
    MADANG_TRY(const auto header, groups.header());
    if (!header) break;  // the segment's end
    MADANG_TRY(const auto body, groups.body(*header));
    RecordReader records(*header, body);
    Record record;
    while (!records.at_end()) {
      const std::uint64_t offset = records.offset();
      if (!records.next(record)) return corrupt(catalog.path(segment.name), offset, "a record fails its checksum");
      if (record.position > upto) break;
      if (record.kind != RecordKind::erased && which(record)) targets.push_back({offset, record.position});
    }
    groups.advance(*header);
  }
  return targets;
}

}  // namespace

base::Result<std::uint64_t> erase_in(Catalog& catalog, const SegmentFile& segment, Position upto,
                                     const std::function<bool(const Record&)>& which) {
  MADANG_TRY(const auto targets, find(catalog, segment, upto, which));
  if (targets.empty()) return std::uint64_t{0};
  base::FileSystem& files = catalog.files();
  const std::string list = catalog.path(kErasingName);
  MADANG_CHECK(base::write_file_atomically(files, list, list_of(segment, targets)));
  {
    const std::lock_guard lock(catalog.overwriting());
    MADANG_TRY(const auto file, files.open(catalog.path(segment.name), base::FileSystem::Open::write));
    MADANG_CHECK(overwrite_all(*file, targets));
  }
  MADANG_CHECK(files.remove(list));
  MADANG_CHECK(files.sync_folder(catalog.folder()));
  return targets.size();
}

base::Status finish_erasing(base::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/" + std::string(kErasingName);
  if (!files.exists(path)) return {};
  MADANG_TRY(const List list, read_list(files, path));
  const std::string segment = folder + "/" + segment_name(list.segment);
  if (files.exists(segment)) {  // else it was dropped as too old
    MADANG_TRY(const auto file, files.open(segment, base::FileSystem::Open::write));
    MADANG_CHECK(overwrite_all(*file, list.targets));
  }
  MADANG_CHECK(files.remove(path));
  return files.sync_folder(folder);
}

}  // namespace madang::journal
