#pragma once
// What a question means, said a second time and plainly: entities as JSON trees, clauses 4.9, 4.21, 4.5.4, 4.5.23 and
// 5.7.2 as loops over them. Knows nothing of blocks, symbols, indexes or text in place.

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madang/base/json.h"

namespace madang::api::model {

struct Json {
  enum class Sort { null, boolean, number, text, array, object };
  Sort sort = Sort::null;
  bool truth = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;
  std::map<std::string, Json> members;

  Json() = default;
  Json(bool value) : sort(Sort::boolean), truth(value) {}                // NOLINT
  Json(double value) : sort(Sort::number), number(value) {}              // NOLINT
  Json(int value) : Json(static_cast<double>(value)) {}                  // NOLINT
  Json(const char* value) : sort(Sort::text), text(value) {}             // NOLINT
  Json(std::string value) : sort(Sort::text), text(std::move(value)) {}  // NOLINT
  static Json array(std::vector<Json> of = {}) {
    Json made;
    made.sort = Sort::array;
    made.items = std::move(of);
    return made;
  }
  static Json object(std::map<std::string, Json> of = {}) {
    Json made;
    made.sort = Sort::object;
    made.members = std::move(of);
    return made;
  }

  bool is(Sort wanted) const { return sort == wanted; }
  bool has(const std::string& name) const { return members.contains(name); }
  const Json& at(const std::string& name) const { return members.at(name); }
  /// Members in the order of their names, so that equal trees are equal texts.
  std::string print() const {
    std::string out;
    switch (sort) {
      case Sort::null:
        return "null";
      case Sort::boolean:
        return truth ? "true" : "false";
      case Sort::number:
        return base::json::append_number(out, number), out;
      case Sort::text:
        return base::json::append_string(out, text), out;
      case Sort::array:
        for (const Json& item : items) out += (out.empty() ? "" : ",") + item.print();
        return '[' + out + ']';
      case Sort::object:
        for (const auto& [name, value] : members) {
          if (!out.empty()) out += ',';
          base::json::append_string(out, name);
          out += ':' + value.print();
        }
        return '{' + out + '}';
    }
    return out;
  }
};

// ---- questions ----

enum class Sign { exists, equal, unequal, greater, greater_equal, less, less_equal, matches, not_matches };

struct Hop {
  std::string relationship;
  std::vector<std::string> types;
};
struct Asked {
  std::vector<Hop> hops;
  std::vector<std::string> names;
  std::string member;             // "observedAt", "unitCode", "datasetId"; empty: the value
  std::vector<std::string> keys;  // inside []
  Sign sign = Sign::exists;
  std::vector<Json> values;  // texts that begin with 2026- are date-times
  bool is_range = false;
  bool expanded = false;  // expandValues
  std::string word;       // of a pattern: any text that has it
};
struct Tree {
  enum class Node { term, all, any } node = Node::term;
  Asked asked;
  std::vector<Tree> parts;
};
/// Either of: all of.
using Types = std::vector<std::vector<std::string>>;

/// One level of pick or omit.
struct Term {
  std::string name;
  std::vector<Term> linked;
};

struct Selector {
  Types types;
  std::vector<std::string> ids;
  std::string ending;  // of the id, by idPattern; empty: any
};
struct Circle {
  double lon = 0, lat = 0, metres = 0;
};

struct Question {
  std::vector<Selector> selectors;  // one of these
  std::optional<Tree> q;
  bool expand = false;               // the values of `gender`
  std::optional<std::string> scope;  // `/A`, `/A/#`, `/A/+` or `/#`
  std::optional<Circle> near;
  std::vector<std::string> attrs;
  std::optional<std::vector<Term>> pick, omit;
  std::vector<std::string> datasets;
  std::string language;
  std::string format = "normalized";
  std::string join;  // empty, "inline" or "flat"
  int levels = 1;
  std::vector<std::string> contained_by;
  std::vector<std::string> order;  // the model gives no order
};

// ---- the answer ----

class World {
 public:
  explicit World(std::vector<Json> entities) : entities_(std::move(entities)) {}

  /// What the answer's array holds, in any order, and how many entities match.
  std::pair<std::vector<Json>, std::size_t> answer(const Question& question) const {
    std::vector<const Json*> found;
    for (const Json& entity : entities_)
      if (fits(entity, question)) found.push_back(&entity);
    const View view{question.pick ? &*question.pick : nullptr, question.omit ? &*question.omit : nullptr,
                    question.attrs};
    std::vector<Json> out;
    for (const Json* entity : found) out.push_back(shown(*entity, question, view, {entity->at("id").text}));
    if (question.join == "flat") flatten(question, view, found, out);
    return {out, found.size()};
  }

 private:
  struct View {
    const std::vector<Term>* pick = nullptr;
    const std::vector<Term>* omit = nullptr;
    std::vector<std::string> attrs = {};
  };
  using Path = std::vector<std::string>;

  const Json* find(const std::string& id) const {
    for (const Json& entity : entities_)
      if (entity.at("id").text == id) return &entity;
    return nullptr;
  }
  static std::vector<Json> list(const Json& one_or_many) {
    return one_or_many.is(Json::Sort::array) ? one_or_many.items : std::vector<Json>{one_or_many};
  }
  static bool is_attribute(const std::string& name) { return name != "id" && name != "type" && name != "scope"; }
  template <class List, class Value>
  static bool among(const List& all, const Value& value) {
    return std::find(all.begin(), all.end(), value) != all.end();
  }
  static bool has_type(const Json& entity, const std::string& type) {
    for (const Json& each : list(entity.at("type")))
      if (each.text == type) return true;
    return false;
  }
  static std::vector<std::string> objects(const Json& instance) {
    std::vector<std::string> ids;
    const std::string member = instance.has("object") ? "object" : "objectList";
    if (!instance.has(member)) return ids;
    for (const Json& each : list(instance.at(member)))
      ids.push_back(each.has("object") ? each.at("object").text : each.text);
    return ids;
  }

  // ---- who matches ----

  bool fits(const Json& entity, const Question& question) const {
    const std::string& id = entity.at("id").text;
    const auto selected = [&](const Selector& selector) {
      const bool type =
          selector.types.empty() || std::any_of(selector.types.begin(), selector.types.end(), [&](const auto& all) {
            return std::all_of(all.begin(), all.end(), [&](const auto& t) { return has_type(entity, t); });
          });
      if (!selector.ids.empty()) return type && among(selector.ids, id);
      return type && id.ends_with(selector.ending);
    };
    if (!question.selectors.empty() && std::none_of(question.selectors.begin(), question.selectors.end(), selected))
      return false;
    if (!question.attrs.empty() &&
        std::none_of(question.attrs.begin(), question.attrs.end(), [&](const auto& name) { return entity.has(name); }))
      return false;
    if (question.pick && !picks_member(*question.pick) &&
        std::none_of(question.pick->begin(), question.pick->end(), [&](const auto& t) { return entity.has(t.name); }))
      return false;
    if (question.scope && !in_scope(entity, *question.scope)) return false;
    if (question.near && !is_near(entity, *question.near)) return false;
    return !question.q || holds(*question.q, entity);
  }
  static bool picks_member(const std::vector<Term>& pick) {
    return std::any_of(pick.begin(), pick.end(), [](const Term& term) { return !is_attribute(term.name); });
  }

  static bool in_scope(const Json& entity, const std::string& wanted) {
    if (!entity.has("scope")) return false;
    for (const Json& each : list(entity.at("scope"))) {
      const std::string stem = wanted.substr(0, wanted.find_last_of('/'));
      if (each.text == wanted || wanted == "/#") return true;
      if (wanted.ends_with("/#") && (each.text == stem || each.text.starts_with(stem + '/'))) return true;
      if (wanted.ends_with("/+") && each.text.starts_with(stem + '/') &&
          each.text.find('/', stem.size() + 1) == std::string::npos)
        return true;
    }
    return false;
  }

  static bool is_near(const Json& entity, const Circle& circle) {
    if (!entity.has("location")) return false;
    for (const Json& instance : list(entity.at("location"))) {
      const auto& at = instance.at("value").at("coordinates").items;
      constexpr double kMetresADegree = 111'195;
      const double x = (at[0].number - circle.lon) * std::cos(circle.lat * std::numbers::pi / 180);
      if (std::hypot(x, at[1].number - circle.lat) * kMetresADegree <= circle.metres) return true;
    }
    return false;
  }

  bool holds(const Tree& tree, const Json& entity) const {
    const auto part = [&](const Tree& each) { return holds(each, entity); };
    if (tree.node == Tree::Node::all) return std::all_of(tree.parts.begin(), tree.parts.end(), part);
    if (tree.node == Tree::Node::any) return std::any_of(tree.parts.begin(), tree.parts.end(), part);
    return holds_from(tree.asked, 0, entity);
  }

  bool holds_from(const Asked& asked, std::size_t hop, const Json& entity) const {
    if (hop == asked.hops.size()) return holds_at(asked, 0, entity);
    const Hop& next = asked.hops[hop];
    if (!entity.has(next.relationship)) return false;
    for (const Json& instance : list(entity.at(next.relationship)))
      for (const std::string& id : objects(instance)) {
        const Json* linked = find(id);
        if (linked == nullptr) continue;
        const bool typed = next.types.empty() || std::any_of(next.types.begin(), next.types.end(),
                                                             [&](const auto& t) { return has_type(*linked, t); });
        if (typed && holds_from(asked, hop + 1, *linked)) return true;
      }
    return false;
  }

  bool holds_at(const Asked& asked, std::size_t depth, const Json& owner) const {
    if (!owner.has(asked.names[depth])) return false;
    for (const Json& instance : list(owner.at(asked.names[depth]))) {
      const bool yes =
          depth + 1 < asked.names.size() ? holds_at(asked, depth + 1, instance) : satisfied(asked, instance);
      if (yes) return true;
    }
    return false;
  }

  /// The values that one instance stands for, and whether it is one of which only == and != are asked.
  static std::optional<std::pair<std::vector<Json>, bool>> operand(const Asked& asked, const Json& instance) {
    using Operand = std::pair<std::vector<Json>, bool>;
    if (!asked.member.empty()) {
      if (!instance.has(asked.member)) return std::nullopt;
      return Operand{{instance.at(asked.member)}, false};
    }
    const std::string& kind = instance.at("type").text;
    if (kind == "Relationship" || kind == "ListRelationship") {
      if (!asked.keys.empty()) return std::nullopt;
      std::vector<Json> ids;
      for (const std::string& id : objects(instance)) ids.emplace_back(id);
      return Operand{{Json::array(std::move(ids))}, true};
    }
    if (kind == "LanguageProperty") {
      if (asked.keys.size() > 1) return std::nullopt;
      const auto& map = instance.at("languageMap").members;
      if (!asked.keys.empty() && asked.keys[0] != "*") {
        const auto found = map.find(asked.keys[0]);
        return found == map.end() ? std::nullopt : std::optional(Operand{{found->second}, false});
      }
      Operand all;
      for (const auto& [tag, text] : map) all.first.push_back(text);
      return all;
    }
    if (kind == "VocabProperty") {
      if (!asked.keys.empty()) return std::nullopt;
      const Json& vocab = instance.at("vocab");
      if (!vocab.is(Json::Sort::array)) return Operand{{expanded(vocab.text)}, false};
      Json all = Json::array();
      for (const Json& each : vocab.items) all.items.push_back(expanded(each.text));
      return Operand{{all}, false};
    }
    const char* member = kind == "JsonProperty" ? "json" : kind == "ListProperty" ? "valueList" : "value";
    const Json* value = &instance.at(member);
    for (const std::string& key : asked.keys) {
      if (!value->is(Json::Sort::object) || !value->has(key)) return std::nullopt;
      value = &value->at(key);
    }
    return Operand{{*value}, false};
  }

  /// As the core context does it: what is no IRI is in the default vocabulary.
  static Json expanded(const std::string& text) {
    const bool name = text.find(':') == text.npos;
    return name ? "https://uri.etsi.org/ngsi-ld/default-context/" + text : text;
  }
  static bool is_moment(const Json& value) { return value.is(Json::Sort::text) && value.text.starts_with("2026-"); }
  static bool comparable(const Json& a, const Json& b) { return a.sort == b.sort && is_moment(a) == is_moment(b); }
  static int order(const Json& a, const Json& b) {
    if (a.is(Json::Sort::number)) return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
    if (a.is(Json::Sort::boolean)) return static_cast<int>(a.truth) - static_cast<int>(b.truth);
    const int compared = a.text.compare(b.text);
    return compared < 0 ? -1 : compared > 0 ? 1 : 0;
  }

  static bool equals_one(const Json& item, const Asked& asked) {
    if (item.is(Json::Sort::null) || item.is(Json::Sort::array) || item.is(Json::Sort::object)) return false;
    if (asked.is_range) {
      return comparable(item, asked.values[0]) && order(item, asked.values[0]) >= 0 &&
             order(item, asked.values[1]) <= 0;
    }
    return std::any_of(asked.values.begin(), asked.values.end(), [&](const Json& value) {
      const bool word = asked.expanded && value.is(Json::Sort::text) && !is_moment(value);
      const Json wanted = word ? expanded(value.text) : value;
      return comparable(item, wanted) && order(item, wanted) == 0;
    });
  }

  static bool satisfied(const Asked& asked, const Json& instance) {
    const auto found = operand(asked, instance);
    if (!found) return false;
    const auto& [values, reference] = *found;
    if (asked.sign == Sign::exists) return true;
    bool equal = false, has_text = false, has_word = false, ordered = false;
    for (const Json& value : values) {
      for (const Json& item : list(value)) equal = equal || equals_one(item, asked);
      if (value.is(Json::Sort::text) && asked.member != "observedAt")  // which is a time, not a text
        has_text = true, has_word = has_word || value.text.find(asked.word) != value.text.npos;
      if (asked.values.empty() || value.is(Json::Sort::array) || value.is(Json::Sort::object)) continue;
      if (!comparable(value, asked.values[0])) continue;
      const int compared = order(value, asked.values[0]);
      ordered = ordered || (asked.sign == Sign::greater && compared > 0) ||
                (asked.sign == Sign::greater_equal && compared >= 0) || (asked.sign == Sign::less && compared < 0) ||
                (asked.sign == Sign::less_equal && compared <= 0);
    }
    switch (asked.sign) {
      case Sign::equal:
        return equal;
      case Sign::unequal:
        return !equal;
      case Sign::matches:
        return !reference && has_word;
      case Sign::not_matches:
        return !reference && has_text && !has_word;
      default:
        return !reference && ordered;
    }
  }

  // ---- how it is shown ----

  static bool named(const std::vector<Term>& terms, const std::string& name, bool whole) {
    return std::any_of(terms.begin(), terms.end(),
                       [&](const Term& term) { return term.name == name && (!whole || term.linked.empty()); });
  }
  static bool is_shown(const std::string& name, const View& view) {
    if (!view.attrs.empty() && is_attribute(name) && !among(view.attrs, name)) return false;
    if (view.pick != nullptr && !named(*view.pick, name, false)) return false;
    return view.omit == nullptr || !named(*view.omit, name, true);
  }
  static const std::vector<Term>* braces(const std::vector<Term>* terms, const std::string& name) {
    if (terms != nullptr)
      for (const Term& term : *terms)
        if (term.name == name && !term.linked.empty()) return &term.linked;
    return nullptr;
  }
  static View behind(const View& view, const std::string& name) {
    return {braces(view.pick, name), braces(view.omit, name)};
  }
  static std::vector<Json> wanted(const Json& attribute, const Question& question) {
    std::vector<Json> out;
    for (const Json& instance : list(attribute)) {
      const std::string dataset = instance.has("datasetId") ? instance.at("datasetId").text : "@none";
      if (question.datasets.empty() || among(question.datasets, dataset)) out.push_back(instance);
    }
    return out;
  }

  Json shown(const Json& entity, const Question& question, const View& view, const Path& path) const {
    Json out = Json::object();
    for (const auto& [name, value] : entity.members) {
      if (!is_shown(name, view)) continue;
      if (!is_attribute(name)) {
        out.members[name] = value;
        continue;
      }
      const auto instances = wanted(value, question);
      if (instances.empty()) continue;
      std::vector<Json> each;
      for (const Json& instance : instances)
        each.push_back(instance_of(instance, question, behind(view, name), path, true));
      const bool labelled = instances.size() > 1 || instances[0].has("datasetId");
      if (question.format == "simplified" && labelled && question.datasets.size() != 1) {
        Json datasets = Json::object();
        for (std::size_t i = 0; i < each.size(); ++i)
          datasets.members[instances[i].has("datasetId") ? instances[i].at("datasetId").text : "@none"] = each[i];
        out.members[name] = Json::object({{"dataset", datasets}});
      } else {
        out.members[name] = each.size() == 1 ? each[0] : Json::array(each);
      }
    }
    return out;
  }

  std::optional<Json> entity_for(const std::string& id, const Question& question, const View& view,
                                 const Path& path) const {
    const Json* linked = find(id);
    if (linked == nullptr || among(path, id) || among(question.contained_by, id)) return std::nullopt;
    Path longer = path;
    longer.push_back(id);
    return shown(*linked, question, view, longer);
  }

  static std::pair<std::string, Json> in_language(const Json& instance, const std::string& language) {
    const auto& map = instance.at("languageMap").members;
    const auto found = map.find(language);
    return found == map.end() ? *map.begin() : *found;  // the worlds have one fallback only
  }

  Json instance_of(const Json& instance, const Question& question, const View& behind_it, const Path& path,
                   bool own) const {
    const std::string& kind = instance.at("type").text;
    const bool leads = kind == "Relationship" || kind == "ListRelationship";
    const bool joins = own && leads && question.join == "inline" && static_cast<int>(path.size()) <= question.levels;
    const bool chosen = kind == "LanguageProperty" && !question.language.empty();
    if (question.format == "simplified") {
      if (chosen) return in_language(instance, question.language).second;
      if (kind == "LanguageProperty") return Json::object({{"languageMap", instance.at("languageMap")}});
      if (kind == "VocabProperty") return Json::object({{"vocab", instance.at("vocab")}});
      if (kind == "JsonProperty") return Json::object({{"json", instance.at("json")}});
      if (!leads) return instance.has("value") ? instance.at("value") : instance.at("valueList");
      std::vector<Json> each;
      for (const std::string& id : objects(instance)) {
        const auto entity = joins ? entity_for(id, question, behind_it, path) : std::nullopt;
        each.push_back(entity ? *entity : Json(id));
      }
      const bool many = instance.has("objectList") || instance.at("object").is(Json::Sort::array);
      return many ? Json::array(each) : each[0];
    }
    Json out = Json::object();
    for (const auto& [name, value] : instance.members) {
      if (chosen && name == "languageMap") continue;
      const bool sub = value.is(Json::Sort::object) && value.has("type") && name != "value" && name != "languageMap" &&
                       name != "json";
      out.members[name] = sub ? instance_of(value, question, {}, path, false) : value;
    }
    if (chosen) {
      const auto [tag, text] = in_language(instance, question.language);
      out.members["type"] = "Property";
      out.members["value"] = text;
      out.members["lang"] = tag;
    }
    if (joins) {
      std::vector<Json> each;
      for (const std::string& id : objects(instance))
        if (const auto entity = entity_for(id, question, behind_it, path)) each.push_back(*entity);
      const bool is_list = instance.has("objectList");
      const bool many = is_list || instance.at("object").is(Json::Sort::array);
      if (!each.empty()) out.members[is_list ? "entityList" : "entity"] = many ? Json::array(each) : each[0];
    }
    if (question.format == "concise") {
      out.members.erase("type");
      if (instance.has("objectList")) {
        Json ids = Json::array();
        for (const std::string& id : objects(instance)) ids.items.emplace_back(id);
        out.members["objectList"] = ids;
      }
      const bool bare = out.members.size() == 1 && (kind == "GeoProperty" || kind == "Property") && !chosen;
      if (bare && (kind == "GeoProperty" || !out.at("value").is(Json::Sort::object))) return out.at("value");
    }
    return out;
  }

  void flatten(const Question& question, const View& view, const std::vector<const Json*>& found,
               std::vector<Json>& out) const {
    std::vector<std::string> met = question.contained_by;
    std::vector<std::pair<const Json*, View>> level;
    for (const Json* entity : found) met.push_back(entity->at("id").text), level.emplace_back(entity, view);
    for (int i = 0; i < question.levels; ++i) {
      std::vector<std::pair<const Json*, View>> next;
      for (const auto& [entity, how] : level)
        for (const auto& [name, value] : entity->members) {
          if (!is_attribute(name) || !is_shown(name, how)) continue;
          for (const Json& instance : wanted(value, question))
            for (const std::string& id : objects(instance)) {
              const Json* linked = find(id);
              if (linked == nullptr || among(met, id)) continue;
              met.push_back(id);
              next.emplace_back(linked, behind(how, name));
              out.push_back(shown(*linked, question, next.back().second, {id}));
            }
        }
      level = std::move(next);
    }
  }

  std::vector<Json> entities_;
};

}  // namespace madang::api::model
