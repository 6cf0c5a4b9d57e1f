// A process that feeds history is killed at any moment: what is there afterwards is what the journal up to history's
// position says, exactly, and it goes on from there.

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

namespace madang::history::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;

constexpr int kChanges = 4'000;
constexpr int kEntities = 12;

std::string id_of(unsigned number) {
  return "urn:e:" + std::to_string(number);
}

/// What is kept: three minutes, then minutes for ten, then hours.
Decision decision(base::Timestamp now) {
  constexpr std::int64_t kMinute = 60'000'000'000;
  Decision out;
  out.time = now;
  out.rules_hash = 1;
  out.rules = {{"", "", now.ns - 3 * kMinute, {{{0, kMinute}, now.ns - 10 * kMinute}, {{0, 60 * kMinute}, INT64_MIN}}}};
  return out;
}

/// The same life each time: `each` sees how many changes there were.
void live(World& world, const std::function<bool(int)>& each) {
  std::mt19937 random(7);
  for (int i = 0; i < kChanges; ++i) {
    world.clock.advance(std::chrono::microseconds(1 + random() % 1'000'000));
    const std::string id = id_of(static_cast<unsigned>(random() % kEntities));
    const std::string value = std::to_string(static_cast<double>(random() % 100'000) / 100);
    const auto what = random() % 20;
    if (!world.entities.contains(id))
      world.change(Operation::create, id,
                   R"({"id":")" + id + R"(","type":"T","a":{"type":"Property","value":)" + value + "}}");
    else if (what == 0)
      world.change(Operation::delete_entity, id);
    else if (what == 1)
      world.change(Operation::delete_attribute, id, {}, FragmentKind::entity, "b", {}, true);
    else
      world.change(Operation::append, id,
                   R"({"a":{"type":"Property","value":)" + value + R"(,"observedAt":")" +
                       base::to_string(world.clock.now()) + R"("},"b":{"type":"Property","value":"text )" + value +
                       "\"}}",
                   FragmentKind::attributes);
    if (i % 150 == 149) world.decide(decision(world.clock.now()));
    if (!each(i)) return;
  }
}

/// Run in a process of its own by the test below.
TEST(HistoryCrash, DISABLED_Child) {
  const char* const folder = std::getenv("MADANG_CRASH_FOLDER");
  ASSERT_NE(folder, nullptr);
  World world;
  world.options.folder = folder;
  world.options.merge = true;
  world.open();
  live(world, [&](int done) {
    if (done % 97 == 0) (void)world.history->flush();
    if (done % 170 == 0) (void)world.history->retain(true);
    if (done % 10 == 0) (void)!write(STDOUT_FILENO, ".", 1);
    return true;
  });
}

/// Starts the child and kills it when it has said so many dots.
void run_and_kill(const std::string& folder, int dots) {
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    close(out[1]);
    setenv("MADANG_CRASH_FOLDER", folder.c_str(), 1);
    execl("/proc/self/exe", "history_tests", "--gtest_also_run_disabled_tests",
          "--gtest_filter=HistoryCrash.DISABLED_Child", static_cast<char*>(nullptr));
    _exit(1);
  }
  close(out[1]);
  char byte = 0;
  while (dots > 0 && read(out[0], &byte, 1) == 1)
    if (byte == '.') --dots;
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(out[0]);
}

/// What is kept of what is there no longer, and of the rest, by the minute.
void add_sums(World& world, const std::string& id, std::vector<Told>& out) {
  ngsi::AggregationQuery query;
  query.methods = {ngsi::AggregateMethod::total_count, ngsi::AggregateMethod::sum, ngsi::AggregateMethod::max};
  query.period = {0, 60'000'000'000};
  const auto got = world.history->aggregate("", id, query, world.symbols);
  if (!got.ok()) return;
  for (const auto& series : got->series)
    for (const auto& row : series.rows) {
      Told& told = out.emplace_back();
      told.attribute = world.symbols.name(series.name);
      told.created = row.begin.ns;
      for (const std::string& value : row.values)  // sums are those of another order of adding
        if (!value.empty()) told.value += std::to_string(std::llround(std::atof(value.c_str()) * 1e4)) + " ";
    }
}

std::vector<Told> all_of(World& world) {
  std::vector<Told> out;
  for (unsigned number = 0; number < kEntities; ++number) {
    const auto got = world.history->retrieve("", id_of(number), World::everything(), world.symbols);
    if (!got.ok()) continue;
    const auto some = world.instances(*got);
    out.insert(out.end(), some.begin(), some.end());
    add_sums(world, id_of(number), out);
  }
  return out;
}

TEST(HistoryCrash, IsWhatTheJournalSaysUpToItsPosition) {
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 3; ++round) {
    const Folder folder;
    const int dots = 10 + static_cast<int>(random() % (kChanges / 10 - 20));
    SCOPED_TRACE("killed after " + std::to_string(dots) + " dots");
    run_and_kill(folder / "history", dots);
    History* killed = nullptr;
    Options options;
    options.folder = folder / "history";
    base::ManualClock clock{base::Timestamp{1}};
    auto opened = History::open(options, clock);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    killed = opened->get();
    const std::uint64_t there = killed->durable().value;
    World model;
    const auto same = [&] {
      const std::vector<Told> wanted = all_of(model);
      std::swap(model.history, *opened);
      const std::vector<Told> got = all_of(model);
      std::swap(model.history, *opened);
      return got == wanted;
    };
    bool compared = there == 0;
    live(model, [&](int) {
      if (!compared && model.position == there) {
        compared = true;
        EXPECT_TRUE(same()) << "at " << there;
      }
      return true;
    });
    EXPECT_TRUE(compared);
    for (auto& [record, payload] : model.records) {
      record.payload = payload;
      ASSERT_TRUE(killed->feed(record).ok());
    }
    EXPECT_TRUE(same()) << "at the end";
  }
}

}  // namespace
}  // namespace madang::history::testing
