// Erasing: what is gone is gone from the disk, what stays is as it was, at any moment and after any power cut.

#include <atomic>
#include <thread>

#include "harness.h"

namespace madang::journal {
namespace {

using base::SimulatedFiles;

const auto kEveryThird = [](const Record& record) { return record.position.value % 3 == 0; };

/// All bytes of the folder's files, as somebody with the disk in hand would see them.
std::string raw(base::FileSystem& files) {
  std::string all;
  const auto names = files.list(kFolder);
  EXPECT_TRUE(names.ok());
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>{})
    if (auto text = base::read_file(files, kFolder + "/" + name); text.ok()) all += *text;
  return all;
}

void expect_erased(const std::vector<Kept>& all, const std::function<bool(std::uint64_t)>& gone) {
  for (const Kept& record : all) {
    if (gone(record.position.value)) {
      EXPECT_EQ(record.kind, RecordKind::erased) << record.position.value;
      EXPECT_EQ(record.payload, std::string(payload_at(record.position.value).size(), '\0'));
    } else {
      EXPECT_EQ(record.payload, payload_at(record.position.value));
    }
  }
}

TEST(Erasing, TakesRecordsFromTheDiskAndLeavesTheOthers) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 500);
  ASSERT_GT(journal->segments().size(), 2u);
  const auto before = raw(files);
  ASSERT_NE(before.find(payload_at(300)), std::string::npos);

  EXPECT_EQ(journal->erase({450}, kEveryThird).value(), 150u);
  const auto gone = [](std::uint64_t position) { return position % 3 == 0 && position <= 450; };
  expect_erased(read_all(*journal), gone);
  const auto after = raw(files);
  for (std::uint64_t position = 3; position <= 450; position += 3)
    EXPECT_EQ(after.find(payload_at(position)), std::string::npos) << position;

  fill(*journal, 20);  // the journal goes on
  EXPECT_EQ(journal->erase({450}, kEveryThird).value(), 0u);
  journal.reset();
  journal = open(files).value();
  EXPECT_EQ(journal->last().value, 520u);
  expect_erased(read_all(*journal), gone);
  journal.reset();
  EXPECT_TRUE(verify(files, kFolder, nullptr).ok());
}

TEST(Erasing, KeepsTheTenantsOfRecords) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 30);
  ASSERT_EQ(journal->erase({30}, [](const Record&) { return true; }).value(), 30u);
  for (const Kept& record : read_all(*journal))
    EXPECT_EQ(record.tenant, record.position.value % 3 == 0 ? "busan" : "") << record.position.value;
}

TEST(Erasing, WaitsForWhatIsDurable) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 10);
  ASSERT_TRUE(journal->append(RecordKind::entity_put, "", 0, bytes_of("not committed")).ok());
  EXPECT_EQ(journal->erase({11}, [](const Record&) { return true; }).value(), 10u);
  ASSERT_TRUE(journal->wait({11}).ok());
  EXPECT_EQ(read_all(*journal).back().payload, "not committed");
}

TEST(Erasing, DisturbsNoReaderAndNoWriter) {
  SimulatedFiles files;
  auto journal = open(files).value();
  fill(*journal, 2'000);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> rounds{0};
  std::thread reading([&] {
    while (!stop) {
      auto reader = journal->read({0}).value();
      Record record;
      for (;;) {
        const auto more = reader->next(record);
        if (!more.ok()) {
          ADD_FAILURE() << more.error().message;
          return;
        }
        if (!*more) break;
        if (record.kind == RecordKind::erased) continue;
        EXPECT_EQ(keep(record).payload, payload_at(record.position.value));
      }
      ++rounds;
    }
  });
  for (std::uint64_t part = 0; part < 20; ++part) {
    ASSERT_TRUE(journal->erase({2'000}, [&](const Record& record) { return record.position.value % 20 == part; }).ok());
    fill(*journal, 10);
  }
  while (rounds < 2) std::this_thread::yield();
  stop = true;
  reading.join();
  EXPECT_EQ(journal->last().value, 2'200u);
}

TEST(Erasing, IsEndedAfterAPowerCut) {
  unsigned ended = 0;
  for (std::uint64_t cut = 1; cut <= 60; ++cut) {
    SimulatedFiles files;
    {
      auto journal = open(files).value();
      fill(*journal, 300);
      files.crash_after(cut, cut * 7);
      (void)journal->erase({300}, kEveryThird);
    }
    if (!files.crashed()) files.crash(cut);
    files.restart();
    auto journal = open(files).value();
    ASSERT_EQ(journal->last().value, 300u) << cut;
    for (const Kept& record : read_all(*journal)) {
      if (record.kind == RecordKind::erased) {
        ASSERT_EQ(record.position.value % 3, 0u) << cut;
        ++ended;
      } else {
        ASSERT_EQ(record.payload, payload_at(record.position.value)) << cut;
      }
    }
    ASSERT_TRUE(journal->erase({300}, kEveryThird).ok()) << cut;  // asked again, as who was not told that it is done
    expect_erased(read_all(*journal), [](std::uint64_t position) { return position % 3 == 0; });
    journal.reset();
    ASSERT_TRUE(verify(files, kFolder, nullptr).ok()) << cut;
    EXPECT_FALSE(files.exists(kFolder + "/erasing"));
  }
  EXPECT_GT(ended, 0u);
}

TEST(Erasing, ADamagedListOfRecordsIsNamed) {
  SimulatedFiles files;
  { fill(*open(files).value(), 10); }
  ASSERT_TRUE(base::write_file_atomically(files, kFolder + "/erasing", "nonsense").ok());
  const auto opened = open(files);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, base::Code::corrupt);
  EXPECT_NE(opened.error().message.find("erasing"), std::string::npos);
}

}  // namespace
}  // namespace madang::journal
