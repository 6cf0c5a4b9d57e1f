#include <atomic>
#include <mutex>
#include <thread>

#include <rapidcheck.h>
#include <unistd.h>

#include "harness.h"

namespace madang::journal {

std::uint32_t crc32c_by_tables(std::span<const std::byte> data, std::uint32_t seed);

namespace {

using base::Code;
using base::SimulatedFiles;

TEST(Crc32c, GivesTheKnownSums) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xFF'))), 0x62A8AB43u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, IsTheSameByInstructionByTablesAndInParts) {
  std::string data(10'000, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * i >> 3);
  for (const std::size_t size : {1u, 7u, 8u, 383u, 384u, 385u, 1'000u, 3'071u, 3'072u, 3'500u, 10'000u}) {
    const auto whole = bytes_of(data).first(size);
    const std::uint32_t sum = crc32c(whole, 5);
    EXPECT_EQ(sum, crc32c_by_tables(whole, 5)) << size;
    EXPECT_EQ(sum, crc32c(whole.subspan(size / 3), crc32c(whole.first(size / 3), 5))) << size;
  }
}

TEST(Journal, GivesBackWhatWasAppended) {
  SimulatedFiles files;
  auto journal = open(files).value();
  EXPECT_EQ(journal->last(), Position{0});
  EXPECT_EQ(journal->first(), Position{1});
  EXPECT_TRUE(read_all(*journal).empty());

  ASSERT_EQ(journal->append(RecordKind::entity_put, "", 0, bytes_of("one"))->value, 1u);
  ASSERT_EQ(journal->append(RecordKind::tenant, "seoul", 7, {})->value, 2u);
  ASSERT_TRUE(journal->wait({2}).ok());
  const auto all = read_all(*journal);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].payload, "one");
  EXPECT_EQ(all[0].position, Position{1});
  EXPECT_EQ(all[1].tenant, "seoul");
  EXPECT_EQ(all[1].kind, RecordKind::tenant);
  EXPECT_EQ(all[1].key_id, 7u);
  EXPECT_TRUE(all[1].payload.empty());
  EXPECT_GT(all[0].time.ns, 0);
}

TEST(Journal, GoesOnAfterReopeningAcrossManySegments) {
  SimulatedFiles files;
  std::uint64_t expected = 0;
  for (int round = 0; round < 5; ++round) {
    auto journal = open(files).value();
    EXPECT_EQ(journal->last().value, expected);
    EXPECT_EQ(journal->recovery().cut_bytes, 0u);
    fill(*journal, 400);
    expected += 400;
    const auto all = read_all(*journal);
    ASSERT_EQ(all.size(), expected);
    for (const Kept& record : all) ASSERT_EQ(record.payload, payload_at(record.position.value));
  }
  auto journal = open(files).value();
  const auto segments = journal->segments();
  ASSERT_GT(segments.size(), 5u);
  for (std::size_t i = 1; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].first.value, segments[i - 1].last.value + 1);
    EXPECT_LE(segments[i - 1].begun, segments[i].begun);
  }
  EXPECT_EQ(segments.back().last.value, expected);
}

TEST(Journal, ReadsFromAnywhere) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 900);
  for (const std::uint64_t after : {0u, 1u, 449u, 898u, 899u, 900u}) {
    const auto tail = read_all(*journal, {after});
    ASSERT_EQ(tail.size(), 900 - after);
    if (after < 900) {
      EXPECT_EQ(tail.front().position.value, after + 1);
    }
  }
  EXPECT_EQ(journal->read({901}).error().code, Code::conflict);
}

TEST(Journal, TakesRecordsLargerThanASegmentAndRefusesTooLargeOnes) {
  SimulatedFiles files;
  Options options = small();
  options.record_bytes = 200'000;
  auto journal = open(files, options).value();
  const std::string large(200'000, 'x');
  fill(*journal, 3);
  ASSERT_TRUE(journal->append(RecordKind::entity_put, "", 0, bytes_of(large)).ok());
  fill(*journal, 3);
  EXPECT_EQ(journal->append(RecordKind::entity_put, "", 0, bytes_of(large + "x")).error().code, Code::too_large);
  EXPECT_EQ(journal->append(RecordKind::entity_put, std::string(70'000, 't'), 0, {}).error().code, Code::too_large);
  journal.reset();
  const auto all = read_all(*open(files, options).value());
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all[3].payload, large);
}

TEST(Journal, ReaderFollowsWhileAppendsGoOn) {
  SimulatedFiles files;
  auto journal = open(files).value();
  auto reader = journal->read({}).value();
  std::uint64_t seen = 0;
  for (int round = 0; round < 60; ++round) {
    fill(*journal, 23);
    for (const Kept& record : read_all(*reader)) {
      ASSERT_EQ(record.position.value, ++seen);
      ASSERT_EQ(record.payload, payload_at(seen));
    }
    ASSERT_EQ(seen, journal->last().value);
  }
}

TEST(Journal, DropsWholeSegmentsOnly) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 1'500);
  const auto before = journal->segments();
  ASSERT_GT(before.size(), 4u);
  ASSERT_TRUE(journal->drop({before[2].last.value - 1}).ok());  // the third is not wholly below
  EXPECT_EQ(journal->segments().size(), before.size() - 2);
  EXPECT_EQ(journal->first(), before[2].first);
  EXPECT_FALSE(files.exists(segment_path(before[1])));
  EXPECT_EQ(journal->read({before[2].first.value - 2}).error().code, Code::conflict);
  EXPECT_EQ(read_all(*journal, {before[2].first.value - 1}).size(), 1'500 - before[1].last.value);

  ASSERT_TRUE(journal->drop({5'000}).ok());  // the last one stays, so that numbering goes on
  EXPECT_EQ(journal->segments().size(), 1u);
  journal.reset();
  journal = open(files).value();
  EXPECT_EQ(journal->last(), Position{1'500});
  fill(*journal, 10);
}

TEST(Journal, NumbersOnAfterWhatASnapshotHolds) {
  SimulatedFiles files;
  Options options = small();
  options.begin_after = {41};
  auto journal = open(files, options).value();
  EXPECT_EQ(journal->last(), Position{41});
  EXPECT_EQ(journal->durable(), Position{41});
  EXPECT_EQ(journal->append(RecordKind::setting, "", 0, bytes_of("x"))->value, 42u);
  ASSERT_TRUE(journal->wait({42}).ok());
  EXPECT_EQ(read_all(*journal, {41}).size(), 1u);
  EXPECT_EQ(journal->read({40}).error().code, Code::conflict);
}

TEST(Journal, TellsHowFarItIsDurable) {
  SimulatedFiles files;
  auto journal = open(files).value();
  std::atomic<std::uint64_t> told{0};
  std::atomic<bool> rising{true};
  journal->on_durable([&](base::Result<Position> position) {
    if (!position.ok() || position->value <= told) rising = false;
    if (position.ok()) told = position->value;
  });
  fill(*journal, 500);
  journal.reset();  // joins the syncer
  EXPECT_EQ(told, 500u);
  EXPECT_TRUE(rising);
}

TEST(Journal, GathersWhatIsAppendedTogetherIntoOneSync) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 1);
  const std::uint64_t before = journal->syncs();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(journal->append(RecordKind::entity_put, "", 0, bytes_of("x")).ok());
  ASSERT_TRUE(journal->wait(journal->last()).ok());
  EXPECT_EQ(journal->syncs(), before + 1);
}

TEST(Journal, RefusesASecondOwnerAndANewerFormat) {
  SimulatedFiles files;
  auto journal = open(files).value();
  EXPECT_EQ(open(files).error().code, Code::conflict);
  fill(*journal, 1);
  const std::string path = segment_path(journal->segments()[0]);
  journal.reset();
  auto file = files.open(path, base::FileSystem::Open::write).value();
  const std::byte version{9};
  ASSERT_TRUE(file->write_at(8, {&version, 1}).ok());
  const auto opened = open(files);
  ASSERT_EQ(opened.error().code, Code::newer_format);
  EXPECT_NE(opened.error().message.find("format 9"), std::string::npos);
}

TEST(Journal, ACopyOfTheUsedPartsIsAJournal) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 700);
  SimulatedFiles other;
  ASSERT_TRUE(other.make_folder(kFolder).ok());
  for (const auto& segment : journal->segments()) {
    const std::string content = base::read_file(files, segment_path(segment)).value().substr(0, segment.used);
    ASSERT_TRUE(base::write_file_atomically(other, segment_path(segment), content).ok());
  }
  fill(*journal, 50);  // goes on meanwhile
  auto copy = open(other).value();
  EXPECT_EQ(copy->last(), Position{700});
  EXPECT_EQ(copy->recovery().cut_bytes, 0u);
  fill(*copy, 100, 1);
  const auto all = read_all(*copy);
  ASSERT_EQ(all.size(), 800u);
  EXPECT_EQ(all[700].payload, payload_at(701, 1));
}

TEST(Journal, RefusesMoreThanItsBuffer) {
  SimulatedFiles files;
  Options options = small();
  options.buffer_bytes = 10'000;
  auto journal = open(files, options).value();
  // Nobody takes what is not committed while the syncer sleeps, or the buffer would empty itself under the test.
  const std::string payload(3'000, 'x');
  bool refused = false;
  for (int i = 0; i < 10 && !refused; ++i) {
    const auto position = journal->append(RecordKind::entity_put, "", 0, bytes_of(payload));
    refused = !position.ok();
    if (refused) {
      EXPECT_EQ(position.error().code, Code::unavailable);
    }
  }
  EXPECT_TRUE(refused);
  ASSERT_TRUE(journal->wait(journal->last()).ok());
  fill(*journal, 5);
}

TEST(Journal, AppendsAndReadsFromSeveralThreads) {
  SimulatedFiles files;
  auto journal = open(files).value();
  std::mutex sequencer;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        {
          const std::lock_guard lock(sequencer);
          const std::uint64_t next = journal->last().value + 1;
          ASSERT_TRUE(journal->append(RecordKind::entity_put, "", 0, bytes_of(payload_at(next))).ok());
        }
        journal->commit();
        if (i % 50 == 0) {
          ASSERT_TRUE(journal->wait(journal->last()).ok());
        }
      }
    });
  }
  std::uint64_t seen = 0;
  auto reader = journal->read({}).value();
  Record record;
  while (seen < 900) {
    const auto more = reader->next(record);
    ASSERT_TRUE(more.ok()) << more.error().message;
    if (!*more) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(record.position.value, ++seen);
    ASSERT_EQ(keep(record).payload, payload_at(seen));
  }
  for (auto& thread : threads) thread.join();
}

TEST(Journal, PropertyBatchedIsOneByOneAndReplayIsWhatWasAppended) {
  EXPECT_TRUE(rc::check([](const std::vector<std::tuple<std::string, std::string, std::uint32_t, bool>>& input) {
    SimulatedFiles batched_files;
    SimulatedFiles single_files;
    auto batched = open(batched_files).value();
    auto single = open(single_files).value();
    std::vector<Kept> expected;
    for (const auto& [tenant, payload, key, flush] : input) {
      const auto kind = static_cast<RecordKind>(1 + key % 5);
      const auto position = batched->append(kind, tenant, key, bytes_of(payload));
      RC_ASSERT(position.ok());
      expected.push_back({*position, {}, kind, tenant, key, payload});
      if (flush) batched->commit();
      RC_ASSERT(single->append(kind, tenant, key, bytes_of(payload)).ok());
      RC_ASSERT(single->wait(single->last()).ok());
    }
    RC_ASSERT(batched->wait(batched->last()).ok());
    batched.reset();
    batched = open(batched_files).value();
    for (Journal* journal : {batched.get(), single.get()}) {
      auto found = read_all(*journal);
      for (Kept& record : found) record.time = {};
      RC_ASSERT(found == expected);
    }
  }));
}

TEST(Journal, WorksOnTheRealDisk) {
  const std::string folder = testing::TempDir() + "madang_journal_" + std::to_string(::getpid());
  for (int round = 0; round < 2; ++round) {
    auto journal = Journal::open(base::real_files(), folder, small(), base::system_clock()).value();
    fill(*journal, 300);
    EXPECT_EQ(read_all(*journal).size(), 300u * static_cast<unsigned>(round + 1));
  }
  std::uint64_t seen = 0;
  const auto checked = verify(base::real_files(), folder, [&](const Record&) { return ++seen, base::Status{}; });
  ASSERT_TRUE(checked.ok()) << checked.error().message;
  EXPECT_EQ(seen, 600u);
  const auto names = base::real_files().list(folder).value();
  for (const std::string& name : names) {
    ASSERT_TRUE(base::real_files().remove(folder + "/" + name).ok());
  }
  ASSERT_TRUE(base::real_files().remove(folder).ok());
}

}  // namespace
}  // namespace madang::journal
