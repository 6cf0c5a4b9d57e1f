// Query trees as text again.

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "madang/base/json.h"
#include "madang/ngsi/query.h"

namespace madang::ngsi {

namespace {

using Member = AttributePath::Member;

std::string_view member_name(Member member) {
  switch (member) {
    case Member::value:
      break;
    case Member::created_at:
      return "createdAt";
    case Member::modified_at:
      return "modifiedAt";
    case Member::observed_at:
      return "observedAt";
    case Member::expires_at:
      return "expiresAt";
    case Member::unit_code:
      return "unitCode";
    case Member::dataset_id:
      return "datasetId";
    case Member::value_type:
      return "valueType";
    case Member::object_type:
      return "objectType";
  }
  return {};
}

std::string_view sign(Comparison comparison) {
  switch (comparison) {
    case Comparison::exists:
      break;
    case Comparison::equal:
      return "==";
    case Comparison::unequal:
      return "!=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_equal:
      return ">=";
    case Comparison::less:
      return "<";
    case Comparison::less_equal:
      return "<=";
    case Comparison::matches:
      return "~=";
    case Comparison::not_matches:
      return "!~=";
  }
  return {};
}

std::string_view name_of(Symbol symbol, Vocabulary& vocabulary) {
  return symbol == Symbol::none ? "?" : vocabulary.name(symbol);
}

void append_path(std::string& out, const AttributePath& path, Vocabulary& vocabulary) {
  for (const auto& hop : path.hops) {
    out += name_of(hop.relationship, vocabulary);
    out += '{';
    for (const Symbol& type : hop.types) {
      if (&type != hop.types.data()) out += ',';
      out += name_of(type, vocabulary);
    }
    if (!hop.types.empty()) out += ':';
  }
  const std::size_t begin = out.size();
  for (const Symbol name : path.names) {
    if (out.size() != begin) out += '.';
    out += name_of(name, vocabulary);
  }
  if (path.member != Member::value) {
    if (out.size() != begin) out += '.';
    out += member_name(path.member);
  }
  for (const auto& key : path.keys) {
    out += &key == path.keys.data() ? '[' : '.';
    out += key.written;
  }
  if (!path.keys.empty()) out += ']';
  out.append(path.hops.size(), '}');
}

struct ValuePrinter {
  std::string& out;
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(double value) const { base::json::append_number(out, value); }
  void operator()(const std::string& value) const { base::json::append_string(out, value); }
  void operator()(base::Timestamp value) const { base::append_timestamp(out, value); }
  void operator()(Date value) const {
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(value.days))};
    out += fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
  }
  void operator()(TimeOfDay value) const {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t seconds = std::min<std::int64_t>(value.ns / kSecond, 86'399);
    const std::int64_t rest = value.ns - seconds * kSecond;  // a second and more only in the leap second 23:59:60
    out += fmt::format("{:02}:{:02}:{:02}", seconds / 3'600, seconds / 60 % 60, seconds % 60 + rest / kSecond);
    if (rest % kSecond != 0) out += fmt::format(".{:09}", rest % kSecond);
    out += 'Z';
  }
  void operator()(const QueryRange& range) const {
    std::visit(*this, range.low);
    out += "..";
    std::visit(*this, range.high);
  }
  void operator()(const QueryValue& value) const { std::visit(*this, value); }
};

void append_pattern(std::string& out, const Pattern& pattern) {
  out += '"';
  for (const char c : pattern.text()) {
    if (c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

void append_leaf(std::string& out, const QueryExpression& leaf, Vocabulary* vocabulary) {
  const QueryTerm& term = leaf.term;
  append_path(out, term.path, *vocabulary);
  out += sign(term.comparison);
  if (term.pattern) append_pattern(out, *term.pattern);
  for (const auto& value : term.values) {
    if (&value != term.values.data()) out += ',';
    std::visit(ValuePrinter{out}, value);
  }
}

void append_leaf(std::string& out, const TypeSelection& leaf, Vocabulary* vocabulary) {
  out += name_of(leaf.type, *vocabulary);
}

void append_leaf(std::string& out, const ScopeSelection& leaf, Vocabulary*) {
  out += leaf.pattern;
}

template <class Tree>
void append_tree(std::string& out, const Tree& tree, Vocabulary* vocabulary, bool inside_all_of) {
  using Node = typename Tree::Node;
  if (tree.node != Node::any_of && tree.node != Node::all_of) return append_leaf(out, tree, vocabulary);
  const bool is_any = tree.node == Node::any_of;
  if (is_any && inside_all_of) out += '(';
  for (const Tree& part : tree.parts) {
    if (&part != tree.parts.data()) out += is_any ? '|' : ';';
    append_tree(out, part, vocabulary, !is_any);
  }
  if (is_any && inside_all_of) out += ')';
}

template <class Tree>
std::string text_of(const Tree& tree, Vocabulary* vocabulary) {
  std::string out;
  append_tree(out, tree, vocabulary, false);
  return out;
}

}  // namespace

std::string to_text(const TypeSelection& selection, Vocabulary& vocabulary) {
  const bool everything = selection.node == TypeSelection::Node::all_of && selection.parts.empty();
  return everything ? "*" : text_of(selection, &vocabulary);
}

std::string to_text(const QueryExpression& expression, Vocabulary& vocabulary) {
  return text_of(expression, &vocabulary);
}

std::string to_text(const ScopeSelection& selection) {
  return text_of(selection, nullptr);
}

}  // namespace madang::ngsi
