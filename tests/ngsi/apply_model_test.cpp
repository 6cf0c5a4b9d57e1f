// apply() and splice() against the plain model, on random histories of one entity.

#include "apply_model.h"

#include <random>

#include <rapidcheck.h>

#include "change_fixture.h"

namespace madang::ngsi::model {
namespace {

/// Rolls fragments whose parts meet one another often.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  int roll(int sides) { return static_cast<int>(engine_() % static_cast<unsigned>(sides)); }
  bool once_in(int times) { return roll(times) == 0; }
  template <class T>
  T pick(std::initializer_list<T> of) {
    return *(of.begin() + roll(static_cast<int>(of.size())));
  }

  std::string name() { return pick<std::string>({"a", "b", "c"}); }
  std::string dataset() { return once_in(3) ? "urn:d:1" : ""; }

  GivenFragment fragment(bool whole, bool nulls, bool merging) {
    GivenFragment out;
    if (whole || once_in(5)) out.types = {pick<std::string>({"A", "B"})};
    if (once_in(5)) out.scopes = {pick<std::string>({"/S", "/T"})};
    if (once_in(5)) out.expires_at = time();
    if (nulls && once_in(6)) out.expires_at = std::string(kNull);
    std::set<std::pair<std::string, std::string>> seen;
    for (int i = roll(4); i > 0; --i) {
      GivenInstance each = instance(name(), dataset(), nulls, merging, merging);
      if (seen.emplace(each.name, each.dataset).second) out.instances.push_back(std::move(each));
    }
    // A value alone stands for the only instance.
    std::erase_if(out.instances, [&](const GivenInstance& each) {
      return each.is_plain && seen.contains({each.name, "urn:d:1"});
    });
    return out;
  }

  GivenInstance instance(std::string name, std::string dataset, bool nulls, bool merging, bool incomplete) {
    GivenInstance out{std::move(name), std::move(dataset), false, false, {}};
    out.is_null = nulls && once_in(4);
    if (merging && out.dataset.empty() && !out.is_null && once_in(4)) {
      out.is_plain = true;
      out.tree = Tree::parse(pick<std::string>({"1", "\"text\"", "\"urn:x:9\"", "[\"urn:x:8\",\"urn:x:9\"]", "[3]"}));
      return out;
    }
    out.tree = attribute(nulls, merging, incomplete, 0);
    return out;
  }

  std::string time() {
    return pick<std::string>({"2100-01-01T00:00:00Z", "2100-01-02T00:00:00.500Z", "2101-01-01T00:00:00Z"});
  }

 private:
  std::string value(const std::string& type, bool inner_nulls) {
    const std::string null = '"' + std::string(kNull) + '"';
    if (type == "Property" && inner_nulls) return R"({"k":)" + null + R"(,"m":{"n":3,"o":)" + null + "}}";
    if (type == "JsonProperty" && inner_nulls) return R"({"k":)" + null + "}";
    if (type == "LanguageProperty" && inner_nulls) return R"({"en":)" + null + R"(,"fr":"z"})";
    if (type == "Property") return pick<std::string>({"1", "2.5", R"("x")", "[1,[2]]", R"({"k":1,"m":{"n":2}})"});
    if (type == "GeoProperty")
      return pick<std::string>(
          {R"({"type":"Point","coordinates":[1,2]})", R"({"type":"LineString","coordinates":[[1,2],[3,4]]})"});
    if (type == "Relationship") return pick<std::string>({R"("urn:x:1")", R"(["urn:x:1","urn:x:2"])"});
    if (type == "LanguageProperty") return pick<std::string>({R"({"en":"x"})", R"({"en":"y","ko":["a","b"]})"});
    if (type == "VocabProperty") return pick<std::string>({R"("V")", R"(["V","urn:v:1"])"});
    if (type == "JsonProperty")
      return pick<std::string>({R"({"k":1,"m":null})", R"([{"k":1},{}])", R"({"id":{"k":2}})"});
    if (type == "ListProperty") return pick<std::string>({"[]", R"([1,"x",{"k":1}])"});
    return pick<std::string>({"[]", R"([{"object":"urn:x:1"},{"object":"urn:x:2"}])"});
  }

  Tree attribute(bool nulls, bool merging, bool incomplete, int depth) {
    const std::string type =
        pick<std::string>({"Property", "Property", "GeoProperty", "Relationship", "LanguageProperty", "VocabProperty",
                           "JsonProperty", "ListProperty", "ListRelationship"});
    Tree out = Tree::object({{"type", Tree::string(type)}});
    if (!incomplete || !once_in(5)) {
      const bool inner_nulls = merging ? once_in(3) : nulls && once_in(20);
      out.members[member_of(type)] = Tree::parse(value(type, inner_nulls));
    }
    const auto some = [&](const std::string& name, Tree member) {
      if (once_in(4)) out.members[name] = std::move(member);
      if (nulls && once_in(8)) out.members[name] = kNullTree;
    };
    if (type == "Property" || type == "ListProperty") some("unitCode", Tree::string(pick<std::string>({"CEL", "MTR"})));
    if (type == "Relationship" || type == "ListRelationship") some("objectType", Tree::string("T"));
    some("observedAt", Tree::string("2026-01-01T00:00:00Z"));
    some("expiresAt", Tree::string(time()));
    for (const char* name : {"s", "t"}) {
      if (depth == 2 || !once_in(4)) continue;
      out.members[name] = nulls && once_in(3) ? kNullTree : attribute(nulls, merging, incomplete, depth + 1);
    }
    return out;
  }

  std::mt19937 engine_;
};

/// The fragment as a client would send it.
std::string text_of(const GivenFragment& given, bool with_id) {
  Tree out = Tree::object();
  if (with_id) out.members["id"] = Tree::string("urn:x:1");
  if (!given.types.empty()) out.members["type"] = Tree::string(given.types.front());
  if (given.scopes) out.members["scope"] = Tree::string(given.scopes->front());
  if (given.expires_at) out.members["expiresAt"] = Tree::string(*given.expires_at);
  for (const GivenInstance& each : given.instances) {
    Tree instance = each.tree;
    if (each.is_null) {
      const std::string type = "Property";
      instance = Tree::object({{"type", Tree::string(type)}, {"value", kNullTree}});
    }
    if (!each.dataset.empty()) instance.members["datasetId"] = Tree::string(each.dataset);
    if (!out.has(each.name)) {
      out.members[each.name] = std::move(instance);
      continue;
    }
    Tree& there = out.members[each.name];
    if (!there.is_array() || !there.items.front().is_object()) there = Tree::array({there});
    there.items.push_back(std::move(instance));
  }
  return out.print();
}

/// The entity as the library keeps it, through the journal's form and back with each change.
class Kept {
 public:
  bool apply(Operation operation, const GivenFragment& given, const std::string& name, const std::string& dataset,
             bool delete_all, Timestamp now) {
    ngsi::Change change;
    change.operation = operation;
    change.id = "urn:x:1";
    change.dataset_id = dataset;
    change.delete_all = delete_all;
    if (!name.empty()) change.attribute = *vocabulary_.intern(name);
    if (operation == Operation::drop_attributes || operation == Operation::keep_attributes)
      change.purge.names = {change.attribute};
    if (!read(operation, given, change)) return false;
    auto outcome = ngsi::apply(EntityView(entity_), std::move(change), now, {});
    if (!outcome.ok()) return false;
    switch (outcome->record) {
      case Outcome::Record::none:
        break;
      case Outcome::Record::put:
        entity_ = reread(outcome->block);
        break;
      case Outcome::Record::patch:
        entity_ = *splice(EntityView(entity_), EntityView(reread(outcome->block)));
        break;
      case Outcome::Record::remove:
        entity_ = {};
        break;
    }
    RC_ASSERT(!entity_ || verify(entity_.bytes(), true).ok());
    return true;
  }

  bool exists() const { return static_cast<bool>(entity_); }
  Tree shown() {
    Representation how;
    how.system_attributes = true;
    std::string out;
    append_entity(out, EntityView(entity_), vocabulary_, how);
    Tree tree = Tree::parse(out);
    for (const char* member : {"id", "createdAt", "modifiedAt"}) tree.members.erase(member);
    return tree;
  }

 private:
  bool read(Operation operation, const GivenFragment& given, ngsi::Change& change) {
    FragmentKind kind = FragmentKind::attributes;
    std::string text;
    switch (operation) {
      case Operation::delete_entity:
      case Operation::delete_attribute:
      case Operation::drop_attributes:
      case Operation::keep_attributes:
        return true;
      case Operation::partial_attribute:
      case Operation::replace_attribute:
        text = Tree::parse(text_of(given, false)).members.begin()->second.print();
        return take(reader_.read_attribute(pad(text), *vocabulary_.intern(given.instances.front().name), vocabulary_),
                    change);
      case Operation::create:
      case Operation::upsert_replace:
      case Operation::replace:
        kind = FragmentKind::entity;
        break;
      case Operation::upsert_update:
        kind = FragmentKind::entity_upsert;
        break;
      case Operation::merge:
        kind = FragmentKind::merge;
        break;
      default:
        break;
    }
    text = text_of(given, kind == FragmentKind::entity || kind == FragmentKind::entity_upsert);
    return take(reader_.read(pad(text), kind, vocabulary_, "urn:x:1"), change);
  }

  bool take(base::Result<Fragment>&& fragment, ngsi::Change& change) {
    if (!fragment.ok()) return false;
    change.fragment = std::move(*fragment);
    return true;
  }

  EntityBlock reread(const EntityBlock& block) {
    base::ByteBuffer record;
    RecordWriter().append(record, EntityView(block), symbols_);
    return *RecordReader().read(record, symbols_);
  }

  std::string_view pad(const std::string& text) {
    padded_ = text + std::string(64, ' ');
    return std::string_view(padded_).substr(0, text.size());
  }

  SymbolTable symbols_;
  Vocabulary vocabulary_{core_context(), symbols_};
  FragmentReader reader_;
  EntityBlock entity_;
  std::string padded_;
};

TEST(ApplyModel, EachOperationDoesWhatItsClauseSays) {
  EXPECT_TRUE(rc::check("apply = the clauses on plain trees", [](std::uint32_t seed) {
    Dice dice(seed);
    ApplyModel model;
    Kept kept;
    for (int step = 0; step < 60; ++step) {
      const Operation operation = static_cast<Operation>(dice.roll(static_cast<int>(Operation::keep_attributes) + 1));
      if (operation == Operation::delete_entity && !dice.once_in(5)) continue;
      const bool merging = operation == Operation::merge;
      const bool part = operation == Operation::partial_attribute || operation == Operation::replace_attribute;
      const bool whole = operation == Operation::create || operation == Operation::upsert_replace ||
                         operation == Operation::upsert_update || operation == Operation::replace;
      const bool takes_nulls = merging || operation == Operation::update || operation == Operation::batch_update ||
                               operation == Operation::upsert_update || operation == Operation::partial_attribute;
      const bool nulls = takes_nulls ? dice.once_in(2) : dice.once_in(15);
      GivenFragment given = dice.fragment(whole, nulls, merging);
      if (operation >= Operation::delete_attribute) given = {};
      if (part) {
        const bool incomplete = operation == Operation::partial_attribute;
        given = {};
        given.instances = {dice.instance(dice.name(), dice.dataset(), nulls, false, incomplete)};
      }
      const std::string name = dice.name(), dataset = dice.dataset();
      const bool all = dice.once_in(3);
      const Timestamp now{(1'700'000'000 + step) * std::int64_t{1'000'000'000}};
      std::string time;
      base::append_timestamp(time, now);
      const bool expected = model.apply(operation, given, name, dataset, all, time);
      const bool done = kept.apply(operation, given, name, dataset, all, now);
      const std::string what = std::to_string(static_cast<int>(operation)) + " " + text_of(given, whole) + " on " +
                               (model.exists ? model.shown().print() : "nothing");
      if (done != expected) RC_FAIL((expected ? "refused: " : "not refused: ") + what);
      RC_ASSERT(kept.exists() == model.exists);
      if (!model.exists) continue;
      const Tree shown = kept.shown();
      if (!(shown == model.shown())) RC_FAIL("after " + what + "\n is " + shown.print());
    }
  }));
}

}  // namespace
}  // namespace madang::ngsi::model
