// What is staged, shown, counted and limited; and which index answers which question.

#include "madang/state/snapshot.h"

#include "world.h"

namespace madang::state::test {
namespace {

using ngsi::Comparison;
using ngsi::Query;

TEST(Store, TheTipIsAheadOfWhatIsShown) {
  City city;
  city.stage({"urn:a", {"Room"}, {{"t", "1"}}});
  city.stage({"urn:a", {"Room"}, {{"t", "2"}}});
  EXPECT_EQ(city.store.tip(city.tenant(), "urn:a").version(), 2u);
  EXPECT_FALSE(city.tenant().find("urn:a"));

  EXPECT_FALSE(city.store.show({1}, 10));
  EXPECT_EQ(city.tenant().find("urn:a").version(), 1u);
  EXPECT_EQ(city.store.tip(city.tenant(), "urn:a").version(), 2u);
  EXPECT_EQ(city.store.shown(), Position{1});

  city.stage_removal("urn:a");
  EXPECT_FALSE(city.store.tip(city.tenant(), "urn:a"));
  EXPECT_FALSE(city.store.show({2}, 10));
  EXPECT_EQ(city.tenant().find("urn:a").version(), 2u);
  city.show();
  EXPECT_FALSE(city.tenant().find("urn:a"));
  EXPECT_EQ(city.tenant().size(), 0u);
}

TEST(Store, ShowsAtMostAsManyAsAsked) {
  City city;
  for (int i = 0; i < 5; ++i) city.stage({"urn:" + std::to_string(i)});
  EXPECT_TRUE(city.store.show({5}, 2));
  EXPECT_EQ(city.tenant().size(), 2u);
  EXPECT_TRUE(city.store.show({5}, 2));
  EXPECT_FALSE(city.store.show({9}, 2));
  EXPECT_EQ(city.store.shown(), Position{9});  // records of other kinds count as shown too
}

TEST(Store, TenantsDoNotSeeOneAnother) {
  City city;
  city.put({"urn:a"}, "north");
  EXPECT_FALSE(city.tenant().find("urn:a"));
  EXPECT_TRUE(city.tenant("north").find("urn:a"));
  EXPECT_EQ(city.store.tenant("south"), nullptr);
  EXPECT_EQ(city.store.tenant_names(), (std::vector<std::string>{"", "north"}));
}

TEST(Store, LimitsAreRefusals) {
  City city({.memory_bytes = 1 << 20, .tenant_entities = 2, .tenants = 2});
  EXPECT_TRUE(city.store.make_tenant("one").ok());
  EXPECT_EQ(city.store.make_tenant("two").error().code, base::Code::insufficient_storage);
  EXPECT_TRUE(city.store.admit(city.tenant(), 100, true).ok());
  EXPECT_EQ(city.store.admit(city.tenant(), 2 << 20, false).error().code, base::Code::insufficient_storage);
  city.stage({"urn:a"});
  city.stage({"urn:b"});
  EXPECT_FALSE(city.store.admit(city.tenant(), 1, true).ok());
  EXPECT_TRUE(city.store.admit(city.tenant(), 1, false).ok());
  city.stage_removal("urn:a");
  EXPECT_TRUE(city.store.admit(city.tenant(), 1, true).ok());
}

TEST(Store, MemoryIsCountedAndGivenBack) {
  City city;
  city.put({"urn:x", {"Room"}, {{"t", "1"}}});
  city.remove("urn:x");
  const std::uint64_t empty = city.store.memory_bytes();
  for (int i = 0; i < 2'000; ++i)
    city.stage({"urn:" + std::to_string(i), {"Room"}, {{"text", '"' + std::string(500, 'x') + '"'}}});
  const std::uint64_t staged = city.store.memory_bytes() - empty;
  EXPECT_GT(staged, 2'000u * 500);
  city.show();
  const std::uint64_t shown = city.store.memory_bytes() - empty;
  EXPECT_GT(shown, 2'000u * 500);
  EXPECT_LT(shown, 2'000u * 1'000);
  for (int i = 0; i < 2'000; ++i) city.stage_removal("urn:" + std::to_string(i));
  city.show();
  EXPECT_LT(city.store.memory_bytes() - empty, shown / 2);
}

TEST(Store, CountsTypesAndAttributes) {
  City city;
  city.put({"urn:a", {"Room", "Hall"}, {{"t", "1"}, {"owner", R"("urn:o")", Kind::relationship}}});
  city.put({"urn:b", {"Room"}, {{"t", "2"}}});
  EXPECT_EQ(city.tenant().types().size(), 2u);
  const auto entities = [&](const std::string& type, const std::string& attribute, Kind kind) {
    for (const AttributeCount& row : city.tenant().attributes())
      if (!row.observations && row.type == city.tenant().symbols().find(type) &&
          row.attribute == city.tenant().symbols().find(attribute) && row.kind == kind)
        return row.entities;
    return std::uint64_t{0};
  };
  EXPECT_EQ(entities("Room", "t", Kind::property), 2u);
  EXPECT_EQ(entities("Hall", "t", Kind::property), 1u);
  EXPECT_EQ(entities("Room", "owner", Kind::relationship), 1u);
  city.put({"urn:a", {"Hall"}, {{"t", R"("urn:o")", Kind::relationship}}});
  EXPECT_EQ(entities("Room", "t", Kind::property), 1u);
  EXPECT_EQ(entities("Hall", "t", Kind::relationship), 1u);
  EXPECT_EQ(entities("Room", "owner", Kind::relationship), 0u);
}

TEST(Store, CountsObservations) {
  City city;
  const auto observed = [&](const std::string& type) {
    std::uint64_t count = 0;
    for (const AttributeCount& row : city.tenant().attributes())
      if (row.observations && row.type == city.tenant().symbols().find(type)) count += row.entities;
    return count;
  };
  const Attr plain{"t", "1"}, seen{"t", "1", Kind::property, {}, 0, true};
  city.put({"urn:a", {"Room"}, {plain}});
  EXPECT_EQ(observed("Room"), 0u);
  city.put({"urn:a", {"Room"}, {seen}});
  city.put({"urn:b", {"Room", "Hall"}, {seen}});
  EXPECT_EQ(observed("Room"), 2u);
  EXPECT_EQ(observed("Hall"), 1u);
  // Neither what is no Property is one, nor an instance beside the default one.
  city.put({"urn:c", {"Room"}, {{"owner", R"("urn:o")", Kind::relationship, {}, 0, true}}});
  city.put({"urn:d", {"Room"}, {{"t", "1", Kind::property, "urn:set", 0, true}}});
  EXPECT_EQ(observed("Room"), 2u);
  city.put({"urn:a", {"Room"}, {plain}});
  EXPECT_EQ(observed("Room"), 1u);
  city.put({"urn:b", {"Hall"}, {seen}});
  EXPECT_EQ(observed("Room"), 0u);
  EXPECT_EQ(observed("Hall"), 1u);
}

class Plans : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 200; ++i) {
      const auto n = std::to_string(i);
      city.stage({"urn:" + n,
                  {i % 2 ? "Room" : "Hall"},
                  {{"t", n},
                   {"name", "\"shared prefix " + n + '"'},
                   {"owner", "\"urn:owner:" + std::to_string(i % 50) + '"', Kind::relationship},
                   {"location", point(8.5 + i * 0.001, 47.4), Kind::geo_property}},
                  {"/city/" + std::to_string(i % 20)}});
    }
    city.show();
    city.declare("Room", "t");
    city.declare("Room", "name");
  }
  Answer check(const Query& query, std::string_view plan) {
    const Answer answer = ask(city.store, city.tenant(), query);
    const auto expected = brute_force(city.store, city.tenant(), query);
    EXPECT_EQ(std::set(answer.ids.begin(), answer.ids.end()), expected);
    EXPECT_EQ(answer.ids.size(), expected.size());
    EXPECT_EQ(answer.matched, expected.size());
    EXPECT_EQ(answer.plan, plan);
    return answer;
  }
  City city;
};

TEST_F(Plans, EachQuestionHasItsIndex) {
  Tenant& t = city.tenant();
  Query query;
  check(query, "scan");
  query.type = type_is(t, "Room");
  EXPECT_EQ(check(query, "type").matched, 100u);
  query.q = term(t, "t", Comparison::equal, 7.0);
  EXPECT_EQ(check(query, "value index").matched, 1u);
  query.q = term(t, "t", Comparison::less, 10.0);
  EXPECT_EQ(check(query, "value index").matched, 5u);
  query.q = term(t, "name", Comparison::equal, std::string("shared prefix 7"));
  EXPECT_EQ(check(query, "value index").matched, 1u);
  query.q = term(t, "owner", Comparison::equal, std::string("urn:owner:7"));
  EXPECT_EQ(check(query, "relationships").matched, 4u);
  query.q.reset();
  query.geo = near(t, 8.5, 47.4, 500);
  EXPECT_EQ(check(query, "space").matched, 3u);
  query.geo = within(t, {8.4999, 47.3, 8.51, 47.5});
  EXPECT_EQ(check(query, "space").matched, 5u);
  query.geo.reset();
  query.scope.emplace().pattern = "/city/7";
  EXPECT_EQ(check(query, "scope").matched, 10u);
  query.scope->pattern = "/city/#";
  check(query, "type");
  query.ids = {"urn:27", "urn:28", "urn:none"};
  EXPECT_EQ(check(query, "ids").matched, 1u);
}

TEST_F(Plans, AnIndexOfOneTypeServesOnlyItsType) {
  Tenant& t = city.tenant();
  Query query;
  query.q = term(t, "t", Comparison::equal, 7.0);
  check(query, "scan");
  query.type = type_is(t, "Hall");
  check(query, "type");
  ngsi::TypeSelection both;
  both.node = ngsi::TypeSelection::Node::any_of;
  both.parts = {type_is(t, "Room"), type_is(t, "Hall")};
  query.type = both;
  check(query, "type");
  both.node = ngsi::TypeSelection::Node::all_of;
  query.type = both;
  query.q = term(t, "t", Comparison::equal, 7.0);
  EXPECT_EQ(check(query, "type").matched, 0u);
}

TEST_F(Plans, APathThroughLinkedEntitiesStartsWhereThereAreFew) {
  for (int i = 0; i < 50; ++i) {
    const auto n = std::to_string(i);
    city.put({"urn:owner:" + n,
              {"Owner"},
              {{"name", "\"o" + n + '"'}, {"in", "\"urn:town:" + std::to_string(i % 5) + '"', Kind::relationship}}});
  }
  for (int i = 0; i < 5; ++i) city.put({"urn:town:" + std::to_string(i), {"Town"}, {{"size", std::to_string(i)}}});
  Tenant& t = city.tenant();
  const auto through = [&](std::vector<std::pair<std::string, std::string>> hops, const std::string& name,
                           ngsi::QueryValue value) {
    Query query;
    query.q = term(t, name, Comparison::equal, std::move(value));
    for (const auto& [relationship, type] : hops) {
      auto& hop = query.q->term.path.hops.emplace_back();
      hop.relationship = t.symbols().find(relationship);
      if (!type.empty()) hop.types = {t.symbols().find(type)};
    }
    return query;
  };
  for (const char* hint : {"", "Owner"}) {
    const Answer found = ask(city.store, t, through({{"owner", hint}}, "name", std::string("o7")));
    EXPECT_EQ(found.plan, "relationships");
    EXPECT_EQ(found.matched, 4u);  // urn:7, urn:57, urn:107, urn:157
  }
  const Answer further = ask(city.store, t, through({{"owner", ""}, {"in", "Town"}}, "size", 3.0));
  EXPECT_EQ(further.plan, "relationships");
  EXPECT_EQ(further.matched, 40u);
  EXPECT_EQ(ask(city.store, t, through({{"owner", "Town"}}, "name", std::string("o7"))).matched, 0u);

  // Many questions in one are not all planned for: that would take its time before the first entity is looked at.
  Query many;
  many.q = combined(ngsi::QueryExpression::Node::all_of, {});
  for (int i = 0; i < 190; ++i) many.q->parts.push_back(*through({{"owner", "Room"}}, "t", static_cast<double>(i)).q);
  const Reading reading(city.store);
  Search search(city.store, t, many, nullptr, {});
  EXPECT_TRUE(search.run(10'000, [](ngsi::EntityView) {}).ok());
}

TEST_F(Plans, APropertyWithARelationshipsNameIsFoundToo) {
  Tenant& t = city.tenant();
  city.put({"urn:odd", {"Room"}, {{"owner", R"("urn:owner:7")"}}});
  Query query;
  query.q = term(t, "owner", Comparison::equal, std::string("urn:owner:7"));
  EXPECT_EQ(check(query, "scan").matched, 5u);
  city.remove("urn:odd");
  EXPECT_EQ(check(query, "relationships").matched, 4u);
}

TEST_F(Plans, ValuesOfUnusualShapeAreFound) {
  Tenant& t = city.tenant();
  city.put({"urn:list",
            {"Room"},
            {{"t", "[7,8]"},
             {"location", R"({"type":"LineString","coordinates":[[8.5,47.4],[8.6,47.5]]})", Kind::geo_property}}});
  city.put({"urn:typed",
            {"Room"},
            {{"t", R"({"@type":"X","@value":7})"},
             {"location", R"({"type":"Point","coordinates":[8.5,47.4]})", Kind::geo_property},
             {"location", R"({"type":"Point","coordinates":[9.5,47.4]})", Kind::geo_property, "urn:d"}}});
  city.put({"urn:nested",
            {"Room"},
            {{"t", R"([[7],{"@value":7}])"}, {"owner", R"(["urn:owner:7","urn:owner:8"])", Kind::relationship}}});
  Query query;
  query.type = type_is(t, "Room");
  query.q = term(t, "t", Comparison::equal, 7.0);
  EXPECT_GE(check(query, "value index").matched, 3u);
  query.q = term(t, "owner", Comparison::equal, std::string("urn:owner:8"));
  EXPECT_EQ(check(query, "relationships").matched, 1u);
  query.q.reset();
  query.geo = near(t, 8.5, 47.4, 50);
  EXPECT_EQ(check(query, "space").matched, 2u);
  query.geo = near(t, 9.5, 47.4, 50);
  EXPECT_EQ(check(query, "space").matched, 1u);
  ASSERT_TRUE(verify_indexes(city.store).ok());
}

TEST_F(Plans, PagesByOffsetAndCursor) {
  Query query;
  query.type = type_is(city.tenant(), "Room");
  const auto all = ask(city.store, city.tenant(), query).ids;
  const auto page = ask(city.store, city.tenant(), query, {.offset = 10, .limit = 5, .count = true});
  EXPECT_EQ(page.ids, (std::vector(all.begin() + 10, all.begin() + 15)));
  EXPECT_TRUE(page.more);
  const auto next = ask(city.store, city.tenant(), query, {.after = page.last, .limit = 1'000});
  EXPECT_EQ(next.ids, (std::vector(all.begin() + 15, all.end())));
  EXPECT_FALSE(next.more);
  EXPECT_EQ(ask(city.store, city.tenant(), query, {.limit = 0, .count = true}).matched, 100u);
  EXPECT_TRUE(ask(city.store, city.tenant(), query, {.offset = 1'000, .limit = 5, .count = true}).ids.empty());
  EXPECT_FALSE(ask(city.store, city.tenant(), query, {.offset = 95, .limit = 5}).more);
}

std::string name_of(int number) {
  return "urn:large:" + std::to_string(1'000 + number);
}

/// Large entities, each of which is worth several looks.
struct LargeCity : City {
  LargeCity() {
    const std::string text = '"' + std::string(2'000, 'x') + '"';
    for (int i = 0; i < 100; ++i) stage({name_of(i), {i % 2 == 0 ? "Even" : "Odd"}, {{"text", text}}});
    show();
  }
  Query of(const std::string& type) {
    Query query;
    query.type = type_is(tenant(), type);
    return query;
  }
};

TEST(Slices, EndByWhatIsEmittedToo) {
  LargeCity city;
  const Query query = city.of("Even");
  const Page page{.offset = 3, .limit = 40, .count = true};
  const auto whole = ask(city.store, city.tenant(), query, page);
  ASSERT_EQ(whole.ids.size(), 40u);
  Search search(city.store, city.tenant(), query, nullptr, page);
  std::vector<std::string> ids;
  std::size_t runs = 0, most = 0;
  for (bool done = false; !done; ++runs) {
    const Reading reading(city.store);
    const std::size_t before = ids.size();
    done = *search.run(30, [&](ngsi::EntityView e) { ids.emplace_back(e.id()); });
    most = std::max(most, ids.size() - before);
  }
  EXPECT_LE(most, 6u);  // 30 looks are 7,680 bytes
  EXPECT_GE(runs, 7u);
  EXPECT_EQ(ids, whole.ids);
  EXPECT_EQ(search.matched(), 50u);
  EXPECT_TRUE(search.more());
  EXPECT_EQ(search.last(), whole.last);
}

TEST(Slices, WhatChangesBetweenThemIsSeen) {
  LargeCity city;
  const Query query = city.of("Even");
  Search search(city.store, city.tenant(), query, nullptr, {.limit = 50, .count = true});
  std::vector<std::string> ids;
  const auto go_on = [&] {
    const Reading reading(city.store);
    return *search.run(30, [&](ngsi::EntityView e) { ids.emplace_back(e.id()); });
  };
  ASSERT_FALSE(go_on());
  for (int i = 50; i < 100; i += 2) city.stage_removal(name_of(i));
  city.show();
  city.put({name_of(200), {"Other"}, {}});  // in the place of one that went
  while (!go_on()) {
  }
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), name_of(200)), 0);
  EXPECT_FALSE(search.more());
}

TEST_F(Plans, TheCostOfAQuestionIsLimited) {
  City small({.query_cost = 50});
  for (int i = 0; i < 100; ++i) small.stage({"urn:" + std::to_string(i), {"Room"}, {{"t", "1"}}});
  small.show();
  Query query;
  query.q = term(small.tenant(), "t", Comparison::equal, 2.0);
  Search search(small.store, small.tenant(), query, nullptr, {});
  const Reading reading(small.store);
  const auto result = search.run(1'000, [](ngsi::EntityView) {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, base::Code::too_complex);
}

class HidesOwner : public ngsi::Filter {
 public:
  explicit HidesOwner(Symbol hidden) : hidden_(hidden) {}
  bool allows_entity(const ngsi::EntityView& entity) const override { return entity.id() != "urn:1"; }
  bool allows_attribute(const ngsi::EntityView&, Symbol attribute) const override { return attribute != hidden_; }

 private:
  Symbol hidden_;
};

TEST_F(Plans, AFilterHoldsInEveryPlan) {
  Tenant& t = city.tenant();
  const HidesOwner filter(t.symbols().find("owner"));
  Query query;
  query.type = type_is(t, "Room");
  EXPECT_EQ(ask(city.store, t, query, {.limit = 500, .count = true}, 1'000, &filter).matched, 99u);
  query.q = term(t, "owner", Comparison::equal, std::string("urn:owner:7"));
  EXPECT_EQ(ask(city.store, t, query, {.limit = 500, .count = true}, 1'000, &filter).matched, 0u);
  query.q.reset();
  query.geo = near(t, 8.501, 47.4, 10);
  EXPECT_EQ(ask(city.store, t, query, {.limit = 500, .count = true}, 1'000, &filter).matched, 0u);
  EXPECT_EQ(ask(city.store, t, query).matched, 1u);
}

TEST(Store, AnIndexIsBuiltWhileEntitiesChange) {
  City city;
  for (int i = 0; i < 300; ++i) city.stage({"urn:" + std::to_string(i), {"Room"}, {{"t", std::to_string(i)}}});
  city.show();
  ASSERT_TRUE(city.store.declare_index(city.tenant(), {"Room", "t"}).ok());
  ASSERT_TRUE(city.store.declare_index(city.tenant(), {"Room", "t"}).ok());  // once more is fine
  for (int i = 0; city.store.build_indexes(20); ++i) {
    EXPECT_FALSE(city.tenant().indexes().front().ready);
    city.put({"urn:" + std::to_string(i * 7 % 300), {"Room"}, {{"t", std::to_string(i * 1'000)}}});
    city.remove("urn:" + std::to_string(i * 11 % 300));
    city.put({"urn:new" + std::to_string(i), {"Room"}, {{"t", "5"}}});
  }
  ASSERT_EQ(city.tenant().indexes().size(), 1u);
  EXPECT_TRUE(city.tenant().indexes().front().ready);
  EXPECT_EQ(city.tenant().indexes().front().entries, city.tenant().size());
  EXPECT_TRUE(verify_indexes(city.store).ok());
  EXPECT_TRUE(city.store.drop_index(city.tenant(), {"Room", "t"}).ok());
  EXPECT_EQ(city.store.drop_index(city.tenant(), {"Room", "t"}).error().code, base::Code::not_found);
}

}  // namespace
}  // namespace madang::state::test
