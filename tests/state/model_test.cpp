// Random histories against a plain model: an index answers what looking at everything answers, and pages lose nothing.

#include <random>

#include <rapidcheck.h>

#include "madang/state/snapshot.h"

#include "world.h"

namespace madang::state::test {
namespace {

using ngsi::Comparison;
using ngsi::Query;
using ngsi::QueryExpression;

/// Rolls small things that meet one another often.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  int roll(int sides) { return static_cast<int>(engine_() % static_cast<unsigned>(sides)); }
  bool once_in(int times) { return roll(times) == 0; }
  template <class T>
  T pick(std::initializer_list<T> of) {
    return *(of.begin() + roll(static_cast<int>(of.size())));
  }

  std::string id() { return "urn:" + std::to_string(roll(60)); }
  std::string type() { return pick<std::string>({"Room", "Hall", "Bus"}); }
  std::string scope() { return pick<std::string>({"/A", "/A/B", "/A/B/C", "A/D", "/AB", "/E/B"}); }
  std::string text() {
    return pick<std::string>(
        {"", "a", "common prefix 1", "common prefix 2", "é", "2026-01-01T00:00:00Z", "2026-01-01", "10:00:00Z"});
  }
  std::string scalar() {
    switch (roll(4)) {
      case 0:
        return '"' + text() + '"';
      case 1:
        return pick<std::string>({"true", "false"});
      default:
        return pick<std::string>({"0", "-0.0", "-1.5", "3", "3.0", "1e3", "1e300", "7"});
    }
  }
  std::string value() {
    switch (roll(8)) {
      case 0:
        return "[" + scalar() + "," + scalar() + "]";
      case 1:
        return pick<std::string>({"[]", "null", R"({"k":1})", R"([[3]])", R"({"@value":3})", R"(["a\"b",3])"});
      default:
        return scalar();
    }
  }
  std::string object() { return "\"urn:" + std::to_string(roll(8)) + '"'; }
  std::string place() {
    const double lon = 8.5 + roll(20) * 0.001, lat = 47.4 + roll(20) * 0.001;
    switch (roll(8)) {
      case 0:
        return R"({"type":"LineString","coordinates":[[8.5,47.4],[)" + std::to_string(lon) + "," + std::to_string(lat) +
               "]]}";
      case 1:
        return R"({"type":"MultiPoint","coordinates":[[8.5,47.4],[)" + std::to_string(lon) + "," + std::to_string(lat) +
               "]]}";
      default:
        return point(lon, lat);
    }
  }
  Thing thing() {
    Thing out{id(), {type()}};
    if (once_in(4)) out.types = {"Room", "Bus"};
    for (const char* name : {"t", "name"}) {
      if (once_in(5)) continue;
      out.attrs.push_back({name, value(), Kind::property, {}, 0, once_in(2)});
      if (once_in(6)) out.attrs.push_back({name, value(), Kind::property, "urn:d"});
    }
    if (once_in(2))
      out.attrs.push_back({"owner", once_in(4) ? "[" + object() + "," + object() + "]" : object(), Kind::relationship});
    else if (once_in(300))
      out.attrs.push_back({"owner", object()});
    if (!once_in(4)) out.attrs.push_back({"location", place(), Kind::geo_property});
    if (once_in(6)) out.attrs.push_back({"location", place(), Kind::geo_property, "urn:d"});
    for (int i = roll(3); i > 0; --i) out.scopes.push_back(scope());
    if (once_in(6)) out.expires = 1 + roll(10);
    for (Attr& attr : out.attrs)
      if (once_in(12)) attr.expires = 1 + roll(10);
    std::sort(out.scopes.begin(), out.scopes.end());
    out.scopes.erase(std::unique(out.scopes.begin(), out.scopes.end()), out.scopes.end());
    return out;
  }

  ngsi::QueryValue wanted() {
    switch (roll(5)) {
      case 0:
        return pick<ngsi::QueryValue>({true, false});
      case 1:
        return pick<ngsi::QueryValue>(
            {std::string("a"), std::string("common prefix 1"), std::string("é"), std::string("urn:3")});
      case 2:
        return *ngsi::scalar_value('"' + pick<std::string>({"2026-01-01T00:00:00Z", "2026-01-01", "10:00:00Z"}) + '"');
      default:
        return static_cast<double>(roll(9)) - 1.5 * roll(2);
    }
  }
  QueryExpression q(Tenant& tenant, int depth = 0) {
    if (depth < 2 && once_in(3))
      return combined(pick({QueryExpression::Node::all_of, QueryExpression::Node::any_of}),
                      {q(tenant, depth + 1), q(tenant, depth + 1)});
    auto out = term(tenant, pick<std::string>({"t", "t", "name", "owner"}),
                    pick({Comparison::equal, Comparison::equal, Comparison::unequal, Comparison::greater,
                          Comparison::greater_equal, Comparison::less, Comparison::less_equal, Comparison::exists}),
                    wanted());
    if (out.term.comparison == Comparison::exists) out.term.values.clear();
    if (out.term.comparison == Comparison::equal && once_in(4)) out.term.values.emplace_back(wanted());
    if (out.term.comparison == Comparison::equal && once_in(4))
      out.term.values = {ngsi::QueryRange{1.0 - roll(3), 1.0 + roll(5)}};
    return out;
  }
  ngsi::TypeSelection types(Tenant& tenant) {
    if (!once_in(3)) return type_is(tenant, type());
    ngsi::TypeSelection out;
    out.node = pick({ngsi::TypeSelection::Node::all_of, ngsi::TypeSelection::Node::any_of});
    out.parts = {type_is(tenant, "Room"), type_is(tenant, type())};
    return out;
  }
  Query query(Tenant& tenant) {
    Query out;
    if (!once_in(3)) out.type = types(tenant);
    if (once_in(2)) out.q = q(tenant);
    if (once_in(4)) out.scope.emplace().pattern = pick<std::string>({"/A", "/A/B", "/A/+", "/A/#", "/+/B", "/#"});
    if (once_in(3)) {
      const double lon = 8.5 + roll(20) * 0.001, lat = 47.4 + roll(20) * 0.001;
      out.geo = once_in(2) ? near(tenant, lon, lat, 50.0 + roll(800))
                           : within(tenant, {lon - 0.004, lat - 0.004, lon + 0.004, lat + 0.004});
    }
    if (once_in(8)) out.ids = {id(), id(), id()};
    return out;
  }

 private:
  std::mt19937 engine_;
};

TEST(Model, TheStateIsTheHistory) {
  EXPECT_TRUE(rc::check("staged, shown and found as a map says", [](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    struct Version {
      std::uint64_t version;
      bool gone;
    };
    std::map<std::string, Version> tip, shown;
    std::vector<std::pair<std::string, Version>> waiting;
    for (int step = 0; step < 200; ++step) {
      if (dice.once_in(5)) {
        const std::size_t most = static_cast<std::size_t>(dice.roll(4));
        const std::size_t count = std::min(most, waiting.size());
        city.store.show({city.position}, most);
        for (std::size_t i = 0; i < count; ++i) shown[waiting[i].first] = waiting[i].second;
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
        continue;
      }
      const Thing thing = dice.thing();
      const bool gone = dice.once_in(3);
      gone ? city.stage_removal(thing.id) : city.stage(thing);
      tip[thing.id] = {city.position, gone};
      waiting.emplace_back(thing.id, tip[thing.id]);
    }
    const auto same = [](ngsi::EntityView view, const Version& wanted) {
      RC_ASSERT(static_cast<bool>(view) == !wanted.gone);
      if (view) RC_ASSERT(view.version() == wanted.version);
    };
    for (const auto& [id, version] : tip) same(city.store.tip(city.tenant(), id), version);
    std::uint64_t alive = 0;
    for (const auto& [id, version] : shown) same(city.tenant().find(id), version), alive += version.gone ? 0 : 1;
    RC_ASSERT(city.tenant().size() == alive);
    const auto status = verify_indexes(city.store);
    RC_ASSERT(status.ok());
  }));
}

TEST(Model, AChangeOfOneAttributeReachesEveryIndex) {
  EXPECT_TRUE(rc::check("compared in one attribute or in all, the indexes are the same", [](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    city.declare("Room", "t");
    std::map<std::string, Thing> tip;
    for (int step = 0; step < 150; ++step) {
      Thing other = dice.thing();
      const auto found = tip.find(other.id);
      if (found == tip.end() || dice.once_in(6)) {
        city.stage(other);
        tip[other.id] = other;
      } else {
        Thing& thing = found->second;
        const auto name = dice.pick<std::string>({"t", "name", "owner", "location"});
        std::erase_if(thing.attrs, [&](const Attr& attr) { return attr.name == name; });
        for (const Attr& attr : other.attrs)
          if (attr.name == name) thing.attrs.push_back(attr);
        city.stage_attribute(thing, name);
      }
      if (dice.once_in(4)) city.store.show({city.position}, static_cast<std::size_t>(dice.roll(4)));
    }
    city.show();
    RC_ASSERT(verify_indexes(city.store).ok());
  }));
}

TEST(Model, AnIndexAnswersWhatLookingAtAllAnswers) {
  EXPECT_TRUE(rc::check("every plan is brute force", [](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    city.declare("Room", "t");
    for (int step = 0; step < 120; ++step) dice.once_in(4) ? city.stage_removal(dice.id()) : city.stage(dice.thing());
    city.show();
    city.declare("Bus", "t");
    for (int step = 0; step < 20; ++step) city.stage(dice.thing());
    city.show();
    RC_ASSERT(verify_indexes(city.store).ok());
    for (int i = 0; i < 25; ++i) {
      const Query query = dice.query(city.tenant());
      const base::Timestamp now{dice.roll(12)};
      const auto expected = brute_force(city.store, city.tenant(), query, nullptr, now);
      const auto budget = static_cast<std::uint64_t>(dice.pick({1, 7, 1'000'000}));
      const Answer all = ask(city.store, city.tenant(), query, {.limit = 1'000, .count = true}, budget, nullptr, now);
      RC_ASSERT(std::set(all.ids.begin(), all.ids.end()) == expected);
      RC_ASSERT(all.ids.size() == expected.size());
      RC_ASSERT(all.matched == expected.size());
      RC_ASSERT(!all.more);

      Page page{.offset = static_cast<std::uint64_t>(dice.roll(5)),
                .limit = static_cast<std::uint32_t>(dice.roll(6)),
                .count = dice.once_in(2)};
      const Answer part = ask(city.store, city.tenant(), query, page, budget, nullptr, now);
      const std::size_t begin = std::min<std::size_t>(page.offset, all.ids.size());
      const std::size_t end = std::min<std::size_t>(begin + page.limit, all.ids.size());
      RC_ASSERT(part.ids == std::vector(all.ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                        all.ids.begin() + static_cast<std::ptrdiff_t>(end)));
      RC_ASSERT(part.more == (end < all.ids.size()));

      if (!query.geo) continue;
      Query some = query;
      some.any = 1 + static_cast<std::uint32_t>(dice.roll(6));
      const Answer few = ask(city.store, city.tenant(), some, {.limit = 1'000}, budget, nullptr, now);
      for (const std::string& id : few.ids) RC_ASSERT(expected.contains(id));
      RC_ASSERT(std::set(few.ids.begin(), few.ids.end()).size() == few.ids.size());
    }
  }));
}

/// All entities as they are at a time, each looked at once.
class AsItIs : public ngsi::Neighbours {
 public:
  AsItIs(Store& store, Tenant& tenant, base::Timestamp now) {
    for (const auto& id : ask(store, tenant, Query()).ids) {
      const Reading reading(store);
      entities_.emplace(id, ngsi::AsOf(tenant.find(id), now));
    }
  }
  ngsi::EntityView find(std::string_view id) const override {
    const auto found = entities_.find(std::string(id));
    return found == entities_.end() ? ngsi::EntityView() : found->second.view();
  }
  /// With paths through linked entities walked forwards, from every entity.
  std::set<std::string> matching(const Query& query) const {
    std::set<std::string> ids;
    for (const auto& [id, entity] : entities_)
      if (entity.view() && ngsi::matches(query, entity.view(), nullptr, this)) ids.insert(id);
    return ids;
  }

 private:
  std::map<std::string, ngsi::AsOf> entities_;
};

TEST(Model, APathThroughLinkedEntitiesIsTheSameBothWays) {
  int backwards = 0;
  EXPECT_TRUE(rc::check("backwards is forwards", [&](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    if (dice.once_in(2)) city.declare("Room", "t");
    // Enough of them that a plan pays, few that are pointed at.
    for (int i = 0; i < 200; ++i) {
      Thing thing = dice.thing();
      if (i >= 60) thing.id = "urn:" + std::to_string(i);
      city.stage(thing);
      if (dice.once_in(10)) city.stage_removal(dice.id());
    }
    city.show();
    for (int i = 0; i < 20; ++i) {
      Query query;
      query.q = dice.q(city.tenant());
      std::vector<QueryExpression*> terms{&*query.q};
      for (std::size_t at = 0; at < terms.size(); ++at)
        for (auto& part : terms[at]->parts) terms.push_back(&part);
      for (auto* expression : terms) {
        if (expression->node != QueryExpression::Node::term) continue;
        for (int hops = dice.roll(3); hops > 0; --hops) {
          auto& hop = expression->term.path.hops.emplace_back();
          hop.relationship = city.tenant().symbols().find("owner");
          if (dice.once_in(2)) hop.types.push_back(city.tenant().symbols().find(dice.type()));
        }
      }
      if (dice.once_in(3)) query.type = type_is(city.tenant(), dice.type());
      const base::Timestamp now{dice.pick<std::int64_t>({INT64_MIN, 1, 5, 10})};
      const auto expected = AsItIs(city.store, city.tenant(), now).matching(query);
      const auto budget = static_cast<std::uint64_t>(dice.pick({1, 7, 1'000'000}));
      const Answer all = ask(city.store, city.tenant(), query, {.limit = 1'000, .count = true}, budget, nullptr, now);
      RC_ASSERT(std::set(all.ids.begin(), all.ids.end()) == expected);
      RC_ASSERT(all.matched == expected.size());
      backwards += all.plan == "relationships" ? 1 : 0;
    }
  }));
  EXPECT_GT(backwards, 50);
}

TEST(Model, WorkBesideEndsATurnAndLosesNothing) {
  EXPECT_TRUE(rc::check("with work charged", [](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    for (int i = 0; i < 120; ++i) city.stage(dice.thing());
    city.show();
    for (int i = 0; i < 20; ++i) {
      const Query query = dice.query(city.tenant());
      Page page{.offset = static_cast<std::uint64_t>(dice.roll(5)),
                .limit = static_cast<std::uint32_t>(1 + dice.roll(30)),
                .count = dice.once_in(2)};
      const Answer plain = ask(city.store, city.tenant(), query, page);
      Search search(city.store, city.tenant(), query, nullptr, page);
      std::vector<std::string> ids;
      int turns = 0;
      for (bool done = false; !done; ++turns) {
        const Reading reading(city.store);
        int shown = 0;
        const auto result = search.run(100, [&](ngsi::EntityView e) {
          ids.emplace_back(e.id());
          search.charge(100);
          ++shown;
        });
        RC_ASSERT(result.ok());
        RC_ASSERT(shown <= 1);
        done = *result;
      }
      RC_ASSERT(ids == plain.ids);
      RC_ASSERT(search.more() == plain.more);
      if (page.count) RC_ASSERT(search.matched() == plain.matched);
    }
  }));
}

TEST(Model, PagesGiveEveryUntouchedMatchOnce) {
  EXPECT_TRUE(rc::check("while others change", [](std::uint32_t seed) {
    Dice dice(seed);
    City city;
    city.declare("Room", "t");
    for (int i = 0; i < 100; ++i) city.stage(dice.thing());
    city.show();
    const Query query = dice.query(city.tenant());
    auto untouched = brute_force(city.store, city.tenant(), query);
    std::multiset<std::string> seen;
    Page page{.limit = 3};
    for (bool more = true; more;) {
      // Changes between pages and between the slices of a page.
      Search search(city.store, city.tenant(), query, nullptr, page);
      for (bool done = false; !done;) {
        const Thing thing = dice.thing();
        untouched.erase(thing.id);
        dice.once_in(2) ? city.remove(thing.id) : city.put(thing);
        const Reading reading(city.store);
        const auto result = search.run(4, [&](ngsi::EntityView e) { seen.emplace(e.id()); });
        RC_ASSERT(result.ok());
        done = *result;
      }
      more = search.more();
      if (search.last()) page.after = search.last();
      RC_ASSERT(!more || search.last());
    }
    for (const auto& id : untouched) RC_ASSERT(seen.count(id) == 1u);
  }));
}

TEST(Model, LoadingIsStagingAndShowing) {
  EXPECT_TRUE(rc::check("in any split, on any number of threads", [](std::uint32_t seed) {
    Dice dice(seed);
    City one, other;
    one.declare("Room", "t");
    ASSERT_TRUE(other.store.declare_index(other.tenant(), {"Room", "t"}).ok());
    for (int i = 0; i < 150; ++i) {
      const Thing thing = dice.thing();
      const bool gone = dice.once_in(4);
      gone ? one.remove(thing.id) : one.put(thing);
      const auto load = [&] {
        other.store.load(other.tenant(), {one.position}, thing.id,
                         gone ? ngsi::EntityBlock() : block(other.tenant().symbols(), thing, one.position));
      };
      load();
      if (dice.once_in(3)) load();  // replayed twice
      if (i == 100) other.store.finish_loading(2);
    }
    other.store.finish_loading(2);
    while (other.store.build_indexes(100)) {
    }
    RC_ASSERT(other.store.shown() == one.store.shown());
    RC_ASSERT(other.tenant().size() == one.tenant().size());
    RC_ASSERT(verify_indexes(other.store).ok());
    for (int i = 0; i < 60; ++i) {
      const auto a = one.tenant().find("urn:" + std::to_string(i)), b = other.tenant().find("urn:" + std::to_string(i));
      RC_ASSERT(static_cast<bool>(a) == static_cast<bool>(b));
      if (a) RC_ASSERT(a.version() == b.version());
    }
  }));
}

}  // namespace
}  // namespace madang::state::test
