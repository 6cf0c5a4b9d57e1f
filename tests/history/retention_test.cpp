// Whatever rules there are and whenever their decisions take effect on the disk: what is read is what a model says that
// lets go of every instance at once and keeps, of each bucket, all that is in it.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "world.h"

namespace madang::history::testing {
namespace {

using ngsi::AggregateMethod;
using ngsi::FragmentKind;
using ngsi::Operation;
using ngsi::Period;

[[maybe_unused]] const int kFewer = setenv("RC_PARAMS", "max_success=12", 0);

constexpr std::int64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::int64_t kForEver = INT64_MAX;

/// A rule as people write it.
struct Rule {
  std::string type, attribute;
  std::int64_t raw = kForEver;  // ns; 0: not kept at all
  struct Level {
    Period period;
    std::int64_t keep = kForEver;
  };
  std::vector<Level> levels;
};

Decision decision(const std::vector<Rule>& rules, std::uint64_t hash, base::Timestamp now) {
  Decision out;
  out.time = now;
  out.rules_hash = hash;
  const auto expanded = [&](const std::string& name) {
    return name.empty() ? name : "https://uri.etsi.org/ngsi-ld/default-context/" + name;
  };
  for (const Rule& rule : rules) {
    Decision::Rule& made = out.rules.emplace_back();
    made.type = expanded(rule.type);
    made.attribute = expanded(rule.attribute);
    made.raw = rule.raw == kForEver ? INT64_MIN : rule.raw == 0 ? INT64_MAX : now.ns - rule.raw;
    for (const Rule::Level& level : rule.levels)
      made.levels.push_back({level.period, level.keep == kForEver ? INT64_MIN : now.ns - level.keep});
  }
  return out;
}

// ---- the model ----

struct Instance {
  std::string entity, attribute;
  double value = 0;
  std::int64_t modified = 0;
  std::optional<std::int64_t> observed;
  std::int64_t age() const { return observed.value_or(modified); }
  auto operator<=>(const Instance&) const = default;
};

struct Bucket {
  std::string entity, attribute;
  bool observed = false;
  Period period;
  std::int64_t begin = 0;
  std::vector<double> values;
};

std::int64_t begin_of(std::int64_t time, const Period& period) {
  if (period.months == 0) return (time + 3 * kDay) / period.ns * period.ns - 3 * kDay;  // from a Monday on; after 1970
  const std::chrono::sys_days day{std::chrono::days{time / kDay}};
  const std::chrono::year_month_day date{day};
  const int month = static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  const int first = 1970 * 12 + (month - 1970 * 12) / period.months * period.months;
  return std::chrono::sys_days{std::chrono::year{first / 12} / (first % 12 + 1) / 1}.time_since_epoch().count() * kDay;
}
std::int64_t end_of(std::int64_t begin, const Period& period) {
  return period.months == 0 ? begin + period.ns : begin_of(begin + period.months * 31 * kDay + 4 * kDay, period);
}
std::int64_t about(const Period& period) {
  return period.ns + period.months * 30 * kDay;
}

struct Model {
  std::vector<Rule> rules;  // in the order in which they are tried
  std::int64_t decided = INT64_MIN;
  std::vector<Instance> raw;
  std::vector<Bucket> buckets;
  std::map<std::string, std::string> types;  // of entities

  const Rule* rule_of(const std::string& entity, const std::string& attribute) const {
    if (decided == INT64_MIN) return nullptr;
    for (const Rule& rule : rules)
      if ((rule.type.empty() || rule.type == types.at(entity)) &&
          (rule.attribute.empty() || rule.attribute == attribute))
        return &rule;
    return nullptr;
  }

  void let_go() {
    std::vector<Instance> kept;
    for (const Instance& each : raw) {
      const Rule* const rule = rule_of(each.entity, each.attribute);
      if (rule == nullptr || rule->raw == kForEver || (rule->raw > 0 && each.age() >= decided - rule->raw)) {
        kept.push_back(each);
      } else if (!rule->levels.empty()) {
        const Period& period = rule->levels[0].period;
        buckets.push_back({each.entity,
                           each.attribute,
                           each.observed.has_value(),
                           period,
                           begin_of(each.age(), period),
                           {each.value}});
      }
    }
    raw = std::move(kept);
    std::vector<Bucket> still;
    for (Bucket& each : buckets) {
      const Rule* const rule = rule_of(each.entity, each.attribute);
      if (rule != nullptr && !settle(each, *rule)) continue;
      still.push_back(std::move(each));
    }
    buckets = std::move(still);
  }

  /// False: it is gone.
  bool settle(Bucket& bucket, const Rule& rule) const {
    bool larger = false;
    for (const Rule::Level& level : rule.levels) {
      if (about(level.period) < about(bucket.period)) continue;
      larger = true;
      const std::int64_t begin = begin_of(bucket.begin, level.period);
      if (level.keep != kForEver && end_of(begin, level.period) <= decided - level.keep) continue;
      bucket.begin = begin, bucket.period = level.period;
      return true;
    }
    if (larger || rule.levels.empty()) return false;
    const std::int64_t keep = rule.levels.back().keep;
    return keep == kForEver || end_of(bucket.begin, bucket.period) > decided - keep;
  }
};

struct Play : World {
  Model model;
  std::vector<Rule> rules;  // for the next decision
  std::uint64_t hash = 0;
  std::string story;  // for who looks for what went wrong

  void tell(const std::string& what) { story += std::to_string(clock.now().ns) + " " + what + "\n"; }

  Play() {
    model.types = {{"urn:e:0", "T"}, {"urn:e:1", "U"}};
    for (const auto& [id, type] : model.types)
      change(Operation::create, id, R"({"id":")" + id + R"(","type":")" + type + "\"}");
  }

  void measure(const std::string& id, const std::string& attribute, double value,
               std::optional<std::int64_t> observed) {
    std::string text = std::to_string(value);
    std::string json = R"({")" + attribute + R"(":{"type":"Property","value":)" + text;
    if (observed) json += R"(,"observedAt":")" + base::to_string({*observed}) + "\"";
    ASSERT_TRUE(change(Operation::append, id, json + "}}", FragmentKind::attributes));
    tell(id + " " + attribute + "=" + text + " at " + std::to_string(observed.value_or(0)));
    model.raw.push_back({id, attribute, std::stod(text), clock.now().ns, observed});
    model.let_go();
  }

  void decide_now() {
    decide(decision(rules, hash, clock.now()));
    tell("decided");
    model.rules = rules;
    model.decided = clock.now().ns;
    model.let_go();
  }

  void forget_attribute(const std::string& id, const std::string& attribute) {
    ngsi::TemporalChange change;
    change.operation = ngsi::TemporalChange::Operation::delete_attribute;
    change.id = id;
    change.attribute = name(attribute);
    change.all_datasets = true;
    tell("forget " + id + " " + attribute);
    change_past(change);
    const auto is_it = [&](const auto& each) { return each.entity == id && each.attribute == attribute; };
    std::erase_if(model.raw, is_it);
    std::erase_if(model.buckets, is_it);
  }

  /// An instance that can be seen takes another value and another time.
  void edit(const std::string& id) {
    const ngsi::Evolution all = evolution(id);
    if (all.view().attribute_count() == 0) return;
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, all.view().attribute_count());
    const ngsi::AttributeView old = all.view().attribute(at);
    const std::string attribute = std::string(symbols.name(old.name)).substr(45);
    const std::int64_t modified = old.modified_at.ns;
    const std::int64_t observed = modified - *rc::gen::inRange<std::int64_t>(0, 300) * kMinute;
    const auto knows = history->has_instance("", id, old.name, all.beside[at].id, symbols);
    RC_ASSERT(knows.ok() && *knows);
    ngsi::TemporalChange change;
    change.operation = ngsi::TemporalChange::Operation::modify_instance;
    change.id = id;
    change.attribute = old.name;
    change.instance = all.beside[at].id;
    ngsi::EntityBuilder builder;
    builder.begin(id);
    builder.add_type(name("T"));
    builder.set_times(clock.now(), clock.now());
    ngsi::EntityBuilder::Instance made;
    made.name = old.name;
    made.value = "77.5";
    made.created_at = old.created_at;
    made.modified_at = clock.now();
    made.observed_at = base::Timestamp{observed};
    builder.add_instance(made);
    change.block = std::move(*builder.finish());
    tell("edit " + id + " " + attribute + " of " + std::to_string(modified) + " to " + std::to_string(observed));
    change_past(change);
    const auto is_it = [&](const Instance& each) {
      return each.entity == id && each.attribute == attribute && each.modified == modified;
    };
    if (std::none_of(model.raw.begin(), model.raw.end(), is_it)) RC_FAIL(story + "the model has no such instance");
    for (Instance& each : model.raw)
      if (is_it(each)) {
        each.value = 77.5;
        each.observed = observed;
        each.modified = clock.now().ns;
      }
    model.let_go();
  }

  void change_rules() {
    ++hash;
    rules.clear();
    const int count = *rc::gen::inRange(0, 4);
    tell("rules: " + std::to_string(count));
    const std::vector<Period> ladder{{0, 5 * kMinute}, {0, kHour}, {0, kDay}, {1, 0}};
    for (int i = 0; i < count; ++i) {
      Rule rule;
      rule.type = *rc::gen::element<std::string>("", "T", "U");
      rule.attribute = *rc::gen::element<std::string>("", "a", "b");
      rule.raw = *rc::gen::element<std::int64_t>(0, 10 * kMinute, 3 * kHour, 2 * kDay, kForEver);
      std::int64_t keep = rule.raw;
      for (const Period& period : ladder) {
        if (*rc::gen::arbitrary<bool>()) continue;
        keep = keep == kForEver ? kForEver : keep + *rc::gen::inRange<std::int64_t>(0, 30) * kHour;
        rule.levels.push_back({period, *rc::gen::inRange(0, 3) == 0 ? kForEver : keep});
      }
      std::string words = "rule " + rule.type + "/" + rule.attribute + " raw " + std::to_string(rule.raw);
      for (const Rule::Level& level : rule.levels)
        words += " then " + std::to_string(about(level.period)) + " for " + std::to_string(level.keep);
      tell(words);
      rules.push_back(std::move(rule));
    }
  }

  void act() {
    clock.advance(std::chrono::microseconds(1 + *rc::gen::inRange<std::int64_t>(0, 20 * 60'000'000)));
    const std::string id = *rc::gen::element<std::string>("urn:e:0", "urn:e:1");
    const std::string attribute = *rc::gen::element<std::string>("a", "b");
    switch (*rc::gen::inRange(0, 30)) {
      case 0:
        change_rules();
        break;
      case 1:
      case 2:
      case 3:
        decide_now();
        break;
      case 4:
        forget_attribute(id, attribute);
        break;
      case 5:
      case 6:
        edit(id);
        break;
      default: {
        std::optional<std::int64_t> observed;
        if (*rc::gen::inRange(0, 4) > 0)
          observed = clock.now().ns / 1'000 * 1'000 - *rc::gen::inRange<std::int64_t>(-10, 500) * kMinute;
        measure(id, attribute, *rc::gen::inRange(-400, 400) / 10.0, observed);
      }
    }
  }

  void disturb() {
    const int what = *rc::gen::inRange(0, 24);
    if (what < 7) tell("disturbance " + std::to_string(what));
    switch (what) {
      case 0:
      case 1:
        RC_ASSERT(history->flush().ok());
        break;
      case 2:
        RC_ASSERT(history->merge_all().ok());
        break;
      case 3:
        RC_ASSERT(history->retain(false).ok());
        break;
      case 4:
        RC_ASSERT(history->retain(true).ok());
        break;
      case 5:
        open();
        replay();
        break;
      case 6:
        if (!history->is_new()) transfer();
        break;
      default:
        break;
    }
  }

  void compare_raw() {
    for (const auto& [id, type] : model.types) {
      std::vector<Instance> got, wanted;
      const ngsi::Evolution all = evolution(id);
      for (std::size_t i = 0; i < all.view().attribute_count(); ++i) {
        const ngsi::AttributeView each = all.view().attribute(i);
        Instance& told = got.emplace_back();
        told.entity = id;
        told.attribute = std::string(symbols.name(each.name)).substr(45);
        told.value = std::stod(std::string(each.value));
        told.modified = each.modified_at.ns;
        if (each.observed_at) told.observed = each.observed_at->ns;
      }
      std::copy_if(model.raw.begin(), model.raw.end(), std::back_inserter(wanted),
                   [&, which = id](const Instance& each) { return each.entity == which; });
      std::sort(got.begin(), got.end());
      std::sort(wanted.begin(), wanted.end());
      const auto shown = [](const std::vector<Instance>& instances) {
        std::string out;
        for (const Instance& each : instances)
          out += each.entity + " " + each.attribute + "=" + std::to_string(each.value) + " modified " +
                 std::to_string(each.modified) + " observed " + std::to_string(each.observed.value_or(0)) + "\n";
        return out;
      };
      if (got != wanted) RC_FAIL(story + "history has\n" + shown(got) + "the model has\n" + shown(wanted));
    }
  }

  struct Wanted {
    std::vector<double> values;
    bool rolled = false;
  };
  void compare_aggregates() {
    ngsi::AggregationQuery query;
    query.methods = {AggregateMethod::total_count, AggregateMethod::distinct_count,
                     AggregateMethod::sum,         AggregateMethod::avg,
                     AggregateMethod::min,         AggregateMethod::max,
                     AggregateMethod::stddev,      AggregateMethod::sumsq};
    query.period = *rc::gen::element(Period{0, 5 * kMinute}, Period{0, kHour}, Period{0, kDay}, Period{1, 0});
    query.evolution.interval.emplace();
    const std::int64_t start = 1'700'000'000'000'000'000 / kHour * kHour - 20 * kHour;
    query.evolution.interval->from = base::Timestamp{start};
    if (*rc::gen::arbitrary<bool>())
      query.evolution.interval->until = base::Timestamp{start + *rc::gen::inRange<std::int64_t>(1, 100) * kHour};
    const bool whole = *rc::gen::arbitrary<bool>();
    if (whole) query.evolution.interval.reset();
    for (const auto& [id, type] : model.types)
      for (const std::string attribute : {"a", "b"}) compare_one(query, id, attribute, whole);
  }
  void compare_one(ngsi::AggregationQuery& query, const std::string& id, const std::string& attribute, bool whole) {
    query.evolution.names_given = true;
    query.evolution.names = {name(attribute)};
    std::vector<std::pair<std::int64_t, Wanted>> wanted;
    const auto add = [&](std::int64_t time, const std::vector<double>& values, bool rolled) {
      const auto& interval = query.evolution.interval;
      if (interval && !interval->contains({time})) return;
      wanted.push_back({time, {values, rolled}});
    };
    for (const Instance& each : model.raw)
      if (each.entity == id && each.attribute == attribute && (whole || each.observed))
        add(each.age(), {each.value}, false);
    for (const Bucket& each : model.buckets)
      if (each.entity == id && each.attribute == attribute && (whole || each.observed))
        add(each.begin, each.values, true);
    std::int64_t start = INT64_MAX;
    for (const auto& [time, values] : wanted) start = std::min(start, time);
    if (query.evolution.interval) start = query.evolution.interval->from->ns;
    std::map<std::int64_t, Wanted> periods;  // by their beginning
    for (const auto& [time, values] : wanted) {
      std::int64_t number = 0;
      while (ngsi::add({start}, query.period, number + 1)->ns <= time) ++number;
      Wanted& period = periods[ngsi::add({start}, query.period, number)->ns];
      period.values.insert(period.values.end(), values.values.begin(), values.values.end());
      period.rolled = period.rolled || values.rolled;
    }
    const auto got = history->aggregate("", id, query, symbols);
    RC_ASSERT(got.ok());
    std::vector<ngsi::Aggregation::Row> rows;
    if (!got->series.empty()) rows = got->series[0].rows;
    std::string differ;
    for (const auto& row : rows) differ += "history " + std::to_string(row.begin.ns) + " " + row.values[0] + "\n";
    for (const auto& [begin, period] : periods)
      differ += "model " + std::to_string(begin) + " " + std::to_string(period.values.size()) + "\n";
    if (rows.size() != periods.size()) RC_FAIL(story + id + " " + attribute + "\n" + differ);
    bool rolled = false;
    std::size_t at = 0;
    for (const auto& [begin, period] : periods) {
      rolled = rolled || period.rolled;
      check_row(rows[at++], begin, period);
    }
    RC_ASSERT(got->rolled == rolled);
  }
  static void check_row(const ngsi::Aggregation::Row& row, std::int64_t begin, const Wanted& wanted) {
    RC_ASSERT(row.begin.ns == begin);
    const auto count = static_cast<double>(wanted.values.size());
    double sum = 0, squares = 0;
    for (const double value : wanted.values) sum += value, squares += value * value;
    double spread = 0;
    for (const double value : wanted.values) spread += (value - sum / count) * (value - sum / count);
    const auto is = [&](AggregateMethod method, double expected) {
      const std::string& text = row.values[static_cast<std::size_t>(method)];
      RC_ASSERT(!text.empty());
      RC_ASSERT(std::abs(std::stod(text) - expected) <= 1e-6 * std::max(1.0, std::abs(expected)));
    };
    is(AggregateMethod::total_count, count);
    is(AggregateMethod::sum, sum);
    is(AggregateMethod::avg, sum / count);
    is(AggregateMethod::min, *std::min_element(wanted.values.begin(), wanted.values.end()));
    is(AggregateMethod::max, *std::max_element(wanted.values.begin(), wanted.values.end()));
    is(AggregateMethod::sumsq, squares);
    const double deviation = std::stod(row.values[static_cast<std::size_t>(AggregateMethod::stddev)]);
    RC_ASSERT(std::abs(deviation * deviation - spread / count) <= 1e-5 * std::max(1.0, spread / count));
    RC_ASSERT(row.values[static_cast<std::size_t>(AggregateMethod::distinct_count)].empty() == wanted.rolled);
  }
};

RC_GTEST_PROP(RetentionProperty, KeepsWhatTheRulesSayWheneverTheyTakeEffect, ()) {
  Play play;
  const int steps = *rc::gen::inRange(1, 250);
  for (int i = 0; i < steps; ++i) {
    play.act();
    play.disturb();
    if (i % 40 == 0) play.compare_aggregates();
  }
  play.compare_raw();
  play.compare_aggregates();
  RC_ASSERT(play.history->merge_all().ok());
  RC_ASSERT(play.history->verify().ok());
  play.compare_raw();
  play.compare_aggregates();
  play.open();
  play.compare_raw();
  play.compare_aggregates();
}

}  // namespace
}  // namespace madang::history::testing
