// Whatever happens in whatever order, flushed, joined and opened again at any moment: history is what a model says that
// remembers every instance.

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "world.h"

namespace madang::history::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;

// Each play opens a store on disk several times: fewer plays than for what stays in memory.
[[maybe_unused]] const int kFewer = setenv("RC_PARAMS", "max_success=12", 0);

/// Compares each entity as it was with as it is, and notes what is new and what is gone.
class Model {
 public:
  void step(const std::string& id, ngsi::EntityView before, ngsi::EntityView after, base::Timestamp now,
            const ngsi::SymbolTable& symbols) {
    std::vector<Told>& all = all_[id];
    if (after) {
      for (std::size_t i = 0; i < after.attribute_count(); ++i) {
        const ngsi::AttributeView instance = after.attribute(i);
        if (instance.modified_at == now) all.push_back(told(instance, {}, symbols));
      }
    }
    if (!before) return;
    for (std::size_t i = 0; i < before.attribute_count(); ++i) {
      const ngsi::AttributeView instance = before.attribute(i);
      if (has(after, instance)) continue;
      Told gone;
      gone.attribute = symbols.name(instance.name);
      gone.dataset = instance.dataset_id;
      gone.value = "\"urn:ngsi-ld:null\"";
      gone.created = gone.modified = now.ns;
      gone.deleted = now.ns;
      all.push_back(gone);
    }
  }
  const std::map<std::string, std::vector<Told>>& all() const { return all_; }

 private:
  static bool has(ngsi::EntityView entity, const ngsi::AttributeView& wanted) {
    if (!entity) return false;
    for (std::size_t i = 0; i < entity.attribute_count(); ++i)
      if (entity.attribute(i).name == wanted.name && entity.attribute(i).dataset_id == wanted.dataset_id) return true;
    return false;
  }
  std::map<std::string, std::vector<Told>> all_;
};

std::string random_value() {
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
      return "\"" + std::string(static_cast<std::size_t>(*rc::gen::inRange(0, 30)), 'x') + "\"";
    case 1:
      return *rc::gen::arbitrary<bool>() ? "true" : "[1,2,{\"a\":3}]";
    case 2:
      return std::to_string(*rc::gen::inRange(-1000, 1000)) + "e" + std::to_string(*rc::gen::inRange(-5, 5));
    case 3:
      return std::to_string(*rc::gen::arbitrary<std::int32_t>()) + "." + std::to_string(*rc::gen::inRange(0, 99999999));
    default:
      return std::to_string(*rc::gen::inRange(-40, 40)) + "." + std::to_string(*rc::gen::inRange(0, 10)) +
             (*rc::gen::arbitrary<bool>() ? "0" : "");
  }
}

std::string random_instance(base::Timestamp now) {
  std::string out = R"({"type":"Property","value":)" + random_value();
  if (*rc::gen::inRange(0, 4) > 0) {
    const auto ago = *rc::gen::inRange<std::int64_t>(-100, 1000);  // late, out of order, of the future
    const auto fine = *rc::gen::element<std::int64_t>(1'000'000'000, 1'000'000, 1'000);
    out += R"(,"observedAt":")" + base::to_string({now.ns / fine * fine - ago * fine}) + "\"";
  }
  if (*rc::gen::inRange(0, 3) == 0) out += R"(,"unitCode":"U)" + std::to_string(*rc::gen::inRange(0, 3)) + "\"";
  if (*rc::gen::inRange(0, 4) == 0) out += R"(,"accuracy":{"type":"Property","value":)" + random_value() + "}";
  return out;
}

std::string random_attributes(base::Timestamp now) {
  std::string out;
  for (char name = 'a'; name < 'e'; ++name) {
    if (*rc::gen::inRange(0, 3) == 0) continue;
    out += std::string(",\"") + name + "\":[" + random_instance(now) + "}";
    for (int set = 0; set < 2; ++set)
      if (*rc::gen::inRange(0, 4) == 0)
        out += "," + random_instance(now) + R"(,"datasetId":"urn:set:)" + std::to_string(set) + "\"}";
    out += "]";
  }
  return out;
}

struct Play : World {
  Model model;

  void act() {
    clock.advance(std::chrono::microseconds(*rc::gen::inRange(1, 2'000'000)));
    const std::string id = "urn:e:" + std::to_string(*rc::gen::inRange(0, 3));
    const auto at = entities.find(id);
    // What the model compares with must outlive the change.
    std::optional<std::vector<std::uint64_t>> before;
    if (at != entities.end()) {
      before.emplace((at->second.size() + 7) / 8);
      std::memcpy(before->data(), at->second.data(), at->second.size());
    }
    const std::string whole = R"({"id":")" + id + R"(","type":"T")" + random_attributes(clock.now()) + "}";
    const std::string part = random_attributes(clock.now());
    const std::string attribute(1, static_cast<char>('a' + *rc::gen::inRange(0, 4)));
    bool done = false;
    switch (*rc::gen::inRange(0, 10)) {
      case 0:
        done = change(Operation::delete_entity, id);
        break;
      case 1:
        done = change(Operation::delete_attribute, id, {}, FragmentKind::entity, attribute, {}, true);
        break;
      case 2:
        done = change(Operation::delete_attribute, id, {}, FragmentKind::entity, attribute, "urn:set:0");
        break;
      case 3:
      case 4:
        done = change(Operation::upsert_replace, id, whole, FragmentKind::entity_upsert);
        break;
      default:
        if (at == entities.end())
          done = change(Operation::create, id, whole);
        else if (!part.empty())
          done = change(Operation::append, id, "{" + part.substr(1) + "}", FragmentKind::attributes);
    }
    if (!done) return;
    const auto now = entities.find(id);
    model.step(id, before ? ngsi::EntityView(reinterpret_cast<const std::byte*>(before->data())) : ngsi::EntityView(),
               now == entities.end() ? ngsi::EntityView() : ngsi::EntityView(now->second), clock.now(), symbols);
  }

  void disturb() {
    switch (*rc::gen::inRange(0, 25)) {
      case 0:
        RC_ASSERT(history->flush().ok());
        break;
      case 1:
        RC_ASSERT(history->merge_all().ok());
        break;
      case 2:
        if (!history->is_new()) transfer();
        break;
      case 3:  // what was not flushed is lost, and comes again from the journal
        open();
        replay();
        break;
      default:
        break;
    }
  }

  void compare() {
    for (const auto& [id, wanted] : model.all()) {
      auto got = instances(evolution(id));
      std::vector<std::string> ids;
      for (Told& each : got) {
        ids.push_back(std::move(each.id));
        each.id.clear();
      }
      std::sort(ids.begin(), ids.end());
      RC_ASSERT(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
      auto expected = wanted;
      for (Told& each : expected) each.id.clear();
      const auto order = [](const Told& a, const Told& b) {
        return std::tie(a.attribute, a.dataset, a.modified) < std::tie(b.attribute, b.dataset, b.modified);
      };
      std::stable_sort(got.begin(), got.end(), order);
      std::stable_sort(expected.begin(), expected.end(), order);
      RC_ASSERT(got == expected);
    }
  }
  /// Instances as they are now, with their ids, must be the same however they are stored.
  void compare_stored() {
    std::map<std::string, std::vector<Told>> before;
    for (const auto& [id, unused] : model.all()) before[id] = instances(evolution(id));
    RC_ASSERT(history->merge_all().ok());
    open();
    for (const auto& [id, told] : before) RC_ASSERT(instances(evolution(id)) == told);
  }
};

RC_GTEST_PROP(HistoryProperty, IsWhatTheModelRemembers, ()) {
  Play play;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    play.act();
    play.disturb();
  }
  play.compare();
  play.compare_stored();
}

/// The power is cut at any write or sync of flushing and joining: what was said to be durable is there, and with what
/// the journal still has it is what the model remembers.
RC_GTEST_PROP(HistoryProperty, APowerCutLosesNothing, ()) {
  base::SimulatedFiles files;
  Play play;
  play.move_to(files);
  std::uint64_t promised = 0;
  for (int cut = 0; cut < 6; ++cut) {
    files.crash_after(static_cast<std::uint64_t>(*rc::gen::inRange(1, 300)), *rc::gen::arbitrary<std::uint64_t>());
    for (int i = 0; i < 60 && !files.crashed(); ++i) {
      play.act();
      if (*rc::gen::inRange(0, 4) == 0) (void)play.history->flush();
      if (*rc::gen::inRange(0, 10) == 0) (void)play.history->merge_all();
      promised = std::max(promised, play.history->durable().value);
    }
    play.history.reset();
    files.crash(*rc::gen::arbitrary<std::uint64_t>());
    files.restart();
    play.open();
    RC_ASSERT(play.history != nullptr);
    RC_ASSERT(play.history->durable().value >= promised);
    play.replay(promised);
    play.compare();
  }
  play.compare_stored();
}

/// That the test above would find a sync that is not made.
TEST(HistoryPowerCut, WithoutSyncsWhatIsDurableGetsLost) {
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= 20 && !lost; ++seed) {
    base::SimulatedFiles files;
    World world;
    world.move_to(files);
    files.ignore_syncs(true);
    ASSERT_TRUE(world.change(Operation::create, "urn:e:1", R"({"id":"urn:e:1","type":"T","n":{"value":1}})"));
    ASSERT_TRUE(world.history->flush().ok());
    const auto promised = world.history->durable();
    world.history.reset();
    files.crash(seed);
    files.restart();
    const auto opened = History::open(world.options, world.clock);
    lost = !opened.ok() || (*opened)->durable() < promised;
  }
  EXPECT_TRUE(lost);
}

/// Questions with intervals, lastN and a cut, against the same question put to all instances.
RC_GTEST_PROP(HistoryProperty, AnswersWhatAFullScanWould, ()) {
  Play play;
  const std::string id = "urn:e:0";
  play.change(Operation::create, id, R"({"id":"urn:e:0","type":"T","a":{"type":"Property","value":0}})");
  const int steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) {
    play.clock.advance(std::chrono::milliseconds(*rc::gen::inRange(1, 1000)));
    play.change(Operation::append, id, "{" + (random_attributes(play.clock.now()) + R"(,"z":1})").substr(1),
                FragmentKind::attributes);
    play.disturb();
  }
  const auto all = play.instances(play.evolution(id));
  ngsi::EvolutionQuery query;
  const auto property = *rc::gen::element(ngsi::TimeProperty::observed_at, ngsi::TimeProperty::modified_at,
                                          ngsi::TimeProperty::created_at);
  const auto begin = base::Timestamp{1'700'000'000'000'000'000};
  query.interval.emplace();
  query.interval->property = property;
  if (*rc::gen::arbitrary<bool>())
    query.interval->from = base::Timestamp{begin.ns + *rc::gen::inRange<std::int64_t>(-50, 200) * 1'000'000'000};
  if (*rc::gen::arbitrary<bool>())
    query.interval->until = base::Timestamp{begin.ns + *rc::gen::inRange<std::int64_t>(0, 250) * 1'000'000'000};
  query.last = *rc::gen::element(0u, 1u, 3u, 40u);
  query.most = static_cast<std::uint32_t>(*rc::gen::inRange(1, 400));

  const auto time_of = [&](const Told& each) -> std::optional<std::int64_t> {
    if (property == ngsi::TimeProperty::observed_at) return each.observed;
    if (each.deleted) return std::nullopt;  // a deletion was neither created nor modified
    return property == ngsi::TimeProperty::modified_at ? each.modified : each.created;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Told>> by_series;
  for (const Told& each : all) {
    const auto time = time_of(each);
    if (time && query.interval->contains({*time})) by_series[{each.attribute, each.dataset}].push_back(each);
  }
  const auto id_of = [](const Told& each) { return *ngsi::read_instance_id(each.id); };
  std::vector<Told> expected;
  for (auto& [name, series] : by_series) {
    std::sort(series.begin(), series.end(), [&](const Told& a, const Told& b) {
      return std::make_pair(*time_of(a), id_of(a)) < std::make_pair(*time_of(b), id_of(b));
    });
    if (query.last > 0 && series.size() > query.last)
      series.erase(series.begin(), series.end() - static_cast<std::ptrdiff_t>(query.last));
    expected.insert(expected.end(), series.begin(), series.end());
  }
  bool cut = false;
  if (expected.size() > query.most) {
    std::vector<std::int64_t> times;
    for (const Told& each : expected) times.push_back(*time_of(each));
    std::sort(times.begin(), times.end());
    if (query.last > 0) std::reverse(times.begin(), times.end());
    const std::int64_t edge = times[query.most - 1];
    const std::size_t before = expected.size();
    std::erase_if(expected,
                  [&](const Told& each) { return query.last > 0 ? *time_of(each) < edge : *time_of(each) > edge; });
    cut = expected.size() < before;
  }
  const auto answer = play.evolution(id, query);
  auto got = play.instances(answer);
  const auto order = [&](const Told& a, const Told& b) {
    return std::make_tuple(a.attribute, a.dataset, *time_of(a), id_of(a)) <
           std::make_tuple(b.attribute, b.dataset, *time_of(b), id_of(b));
  };
  for (std::size_t i = 1; i < got.size(); ++i)
    RC_ASSERT(got[i - 1].attribute != got[i].attribute || got[i - 1].dataset != got[i].dataset ||
              *time_of(got[i - 1]) <= *time_of(got[i]));
  std::stable_sort(got.begin(), got.end(), order);
  std::stable_sort(expected.begin(), expected.end(), order);
  RC_ASSERT(got == expected);
  RC_ASSERT(answer.cut == cut);
}

/// What has expired is neither shown nor counted: each aggregate is that of the instances that the same question shows.
RC_GTEST_PROP(HistoryProperty, AggregatesAreThoseOfWhatIsShown, ()) {
  Play play;
  const std::string id = "urn:e:0";
  const int steps = *rc::gen::inRange(1, 2'500);  // also more than one block holds
  const int keeps = *rc::gen::element(1, 2, 50, 2'000);
  for (int i = 0; i < steps; ++i) {
    play.clock.advance(std::chrono::milliseconds(500));
    std::string instance = R"({"type":"Property","value":)" + std::to_string(i % 97);
    instance += R"(,"observedAt":")" + base::to_string(play.clock.now()) + "\"";
    if (i % keeps == 0)
      instance +=
          R"(,"expiresAt":")" + base::to_string({play.clock.now().ns + std::int64_t{i % 700} * 1'000'000'000}) + "\"";
    instance += "}";
    if (i == 0)
      RC_ASSERT(play.change(Operation::create, id, R"({"id":"urn:e:0","type":"T","a":)" + instance + "}"));
    else
      RC_ASSERT(play.change(Operation::append, id, R"({"a":)" + instance + "}", FragmentKind::attributes));
    if (i % 50 == 0) play.disturb();
  }
  ngsi::AggregationQuery query;
  query.methods = {ngsi::AggregateMethod::total_count, ngsi::AggregateMethod::sum, ngsi::AggregateMethod::min,
                   ngsi::AggregateMethod::max};
  if (*rc::gen::arbitrary<bool>()) query.methods.push_back(ngsi::AggregateMethod::distinct_count);
  query.evolution.most = ngsi::kMostInstances;
  query.evolution.now =
      base::Timestamp{play.clock.now().ns + *rc::gen::inRange<std::int64_t>(-500, 500) * 1'000'000'000};
  query.evolution.interval.emplace();
  query.evolution.interval->property = *rc::gen::element(
      ngsi::TimeProperty::observed_at, ngsi::TimeProperty::modified_at, ngsi::TimeProperty::created_at);
  const auto shown = play.evolution(id, query.evolution);
  std::size_t count = 0, sum = 0;
  for (std::size_t i = 0; shown.block && i < shown.view().attribute_count(); ++i) {
    const ngsi::AttributeView instance = shown.view().attribute(i);
    RC_ASSERT(!instance.expires_at || *instance.expires_at > *query.evolution.now);
    ++count;
    sum += std::stoul(std::string(instance.value));
  }
  const auto got = play.history->aggregate("", id, query, play.symbols);
  RC_ASSERT(got.ok());
  RC_ASSERT(got->series.size() == (count > 0 ? 1u : 0u));
  if (count == 0) return;
  const auto& row = got->series.front().rows.front();
  const auto value = [&](ngsi::AggregateMethod method) { return row.values[static_cast<std::size_t>(method)]; };
  RC_ASSERT(value(ngsi::AggregateMethod::total_count) == std::to_string(count));
  RC_ASSERT(value(ngsi::AggregateMethod::sum) == std::to_string(sum));
}

}  // namespace
}  // namespace madang::history::testing
