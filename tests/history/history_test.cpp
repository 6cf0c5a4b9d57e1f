// What a reader of history sees, drawn in small.

#include "world.h"

namespace madang::history::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;
using namespace std::chrono_literals;

const std::string kRoom = "urn:ngsi-ld:Room:1";

std::vector<std::string> values(const std::vector<Told>& all) {
  std::vector<std::string> out;
  for (const Told& each : all) out.push_back(each.value);
  return out;
}

class HistoryTest : public ::testing::Test, public World {
 protected:
  void create() {
    ASSERT_TRUE(change(Operation::create, kRoom,
                       R"({"id":"urn:ngsi-ld:Room:1","type":"Room",)"
                       R"("temperature":{"type":"Property","value":20.50,"unitCode":"CEL",)"
                       R"("observedAt":"2023-01-01T00:00:00Z","accuracy":{"type":"Property","value":0.1}}})"));
  }
  void measure(const std::string& value, const std::string& observed) {
    clock.advance(1s);
    ASSERT_TRUE(
        change(Operation::append, kRoom,
               R"({"temperature":{"type":"Property","value":)" + value + R"(,"observedAt":")" + observed + R"("}})",
               FragmentKind::attributes));
  }
};

TEST_F(HistoryTest, EveryValueComesBackAsItCame) {
  create();
  measure("21", "2023-01-01T00:01:00Z");
  measure("-3.70", "2023-01-01T00:02:00Z");
  measure("1e3", "2023-01-01T00:03:00Z");
  measure("\"warm\"", "2023-01-01T00:04:00Z");
  const std::vector<std::string> wanted{"20.50", "21", "-3.70", "1e3", "\"warm\""};
  for (int round = 0; round < 3; ++round) {
    const auto all = instances(evolution(kRoom));
    ASSERT_EQ(values(all), wanted) << "round " << round;
    EXPECT_EQ(all[0].unit, "CEL");
    EXPECT_EQ(all[0].subs, "https://uri.etsi.org/ngsi-ld/default-context/accuracy=0.1()");
    EXPECT_EQ(all[0].id, "urn:ngsi-ld:attribute-instance:1-0");
    if (round == 0) {
      ASSERT_TRUE(history->flush().ok());
    }
    if (round == 1) open();
  }
}

TEST_F(HistoryTest, WhatGoesLeavesAnInstanceThatSaysSo) {
  create();
  clock.advance(1s);
  const auto gone = clock.now().ns;
  ASSERT_TRUE(change(Operation::delete_attribute, kRoom, {}, FragmentKind::entity, "temperature"));
  auto all = instances(evolution(kRoom));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].value, "\"urn:ngsi-ld:null\"");
  EXPECT_EQ(all[1].deleted, gone);
  clock.advance(1s);
  ASSERT_TRUE(change(Operation::delete_entity, kRoom));
  const auto whole = evolution(kRoom);
  EXPECT_EQ(whole.deleted_at->ns, clock.now().ns);
  EXPECT_EQ(instances(whole).size(), 2u);  // nothing was left to go
}

TEST_F(HistoryTest, ADeletedEntityComesAgain) {
  create();
  clock.advance(1s);
  ASSERT_TRUE(change(Operation::delete_entity, kRoom));
  clock.advance(1s);
  create();
  ASSERT_TRUE(history->flush().ok());
  const auto again = evolution(kRoom);
  EXPECT_FALSE(again.deleted_at.has_value());
  EXPECT_EQ(again.view().created_at().ns, clock.now().ns);
  EXPECT_EQ(instances(again).size(), 3u);
}

TEST_F(HistoryTest, LastNIsByTheTimeAskedFor) {
  create();
  measure("3", "2023-01-03T00:00:00Z");
  measure("2", "2023-01-02T00:00:00Z");  // late
  ASSERT_TRUE(history->flush().ok());
  measure("0", "2022-12-31T00:00:00Z");  // later still
  auto query = everything();
  query.order = ngsi::TimeProperty::observed_at;
  query.last = 2;
  EXPECT_EQ(values(instances(evolution(kRoom, query))), (std::vector<std::string>{"2", "3"}));
  query.order = ngsi::TimeProperty::modified_at;
  EXPECT_EQ(values(instances(evolution(kRoom, query))), (std::vector<std::string>{"2", "0"}));
}

TEST_F(HistoryTest, IntervalsAreHalfOpen) {
  create();
  measure("1", "2023-01-01T00:01:00Z");
  measure("2", "2023-01-01T00:02:00Z");
  auto query = everything();
  query.interval = ngsi::Interval{ngsi::TimeProperty::observed_at, *base::parse_timestamp("2023-01-01T00:01:00Z"),
                                  *base::parse_timestamp("2023-01-01T00:02:00Z")};
  EXPECT_EQ(values(instances(evolution(kRoom, query))), std::vector<std::string>{"1"});
}

TEST_F(HistoryTest, TooManyAreCutAtOneTime) {
  create();
  for (int i = 1; i < 20; ++i) measure(std::to_string(i), "2023-01-01T00:" + std::to_string(10 + i) + ":00Z");
  ASSERT_TRUE(history->flush().ok());
  auto query = everything();
  query.order = ngsi::TimeProperty::observed_at;
  query.most = 5;
  auto first = evolution(kRoom, query);
  EXPECT_TRUE(first.cut);
  EXPECT_EQ(values(instances(first)), (std::vector<std::string>{"20.50", "1", "2", "3", "4"}));
  query.last = 100;
  first = evolution(kRoom, query);
  EXPECT_TRUE(first.cut);
  EXPECT_EQ(values(instances(first)), (std::vector<std::string>{"15", "16", "17", "18", "19"}));
}

TEST_F(HistoryTest, ScopesAreAHistoryOfTheirOwn) {
  ASSERT_TRUE(change(Operation::create, kRoom, R"({"id":"urn:ngsi-ld:Room:1","type":"Room","scope":"/A"})"));
  clock.advance(10s);
  const auto second = clock.now();
  ASSERT_TRUE(change(Operation::append, kRoom, R"({"scope":["/B","/C"]})", FragmentKind::attributes));
  ASSERT_TRUE(history->flush().ok());
  const auto all = evolution(kRoom);
  ASSERT_EQ(all.scopes.size(), 2u);
  EXPECT_EQ(all.scopes[0].scopes, std::vector<std::string>{"/A"});
  EXPECT_EQ(all.scopes[1].observed_at, second);
  auto query = everything();
  query.interval = ngsi::Interval{ngsi::TimeProperty::observed_at, base::Timestamp{second.ns + 1}, std::nullopt};
  const auto later = evolution(kRoom, query);
  ASSERT_EQ(later.scopes.size(), 1u);           // annex C.5.16: the one that stands
  ASSERT_EQ(later.scopes_in_force.size(), 1u);  // set before, in force still
  EXPECT_EQ(later.scopes_in_force[0], (std::vector<std::string>{"/B", "/C"}));
}

TEST_F(HistoryTest, ThePastIsChangedByInstance) {
  create();
  measure("1", "2023-01-01T00:01:00Z");
  ASSERT_TRUE(history->flush().ok());
  measure("2", "2023-01-01T00:02:00Z");
  const auto before = instances(evolution(kRoom));
  const auto id = *ngsi::read_instance_id(before[1].id);
  EXPECT_TRUE(*history->has_instance("", kRoom, name("temperature"), id, symbols));
  ngsi::TemporalChange modify;
  modify.operation = ngsi::TemporalChange::Operation::modify_instance;
  modify.id = kRoom;
  modify.attribute = name("temperature");
  modify.instance = id;
  modify.block = fragment(R"({"temperature":{"type":"Property","value":1.5,"observedAt":"2023-01-01T05:00:00Z"}})",
                          FragmentKind::attributes, kRoom)
                     .block;
  change_past(modify);
  ngsi::TemporalChange remove;
  remove.operation = ngsi::TemporalChange::Operation::delete_instance;
  remove.id = kRoom;
  remove.attribute = name("temperature");
  remove.instance = *ngsi::read_instance_id(before[0].id);
  change_past(remove);
  for (int round = 0; round < 4; ++round) {
    auto query = everything();
    query.order = ngsi::TimeProperty::observed_at;
    const auto all = instances(evolution(kRoom, query));
    ASSERT_EQ(values(all), (std::vector<std::string>{"2", "1.5"})) << "round " << round;
    EXPECT_EQ(all[1].created, before[1].created);
    EXPECT_EQ(all[1].id, before[1].id);
    EXPECT_FALSE(*history->has_instance("", kRoom, name("temperature"), remove.instance, symbols));
    if (round == 0) {
      ASSERT_TRUE(history->flush().ok());
    }
    if (round == 1) open();
    if (round == 2) {
      ASSERT_TRUE(history->merge_all().ok());
    }
  }
}

TEST_F(HistoryTest, AnEvolutionIsTakenOutAndBeginsAgain) {
  create();
  ngsi::TemporalChange remove;
  remove.operation = ngsi::TemporalChange::Operation::delete_entity;
  remove.id = kRoom;
  change_past(remove);
  EXPECT_EQ(history->retrieve("", kRoom, everything(), symbols).error().code, base::Code::not_found);
  measure("5", "2023-01-01T00:02:00Z");
  EXPECT_EQ(values(instances(evolution(kRoom))), std::vector<std::string>{"5"});
  ASSERT_TRUE(history->merge_all().ok());
  EXPECT_EQ(values(instances(evolution(kRoom))), std::vector<std::string>{"5"});
}

TEST_F(HistoryTest, CandidatesAreFoundByTypeOnDiskAndInMemory) {
  const auto make = [&](const std::string& id, const std::string& type) {
    ASSERT_TRUE(change(Operation::create, id,
                       R"({"id":")" + id + R"(","type":")" + type + R"(","n":{"type":"Property","value":1}})"));
  };
  make("urn:a:1", "A");
  make("urn:a:3", "A");
  make("urn:b:1", "B");
  ASSERT_TRUE(history->flush().ok());
  make("urn:a:2", "A");
  ASSERT_TRUE(change(Operation::delete_entity, "urn:a:1"));
  const auto ids = [&](const ngsi::Query& query, std::optional<std::string> after = {}, bool descending = false) {
    std::vector<std::string> out;
    EXPECT_TRUE(history
                    ->candidates("", query, after, descending, symbols,
                                 [&](ngsi::EntityView entity) {
                                   out.emplace_back(entity.id());
                                   return true;
                                 })
                    .ok());
    return out;
  };
  ngsi::Query query;
  EXPECT_EQ(ids(query), (std::vector<std::string>{"urn:a:1", "urn:a:2", "urn:a:3", "urn:b:1"}));
  query.type = *ngsi::parse_type_selection("A", names());
  EXPECT_EQ(ids(query), (std::vector<std::string>{"urn:a:1", "urn:a:2", "urn:a:3"}));
  EXPECT_EQ(ids(query, "urn:a:1"), (std::vector<std::string>{"urn:a:2", "urn:a:3"}));
  EXPECT_EQ(ids(query, std::nullopt, true), (std::vector<std::string>{"urn:a:3", "urn:a:2", "urn:a:1"}));
  EXPECT_EQ(ids(query, "urn:a:3", true), (std::vector<std::string>{"urn:a:2", "urn:a:1"}));
  query.type = *ngsi::parse_type_selection("B", names());
  EXPECT_EQ(ids(query), std::vector<std::string>{"urn:b:1"});
}

TEST_F(HistoryTest, AFirstFillingThatWasCutShortBeginsAnew) {
  create();
  History& first = *history;
  (void)first;
  World other;
  EXPECT_TRUE(other.history->is_new());
  auto seeded = other.history->seed("", symbols, ngsi::EntityView(entities.at(kRoom)));
  ASSERT_TRUE(seeded.ok());
  ASSERT_TRUE(other.history->flush().ok());
  other.open();  // without begin()
  EXPECT_TRUE(other.history->is_new());
  ASSERT_TRUE(other.history->seed("", symbols, ngsi::EntityView(entities.at(kRoom))).ok());
  ASSERT_TRUE(other.history->begin({7}).ok());
  other.open();
  EXPECT_FALSE(other.history->is_new());
  EXPECT_EQ(other.history->durable().value, 7u);
  EXPECT_EQ(values(other.instances(other.evolution(kRoom))), std::vector<std::string>{"20.50"});
}

TEST_F(HistoryTest, PeriodsFollowTheCalendar) {
  create();
  measure("10", "2023-01-31T12:00:00Z");
  measure("20", "2023-02-10T00:00:00Z");
  measure("40", "2023-02-28T23:59:59Z");
  measure("1", "2023-03-01T00:00:00Z");
  ngsi::AggregationQuery query;
  query.evolution.interval =
      ngsi::Interval{ngsi::TimeProperty::observed_at, *base::parse_timestamp("2023-01-01T00:00:00Z"), std::nullopt};
  query.methods = {ngsi::AggregateMethod::total_count, ngsi::AggregateMethod::avg, ngsi::AggregateMethod::max,
                   ngsi::AggregateMethod::sumsq, ngsi::AggregateMethod::stddev};
  query.period.months = 1;
  for (int round = 0; round < 2; ++round) {
    const auto got = history->aggregate("", kRoom, query, symbols);
    ASSERT_TRUE(got.ok()) << got.error().message;
    ASSERT_EQ(got->series.size(), 1u);
    const auto& rows = got->series[0].rows;
    ASSERT_EQ(rows.size(), 3u);
    const auto value = [&](std::size_t row, ngsi::AggregateMethod method) {
      return rows[row].values[static_cast<std::size_t>(method)];
    };
    EXPECT_EQ(base::to_string(rows[1].begin), "2023-02-01T00:00:00Z");
    EXPECT_EQ(base::to_string(rows[1].end), "2023-03-01T00:00:00Z");
    EXPECT_EQ(value(0, ngsi::AggregateMethod::avg), "15.25");
    EXPECT_EQ(value(1, ngsi::AggregateMethod::total_count), "2");
    EXPECT_EQ(value(1, ngsi::AggregateMethod::max), "40");
    EXPECT_EQ(value(1, ngsi::AggregateMethod::sumsq), "2000");
    EXPECT_EQ(value(1, ngsi::AggregateMethod::stddev), "10");
    EXPECT_TRUE(value(1, ngsi::AggregateMethod::sum).empty());
    ASSERT_TRUE(history->flush().ok());
  }
}

/// The files of a folder that hold this text somewhere.
std::string holding(const std::string& folder, const std::string& text) {
  std::string out;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const auto read = base::read_file(base::real_files(), file.path().string());
    if (read.ok() && read->find(text) != std::string::npos) out += file.path().filename().string() + " ";
  }
  return out;
}

TEST_F(HistoryTest, WhatIsErasedIsOffTheDisk) {
  const std::string person = "urn:ngsi-ld:Person:Margarethe";
  ASSERT_TRUE(change(Operation::create, person,
                     R"({"id":"urn:ngsi-ld:Person:Margarethe","type":"Person",)"
                     R"("note":{"type":"Property","value":"SecretOfMargarethe"}})"));
  create();
  ASSERT_TRUE(history->flush().ok());
  open();  // what the log still held is in files now
  EXPECT_NE(holding(options.folder, "Margarethe"), "");
  journal::Record record;
  record.kind = journal::RecordKind::erase;
  record.payload = std::as_bytes(std::span(person));
  give(record);
  EXPECT_EQ(history->retrieve("", person, everything(), symbols).error().code, base::Code::not_found);
  EXPECT_FALSE(*history->erase({{"", person, {position + 1}}}));  // not there yet
  ASSERT_TRUE(*history->erase({{"", person, {position}}}));
  EXPECT_EQ(holding(options.folder, "Margarethe"), "");
  EXPECT_EQ(values(instances(evolution(kRoom))), std::vector<std::string>{"20.50"});
  open();
  EXPECT_EQ(history->retrieve("", person, everything(), symbols).error().code, base::Code::not_found);
  EXPECT_EQ(values(instances(evolution(kRoom))), std::vector<std::string>{"20.50"});
}

}  // namespace
}  // namespace madang::history::testing
