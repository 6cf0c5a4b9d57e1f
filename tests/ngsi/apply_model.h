#pragma once
// What the operations of clause 5.6 do, written from the clauses on plain trees and on nothing of the encoded form: the
// model that apply() and splice() are held against.

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "madang/ngsi/change.h"

#include "json_tree.h"

namespace madang::ngsi::model {

inline const Tree kNullTree = Tree::string(kNull);

/// One attribute instance as a fragment has it: normalized, or only a value.
struct GivenInstance {
  std::string name, dataset;
  bool is_null = false;   // the instance is to go
  bool is_plain = false;  // `tree` is the value alone
  Tree tree;
};

struct GivenFragment {
  std::vector<std::string> types;
  std::optional<std::vector<std::string>> scopes;
  std::optional<std::string> expires_at;  // kNull: no more
  std::vector<GivenInstance> instances;
};

inline std::string member_of(const std::string& type) {
  static const std::map<std::string, std::string> all{
      {"Property", "value"},         {"GeoProperty", "value"},
      {"Relationship", "object"},    {"LanguageProperty", "languageMap"},
      {"VocabProperty", "vocab"},    {"JsonProperty", "json"},
      {"ListProperty", "valueList"}, {"ListRelationship", "objectList"}};
  return all.at(type);
}

class ApplyModel {
 public:
  using Instances = std::map<std::pair<std::string, std::string>, Tree>;  // by name and datasetId
  bool exists = false;
  std::vector<std::string> types;
  std::vector<std::string> scopes;
  std::optional<std::string> expires_at;
  Instances instances;

  /// False: refused, and nothing has changed.
  bool apply(Operation operation, const GivenFragment& given, const std::string& name, const std::string& dataset,
             bool delete_all, const std::string& time) {
    ApplyModel before = *this;
    now_ = '"' + time + '"';
    merging_ = operation == Operation::merge;
    incomplete_ = false;
    const bool done = run(operation, given, name, dataset, delete_all) && !incomplete_;
    if (!done) *this = std::move(before);
    return done;
  }

  /// The normalized representation with the system's attributes.
  Tree shown() const {
    Tree out = Tree::object();
    std::map<std::string, std::vector<Tree>> by_name;
    for (const auto& [key, tree] : instances) {
      Tree instance = tree;
      if (!key.second.empty()) instance.members["datasetId"] = Tree::string(key.second);
      by_name[key.first].push_back(std::move(instance));
    }
    for (auto& [name, list] : by_name) out.members[name] = list.size() == 1 ? list.front() : Tree::array(list);
    out.members["type"] = list_of(types);
    if (!scopes.empty()) out.members["scope"] = list_of(scopes);
    if (expires_at) out.members["expiresAt"] = Tree::string(*expires_at);
    return out;
  }

 private:
  std::string now_;
  bool merging_ = false;
  bool incomplete_ = false;  // something new has no value

  static Tree list_of(const std::vector<std::string>& names) {
    if (names.size() == 1) return Tree::string(names.front());
    std::vector<Tree> items;
    for (const auto& name : names) items.push_back(Tree::string(name));
    return Tree::array(std::move(items));
  }

  static bool holds_null(const Tree& tree) {
    if (tree == kNullTree) return true;
    return std::any_of(tree.items.begin(), tree.items.end(), [](const Tree& item) { return holds_null(item); }) ||
           std::any_of(tree.members.begin(), tree.members.end(), [](const auto& m) { return holds_null(m.second); });
  }
  static bool holds_null(const GivenFragment& given) {
    if (given.expires_at == std::string(kNull)) return true;
    return std::any_of(given.instances.begin(), given.instances.end(),
                       [](const auto& each) { return each.is_null || holds_null(each.tree); });
  }
  /// Clause 5.5.4: only a merge looks into values.
  static bool holds_null_in_value(const Tree& instance) {
    if (!instance.is_object()) return false;
    for (const auto& [name, member] : instance.members) {
      const bool is_value = instance.has("type") && name == member_of(instance.members.at("type").text.substr(
                                                                1, instance.members.at("type").text.size() - 2));
      if (is_value ? holds_null(member) : member.is_object() && holds_null_in_value(member)) return true;
    }
    return false;
  }

  bool run(Operation operation, const GivenFragment& given, const std::string& name, const std::string& dataset,
           bool delete_all) {
    const bool takes_nulls = operation == Operation::update || operation == Operation::batch_update || merging_ ||
                             operation == Operation::partial_attribute ||
                             (operation == Operation::upsert_update && exists);
    if (holds_null(given) && !takes_nulls) return false;
    if (!merging_)
      for (const auto& each : given.instances)
        if (!each.is_null && holds_null_in_value(each.tree)) return false;
    switch (operation) {
      case Operation::create:
        return !exists && replace(given);
      case Operation::upsert_replace:
        return replace(given);
      case Operation::upsert_update:
        return exists ? change(operation, given) : replace(given);
      default:
        break;
    }
    if (!exists) return false;
    switch (operation) {
      case Operation::delete_entity:
        *this = {};
        return true;
      case Operation::replace:
        return replace(given);
      case Operation::delete_attribute:
        return remove(name, dataset, delete_all);
      case Operation::partial_attribute:
        return change_part(given.instances.front());
      case Operation::replace_attribute: {
        const GivenInstance& one = given.instances.front();
        const auto found = instances.find({one.name, one.dataset});
        if (found == instances.end() || one.is_null || !has_value(one.tree)) return false;
        found->second = fresh(one.tree, &found->second);
        return true;
      }
      case Operation::drop_attributes:
      case Operation::keep_attributes:
        std::erase_if(instances, [&](const auto& each) {
          return (each.first.first == name) == (operation == Operation::drop_attributes);
        });
        return true;
      default:
        return change(operation, given);
    }
  }

  // ---- whole entities (5.6.1, 5.6.18, 5.6.8) ----

  bool replace(const GivenFragment& given) {
    Instances old = std::exchange(instances, {});
    if (!given.types.empty() || !exists) types = given.types;
    scopes = given.scopes.value_or(std::vector<std::string>());
    expires_at = given.expires_at;
    for (const GivenInstance& each : given.instances) {
      const auto before = old.find({each.name, each.dataset});
      instances[{each.name, each.dataset}] = fresh(each.tree, before == old.end() ? nullptr : &before->second);
    }
    return exists = true;
  }

  // ---- fragments (5.6.2, 5.6.3, 5.6.9, 5.6.17) ----

  bool change(Operation operation, const GivenFragment& given) {
    const bool keeps = operation == Operation::append_no_overwrite || operation == Operation::batch_update_no_overwrite;
    for (const auto& type : given.types)
      if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
    if (given.scopes && !(operation == Operation::update && scopes.empty())) {
      std::vector<std::string> after = keeps ? scopes : std::vector<std::string>();
      for (const auto& scope : *given.scopes)
        if (std::find(after.begin(), after.end(), scope) == after.end()) after.push_back(scope);
      scopes = after;
    }
    if (given.expires_at && !(keeps && expires_at)) {
      expires_at = given.expires_at;
      if (expires_at == std::string(kNull)) expires_at.reset();
    }
    for (const GivenInstance& each : given.instances) {
      const std::pair key{each.name, each.dataset};
      const auto found = instances.find(key);
      if (found != instances.end() && keeps) continue;
      if (each.is_null) {
        instances.erase(key);
      } else if (found == instances.end()) {
        instances[key] = fresh(each.is_plain ? typed(each.tree) : each.tree, nullptr);
      } else if (!merging_) {
        found->second = fresh(each.tree, &found->second);
      } else if (each.is_plain ? !merge_plain(found->second, each.tree) : !merge(found->second, each.tree)) {
        return false;
      }
    }
    return true;
  }

  static std::string type_of(const Tree& instance) {
    const std::string& text = instance.members.at("type").text;
    return text.substr(1, text.size() - 2);
  }
  static bool has_value(const Tree& instance) { return instance.has(member_of(type_of(instance))); }
  static Tree typed(const Tree& value) { return Tree::object({{"type", Tree::string("Property")}, {"value", value}}); }

  static bool is_sub(const std::string& name, const Tree& member) {
    static const std::set<std::string> kMembers{"type",      "value",      "object",     "languageMap", "vocab",
                                                "json",      "valueList",  "objectList", "unitCode",    "observedAt",
                                                "expiresAt", "objectType", "valueType",  "createdAt",   "modifiedAt"};
    return !kMembers.contains(name) && (member.is_object() || member == kNullTree);
  }

  /// As it was given, without nulls; born when the one it takes the place of was (4.8, 5.6.2.4).
  Tree fresh(const Tree& given, const Tree* old) {
    incomplete_ = incomplete_ || !has_value(given);
    Tree out = Tree::object();
    const std::string value = member_of(type_of(given));
    for (const auto& [name, member] : given.members) {
      if (member == kNullTree) continue;
      const Tree* before = old != nullptr && old->has(name) ? &old->members.at(name) : nullptr;
      if (is_sub(name, member))
        out.members[name] = fresh(member, before);
      else
        out.members[name] = name == value && merging_ ? merged(Tree::object(), member) : member;
    }
    out.members["createdAt"] = old != nullptr ? old->members.at("createdAt") : Tree(now_);
    out.members["modifiedAt"] = Tree(now_);
    return out;
  }

  /// RFC 7396 with the NGSI-LD null.
  static Tree merged(const Tree& target, const Tree& patch) {
    if (!patch.is_object()) return patch;
    Tree out = target.is_object() ? target : Tree::object();
    for (const auto& [name, member] : patch.members) {
      if (member == kNullTree)
        out.members.erase(name);
      else
        out.members[name] = merged(out.has(name) ? out.members.at(name) : Tree::object(), member);
    }
    return out;
  }

  /// What both kinds of patches say of members and sub-attributes (5.5.8, example 1; 5.5.12).
  bool overlay(Tree& old, const Tree& given) {
    const std::string value = member_of(type_of(given));
    for (const auto& [name, member] : given.members) {
      if (name == value || name == "type") continue;
      if (member == kNullTree) {
        old.members.erase(name);
      } else if (!is_sub(name, member)) {
        old.members[name] = member;
      } else if (!old.has(name)) {
        old.members[name] = fresh(member, nullptr);
      } else if (merging_) {
        if (!merge(old.members[name], member)) return false;
      } else {
        old.members[name] = fresh(member, &old.members[name]);
      }
    }
    old.members["modifiedAt"] = Tree(now_);
    return true;
  }

  bool merge(Tree& old, const Tree& given) {
    const std::string before = type_of(old), after = type_of(given);
    const std::string value = member_of(after);
    if (before != after) {
      if (!given.has(value)) return false;
      for (const std::string& name : {member_of(before), std::string("unitCode"), std::string("objectType")})
        old.members.erase(name);
      old.members["type"] = given.members.at("type");
    }
    if (given.has(value))
      old.members[value] = merged(before == after ? old.members[value] : Tree::object(), given.members.at(value));
    return overlay(old, given);
  }

  /// Clause 5.6.17.4: a value alone is one of the attribute's type.
  bool merge_plain(Tree& old, const Tree& value) {
    const std::string type = type_of(old);
    const auto is_uri = [](const Tree& tree) { return tree.text.starts_with("\"urn:"); };
    const bool uris = value.is_array() && std::all_of(value.items.begin(), value.items.end(), is_uri);
    Tree& kept = old.members[member_of(type)];
    if (type == "Property") {
      kept = merged(kept, value);
    } else if (type == "Relationship" && (is_uri(value) || (uris && !value.items.empty()))) {
      kept = value;
    } else if (type == "ListProperty" && value.is_array()) {
      kept = value;
    } else if (type == "ListRelationship" && uris) {
      kept = Tree::array({});
      for (const Tree& item : value.items) kept.items.push_back(Tree::object({{"object", item}}));
    } else if (type == "LanguageProperty" && value.text.starts_with('"')) {
      kept.members["@none"] = value;
    } else {
      return false;
    }
    old.members["modifiedAt"] = Tree(now_);
    return true;
  }

  // ---- one attribute (5.6.4, 5.6.5) ----

  bool change_part(const GivenInstance& given) {
    const auto found = instances.find({given.name, given.dataset});
    if (found == instances.end()) return false;
    if (given.is_null) return instances.erase(found), true;
    if (type_of(found->second) != type_of(given.tree)) return false;
    const std::string value = member_of(type_of(given.tree));
    if (given.tree.has(value)) found->second.members[value] = given.tree.members.at(value);
    return overlay(found->second, given.tree);
  }

  bool remove(const std::string& name, const std::string& dataset, bool all) {
    return std::erase_if(instances, [&](const auto& each) {
             return each.first.first == name && (all || each.first.second == dataset);
           }) > 0;
  }
};

}  // namespace madang::ngsi::model
