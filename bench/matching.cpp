// What matching costs a change: so many subscriptions, of which a few match, found by the matcher's index.
//
//   bench_matching [subscriptions] [matching] [changes]

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <time.h>

#include "madang/base/simulated_files.h"
#include "madang/ngsi/change.h"

#include "notify/matcher.h"

using namespace madang;

namespace {

struct Rng {
  std::uint64_t state = 1;
  std::uint64_t operator()() { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; }
};

/// Of this thread: others may be at work on the machine.
double cpu_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::shared_ptr<const ngsi::EntityBlock> entity(ngsi::FragmentReader& reader, ngsi::Vocabulary& words,
                                                const std::string& id, std::uint64_t speed) {
  std::string json = R"({"id":")" + id + R"(","type":"Vehicle","speed":{"value":)" + std::to_string(speed) +
                     R"(},"heading":{"value":90},"fleet":{"value":"f"},"lane":{"value":1},"name":{"value":"vehicle"}})";
  const std::size_t size = json.size();
  json.append(64, ' ');
  auto fragment = reader.read(std::string_view(json).substr(0, size), ngsi::FragmentKind::entity, words);
  if (!fragment.ok()) std::abort();
  ngsi::Change change;
  change.operation = ngsi::Operation::create;
  change.id = id;
  change.fragment = std::move(*fragment);
  auto outcome = ngsi::apply({}, std::move(change), base::Timestamp{static_cast<std::int64_t>(1'000 + speed)}, {});
  if (!outcome.ok()) std::abort();
  return std::make_shared<const ngsi::EntityBlock>(std::move(outcome->block));
}

void subscribe(hub::Matcher& matcher, state::Tenant& tenant, int number, const std::string& what) {
  const std::string json = R"({"id":"urn:s:)" + std::to_string(number) + R"(","type":"Subscription",)" + what +
                           R"(,"notification":{"endpoint":{"uri":"http://localhost/"}}})";
  auto record = ngsi::new_subscription(json, ngsi::core_context(), base::Timestamp{1});
  if (!record.ok()) std::abort();
  auto event = std::make_shared<hub::Event>();
  event->tenant = &tenant;
  event->position = {static_cast<std::uint64_t>(number) + 1};
  event->document = std::make_shared<const state::Document>(
      state::Document{"subscriptions", record->id, ngsi::write_record(*record)});
  event->document_kept = true;
  if (!matcher.replay(event).ok()) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int matching = argc > 2 ? std::atoi(argv[2]) : 16;
  const int changes = argc > 3 ? std::atoi(argv[3]) : 200'000;
  base::SimulatedFiles files;
  hub::Outbox::Found found;
  auto outbox = hub::Outbox::open(files, "outbox", found).value();
  state::Store store({});
  state::Tenant& tenant = *store.tenant("");
  auto who = std::make_shared<governance::Principal>();
  who->role = governance::Role::read;
  who->all_tenants = true;
  hub::Matcher matcher(
      store, *outbox, {}, [&](std::string_view) { return who; }, [](std::vector<hub::News>&&) {});
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    // Sixteen match; the others are for other types, other attributes, single entities, and questions that say no.
    if (i < matching) {
      subscribe(matcher, tenant, i, R"("entities":[{"type":"Vehicle"}],"watchedAttributes":["speed"],"q":"speed>=0")");
    } else if (i % 4 == 0) {
      subscribe(matcher, tenant, i, R"("entities":[{"type":"Type)" + n + R"("}],"watchedAttributes":["speed"])");
    } else if (i % 4 == 1) {
      subscribe(matcher, tenant, i, R"("entities":[{"type":"Vehicle"}],"watchedAttributes":["attribute)" + n + R"("])");
    } else {
      subscribe(matcher, tenant, i, R"("entities":[{"type":"Vehicle","id":"urn:v:)" + n + R"("}])");
    }
  }
  if (!matcher.finish_replay({static_cast<std::uint64_t>(count) + 1}).ok()) return 1;

  ngsi::FragmentReader reader;
  ngsi::Vocabulary words(ngsi::core_context(), tenant.symbols());
  constexpr int kEntities = 4'096;
  std::vector<hub::Event> events(kEntities);
  for (int i = 0; i < kEntities; ++i) {
    const std::string id = "urn:other:" + std::to_string(i);
    events[i].tenant = &tenant;
    events[i].position = {static_cast<std::uint64_t>(count + i) + 2};
    events[i].before = entity(reader, words, id, 10);
    events[i].after = entity(reader, words, id, 20);
  }
  Rng random;
  std::vector<hub::BoxNumber> boxes;
  bool with_before = false;
  std::uint64_t sum = 0;
  const double begun = cpu_microseconds();
  for (int i = 0; i < changes; ++i) {
    boxes.clear();
    matcher.match(events[random() % kEntities], boxes, with_before);
    sum += boxes.size();
  }
  const double took = cpu_microseconds() - begun;
  std::printf("%d subscriptions, %.1f of them match: %.2f us of CPU a change\n", count,
              static_cast<double>(sum) / changes, took / changes);
  return sum == static_cast<std::uint64_t>(changes) * static_cast<std::uint64_t>(matching) ? 0 : 1;
}
