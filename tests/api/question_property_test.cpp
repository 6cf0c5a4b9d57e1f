// Random entities and random questions over HTTP: the answer to GET is the answer to POST and what the plain model says
// (clause 6.23: "mirrors the one in clause 6.4.3.2").

#include <random>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <simdjson.h>

#include "city.h"
#include "question_model.h"

namespace madang::api {
namespace {

using namespace model;

Json tree_of(const simdjson::dom::element& element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::ARRAY: {
      Json out = Json::array();
      for (const auto item : element.get_array()) out.items.push_back(tree_of(item));
      return out;
    }
    case Type::OBJECT: {
      Json out = Json::object();
      for (const auto field : element.get_object()) out.members[std::string(field.key)] = tree_of(field.value);
      return out;
    }
    case Type::STRING:
      return std::string(element.get_string().value_unsafe());
    case Type::BOOL:
      return element.get_bool().value_unsafe();
    case Type::NULL_VALUE:
      return {};
    default:
      return element.get_double().value_unsafe();
  }
}
Json parsed(const std::string& text) {
  simdjson::dom::parser parser;
  return tree_of(parser.parse(text).value());
}

std::vector<std::string> sorted(const std::vector<Json>& items) {
  std::vector<std::string> out;
  for (const Json& item : items) out.push_back(item.print());
  std::sort(out.begin(), out.end());
  return out;
}

// ---- random worlds and questions ----

const std::vector<std::string> kTypes{"Room", "Hall", "Bus"};
const std::vector<std::string> kNames{"p", "r", "says", "owner", "route", "gender", "raw", "list", "stops"};
const std::vector<std::string> kRelationships{"owner", "route", "stops"};
const std::vector<std::string> kKeys{"k", "m", "en", "fr"};
constexpr int kEntities = 14;

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  int roll(int sides) { return static_cast<int>(engine_() % static_cast<unsigned>(sides)); }
  bool once_in(int times) { return roll(times) == 0; }
  template <class T>
  const T& one_of(const std::vector<T>& of) {
    return of[static_cast<std::size_t>(roll(static_cast<int>(of.size())))];
  }
  std::string id() { return "urn:ngsi-ld:Thing:" + std::to_string(roll(kEntities + 2)); }
  std::vector<std::string> ids() {
    std::vector<std::string> out;
    for (int i = 1 + roll(3); i > 0; --i) out.push_back(id());
    return out;
  }

  Json scalar() {
    switch (roll(4)) {
      case 0:
        return one_of<std::string>({"red", "blue", "a \"b\", c", "종로"});
      case 1:
        return once_in(2);
      case 2:
        return "2026-01-0" + std::to_string(1 + roll(3)) + "T00:00:00Z";
      default:
        return static_cast<double>(roll(5)) / 2;
    }
  }
  Json object() { return Json::object({{"k", scalar()}, {"m", Json::object({{"k", scalar()}, {"en", scalar()}})}}); }
  Json value() {
    switch (roll(5)) {
      case 0:
        return Json::array({scalar(), scalar()});
      case 1:
        return object();
      default:
        return scalar();
    }
  }
  Json relationship(const std::string& name) {
    Json out = Json::object({{"type", "Relationship"}});
    std::vector<Json> many;
    for (int i = 1 + roll(2); i > 0; --i) many.emplace_back(id());
    if (name != "stops") {
      out.members["object"] = name == "route" ? Json::array(many) : many[0];
      return out;
    }
    out = Json::object({{"type", "ListRelationship"}, {"objectList", Json::array()}});
    for (const Json& each : many) out.members["objectList"].items.push_back(Json::object({{"object", each}}));
    return out;
  }
  Json instance(const std::string& name, bool sub) {
    Json out = Json::object({{"type", "Property"}});
    if (name == "says") {
      out = Json::object({{"type", "LanguageProperty"},
                          {"languageMap", Json::object({{"en", one_of<std::string>({"red", "blue"})}})}});
      if (once_in(2))
        out.members["languageMap"].members["fr"] = once_in(2) ? Json("rouge") : Json::array({"rouge", "red"});
    } else if (name == "owner" || name == "route" || name == "stops") {
      out = relationship(name);
    } else if (name == "gender") {
      const Json word = one_of<std::string>({"red", "blue"});
      out = Json::object({{"type", "VocabProperty"}, {"vocab", once_in(3) ? Json::array({word, "grey"}) : word}});
    } else if (name == "raw") {
      out = Json::object({{"type", "JsonProperty"}, {"json", object()}});
    } else if (name == "list") {
      out = Json::object({{"type", "ListProperty"}, {"valueList", Json::array({scalar(), scalar()})}});
    } else {
      out.members["value"] = value();
    }
    if (once_in(4)) out.members["observedAt"] = "2026-01-0" + std::to_string(1 + roll(3)) + "T00:00:00Z";
    if (once_in(6) && out.has("value")) out.members["unitCode"] = "CEL";
    if (!sub && once_in(4)) out.members["r"] = instance("r", true);
    if (!sub && once_in(6)) out.members["owner"] = instance("owner", true);
    return out;
  }
  Json entity(int number) {
    Json out = Json::object({{"id", "urn:ngsi-ld:Thing:" + std::to_string(number)}, {"type", one_of(kTypes)}});
    if (once_in(5)) out.members["type"] = Json::array({"Room", "Bus"});
    for (const std::string& name : kNames) {
      if (once_in(3)) continue;
      Json first = instance(name, false);
      if (once_in(8)) first.members["datasetId"] = "urn:d:1";
      out.members[name] = first;
      if (!once_in(6) || first.has("datasetId")) continue;
      Json second = instance(name, false);
      second.members["datasetId"] = "urn:d:2";
      out.members[name] = Json::array({first, second});
    }
    if (once_in(2)) {
      const Json at =
          Json::object({{"type", "Point"}, {"coordinates", Json::array({127 + roll(4) * 0.01, 37 + roll(4) * 0.01})}});
      out.members["location"] = Json::object({{"type", "GeoProperty"}, {"value", at}});
    }
    if (once_in(2)) out.members["scope"] = one_of<std::string>({"/A", "/A/B", "/A/B/C", "/E"});
    return out;
  }

  Asked asked(int levels) {
    Asked out;
    for (int hops = !once_in(3) ? roll(levels + 1) : 0; hops > 0; --hops) {
      Hop& hop = out.hops.emplace_back();
      hop.relationship = one_of(kRelationships);
      for (int i = roll(3); i > 0; --i) hop.types.push_back(one_of(kTypes));
    }
    out.names.push_back(one_of(kNames));
    if (once_in(5)) out.names.push_back(one_of<std::string>({"r", "owner"}));
    if (once_in(6))
      out.member = one_of<std::string>({"observedAt", "unitCode", "datasetId"});
    else if (once_in(3))
      for (int i = 1 + roll(2); i > 0; --i) out.keys.push_back(one_of(kKeys));
    if (out.keys.size() == 1 && once_in(5)) out.keys[0] = "*";
    out.sign = static_cast<Sign>(roll(9));
    const auto comparable = [&] {
      Json value = scalar();
      while (value.is(Json::Sort::boolean)) value = scalar();
      return value;
    };
    switch (out.sign) {
      case Sign::exists:
        break;
      case Sign::matches:
      case Sign::not_matches:
        out.word = one_of<std::string>({"e", "red", "2026", "urn"});
        break;
      case Sign::equal:
      case Sign::unequal:
        for (int i = 1 + roll(2); i > 0; --i) out.values.push_back(once_in(3) ? Json(id()) : scalar());
        out.is_range = once_in(4);
        if (out.is_range) out.values = {static_cast<double>(roll(3)) / 2, static_cast<double>(1 + roll(4)) / 2};
        break;
      default:
        out.values = {comparable()};
    }
    return out;
  }
  Tree tree(int levels, int depth) {
    if (depth == 0 || once_in(2)) return {Tree::Node::term, asked(levels), {}};
    Tree out{once_in(2) ? Tree::Node::all : Tree::Node::any, {}, {}};
    for (int i = 0; i < 2; ++i) out.parts.push_back(tree(levels, depth - 1));
    return out;
  }
  std::vector<Term> terms(int levels) {
    std::vector<std::string> names = kNames;
    names.insert(names.end(), {"id", "type", "scope", "location"});
    std::shuffle(names.begin(), names.end(), engine_);
    std::vector<Term> out;
    for (int i = 1 + roll(5); i > 0; --i) {
      Term term{names[static_cast<std::size_t>(i)], {}};
      const bool leads = std::find(kRelationships.begin(), kRelationships.end(), term.name) != kRelationships.end();
      if (levels > 0 && leads && !once_in(3)) term.linked = terms(levels - 1);
      out.push_back(std::move(term));
    }
    return out;
  }
  Selector selector() {
    Selector out;
    for (int i = 1 + roll(2); i > 0; --i)
      out.types.push_back(once_in(4) ? std::vector<std::string>{"Room", "Bus"} : std::vector{one_of(kTypes)});
    if (once_in(5)) out.ids = ids();
    if (once_in(5)) out.ending = std::to_string(roll(10));
    return out;
  }
  Question question() {
    Question out;
    if (!once_in(3)) {
      out.join = once_in(2) ? "inline" : "flat";
      out.levels = 1 + roll(3);
      if (once_in(4)) out.contained_by = ids();
    }
    const int levels = out.join.empty() ? 0 : out.levels;
    out.selectors.push_back(selector());
    if (once_in(6)) out.selectors.push_back(selector());
    if (!once_in(3)) out.q = tree(levels, 2);
    if (out.q && once_in(2)) out.expand = true, expand(*out.q);
    if (once_in(6)) out.scope = one_of<std::string>({"/A", "/A/#", "/A/+", "/#", "/A/B"});
    if (once_in(6)) out.near = Circle{127.01, 37.01, once_in(2) ? 500.0 : 1'300.0};
    if (once_in(6)) {
      out.attrs = {one_of(kNames), one_of(kNames)};
    } else {
      if (once_in(3)) out.pick = terms(levels);
      if (once_in(4)) out.omit = terms(levels);
      if (out.pick && out.omit && contradicts(*out.pick, *out.omit)) out.omit.reset();
    }
    if (once_in(5))
      out.datasets = once_in(2) ? std::vector<std::string>{"@none"} : std::vector<std::string>{"urn:d:1", "urn:d:2"};
    if (once_in(4)) out.language = one_of<std::string>({"en", "fr", "xx"});
    out.format = one_of<std::string>({"normalized", "concise", "simplified"});
    // Flat, the order decides by which Relationship an entity is met first, and so how it is shown.
    if (once_in(4) && out.join != "flat")
      out.order = {one_of<std::string>({"id;desc", "type", "p;desc", "says[en]", "r"}), "id"};
    return out;
  }

 private:
  static void expand(Tree& tree) {
    const auto& names = tree.asked.names;
    tree.asked.expanded = !names.empty() && names.back() == "gender" && tree.asked.member.empty();
    for (Tree& part : tree.parts) expand(part);
  }
  static bool contradicts(const std::vector<Term>& pick, const std::vector<Term>& omit) {
    for (const Term& p : pick)
      for (const Term& o : omit)
        if (p.name == o.name && (o.linked.empty() || contradicts(p.linked, o.linked))) return true;
    return false;
  }
  std::mt19937 engine_;
};

// ---- questions as text ----

std::string text(const Asked& asked) {
  static const std::map<Sign, std::string> kSigns{
      {Sign::exists, ""},       {Sign::equal, "=="},         {Sign::unequal, "!="},
      {Sign::greater, ">"},     {Sign::greater_equal, ">="}, {Sign::less, "<"},
      {Sign::less_equal, "<="}, {Sign::matches, "~="},       {Sign::not_matches, "!~="}};
  std::string out;
  for (const Hop& hop : asked.hops) {
    out += hop.relationship + '{';
    for (std::size_t i = 0; i < hop.types.size(); ++i) out += (i == 0 ? "" : ",") + hop.types[i];
    if (!hop.types.empty()) out += ':';
  }
  for (std::size_t i = 0; i < asked.names.size(); ++i) out += (i == 0 ? "" : ".") + asked.names[i];
  if (!asked.member.empty()) out += '.' + asked.member;
  for (std::size_t i = 0; i < asked.keys.size(); ++i) out += (i == 0 ? "[" : ".") + asked.keys[i];
  if (!asked.keys.empty()) out += ']';
  out.append(asked.hops.size(), '}');
  out += kSigns.at(asked.sign);
  if (!asked.word.empty()) return out + asked.word;
  for (std::size_t i = 0; i < asked.values.size(); ++i)
    out += (i == 0 ? "" : asked.is_range ? ".." : ",") + asked.values[i].print();
  return out;
}
std::string text(const Tree& tree) {
  if (tree.node == Tree::Node::term) return text(tree.asked);
  std::string out;
  for (const Tree& part : tree.parts) out += (out.empty() ? "" : tree.node == Tree::Node::all ? ";" : "|") + text(part);
  return '(' + out + ')';
}
std::string text(const Types& types) {
  std::string out;
  for (const auto& all : types) {
    std::string each;
    for (const auto& type : all) each += (each.empty() ? "" : ";") + type;
    out += (out.empty() ? "" : "|") + (all.size() > 1 ? '(' + each + ')' : each);
  }
  return out;
}
std::string text(const std::vector<Term>& terms) {
  std::string out;
  for (const Term& term : terms)
    out += (out.empty() ? "" : ",") + term.name + (term.linked.empty() ? "" : '{' + text(term.linked) + '}');
  return out;
}
std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}
std::string coordinates(const Circle& circle) {
  return Json::array({circle.lon, circle.lat}).print();
}
std::string georel(const Circle& circle) {
  return "near;maxDistance==" + std::to_string(static_cast<int>(circle.metres));
}

std::string as_target(const Question& question) {
  std::string out = "/ngsi-ld/v1/entities?limit=1000&count=true";
  const auto add = [&](const std::string& name, const std::string& value) {
    out += '&' + name + '=';
    for (const char c : value) {
      constexpr const char* kHex = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) != 0)
        out += c;
      else
        out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  };
  const Selector& selector = question.selectors.front();
  add("type", text(selector.types));
  if (!selector.ids.empty()) add("id", joined(selector.ids));
  if (!selector.ending.empty()) add("idPattern", selector.ending + "$");
  if (question.q) add("q", text(*question.q));
  if (question.expand) add("expandValues", "gender");
  if (question.scope) add("scopeQ", *question.scope);
  if (question.near) {
    add("georel", georel(*question.near));
    add("geometry", "Point");
    add("coordinates", coordinates(*question.near));
  }
  if (!question.attrs.empty()) add("attrs", joined(question.attrs));
  if (question.pick) add("pick", text(*question.pick));
  if (question.omit) add("omit", text(*question.omit));
  if (!question.datasets.empty()) add("datasetId", joined(question.datasets));
  if (!question.language.empty()) add("lang", question.language);
  add("format", question.format);
  if (!question.order.empty()) add("orderBy", joined(question.order));
  if (!question.join.empty()) {
    add("join", question.join);
    add("joinLevel", std::to_string(question.levels));
    if (!question.contained_by.empty()) add("containedBy", joined(question.contained_by));
  }
  return out;
}

Json texts(const std::vector<std::string>& items) {
  return Json::array({items.begin(), items.end()});
}

std::string as_body(const Question& question) {
  Json body = Json::object({{"type", "Query"}, {"entities", Json::array()}});
  for (const Selector& selector : question.selectors) {
    Json made = Json::object({{"type", text(selector.types)}});
    if (!selector.ids.empty()) made.members["id"] = texts(selector.ids);
    if (!selector.ending.empty()) made.members["idPattern"] = selector.ending + "$";
    body.members["entities"].items.push_back(made);
  }
  if (question.q) body.members["q"] = text(*question.q);
  if (question.expand) body.members["expandValues"] = "gender";
  if (question.scope) body.members["scopeQ"] = *question.scope;
  if (question.near) {
    body.members["geoQ"] = Json::object({{"georel", georel(*question.near)},
                                         {"geometry", "Point"},
                                         {"coordinates", Json::array({question.near->lon, question.near->lat})}});
  }
  if (!question.attrs.empty()) body.members["attrs"] = texts(question.attrs);
  if (question.pick) body.members["pick"] = Json::array({text(*question.pick)});
  if (question.omit) body.members["omit"] = Json::array({text(*question.omit)});
  if (!question.datasets.empty()) body.members["datasetId"] = texts(question.datasets);
  if (!question.language.empty()) body.members["lang"] = question.language;
  if (!question.order.empty()) body.members["ordering"] = Json::object({{"orderBy", texts(question.order)}});
  if (!question.join.empty()) {
    body.members["join"] = question.join;
    body.members["joinLevel"] = question.levels;
    if (!question.contained_by.empty()) body.members["containedBy"] = texts(question.contained_by);
  }
  return body.print();
}

TEST(Question, GetIsPostIsTheModel) {
  City city;
  int tenants = 0, full = 0, empty = 0, linked = 0;
  EXPECT_TRUE(rc::check("GET = POST = brute force", [&](std::uint32_t seed) {
    Dice dice(seed);
    const std::string tenant = "t" + std::to_string(++tenants);
    std::vector<Json> entities;
    for (int i = 0; i < kEntities; ++i) entities.push_back(dice.entity(i));
    const auto made =
        city.send(net::Method::post, "/ngsi-ld/v1/entityOperations/create", tenant, Json::array(entities).print());
    if (made.status != 201) RC_FAIL(made.body);
    const World world(entities);
    for (int i = 0; i < 40; ++i) {
      const Question question = dice.question();
      const auto [expected, count] = world.answer(question);
      const std::string body = as_body(question), target = as_target(question);
      const auto posted =
          city.send(net::Method::post,
                    "/ngsi-ld/v1/entityOperations/query?limit=1000&count=true&format=" + question.format, tenant, body);
      const auto complain = [&](const std::string& what) {
        std::string shown = what + "\nGET " + target + "\nPOST " + body + "\nover " + Json::array(entities).print() +
                            "\nexpected " + Json::array(expected).print() + "\nfound    " + posted.body;
        RC_FAIL(shown);
      };
      if (posted.status != 200) complain("refused");
      if (sorted(parsed(posted.body).items) != sorted(expected)) complain("POST is not the model");
      if (posted.header("NGSILD-Results-Count") != std::to_string(count)) complain("another count");
      if (question.selectors.size() == 1) {
        const auto got = city.send(net::Method::get, target, tenant);
        if (got.status != 200 || got.body != posted.body) complain("GET is not POST: " + got.body);
      }
      if (question.join != "flat" && count > 0) {
        std::vector<Json> pages;
        for (std::size_t offset = 0; offset < count; offset += 4) {
          const std::string page = "?limit=4&offset=" + std::to_string(offset) + "&format=" + question.format;
          const auto part = city.send(net::Method::post, "/ngsi-ld/v1/entityOperations/query" + page, tenant, body);
          for (Json& item : parsed(part.body).items) pages.push_back(std::move(item));
        }
        if (Json::array(pages).print() != parsed(posted.body).print()) complain("pages are not the whole");
      }
      ++(count == 0 ? empty : full);
      linked += question.q && posted.body.size() > 2 && text(*question.q).find('{') != std::string::npos ? 1 : 0;
    }
  }));
  EXPECT_GT(full, 300);  // the questions are neither all too narrow nor all too wide
  EXPECT_GT(empty, 100);
  EXPECT_GT(linked, 50);
}

}  // namespace
}  // namespace madang::api
