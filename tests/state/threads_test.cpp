// Readers, the writer, an index being built and a snapshot, all at once; mostly for the thread sanitizer.

#include <atomic>
#include <thread>

#include "madang/base/simulated_files.h"
#include "madang/state/snapshot.h"

#include "world.h"

namespace madang::state::test {
namespace {

Thing bus(int number, int value) {
  const std::string text = std::to_string(value);
  return {"urn:bus:" + std::to_string(number),
          {"Bus"},
          {{"a", text}, {"b", text}, {"location", point(8.5 + value % 100 * 0.001, 47.4), Kind::geo_property}}};
}

TEST(Threads, AReadingSeesOneState) {
  City city;
  constexpr int kBuses = 200, kRounds = 60;
  for (int i = 0; i < kBuses; ++i) city.stage(bus(i, 0));
  city.show();
  Tenant& tenant = city.tenant();
  ngsi::Query all, some;
  all.type = some.type = type_is(tenant, "Bus");
  some.geo = near(tenant, 8.5, 47.4, 1'000);
  const Symbol a = tenant.symbols().find("a"), b = tenant.symbols().find("b");

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> readings{0}, broken{0};
  const auto read = [&] {
    while (!stop) {
      {
        const Reading reading(city.store);
        const Reading within_it(city.store);
        const auto entity = tenant.find("urn:bus:7");
        if (!entity || entity.attribute(entity.find(a)).value != entity.attribute(entity.find(b)).value) ++broken;
        if (tenant.size() != kBuses || tenant.types().at(0).entities != kBuses) ++broken;
        Search search(city.store, tenant, all, nullptr, {.limit = 1'000, .count = true});
        const auto done = search.run(1'000'000, [](ngsi::EntityView) {});
        if (!done.ok() || !*done || search.matched() != kBuses) ++broken;
      }
      Search search(city.store, tenant, some, nullptr, {.limit = 1'000, .count = true});
      for (bool done = false; !done;) {
        const Reading reading(city.store);
        done = *search.run(16, [&](ngsi::EntityView e) { broken += e.attribute_count() == 3 ? 0u : 1u; });
      }
      ++readings;
    }
  };
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back(read);
    for (int round = 1; round < kRounds || readings < 50; ++round) {
      for (int i = 0; i < kBuses; i += 3) city.stage(bus(i, round));
      city.show();
      if (round == 10) {
        ASSERT_TRUE(city.store.declare_index(tenant, {"Bus", "a"}).ok());
      }
      if (round > 10) city.store.build_indexes(20);
      if (round % 20 == 19) std::jthread([&] { const Reading reading(city.store); }).join();  // threads come and go
    }
    stop = true;
  }
  EXPECT_EQ(broken, 0u);
  while (city.store.build_indexes(1'000)) {
  }
  EXPECT_TRUE(verify_indexes(city.store).ok());
}

TEST(Threads, ASnapshotIsTakenWhileEntitiesChange) {
  City city;
  for (int i = 0; i < 2'000; ++i) city.stage(bus(i, 0));
  city.show();
  base::SimulatedFiles files;
  const base::ManualClock clock;
  std::atomic<bool> stop{false};
  std::optional<SnapshotInfo> info;
  std::jthread writer([&] {
    const auto written = write_snapshot(city.store, files, "snapshots", clock, 0);
    if (written.ok()) info = *written;
    stop = true;
  });
  for (int round = 1; !stop; ++round) {
    city.put(bus(round * 37 % 2'000, round));
    city.remove("urn:bus:" + std::to_string(round * 41 % 2'000));
  }
  writer.join();
  ASSERT_TRUE(info);
  EXPECT_TRUE(verify_snapshot(files, info->file, true).ok());
}

}  // namespace
}  // namespace madang::state::test
