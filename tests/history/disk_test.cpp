// The database of history on a disk that gets full, with whatever little room there is left.

#include "disk.h"

#include <gtest/gtest.h>

#include "madang/base/simulated_files.h"

namespace madang::history::testing {
namespace {

constexpr std::uint64_t kWhole = 1ull << 40;
const std::string kText(1'000, 'x');

base::Status put(Disk& disk, std::uint64_t run) {
  Batch batch;
  batch.put("run " + std::to_string(run), "there");
  batch.put_block(run, 0, kText);
  return disk.write(batch, true);
}

/// What was on disk before is there afterwards, however the database was left: RocksDB deletes its list of files where
/// it could not begin another, if it is let.
TEST(HistoryOnAFullDisk, WhatWasWrittenIsThereWhereverTheRoomEnds) {
  for (std::uint64_t room = 0; room < 20'000; room += 397) {
    base::SimulatedFiles files(kWhole);
    std::uint64_t run = 0;
    {
      auto disk = Disk::open(files, "history", 1 << 20);
      ASSERT_TRUE(disk.ok()) << disk.error().message;
      while (run < 12) ASSERT_TRUE(put(**disk, ++run).ok());
      for (std::uint64_t old = 1; old < 4; ++old) (*disk)->drop_run(old);
      files.set_disk_bytes(kWhole - *files.free_bytes("history") + room);
      while (put(**disk, run + 1).ok()) ASSERT_LT(++run, 1'000u);
      // Others go on for a while before they know.
      for (std::uint64_t old = 1; old < run; ++old) (*disk)->drop_run(old);
      EXPECT_EQ(put(**disk, run + 1).error().code, base::Code::insufficient_storage);
    }
    files.set_disk_bytes(kWhole);
    auto disk = Disk::open(files, "history", 1 << 20);
    ASSERT_TRUE(disk.ok()) << disk.error().message << " room " << room;
    for (std::uint64_t each = 1; each <= run; ++each) {
      const auto there = (*disk)->get("run " + std::to_string(each));
      ASSERT_TRUE(there.ok() && *there) << each << " room " << room;
    }
    EXPECT_TRUE((*disk)->block(run, 0).ok()) << room;
    EXPECT_TRUE(put(**disk, run + 1).ok());
  }
}

/// Parts that were in the memory of a database that was thrown away are not there: the last part must not say they are.
TEST(HistoryOnAFullDisk, ABatchOfPartsIsWholeOrRefused) {
  base::SimulatedFiles files(kWhole);
  auto disk = Disk::open(files, "history", 1 << 20);
  ASSERT_TRUE(disk.ok());
  Batch parts;
  parts.put_block(1, 0, kText);
  ASSERT_TRUE((*disk)->write(parts, false).ok());
  files.set_disk_bytes(kWhole - *files.free_bytes("history") + 100);
  Batch other;
  other.put("other", kText);
  ASSERT_EQ((*disk)->write(other, true).error().code, base::Code::insufficient_storage);
  files.set_disk_bytes(kWhole);
  ASSERT_TRUE((*disk)->write(other, true).ok());
  parts.put("run 1", "there");
  EXPECT_EQ((*disk)->write(parts, true).error().code, base::Code::unavailable);
  EXPECT_EQ(**(*disk)->get("other"), kText);
  EXPECT_FALSE((*disk)->get("run 1").value().has_value());
}

}  // namespace
}  // namespace madang::history::testing
