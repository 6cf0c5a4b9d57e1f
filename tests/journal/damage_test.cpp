// Torn tails, damage, missing files, full disks.

#include <atomic>
#include <thread>

#include <rapidcheck.h>

#include "file/format.h"
#include "harness.h"

namespace madang::journal {
namespace {

using base::Code;
using base::SimulatedFiles;
using Open = base::FileSystem::Open;

std::string at(const std::string& path, std::uint64_t offset) {
  return path + ":" + std::to_string(offset);
}

/// A journal of one segment with groups of one record each; their offsets.
std::vector<std::uint64_t> make_groups(SimulatedFiles& files, std::uint64_t count, std::string& path) {
  auto journal = open(files).value();
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t i = 0; i < count; ++i) {
    offsets.push_back(i == 0 ? kBlockBytes : journal->segments().back().used);
    fill(*journal, 1);
  }
  path = segment_path(journal->segments()[0]);
  EXPECT_EQ(journal->segments().size(), 1u);
  return offsets;
}

TEST(Damage, InAGroupThatWasDurableIsNamedWithFileAndOffset) {
  for (const std::uint64_t inside : {0u, 5u, 20u, 60u, 70u, 90u}) {  // in the header, in the record
    SimulatedFiles files;
    std::string path;
    const auto offsets = make_groups(files, 12, path);
    flip(files, path, offsets[6] + inside);
    const auto opened = open(files);
    ASSERT_FALSE(opened.ok()) << inside;
    EXPECT_EQ(opened.error().code, Code::corrupt);
    EXPECT_EQ(opened.error().where, at(path, offsets[6] + (inside < kHeaderBytes ? 0 : kHeaderBytes)));
    EXPECT_NE(opened.error().message.find("madang check DIR --cut " + opened.error().where), std::string::npos);
    EXPECT_NE(opened.error().message.find("position 7"), std::string::npos);
    const auto checked = verify(files, kFolder, nullptr);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().where, opened.error().where);
  }
}

TEST(Damage, AnOrderlyEndProtectsTheLastGroupToo) {
  SimulatedFiles files;
  std::string path;
  const auto offsets = make_groups(files, 4, path);
  flip(files, path, offsets.back() + kHeaderBytes + 3);
  EXPECT_EQ(open(files).error().code, Code::corrupt);
}

TEST(Damage, AZeroedBlockIsNoEnd) {
  SimulatedFiles files;
  std::string path;
  const auto offsets = make_groups(files, 12, path);
  const std::string zeros(kBlockBytes, '\0');
  ASSERT_TRUE(files.open(path, Open::write).value()->write_at(offsets[8], bytes_of(zeros)).ok());
  EXPECT_EQ(open(files).error().where, at(path, offsets[8]));
}

TEST(Damage, BehindWhatIsKnownDurableIsATornTail) {
  SimulatedFiles files;
  std::string path;
  auto offsets = make_groups(files, 6, path);
  // Without the mark of the orderly end the last group might be in doubt; damaged, it is.
  const std::uint64_t mark =
      offsets.back() + round_to_block(kHeaderBytes + kRecordHeaderBytes + payload_at(6).size() + 5);
  auto file = files.open(path, Open::write).value();
  ASSERT_TRUE(file->write_at(mark, bytes_of(std::string(kBlockBytes, '\0'))).ok());
  flip(files, path, offsets.back() + kHeaderBytes + 1);
  {
    auto journal = open(files).value();
    EXPECT_EQ(journal->last(), Position{5});
    EXPECT_EQ(journal->recovery().cut_file, path);
    EXPECT_EQ(journal->recovery().cut_offset, offsets.back());
    EXPECT_GT(journal->recovery().cut_bytes, 0u);
    fill(*journal, 3, 1);
  }
  auto journal = open(files).value();
  EXPECT_EQ(journal->recovery().cut_bytes, 0u);
  const auto all = read_all(*journal);
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(all[5].payload, payload_at(6, 1));
}

TEST(Damage, OfAnOldSegmentIsFoundWhenItIsRead) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 1'200);
  const auto segments = journal->segments();
  ASSERT_GT(segments.size(), 3u);
  journal.reset();
  flip(files, segment_path(segments[1]), segments[1].bytes / 2);
  journal = open(files).value();  // what is old is not read on opening
  auto reader = journal->read({}).value();
  Record record;
  base::Result<bool> more = true;
  std::uint64_t seen = 0;
  while (more.ok() && *more) {
    more = reader->next(record);
    ++seen;
  }
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, Code::corrupt);
  EXPECT_TRUE(more.error().where.starts_with(segment_path(segments[1]) + ":"));
  EXPECT_LE(seen, segments[1].last.value);
  EXPECT_EQ(verify(files, kFolder, nullptr).error().where, more.error().where);
}

TEST(Damage, AMissingSegmentIsNamed) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 1'200);
  const auto segments = journal->segments();
  journal.reset();
  ASSERT_TRUE(files.remove(segment_path(segments[1])).ok());
  const auto opened = open(files);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().where, at(segment_path(segments[2]), 0));
  EXPECT_NE(opened.error().message.find(segments[1].file), std::string::npos);
}

TEST(Damage, IsCutByTheOperatorsDecision) {
  for (const std::size_t hurt : {0u, 1u, 3u}) {
    for (const bool header : {true, false}) {
      SimulatedFiles files;
      auto journal = open(files).value();
      fill(*journal, 1'200);
      const auto segments = journal->segments();
      ASSERT_GT(segments.size(), 4u);
      EXPECT_EQ(cut(files, kFolder, segments[0].file, 0).error().code, Code::conflict);  // it is open
      journal.reset();
      const std::string path = segment_path(segments[hurt]);
      flip(files, path, header ? 20 : segments[hurt].bytes / 3);
      const auto checked = verify(files, kFolder, nullptr);
      ASSERT_EQ(checked.error().code, Code::corrupt);
      const std::string& where = checked.error().where;
      const std::size_t colon = where.rfind(':');
      ASSERT_TRUE(cut(files, kFolder, where.substr(0, colon), std::stoull(where.substr(colon + 1))).ok());

      journal = open(files).value();
      EXPECT_EQ(journal->first(), Position{1});
      EXPECT_LE(journal->last(), segments[hurt].last);
      EXPECT_GE(journal->last().value, segments[hurt].first.value - 1);
      const std::uint64_t kept = journal->last().value;
      EXPECT_EQ(kept == segments[hurt].first.value - 1, header);
      fill(*journal, 200, 1);
      journal.reset();
      const auto all = read_all(*open(files).value());
      ASSERT_EQ(all.size(), kept + 200);
      for (const Kept& record : all) {
        ASSERT_EQ(record.payload, payload_at(record.position.value, record.position.value > kept ? 1 : 0));
      }
    }
  }
  SimulatedFiles files;
  EXPECT_EQ(cut(files, kFolder, "nothing.journal", 0).error().code, Code::not_found);
}

TEST(Damage, PropertyAFlippedBitNeverPassesForARecord) {
  SimulatedFiles files;
  std::string path;
  make_groups(files, 15, path);
  const std::string good = base::read_file(files, path).value();
  EXPECT_TRUE(rc::check([&](std::uint32_t where, std::uint8_t bit) {
    std::string content = good;
    content[where % 9'000 % content.size()] ^= static_cast<char>(1 << (bit % 8));
    SimulatedFiles other;
    RC_ASSERT(other.make_folder(kFolder).ok());
    RC_ASSERT(base::write_file_atomically(other, path, content).ok());
    std::uint64_t next = 1;
    bool wrong = false;
    const auto checked = verify(other, kFolder, [&](const Record& record) {
      wrong = wrong || record.position.value != next || keep(record).payload != payload_at(next);
      ++next;
      return base::Status{};
    });
    RC_ASSERT(!wrong);
    const bool sound = checked.ok() ? next == 16 : checked.error().code != Code::io;
    RC_ASSERT(sound);
  }));
}

/// Appends until the answer is `code`; how often it was taken.
std::uint64_t append_until(Journal& journal, Code code, std::uint64_t limit) {
  for (std::uint64_t taken = 0; taken < limit; ++taken) {
    const std::string payload = payload_at(journal.last().value + 1);
    const auto position = journal.append(RecordKind::entity_put, "", 0, bytes_of(payload));
    if (!position.ok()) {
      EXPECT_EQ(position.error().code, code) << position.error().message;
      return taken;
    }
    journal.commit();
    if (taken % 8 == 0) std::this_thread::yield();
  }
  return limit;
}

TEST(FullDisk, IsRefusedAndServiceResumesByItself) {
  SimulatedFiles files(150'000);
  auto journal = open(files).value();
  std::atomic<bool> failed{false};
  journal->on_durable([&](const base::Result<Position>& position) { failed = failed || !position.ok(); });
  constexpr std::uint64_t kLimit = 100'000;
  ASSERT_LT(append_until(*journal, Code::insufficient_storage, kLimit), kLimit);
  EXPECT_GE(files.free_bytes("data").value(), 4'096u);  // the reserve is others' to use

  files.set_disk_bytes(10'000'000);
  ASSERT_TRUE(journal->wait(journal->last()).ok());  // whatever waited for room goes on, and so does the rest
  const std::uint64_t before = journal->last().value;
  while (!journal->append(RecordKind::entity_put, "", 0, bytes_of(payload_at(before + 1))).ok())
    std::this_thread::yield();
  fill(*journal, 300);
  EXPECT_FALSE(failed);
  journal.reset();
  const auto all = read_all(*open(files).value());
  ASSERT_EQ(all.size(), before + 301);
  for (const Kept& record : all) ASSERT_EQ(record.payload, payload_at(record.position.value));
}

TEST(FullDisk, FromTheBeginningOpensAndRefuses) {
  SimulatedFiles files(8'000);
  auto journal = open(files).value();
  const auto position = journal->append(RecordKind::entity_put, "", 0, bytes_of("x"));
  if (position.ok()) {
    journal->commit();  // the first look at the disk found the reserve; there is no room for a segment all the same
  }
  EXPECT_LE(append_until(*journal, Code::insufficient_storage, 1'000'000), 999'999u);
  files.set_disk_bytes(1'000'000);
  ASSERT_TRUE(journal->wait(journal->last()).ok());
}

TEST(FullDisk, ClosingDoesNotWaitForRoom) {
  SimulatedFiles files(60'000);
  auto journal = open(files).value();
  append_until(*journal, Code::insufficient_storage, 100'000);
  const std::uint64_t durable = journal->durable().value;
  journal.reset();
  files.set_disk_bytes(1'000'000);
  journal = open(files).value();
  EXPECT_GE(journal->last().value, durable);
  fill(*journal, 10);
}

}  // namespace
}  // namespace madang::journal
