#pragma once
// What the journal's tests share: records whose content follows from their position, so that any loss or mix-up shows.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/base/simulated_files.h"
#include "madang/base/time.h"
#include "madang/journal/journal.h"

namespace madang::journal {

inline const std::string kFolder = "data/journal";

struct Kept {  // a record with its content copied
  Position position;
  base::Timestamp time;
  RecordKind kind{};
  std::string tenant;
  std::uint32_t key_id = 0;
  std::string payload;
  bool operator==(const Kept&) const = default;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline Kept keep(const Record& record) {
  return {record.position, record.time,
          record.kind,     std::string(record.tenant),
          record.key_id,   {reinterpret_cast<const char*>(record.payload.data()), record.payload.size()}};
}

/// What the record at `position` holds in these tests; `run` tells apart what was written there before and after a
/// crash.
inline std::string payload_at(std::uint64_t position, std::uint64_t run = 0) {
  std::uint64_t mixed = (position * 1'000 + run) * 0x9E3779B97F4A7C15;
  const std::size_t size = 8 + (mixed >> 32) % (position % 17 == 0 ? 3'000 : 200);
  std::string payload = std::to_string(position) + "/" + std::to_string(run) + "/";
  while (payload.size() < size) payload += static_cast<char>('a' + (mixed = mixed * 31 + 7) % 26);
  return payload;
}

inline Options small() {
  Options options;
  options.segment_bytes = 32u << 10;
  options.reserve_bytes = 4'096;
  options.recheck = std::chrono::milliseconds(1);
  return options;
}

inline base::Result<std::unique_ptr<Journal>> open(base::FileSystem& files, Options options = small()) {
  return Journal::open(files, kFolder, options, base::system_clock());
}

/// Appends `count` records of payload_at and waits for the last.
inline void fill(Journal& journal, std::uint64_t count, std::uint64_t run = 0) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t next = journal.last().value + 1;
    const auto position =
        journal.append(RecordKind::entity_put, next % 3 == 0 ? "busan" : "", 0, bytes_of(payload_at(next, run)));
    ASSERT_TRUE(position.ok()) << position.error().message;
    ASSERT_EQ(position->value, next);
    if (i % 7 == 0) journal.commit();
  }
  const auto status = journal.wait(journal.last());
  ASSERT_TRUE(status.ok()) << status.error().message;
}

inline std::vector<Kept> read_all(Reader& reader) {
  std::vector<Kept> all;
  Record record;
  while (true) {
    const auto more = reader.next(record);
    EXPECT_TRUE(more.ok()) << more.error().message;
    if (!more.ok() || !*more) return all;
    all.push_back(keep(record));
  }
}

inline std::vector<Kept> read_all(Journal& journal, Position after = {}) {
  auto reader = journal.read(after);
  EXPECT_TRUE(reader.ok()) << reader.error().message;
  return reader.ok() ? read_all(**reader) : std::vector<Kept>{};
}

inline std::string segment_path(const Journal::Segment& segment) {
  return kFolder + "/" + segment.file;
}

/// Turns one bit of a file over, for good.
inline void flip(base::FileSystem& files, const std::string& path, std::uint64_t offset) {
  auto file = files.open(path, base::FileSystem::Open::write);
  ASSERT_TRUE(file.ok());
  std::byte byte{};
  ASSERT_EQ((*file)->read_at(offset, {&byte, 1}).value(), 1u);
  byte ^= std::byte{0x10};
  ASSERT_TRUE((*file)->write_at(offset, {&byte, 1}).ok());
  ASSERT_TRUE((*file)->sync().ok());
}

}  // namespace madang::journal
