// A sealed backup holds history, entity by entity: what a restored folder says of the past is what was said before, it
// goes on from there, and what was erased since cannot be opened.

#include <filesystem>

#include "harness.h"

namespace madang::hub::testing {
namespace {

using namespace std::chrono_literals;
using ngsi::FragmentKind;
using ngsi::Operation;

const std::string kRoom = "urn:room:1", kOther = "urn:room:2";

class SealedHistory : public WithHistory {
 protected:
  void measure(const std::string& id, int value) {
    clock.advance(1s);
    ASSERT_FALSE(world.update(id, R"("t":{"type":"Property","value":)" + std::to_string(value) + "}").error);
  }
  Hub::BackupPlan plan() {
    auto made = world.hub->begin_backup(*admin());
    EXPECT_TRUE(made.ok());
    return *made;
  }
  void seal(const Hub::BackupPlan& plan, const std::string& to) {
    const auto sealed = seal_folder(base::real_files(), folder + "/city", folder + "/" + to, plan, nullptr);
    ASSERT_TRUE(sealed.ok()) << sealed.error().message;
    world.hub->end_backup(plan.ticket);
    ASSERT_TRUE(check_folder(base::real_files(), folder + "/" + to, [](std::string_view) {}).ok());
  }
  void restore(const std::string& from, const std::string& to, std::optional<std::uint64_t> at = {}) {
    const auto done =
        restore_folder(base::real_files(), folder + "/" + from, folder + "/" + to, at, {}, folder + "/city/keys");
    ASSERT_TRUE(done.ok()) << done.error().message << " " << done.error().where;
  }

  /// Everything that is known of an entity's past, as text.
  static std::string past(World& of, const std::string& id) {
    auto query = World::by_change();
    query.most = ngsi::kMostInstances;
    const auto got = of.past(id, query);
    if (!got.ok()) return got.error().message;
    const ngsi::EntityView view = got->view();
    const ngsi::SymbolTable& symbols = **of.hub->symbols(of.tenant);
    std::string out = std::to_string(view.created_at().ns) + " " + std::to_string(view.modified_at().ns);
    if (got->deleted_at) out += " deleted " + std::to_string(got->deleted_at->ns);
    for (std::size_t i = 0; i < view.type_count(); ++i) out += " " + std::string(symbols.name(view.type(i)));
    for (std::size_t i = 0; i < view.attribute_count(); ++i) {
      const ngsi::AttributeView each = view.attribute(i);
      out += "\n" + std::string(symbols.name(each.name)) + "[" + std::string(each.dataset_id) +
             "]=" + std::string(each.value) + " " + std::to_string(each.created_at.ns) + " " +
             std::to_string(each.modified_at.ns) + " " + ngsi::to_string(got->beside[i].id);
      if (each.observed_at) out += " at " + std::to_string(each.observed_at->ns);
      if (got->beside[i].deleted_at) out += " deleted";
      each.each_sub([&](const ngsi::AttributeView& sub) {
        out += " ." + std::string(symbols.name(sub.name)) + "=" + std::string(sub.value);
      });
    }
    for (const auto& scope : got->scopes) {
      out += "\nscope";
      for (const std::string& each : scope.scopes) out += " " + each;
      out += " " + std::to_string(scope.modified_at.ns) + " " + ngsi::to_string(scope.id);
    }
    return out;
  }
  std::string past(const std::string& id) { return past(world, id); }
  static std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
};

TEST_F(SealedHistory, ComesBackAsItWasAndGoesOn) {
  ASSERT_TRUE(world.open().ok());
  world.create(
      kRoom,
      R"("t":{"type":"Property","value":0,"unitCode":"CEL","by":{"type":"Property","value":"x"}},"scope":["/A"])");
  world.create(kOther,
               R"("t":0,"u":[{"type":"Property","value":1,"datasetId":"urn:d:1"},{"type":"Property","value":2}])");
  for (int i = 1; i < 3'000; ++i) measure(kRoom, i % 7);  // blocks of its own
  for (int i = 1; i < 30; ++i) measure(kOther, i);
  world.update(kRoom, R"("scope":["/B","/C"])");
  world.create("urn:gone:1", R"("t":1)");
  clock.advance(1s);
  world.remove("urn:gone:1");
  auto first = plan();
  const std::uint64_t before_more = first.position;
  // History's copy is as of the plan; what comes behind it is in the journal's part.
  for (int i = 100; i < 130; ++i) measure(kOther, i);
  world.create("urn:new:1", R"("t":1)");
  const std::vector<std::string> all{kRoom, kOther, "urn:gone:1", "urn:new:1"};
  std::map<std::string, std::string> before;
  for (const std::string& id : all) before[id] = past(id);
  first.position = world.hub->health().durable;
  seal(first, "vault");

  restore("vault", "restored");
  World other(base::real_files(), clock);
  other.options.folder = folder + "/restored";
  other.options.history = true;
  ASSERT_TRUE(other.open().ok());
  for (const std::string& id : all) EXPECT_EQ(past(other, id), before[id]) << id;
  EXPECT_EQ(lines(before[kRoom]), 3'002u);
  // It goes on, once.
  clock.advance(1s);
  EXPECT_FALSE(other.update(kOther, R"("t":4711)").error);
  EXPECT_EQ(lines(past(other, kOther)), lines(before[kOther]) + 1);
  other.close();
  ASSERT_TRUE(other.open().ok());
  EXPECT_EQ(lines(past(other, kOther)), lines(before[kOther]) + 1);
  EXPECT_EQ(past(other, kRoom), before[kRoom]);
  other.close();
  ASSERT_TRUE(check_folder(base::real_files(), folder + "/restored", [](std::string_view) {}).ok());

  // As of the copy, history alone; before it, it begins anew.
  restore("vault", "as_copied", before_more);
  other.options.folder = folder + "/as_copied";
  other.options.history = true;
  ASSERT_TRUE(other.open().ok());
  EXPECT_EQ(lines(past(other, kOther)), lines(before[kOther]) - 30);
  EXPECT_EQ(past(other, "urn:gone:1"), before["urn:gone:1"]);
}

TEST_F(SealedHistory, OfWhatWasErasedCannotBeOpenedAndWhatComesAgainCan) {
  ASSERT_TRUE(world.open().ok());
  world.create(kRoom, R"("t":0)");
  world.create(kOther, R"("t":0)");
  for (int i = 1; i < 100; ++i) measure(kRoom, i), measure(kOther, i);
  const std::string before = past(kOther);
  seal(plan(), "vault");
  std::optional<base::Result<std::string>> asked;
  world.hub->erase(*admin(), "", {{kRoom}, false, {}}, world.queue,
                   [&](base::Result<std::string> id) { asked = std::move(id); });
  ASSERT_TRUE(world.queue.run_until([&] { return asked.has_value(); }));
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (!world.hub->erasures(*admin(), "")->front().done && std::chrono::steady_clock::now() < limit)
    world.queue.run_posted();
  ASSERT_TRUE(world.hub->erasures(*admin(), "")->front().done);
  world.create(kRoom, R"("t":1000)");
  measure(kRoom, 1'001);
  const std::string again = past(kRoom);
  EXPECT_EQ(lines(again), 2u);
  seal(plan(), "later");

  World other(base::real_files(), clock);
  restore("vault", "one");
  other.options.folder = folder + "/one";
  other.options.history = true;
  ASSERT_TRUE(other.open().ok());
  EXPECT_EQ(other.get(kRoom), "");
  EXPECT_NE(past(other, kRoom).find("History knows no entity"), std::string::npos);
  EXPECT_EQ(past(other, kOther), before);
  other.close();
  restore("later", "two");
  other.options.folder = folder + "/two";
  other.options.history = true;
  ASSERT_TRUE(other.open().ok());
  EXPECT_EQ(past(other, kRoom), again);
  EXPECT_EQ(past(other, kOther), before);
}

TEST_F(SealedHistory, OfEachTenantIsItsOwn) {
  ASSERT_TRUE(world.open().ok());
  std::map<std::string, std::string> before;
  for (const std::string tenant : {"a", "b", "c"}) {
    world.tenant = tenant;
    world.close();  // names are read in the words of one tenant
    ASSERT_TRUE(world.open().ok());
    world.create(kRoom, "\"in_" + tenant + "\":0");
    clock.advance(1s);
    world.update(kRoom, "\"in_" + tenant + "\":1");
    before[tenant] = past(kRoom);
  }
  seal(plan(), "vault");
  std::optional<base::Result<std::string>> asked;
  world.hub->erase(*admin(), "b", {{}, true, {}}, world.queue,
                   [&](base::Result<std::string> id) { asked = std::move(id); });
  ASSERT_TRUE(world.queue.run_until([&] { return asked.has_value(); }));
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (!world.hub->erasures(*admin(), "b")->front().done && std::chrono::steady_clock::now() < limit)
    world.queue.run_posted();
  restore("vault", "restored");
  World other(base::real_files(), clock);
  other.options.folder = folder + "/restored";
  other.options.history = true;
  ASSERT_TRUE(other.open().ok());
  for (const std::string tenant : {"a", "c"}) {
    other.tenant = tenant;
    EXPECT_EQ(past(other, kRoom), before[tenant]);
  }
  EXPECT_FALSE(other.hub->symbols("b").ok());
}

}  // namespace
}  // namespace madang::hub::testing
