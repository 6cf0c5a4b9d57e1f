// Erasing a person takes what is the person's now or was once, on a real disk with history; what was handed on stays,
// without its past; who else speaks of the person is told.

#include <filesystem>
#include <thread>

#include "harness.h"

namespace madang::hub::testing {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

const std::string kKim = "urn:person:kim";
const std::string kOwner = "https://uri.etsi.org/ngsi-ld/default-context/ownedBy";
const std::string kReporter = "https://uri.etsi.org/ngsi-ld/default-context/reportedBy";

std::string link(const std::string& name, const std::string& to) {
  return "\"" + name + R"(":{"type":"Relationship","object":")" + to + "\"}";
}

class ErasingAPerson : public WithHistory {
 protected:
  static Hub::Person kim(Ids types = {}) { return {kKim, {kOwner, kReporter}, std::move(types)}; }

  base::Result<Hub::Theirs> look(Hub::Person person, const PrincipalPtr& who = admin()) {
    std::optional<base::Result<Hub::Theirs>> got;
    world.hub->find_person(*who, world.tenant, std::move(person), world.queue,
                           [&](base::Result<Hub::Theirs> found) { got = std::move(found); });
    EXPECT_TRUE(world.queue.run_until([&] { return got.has_value(); }));
    return std::move(*got);
  }
  std::string ask(Hub::Person person, const PrincipalPtr& who = admin()) {
    std::optional<base::Result<std::string>> answer;
    world.hub->erase(*who, world.tenant, {{}, false, std::move(person)}, world.queue,
                     [&](base::Result<std::string> id) { answer = std::move(id); });
    EXPECT_TRUE(world.queue.run_until([&] { return answer.has_value(); }));
    return answer->ok() ? **answer : "refused: " + answer->error().message;
  }
  Hub::ErasureState state(const std::string& id) {
    for (auto& each : *world.hub->erasures(*admin(), world.tenant))
      if (each.id == id) return each;
    return {};
  }
  void wait_until(const std::string& id, const std::function<bool(const Hub::ErasureState&)>& what) {
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (!what(state(id)) && std::chrono::steady_clock::now() < limit) {
      world.queue.run_posted();
      std::this_thread::sleep_for(2ms);
    }
    ASSERT_TRUE(what(state(id))) << "not in time";
  }
  void erase(Hub::Person person) {
    const std::string id = ask(std::move(person));
    wait_until(id, [](const auto& state) { return state.done.has_value(); });
    told = state(id);
  }
  /// Gives history time to take what there is, and to write it.
  void keep_past() {
    world.close();
    open();
  }
  std::string raw() {
    std::string all;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder))
      if (file.is_regular_file())
        if (auto text = base::read_file(base::real_files(), file.path().string()); text.ok()) all += *text;
    return all;
  }
  std::vector<std::string> past(const std::string& id) { return World::values(world.past(id)); }

  void populate() {
    world.create(kKim, R"("phone":"010-1234-5678")");
    world.create("urn:person:kimchi", R"("phone":"02-1")");
    world.create("urn:car:1", link("ownedBy", kKim) + R"(,"plate":"12GA3456")");
    world.create("urn:report:1", link("reportedBy", kKim) + R"(,"text":"my street")");
    world.update("urn:report:1", R"("reportedBy":"urn:ngsi-ld:null")");
    world.create("urn:report:2", link("reportedBy", kKim) + R"(,"text":"your street")");
    world.remove("urn:report:2");
    world.create("urn:bike:1", link("ownedBy", kKim) + R"(,"lock":"4711")");
    world.update("urn:bike:1", link("ownedBy", "urn:person:lee") + R"(,"lock":"0815")");
    world.create("urn:bus:1", link("driver", kKim));
    world.create("urn:bus:2", link("driver", "urn:person:kimchi"));
    world.create("urn:lamp:1",
                 R"("checked":{"type":"Property","value":1,"by":{"type":"Relationship","object":"urn:person:kim"}})");
    world.update("urn:lamp:1", R"("checked":{"type":"Property","value":2})");
  }

  Hub::ErasureState told;
};

TEST_F(ErasingAPerson, ALookBeforeSaysWhatWouldGo) {
  open();
  populate();
  for (int round = 0; round < 2; ++round) {
    const auto found = look(kim());
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->entities.ids, (Ids{"urn:car:1", "urn:report:1", "urn:report:2"}));
    EXPECT_EQ(found->handed_on.ids, (Ids{"urn:bike:1"}));
    EXPECT_EQ(found->mentions.ids, (Ids{"urn:bus:1", "urn:lamp:1"}));
    EXPECT_EQ(found->mentions.count, 2u);
    keep_past();
  }
  EXPECT_NE(world.get("urn:car:1"), "");
  const std::string type = "https://uri.etsi.org/ngsi-ld/default-context/T";
  EXPECT_EQ(look(kim({type}))->entities.count, 3u);
  const auto others = look(kim({type + "2"}));
  EXPECT_EQ(others->entities.count + others->handed_on.count, 0u);
  EXPECT_EQ(others->mentions.count, 6u);
}

TEST_F(ErasingAPerson, TakesWhatIsTheirsAndWasOnce) {
  open();
  populate();
  keep_past();
  world.update("urn:car:1", R"("plate":"34NA5678")");
  erase(kim());
  EXPECT_EQ(told.entities, 5u);
  EXPECT_EQ(told.handed_on, 1u);
  EXPECT_EQ(told.mentions.ids, (Ids{"urn:bus:1", "urn:lamp:1"}));
  EXPECT_FALSE(told.more);
  EXPECT_EQ(told.through, (Ids{kOwner, kReporter}));
  for (const std::string id : {"urn:person:kim", "urn:car:1", "urn:report:1", "urn:report:2"}) {
    EXPECT_EQ(world.get(id), "");
    EXPECT_TRUE(past(id).empty()) << id;
  }
  EXPECT_NE(world.get("urn:person:kimchi"), "");
  // The bike is Lee's: what it is stays, with no past from before.
  EXPECT_NE(world.get("urn:bike:1").find("0815"), std::string::npos);
  EXPECT_EQ(past("urn:bike:1"), (Ids{"\"urn:person:lee\"", "\"0815\""}));
  const auto left = look(kim());
  EXPECT_EQ(left->entities.count + left->handed_on.count, 0u);
  EXPECT_EQ(left->mentions.ids, (Ids{"urn:bus:1", "urn:lamp:1"}));
  world.close();
  const std::string all = raw();
  for (const std::string_view secret : {"010-1234", "12GA", "34NA", "my street", "your street", "4711"})
    EXPECT_EQ(all.find(secret), std::string::npos) << secret;
  EXPECT_NE(all.find("0815"), std::string::npos);
  open();
  EXPECT_NE(world.get("urn:bike:1").find("0815"), std::string::npos);
  EXPECT_EQ(past("urn:bike:1"), (Ids{"\"urn:person:lee\"", "\"0815\""}));
  EXPECT_EQ(world.get("urn:car:1"), "");
}

TEST_F(ErasingAPerson, WhenWhoeverSpeaksOfThemGoesTooNothingIsLeft) {
  open();
  populate();
  keep_past();
  erase(kim());
  std::optional<base::Result<std::string>> answer;
  world.hub->erase(*admin(), "", {told.mentions.ids, false, {}}, world.queue,
                   [&](base::Result<std::string> id) { answer = std::move(id); });
  ASSERT_TRUE(world.queue.run_until([&] { return answer.has_value(); }));
  wait_until(**answer, [](const auto& state) { return state.done.has_value(); });
  // Nor do the records of what was done name them.
  for (const auto& each : *world.hub->erasures(*admin(), "")) EXPECT_TRUE(each.mentions.ids.empty());
  EXPECT_EQ(look(kim())->mentions.count, 0u);
  world.close();
  const std::string all = raw();
  for (const std::string_view word : {"urn:person:kim\"", "urn:bus:1", "urn:car:1", "urn:lamp:1", "urn:report"})
    EXPECT_EQ(all.find(word), std::string::npos) << word;
  EXPECT_NE(all.find("urn:person:kimchi"), std::string::npos);
}

TEST_F(ErasingAPerson, WhatIsLinkedMeanwhileIsCaught) {
  open();
  world.create(kKim, R"("phone":"1")");
  for (int i = 0; i < 400; ++i) world.create("urn:car:" + std::to_string(i), link("ownedBy", kKim));
  const std::string id = ask(kim());
  int last = 400;
  for (; !state(id).removed && last < 20'000; ++last) {
    ASSERT_FALSE(world.create("urn:car:" + std::to_string(last), link("ownedBy", kKim)).error);
    // What is seen while it goes on may have been linked just now, and is in the next round.
  }
  wait_until(id, [](const auto& state) { return state.done.has_value(); });
  EXPECT_GE(state(id).entities, 401u);
  EXPECT_EQ(world.get("urn:car:0"), "");
  EXPECT_EQ(world.get("urn:car:399"), "");
  // A second one takes what came behind the first.
  erase(kim());
  EXPECT_EQ(look(kim())->entities.count, 0u);
  for (int i = 0; i < last; ++i) ASSERT_EQ(world.get("urn:car:" + std::to_string(i)), "") << i;
}

TEST_F(ErasingAPerson, GoesOnAfterARestart) {
  world.options.erase_within = 7'200s;
  open();
  populate();
  const std::string id = ask(kim());
  keep_past();
  wait_until(id, [](const auto& state) { return state.removed; });
  keep_past();
  EXPECT_NE(raw().find("010-1234"), std::string::npos);
  EXPECT_EQ(state(id).entities, 5u);
  world.close();
  world.options.erase_within = 0s;
  open();
  wait_until(id, [](const auto& state) { return state.done.has_value(); });
  EXPECT_EQ(state(id).mentions.count, 2u);
  EXPECT_NE(world.get("urn:bike:1").find("0815"), std::string::npos);
  world.close();
  EXPECT_EQ(raw().find("010-1234"), std::string::npos);
}

TEST_F(ErasingAPerson, IsForAdministratorsAndWithinLimits) {
  open();
  auto writer = std::make_shared<Principal>(*admin());
  writer->role = governance::Role::write;
  EXPECT_NE(ask(kim(), writer).find("refused"), std::string::npos);
  EXPECT_EQ(look(kim(), writer).error().code, base::Code::forbidden);
  EXPECT_EQ(look({kKim, {}, {}}).error().code, base::Code::bad_request_data);
  EXPECT_EQ(look({kKim, Ids(101, kOwner), {}}).error().code, base::Code::too_large);
  EXPECT_NE(ask({kKim, {}, {}}).find("refused"), std::string::npos);
  int answered = 0, refused = 0;
  for (int i = 0; i < 100; ++i)
    world.hub->find_person(*admin(), "", kim(), world.queue, [&](base::Result<Hub::Theirs> found) {
      ++answered;
      refused += found.ok() ? 0 : 1;
    });
  ASSERT_TRUE(world.queue.run_until([&] { return answered == 100; }));
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 100);
}

}  // namespace
}  // namespace madang::hub::testing
