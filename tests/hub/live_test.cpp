// Live streams of the hub: followed questions, fences, what was missed, the journal as a feed.

#include <map>

#include "madang/ngsi/query.h"

#include "governance/deny_policy.h"
#include "hub/harness.h"

namespace madang::hub::testing {
namespace {

using Texts = std::vector<std::string>;

/// A question about values of n; shows "<kind> <id> <n>".
class Asked final : public LiveQuestion {
 public:
  Asked(ngsi::SymbolTable& symbols, std::string q) : words_(ngsi::core_context(), symbols), q_(std::move(q)) {}
  base::Result<ngsi::Query> compile() override {
    ngsi::Query query;
    MADANG_TRY(query.type, ngsi::parse_type_selection("T", words_));
    if (!q_.empty()) {
      MADANG_TRY(query.q, ngsi::parse_q(q_, words_));
    }
    return query;
  }
  void render(std::string& out, const LiveChange& change) override {
    constexpr const char* kKinds[] = {"entity", "unmatched", "deleted"};
    out.append(kKinds[static_cast<int>(change.kind)]).append(" ").append(change.id);
    if (!change.entity) return;
    ngsi::Representation how;
    how.format = ngsi::Format::simplified;
    out += " ";
    ngsi::append_entity(out, change.entity, words_, how, change.filter);
  }

 private:
  ngsi::Vocabulary words_;
  const std::string q_;
};

class Following : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto opened = city.open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }

  struct Follower {
    std::shared_ptr<void> ticket;
    Texts seen;
    bool lost = false;
  };
  std::shared_ptr<Follower> follow(const std::string& q = {}, const PrincipalPtr& who = admin(), std::string key = {}) {
    auto made = std::make_shared<Follower>();
    auto ticket = city.hub->live().follow(who, city.tenant, key.empty() ? q + who->name : key,
                                          std::make_unique<Asked>(**city.hub->symbols(city.tenant), q), city.queue,
                                          [kept = std::weak_ptr(made)](const LiveBatchPtr& batch) {
                                            const auto told = kept.lock();
                                            if (!told) return;
                                            told->lost = told->lost || !batch;
                                            if (!batch) return;
                                            for (const auto& item : batch->items)
                                              told->seen.emplace_back(batch->text_of(item));
                                          });
    EXPECT_TRUE(ticket.ok());
    made->ticket = std::move(ticket).value();
    return made;
  }
  /// Until everything shown so far has been told.
  std::uint64_t settle() {
    std::uint64_t position = 0;
    city.hub->live().fence(city.queue, [&](std::uint64_t reached) { position = reached; });
    EXPECT_TRUE(city.queue.run_until([&] { return position != 0; }));
    return position;
  }
  base::Result<Live::MissedPage> missed(std::uint64_t after, const PrincipalPtr& who = admin()) {
    std::optional<base::Result<Live::MissedPage>> got;
    city.hub->live().missed(who, city.tenant, after, city.queue, [&](auto page) { got.emplace(std::move(page)); });
    EXPECT_TRUE(city.queue.run_until([&] { return got.has_value(); }));
    return std::move(*got);
  }
  base::Result<Live::Changes> changes(std::uint64_t after, std::size_t limit = 100, const PrincipalPtr& who = admin()) {
    std::optional<base::Result<Live::Changes>> got;
    city.hub->live().changes(who, city.tenant, after, limit, 1 << 20, std::chrono::seconds(0), city.queue,
                             [&](auto page) { got.emplace(std::move(page)); });
    EXPECT_TRUE(city.queue.run_until([&] { return got.has_value(); }));
    return std::move(*got);
  }

  base::SimulatedFiles files;
  base::ManualClock clock{base::parse_timestamp("2026-01-01T00:00:00Z").value()};
  World city{files, clock};
};

TEST_F(Following, EveryChangeIsToldInOrder) {
  const auto all = follow(), some = follow("n>2");
  city.create("urn:r:1", R"("n":{"value":1})");
  city.update("urn:r:1", R"("n":{"value":3})");
  city.update("urn:r:1", R"("n":{"value":2})");
  city.update("urn:r:1", R"("n":{"value":4})");
  city.remove("urn:r:1");
  settle();
  EXPECT_EQ(all->seen, (Texts{R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":1})",
                              R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":3})",
                              R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":2})",
                              R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":4})", "deleted urn:r:1"}));
  EXPECT_EQ(some->seen, (Texts{R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":3})", "unmatched urn:r:1",
                               R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":4})", "deleted urn:r:1"}));
}

TEST_F(Following, WhoGoesHearsNothingMore) {
  auto gone = follow(), stays = follow();
  city.create("urn:r:1", R"("n":{"value":1})");
  settle();
  gone->ticket.reset();
  city.update("urn:r:1", R"("n":{"value":2})");
  settle();
  EXPECT_EQ(gone->seen.size(), 1u);
  EXPECT_EQ(stays->seen.size(), 2u);
  stays->ticket.reset();
  city.update("urn:r:1", R"("n":{"value":3})");
  settle();
  const auto again = follow();
  city.update("urn:r:1", R"("n":{"value":4})");
  settle();
  EXPECT_EQ(stays->seen.size(), 2u);
  EXPECT_EQ(again->seen.size(), 1u);
}

TEST_F(Following, APolicyHoldsForStreams) {
  const auto who = governance::testing::denied_principal("secret", *city.names().intern("pin"));
  const auto stream = follow({}, who), peeping = follow("pin==1", who);
  city.create("urn:secret:1", R"("n":{"value":1})");
  city.create("urn:r:1", R"("n":{"value":1},"pin":{"value":1})");
  city.remove("urn:secret:1");
  settle();
  EXPECT_EQ(stream->seen, Texts{R"(entity urn:r:1 {"id":"urn:r:1","type":"T","n":1})"});
  EXPECT_EQ(peeping->seen, Texts{}) << "nobody learns a hidden value by asking about it";
  // What such a one could see then, the journal cannot tell.
  EXPECT_EQ(missed(0, who).error().code, base::Code::forbidden);
  EXPECT_EQ(changes(0, 10, who).error().code, base::Code::forbidden);
}

TEST_F(Following, OtherTenantsAreOthers) {
  const auto stream = follow();
  city.tenant = "elsewhere";
  ASSERT_TRUE(city.hub->symbols("elsewhere", true).ok());
  const auto there = follow({}, admin(), "there");
  auto made =
      city.change(ngsi::Operation::create, R"({"id":"urn:r:9","type":"T"})", ngsi::FragmentKind::entity, "urn:r:9");
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(city.apply(std::move(*made)).error.has_value());
  settle();
  EXPECT_EQ(stream->seen, Texts{});
  EXPECT_EQ(there->seen.size(), 1u);
}

TEST_F(Following, WhatCannotBeKeptIsSaid) {
  city.close();
  city.options.live.queue_bytes = 100;  // less than one change
  ASSERT_TRUE(city.open().ok());
  const auto stream = follow();
  city.create("urn:r:1", R"("n":{"value":1})");
  settle();
  EXPECT_TRUE(stream->lost);
  EXPECT_EQ(stream->seen, Texts{});
  city.update("urn:r:1", R"("n":{"value":2})");
  settle();
  EXPECT_EQ(stream->seen, Texts{}) << "it has to ask what it missed";
}

TEST_F(Following, QuestionsAreBounded) {
  city.close();
  city.options.live.questions = 2;
  ASSERT_TRUE(city.open().ok());
  const auto a = follow("n>1"), b = follow("n>2"), c = follow("n>2");
  auto refused =
      city.hub->live().follow(admin(), city.tenant, "d", std::make_unique<Asked>(**city.hub->symbols(city.tenant), ""),
                              city.queue, [](const LiveBatchPtr&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::Code::too_many_requests);
}

TEST_F(Following, WhatWasMissedIsToldOnceInTheOrderOfLastChanges) {
  city.create("urn:r:1", R"("n":{"value":1})");
  city.create("urn:r:2", R"("n":{"value":1})");
  const std::uint64_t position = city.hub->live().position();
  city.create("urn:r:3", R"("n":{"value":1})");
  city.update("urn:r:1", R"("n":{"value":2})");
  city.update("urn:r:3", R"("n":{"value":2})");
  city.remove("urn:r:2");
  city.update("urn:r:1", R"("n":{"value":3})");
  const auto page = missed(position);
  ASSERT_TRUE(page.ok()) << page.error().message;
  Texts ids;
  for (const auto& one : page->entities) ids.push_back(one.id);
  EXPECT_EQ(ids, (Texts{"urn:r:3", "urn:r:2", "urn:r:1"}));
  EXPECT_EQ(page->until, city.hub->live().position());
  EXPECT_EQ(missed(page->until)->entities.size(), 0u);
  EXPECT_EQ(missed(page->until + 1'000).error().code, base::Code::conflict);
}

TEST_F(Following, TooMuchMissedIsNotTold) {
  city.close();
  city.options.live.catch_up_entities = 3;
  ASSERT_TRUE(city.open().ok());
  for (int i = 0; i < 4; ++i) city.create("urn:r:" + std::to_string(i), R"("n":{"value":1})");
  EXPECT_EQ(missed(0).error().code, base::Code::conflict);
}

TEST_F(Following, TheFeedHasEveryChangeOnce) {
  std::map<std::string, int> expected;
  for (int i = 0; i < 30; ++i) {
    const std::string id = "urn:r:" + std::to_string(i % 7);
    if (expected[id]++ == 0) {
      city.create(id, R"("n":{"value":1})");
    } else {
      city.update(id, R"("n":{"value":)" + std::to_string(i) + "}");
    }
  }
  std::map<std::string, int> found;
  std::uint64_t position = 0, last = 0;
  for (;;) {
    const auto page = changes(position, 4);
    ASSERT_TRUE(page.ok()) << page.error().message;
    if (page->entries.empty()) break;
    for (const JournalEntry& entry : page->entries) {
      ++found[entry.id];
      EXPECT_GT(entry.position, last);
      last = entry.position;
    }
    position = page->next;
  }
  EXPECT_EQ(found, expected);
}

TEST_F(Following, ThePastIsGoneWhereTheJournalIs) {
  city.close();
  city.options.keep_bytes = 1;
  city.options.keep_age = std::chrono::seconds(0);
  city.options.tail_bytes = 32 << 10;
  ASSERT_TRUE(city.open().ok());
  const std::string filler = R"("f":{"value":")" + std::string(4'000, 'x') + "\"}";
  city.create("urn:r:1", filler);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; city.hub->health().oldest_kept <= 1; ++i) {
    ASSERT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60)) << "no segment was dropped";
    city.update("urn:r:1", R"("n":{"value":)" + std::to_string(i) + "}," + filler);
  }
  EXPECT_EQ(missed(0).error().code, base::Code::conflict);
  EXPECT_EQ(changes(0).error().code, base::Code::conflict);
}

TEST_F(Following, ClosingTellsWhoWaits) {
  std::string code;
  city.hub->live().changes(admin(), city.tenant, city.hub->live().position(), 10, 1 << 20, std::chrono::hours(1),
                           city.queue,
                           [&](const auto& page) { code = page.ok() ? "" : base::code_name(page.error().code); });
  city.hub->close();
  city.queue.run_posted();
  EXPECT_EQ(code, "unavailable");
}

}  // namespace
}  // namespace madang::hub::testing
