#pragma once
// JSON as a plain tree, for models to compare with.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace madang::ngsi::model {

struct Tree {
  enum class Sort { scalar, array, object };
  Sort sort = Sort::scalar;
  std::string text;  // of a scalar, as JSON
  std::vector<Tree> items;
  std::map<std::string, Tree> members;

  Tree() = default;
  explicit Tree(std::string scalar) : text(std::move(scalar)) {}
  bool operator==(const Tree&) const = default;
  bool is_object() const { return sort == Sort::object; }
  bool is_array() const { return sort == Sort::array; }
  bool has(const std::string& member) const { return members.contains(member); }

  static Tree string(std::string_view text) { return Tree('"' + std::string(text) + '"'); }
  static Tree array(std::vector<Tree> items) {
    Tree out;
    out.sort = Sort::array;
    out.items = std::move(items);
    return out;
  }
  static Tree object(std::map<std::string, Tree> members = {}) {
    Tree out;
    out.sort = Sort::object;
    out.members = std::move(members);
    return out;
  }

  static Tree of(simdjson::dom::element element) {
    if (element.is_array()) {
      std::vector<Tree> items;
      for (const auto item : element.get_array()) items.push_back(of(item));
      return array(std::move(items));
    }
    if (!element.is_object()) return Tree(simdjson::to_string(element));
    std::map<std::string, Tree> members;
    for (const auto field : element.get_object()) members.emplace(std::string(field.key), of(field.value));
    return object(std::move(members));
  }
  static Tree parse(std::string_view json) {
    simdjson::dom::parser parser;
    return of(parser.parse(simdjson::padded_string(json)));
  }

  std::string print() const {
    if (sort == Sort::scalar) return text;
    std::string out;
    for (const Tree& item : items) out += (out.empty() ? "" : ",") + item.print();
    for (const auto& [name, member] : members) out += (out.empty() ? "\"" : ",\"") + name + "\":" + member.print();
    return is_array() ? "[" + out + "]" : "{" + out + "}";
  }
};

}  // namespace madang::ngsi::model
