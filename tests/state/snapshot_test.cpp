// Snapshots: what is written is what is loaded, changes meanwhile are mended by replay, damage is found.

#include "madang/state/snapshot.h"

#include <random>

#include <rapidcheck.h>

#include "madang/base/simulated_files.h"

#include "snapshot_format.h"
#include "world.h"

namespace madang::state::test {
namespace {

constexpr const char* kFolder = "snapshots";

/// One change as a journal would keep it.
struct Change {
  std::uint64_t position;
  Thing thing;
  bool removal;
  bool patch;  // the hub replays it on what the state has, and drops it where there is nothing
};

Thing room(int number, int value) {
  return {"urn:room:" + std::to_string(number),
          {"Room"},
          {{"t", std::to_string(value)}, {"location", point(8.5 + number * 0.001, 47.4), Kind::geo_property}},
          {"/A/" + std::to_string(number % 7)}};
}

void replay(City& city, const std::vector<Change>& journal, Position after) {
  for (const Change& change : journal) {
    if (change.position <= after.value) continue;
    Tenant& tenant = city.tenant();
    const auto now = city.store.tip(tenant, change.thing.id);
    if (change.patch && !now) continue;
    city.store.load(tenant, {change.position}, change.thing.id,
                    change.removal ? ngsi::EntityBlock() : block(tenant.symbols(), change.thing, change.position));
  }
}

std::map<std::string, std::uint64_t> versions(City& city) {
  std::map<std::string, std::uint64_t> out;
  const Reading reading(city.store);
  for (int i = 0; i < 3'000; ++i) {
    const std::string id = "urn:room:" + std::to_string(i);
    if (const auto entity = city.tenant().find(id)) out[id] = entity.version();
  }
  return out;
}

TEST(Snapshot, HoldsTenantsIndexesAndEntities) {
  base::SimulatedFiles files;
  const base::ManualClock clock({77});
  City city;
  for (int i = 0; i < 1'000; ++i) city.stage(room(i, i));
  city.stage({"urn:x", {"Other"}, {{"name", R"("é")"}}}, "north");
  city.show();
  city.declare("Room", "t");
  const auto written = write_snapshot(city.store, files, kFolder, clock, 0);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->entities, 1'001u);
  EXPECT_EQ(written->begun, Position{1'001});

  const auto listed = list_snapshots(files, kFolder);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].entities, 1'001u);
  EXPECT_EQ(listed[0].complete, Position{1'001});
  EXPECT_EQ(listed[0].time, base::Timestamp{77});
  EXPECT_TRUE(verify_snapshot(files, listed[0].file, true).ok());

  for (const std::size_t threads : {1u, 3u}) {
    City other;
    const auto loaded = load_snapshot(other.store, files, listed[0].file, threads);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    other.store.finish_loading(threads);
    EXPECT_EQ(other.store.shown(), Position{1'001});
    EXPECT_EQ(versions(other), versions(city));
    EXPECT_TRUE(other.tenant("north").find("urn:x"));
    ASSERT_EQ(other.tenant().indexes().size(), 1u);
    EXPECT_TRUE(other.tenant().indexes()[0].ready);
    EXPECT_TRUE(verify_indexes(other.store).ok());
  }
}

TEST(Snapshot, IsThereWholeOrNotAtAll) {
  City city;
  for (int i = 0; i < 100; ++i) city.stage(room(i, i));
  city.show();
  const base::ManualClock clock;
  for (std::uint64_t operations = 0; operations < 12; ++operations) {
    base::SimulatedFiles files;
    files.crash_after(operations, operations + 1);
    const bool written = write_snapshot(city.store, files, kFolder, clock, 0).ok();
    if (!files.crashed()) files.crash(operations);
    files.restart();
    const auto listed = list_snapshots(files, kFolder);
    EXPECT_TRUE(!written || listed.size() == 1);
    for (const auto& info : listed) EXPECT_TRUE(verify_snapshot(files, info.file, true).ok());
  }
}

TEST(Snapshot, CanBeStopped) {
  City city;
  city.put(room(1, 1));
  base::SimulatedFiles files;
  const base::ManualClock clock;
  const auto stopped =
      write_snapshot(city.store, files, kFolder, clock, 0, [](std::uint64_t, std::uint64_t) { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_TRUE(files.list(kFolder)->empty());
}

TEST(Snapshot, OfTheFirstFormatIsRead) {
  base::SimulatedFiles files;
  const base::ManualClock clock;
  City city;
  for (int i = 0; i < 3; ++i) city.stage(room(i, i));
  city.show();
  const auto info = *write_snapshot(city.store, files, kFolder, clock, 0);
  auto file = *files.open(info.file, base::FileSystem::Open::write);
  format::FileHeader header;
  ASSERT_TRUE(file->read_at(0, format::writable_bytes_of(header)).ok());
  EXPECT_EQ(header.version, 2u);
  header.version = 1;
  header.check = format::check_of(header);
  ASSERT_TRUE(file->write_at(0, format::bytes_of(header)).ok());
  City other;
  ASSERT_TRUE(load_snapshot(other.store, files, info.file, 1).ok());
  EXPECT_EQ(versions(other), versions(city));
}

TEST(Snapshot, KnowsWhatExpires) {
  base::SimulatedFiles files;
  const base::ManualClock clock;
  City city;
  city.stage({"urn:room:1", {"Room"}, {{"t", "1"}}, {}, 70});
  city.stage({"urn:room:2", {"Room"}, {{"t", "1"}, {"u", "2", Kind::property, "", 60}}});
  city.show();
  const auto info = *write_snapshot(city.store, files, kFolder, clock, 0);
  EXPECT_TRUE(verify_snapshot(files, info.file, true).ok());
  City other;
  ASSERT_TRUE(load_snapshot(other.store, files, info.file, 1).ok());
  other.store.finish_loading(1);
  EXPECT_TRUE(verify_indexes(other.store).ok());
  EXPECT_EQ(other.store.next_expiry(), base::Timestamp{60});
  Store::Due last;
  EXPECT_EQ(other.store.next_due(other.tenant(), {70}, last).id(), "urn:room:2");
  EXPECT_EQ(other.store.next_due(other.tenant(), {70}, last).id(), "urn:room:1");
  EXPECT_FALSE(other.store.next_due(other.tenant(), {70}, last));
}

TEST(Snapshot, EveryFlippedBitIsFound) {
  base::SimulatedFiles files;
  const base::ManualClock clock;
  City city;
  for (int i = 0; i < 3; ++i) city.stage(room(i, i));
  city.show();
  const auto info = *write_snapshot(city.store, files, kFolder, clock, 0);
  auto file = *files.open(info.file, base::FileSystem::Open::write);
  for (std::uint64_t offset = 0; offset < info.bytes; ++offset) {
    std::byte byte;
    ASSERT_TRUE(file->read_at(offset, {&byte, 1}).ok());
    const std::byte damaged = byte ^ std::byte(1u << offset % 8);
    ASSERT_TRUE(file->write_at(offset, {&damaged, 1}).ok());
    const auto checked = verify_snapshot(files, info.file, true);
    ASSERT_FALSE(checked.ok()) << "bit at " << offset;
    City other;
    ASSERT_FALSE(load_snapshot(other.store, files, info.file, 2).ok()) << "bit at " << offset;
    ASSERT_TRUE(file->write_at(offset, {&byte, 1}).ok());
  }
  EXPECT_TRUE(verify_snapshot(files, info.file, true).ok());
  for (std::uint64_t size = 0; size < info.bytes; size += 5) {
    ASSERT_TRUE(file->truncate(info.bytes - 1 - size).ok());
    EXPECT_FALSE(verify_snapshot(files, info.file, true).ok());
  }
}

TEST(Snapshot, OfANewerVersionIsRefusedByName) {
  base::SimulatedFiles files;
  const base::ManualClock clock;
  City city;
  const auto info = *write_snapshot(city.store, files, kFolder, clock, 0);
  auto file = *files.open(info.file, base::FileSystem::Open::write);
  std::array<std::byte, 32> header{};
  ASSERT_TRUE(file->read_at(0, header).ok());
  header[8] = std::byte{3};
  std::fill_n(header.begin() + 12, 4, std::byte{0});
  // The checksum covers all but itself, as docs/formats/snapshot.md says.
  const std::uint32_t check =
      journal::crc32c(std::span(header).subspan(16), journal::crc32c(std::span(header).first(12)));
  std::memcpy(header.data() + 12, &check, sizeof(check));
  ASSERT_TRUE(file->write_at(0, header).ok());
  EXPECT_EQ(verify_snapshot(files, info.file, true).error().code, base::Code::newer_format);
}

TEST(Snapshot, IsWrittenAnewWithoutWhatIsErased) {
  base::SimulatedFiles files;
  const base::ManualClock clock({77});
  City city;
  for (int i = 0; i < 3'000; ++i) city.stage(room(i, i));
  city.stage({"urn:room:7", {"Other"}, {{"name", R"("Hanok")"}}}, "north");
  city.show();
  ASSERT_TRUE(city.store.put_document(city.tenant(), {"notes", "a", "about urn:room:7"}).ok());
  ASSERT_TRUE(city.store.put_document(city.tenant(), {"notes", "b", "about others"}).ok());
  const auto info = *write_snapshot(city.store, files, kFolder, clock, 0);
  ToErase which;
  which.entity = [](std::string_view tenant, std::string_view id, Position version) {
    EXPECT_GT(version.value, 0u);
    return tenant.empty() && id.ends_with('7');
  };
  which.document = [](std::string_view, const Document& document) { return document.id == "a"; };
  files.crash(1);  // keeps what is synced: the start of every try
  files.restart();
  bool erased = false;
  for (std::uint64_t cut = 1; !erased;
       ++cut) {  // the power goes at each step: then the old one or the new one is there
    ASSERT_LT(cut, 100u);
    files.crash_after(cut, cut);
    const auto tried = erase_from_snapshot(files, info.file, which);
    erased = tried.ok() && !files.crashed();
    files.crash(cut);
    files.restart();
    const auto there = verify_snapshot(files, info.file, true);
    ASSERT_TRUE(there.ok()) << cut << there.error().message;
    if (!erased && there->entities != 3'001) erased = true;
  }
  EXPECT_EQ(erase_from_snapshot(files, info.file, which).value(), 0u);

  const auto whole = verify_snapshot(files, info.file, true);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(whole->entities, 2'701u);
  EXPECT_EQ(whole->begun, info.begun);
  EXPECT_EQ(whole->complete, info.complete);
  const std::string raw = *base::read_file(files, info.file);
  EXPECT_EQ(raw.find("urn:room:1007"), std::string::npos);
  EXPECT_EQ(raw.find("about urn:room:7"), std::string::npos);
  City other;
  ASSERT_TRUE(load_snapshot(other.store, files, info.file, 1).ok());
  other.store.finish_loading(1);
  const Reading reading(other.store);
  EXPECT_FALSE(other.tenant().find("urn:room:7"));
  EXPECT_TRUE(other.tenant().find("urn:room:8"));
  EXPECT_TRUE(other.tenant("north").find("urn:room:7"));
  EXPECT_EQ(other.tenant().documents("notes").size(), 1u);
}

TEST(Snapshot, ReplayOverAFuzzyOneIsTheState) {
  EXPECT_TRUE(rc::check("whatever changes while it is written", [](std::uint32_t seed) {
    std::mt19937 dice(seed);
    const auto roll = [&](unsigned sides) { return static_cast<int>(dice() % sides); };
    City city;
    std::vector<Change> journal;
    const auto change = [&] {
      const Thing thing = room(roll(900), roll(1'000));
      const bool exists = static_cast<bool>(city.store.tip(city.tenant(), thing.id));
      const bool removal = exists && roll(3) == 0;
      removal ? city.remove(thing.id) : city.put(thing);
      journal.push_back({city.position, thing, removal, exists && !removal});
    };
    for (int i = 0; i < 1'200; ++i) change();
    base::SimulatedFiles files;
    const base::ManualClock clock;
    const auto info = write_snapshot(city.store, files, kFolder, clock, 0, [&](std::uint64_t, std::uint64_t) {
      for (int i = 0; i < 50; ++i) change();
      return true;
    });
    RC_ASSERT(info.ok());
    RC_ASSERT(info->complete > info->begun);
    for (int i = 0; i < 20; ++i) change();
    RC_ASSERT(verify_snapshot(files, info->file, true).ok());

    City other;
    RC_ASSERT(load_snapshot(other.store, files, info->file, 2).ok());
    replay(other, journal, info->begun);
    other.store.finish_loading(2);
    RC_ASSERT(versions(other) == versions(city));
    RC_ASSERT(verify_indexes(other.store).ok());
    RC_ASSERT(other.store.shown() == city.store.shown());
  }));
}

}  // namespace
}  // namespace madang::state::test
