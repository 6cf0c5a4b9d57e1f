// Random entities and random questions: matches() against a second evaluator that works on plain values and knows
// nothing of blocks, JSON text or symbols; and parse after print gives the same tree.

#include <algorithm>
#include <map>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "madang/base/json.h"

#include "query_world.h"

namespace madang::ngsi::query_tests {
namespace {

int below(int end) {
  return *rc::gen::inRange(0, end);
}
bool coin() {
  return below(2) == 0;
}
template <class T>
T one_of(const std::vector<T>& choices) {
  return choices[static_cast<std::size_t>(below(static_cast<int>(choices.size())))];
}

// ---- plain values ----

struct Moment {
  int minute = 0;  // of 2026-01-01T12:mm:00Z
  auto operator<=>(const Moment&) const = default;
};
using Plain = std::variant<std::monostate, bool, double, std::string, Moment>;

/// A scalar, an array of scalars, or an object of scalars and arrays.
struct Value {
  enum class Shape { scalar, array, object } shape = Shape::scalar;
  std::vector<Plain> items;
  std::map<std::string, Value> members;
};

struct Thing {  // an attribute instance
  std::string name;
  Kind kind = Kind::property;
  Value value;
  std::optional<Moment> observed_at;
  std::vector<Thing> subs;
};

const std::vector<std::string> kNames{"a", "b", "c", "d"};
const std::vector<std::string> kTexts{"", "red", "blue", "say \"x\"", "한\n", "urn:x:1"};
const std::vector<std::string> kKeys{"en", "fr", "k"};

std::string iso(Moment moment, bool shifted) {
  std::string text = shifted ? "2026-01-01T21:00:00+09:00" : "2026-01-01T12:00:00Z";
  text[15] = static_cast<char>('0' + moment.minute);
  return text;
}

Plain plain(bool for_query) {
  switch (below(for_query ? 4 : 5)) {
    case 0:
      return static_cast<double>(below(4)) / 2;
    case 1:
      return one_of(kTexts);
    case 2:
      return coin();
    case 3:
      return Moment{below(3)};
    default:
      return std::monostate{};
  }
}

std::string json_string(std::string_view text) {
  std::string out;
  base::json::append_string(out, text);
  if (!coin()) return out;
  for (auto at = out.find('r'); at != out.npos; at = out.npos) out.replace(at, 1, "\\u0072");
  return out;
}

std::string json(const Plain& value) {
  if (std::holds_alternative<std::monostate>(value)) return "null";
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* moment = std::get_if<Moment>(&value)) return json_string(iso(*moment, coin()));
  if (const auto* text = std::get_if<std::string>(&value)) return json_string(*text);
  std::string out;
  base::json::append_number(out, std::get<double>(value));
  return out;
}

std::string json(const Value& value) {
  std::string out;
  switch (value.shape) {
    case Value::Shape::scalar:
      return json(value.items.front());
    case Value::Shape::array:
      for (const auto& item : value.items) out += (out.empty() ? "" : ",") + json(item);
      return '[' + out + ']';
    case Value::Shape::object:
      for (const auto& [key, member] : value.members)
        out += (out.empty() ? "" : ",") + json_string(key) + ':' + json(member);
      return '{' + out + '}';
  }
  return out;
}

Value flat_value(bool texts_only) {
  Value value;
  value.shape = coin() ? Value::Shape::scalar : Value::Shape::array;
  const int count = value.shape == Value::Shape::scalar ? 1 : below(3);
  for (int i = 0; i < count; ++i) value.items.push_back(texts_only ? Plain(one_of(kTexts)) : plain(false));
  return value;
}

Thing thing(int depth) {
  Thing made{one_of(kNames),
             one_of<Kind>({Kind::property, Kind::property, Kind::language_property, Kind::relationship}),
             {},
             {},
             {}};
  const bool is_object = made.kind == Kind::language_property || (made.kind == Kind::property && coin());
  made.value = flat_value(made.kind == Kind::relationship);
  if (is_object) {
    made.value = {Value::Shape::object, {}, {}};
    for (const auto& key : kKeys)
      if (coin()) made.value.members[key] = flat_value(made.kind == Kind::language_property);
  }
  if (coin()) made.observed_at = Moment{below(3)};
  for (int i = depth > 0 ? below(3) : 0; i > 0; --i) made.subs.push_back(thing(depth - 1));
  return made;
}

Attribute attribute_of(const Thing& from, int number) {
  Attribute made{from.name, from.kind, json(from.value), {}, number == 0 ? "" : "urn:d:" + std::to_string(number),
                 {},        {}};
  if (from.observed_at) made.observed_at = iso(*from.observed_at, false);
  for (const auto& sub : from.subs) made.subs.push_back(attribute_of(sub, 0));
  return made;
}

// ---- plain questions ----

struct Asked {
  std::vector<std::string> path;
  bool observed_at = false;
  std::string key;  // empty: none
  Comparison comparison = Comparison::exists;
  std::vector<Plain> values;
  bool is_range = false;
  std::string word;  // of a pattern: any text that has it
};

struct Tree {
  QueryExpression::Node node = QueryExpression::Node::term;
  Asked asked;
  std::vector<Tree> parts;
};

Asked question() {
  Asked asked;
  for (int i = 1 + below(2); i > 0; --i) asked.path.push_back(one_of(kNames));
  asked.observed_at = below(5) == 0;
  if (!asked.observed_at && below(3) == 0) asked.key = below(4) == 0 ? "*" : one_of(kKeys);
  asked.comparison = static_cast<Comparison>(below(9));
  switch (asked.comparison) {
    case Comparison::exists:
      break;
    case Comparison::matches:
    case Comparison::not_matches:
      asked.word = one_of<std::string>({"e", "re", "\"", "urn", "2026", "zz"});
      break;
    case Comparison::equal:
    case Comparison::unequal:
      for (int i = 1 + below(3); i > 0; --i) asked.values.push_back(plain(true));
      if (below(4) == 0) {
        const int low = below(4);
        asked.values = {static_cast<double>(low) / 2, static_cast<double>(below(5)) / 2};
        asked.is_range = true;
      }
      break;
    default:
      do asked.values = {plain(true)};
      while (std::holds_alternative<bool>(asked.values.front()));
  }
  return asked;
}

Tree tree(int depth) {
  if (depth == 0 || below(3) == 0) return {QueryExpression::Node::term, question(), {}};
  Tree made{coin() ? QueryExpression::Node::all_of : QueryExpression::Node::any_of, {}, {}};
  for (int i = 2 + below(2); i > 0; --i) made.parts.push_back(tree(depth - 1));
  return made;
}

std::string text(const Plain& value) {
  if (const auto* moment = std::get_if<Moment>(&value); moment != nullptr && coin()) return iso(*moment, coin());
  return json(value);
}

std::string text(const Asked& asked) {
  static const std::map<Comparison, std::string> kSigns{
      {Comparison::exists, ""},       {Comparison::equal, "=="},         {Comparison::unequal, "!="},
      {Comparison::greater, ">"},     {Comparison::greater_equal, ">="}, {Comparison::less, "<"},
      {Comparison::less_equal, "<="}, {Comparison::matches, "~="},       {Comparison::not_matches, "!~="}};
  std::string out;
  for (const auto& name : asked.path) out += (out.empty() ? "" : ".") + name;
  if (asked.observed_at) out += ".observedAt";
  if (!asked.key.empty()) out += '[' + asked.key + ']';
  out += kSigns.at(asked.comparison);
  if (!asked.word.empty())
    out += coin() ? asked.word == "\"" ? "\"\\\"\"" : '"' + asked.word + '"' : asked.word == "\"" ? "\\\"" : asked.word;
  for (std::size_t i = 0; i < asked.values.size(); ++i)
    out += (i == 0 ? "" : asked.is_range ? ".." : ",") + text(asked.values[i]);
  return out;
}

/// With more parentheses than needed, now and then.
std::string text(const Tree& from, bool inside_all_of = false) {
  if (from.node == QueryExpression::Node::term) return below(6) == 0 ? '(' + text(from.asked) + ')' : text(from.asked);
  const bool is_all = from.node == QueryExpression::Node::all_of;
  std::string out;
  for (const auto& part : from.parts) out += (out.empty() ? "" : is_all ? ";" : "|") + text(part, is_all);
  return (inside_all_of && !is_all) || below(4) == 0 ? '(' + out + ')' : out;
}

// ---- the second evaluator: all targets first, then the rules of 4.9 one by one ----

struct Operand {
  bool is_reference = false;
  bool all_languages = false;  // values: those of every language; else one value
  std::vector<Value> values;
};

std::vector<Operand> operands(const Thing& from, const Asked& asked) {
  if (asked.observed_at) {
    if (!from.observed_at) return {};
    return {{false, false, {{Value::Shape::scalar, {*from.observed_at}, {}}}}};
  }
  if (from.kind == Kind::relationship) {
    if (!asked.key.empty()) return {};
    return {{true, false, {from.value}}};
  }
  if (from.kind == Kind::language_property && (asked.key.empty() || asked.key == "*")) {
    Operand all{false, true, {}};
    for (const auto& [language, value] : from.value.members) all.values.push_back(value);
    return {all};
  }
  if (asked.key.empty()) return {{false, false, {from.value}}};
  const auto found = from.value.members.find(asked.key);
  if (found == from.value.members.end()) return {};
  return {{false, false, {found->second}}};
}

void collect(const std::vector<Thing>& things, const Asked& asked, std::size_t depth, std::vector<Operand>& out) {
  for (const auto& candidate : things) {
    if (candidate.name != asked.path[depth]) continue;
    if (depth + 1 < asked.path.size()) {
      collect(candidate.subs, asked, depth + 1, out);
    } else {
      for (auto& operand : operands(candidate, asked)) out.push_back(std::move(operand));
    }
  }
}

bool is_wanted(const Plain& have, const Asked& asked) {
  if (!asked.is_range) return std::find(asked.values.begin(), asked.values.end(), have) != asked.values.end();
  return std::holds_alternative<double>(have) && have >= asked.values[0] && have <= asked.values[1];
}

bool satisfies(const Operand& operand, const Asked& asked) {
  bool is_among = false, has_text = false, has_word = false, in_order = false;
  for (const auto& value : operand.values) {
    for (const auto& item : value.items) is_among = is_among || is_wanted(item, asked);
    if (value.shape != Value::Shape::scalar) continue;
    const Plain& item = value.items.front();
    std::optional<std::string> written;
    if (const auto* plain_text = std::get_if<std::string>(&item)) written = *plain_text;
    if (std::holds_alternative<Moment>(item) && !asked.observed_at)
      written = "2026";  // the only word asked that date-times have
    has_text = has_text || written.has_value();
    has_word = has_word || (written && written->find(asked.word) != std::string::npos);
    if (asked.values.empty() || item.index() != asked.values.front().index()) continue;
    const Plain& bound = asked.values.front();
    in_order = in_order || (asked.comparison == Comparison::greater && item > bound) ||
               (asked.comparison == Comparison::greater_equal && item >= bound) ||
               (asked.comparison == Comparison::less && item < bound) ||
               (asked.comparison == Comparison::less_equal && item <= bound);
  }
  switch (asked.comparison) {
    case Comparison::exists:
      return true;
    case Comparison::equal:
      return is_among;
    case Comparison::unequal:
      return !is_among;
    case Comparison::matches:
      return has_word && !operand.is_reference;
    case Comparison::not_matches:
      return has_text && !has_word && !operand.is_reference;
    default:
      return in_order && !operand.is_reference;
  }
}

bool satisfied(const Tree& from, const std::vector<Thing>& things) {
  const auto holds = [&](const Tree& part) { return satisfied(part, things); };
  if (from.node == QueryExpression::Node::all_of) return std::all_of(from.parts.begin(), from.parts.end(), holds);
  if (from.node == QueryExpression::Node::any_of) return std::any_of(from.parts.begin(), from.parts.end(), holds);
  std::vector<Operand> all;
  collect(things, from.asked, 0, all);
  return std::any_of(all.begin(), all.end(), [&](const Operand& operand) { return satisfies(operand, from.asked); });
}

// ---- the properties ----

TEST(QueryProperty, MatchesAsTheSecondEvaluatorSays) {
  World world;
  for (const auto& name : kNames) world.name(name);
  int yes = 0, no = 0;
  EXPECT_TRUE(rc::check("matches() = brute force", [&] {
    std::vector<Thing> things;
    for (int i = below(6); i > 0; --i) things.push_back(thing(1));
    std::vector<Attribute> attributes;
    for (std::size_t i = 0; i < things.size(); ++i) attributes.push_back(attribute_of(things[i], static_cast<int>(i)));
    const auto block = world.entity(attributes);
    for (int i = 0; i < 20; ++i) {
      const Tree asked = tree(below(4));
      const std::string written = text(asked);
      const auto parsed = parse_q(written, world.vocabulary);
      if (!parsed.ok()) RC_FAIL(written + ": " + parsed.error().message + " at " + parsed.error().where);
      const bool expected = satisfied(asked, things);
      ++(expected ? yes : no);
      if (matches(*parsed, EntityView(block)) != expected)
        RC_FAIL(written + (expected ? " should match" : " should not match"));
    }
  }));
  EXPECT_GT(yes, 100);  // the random questions are neither all right nor all wrong
  EXPECT_GT(no, 100);
}

TEST(QueryProperty, ParseAfterPrintIsTheSameTree) {
  World world;
  for (const auto& name : kNames) world.name(name);
  EXPECT_TRUE(rc::check("parse(print(q)) = q", [&] {
    const auto first = parse_q(text(tree(4)), world.vocabulary);
    RC_ASSERT(first.ok());
    const std::string printed = to_text(*first, world.vocabulary);
    const auto second = parse_q(printed, world.vocabulary);
    if (!second.ok()) RC_FAIL(printed + ": " + second.error().message + " at " + second.error().where);
    if (!(*second == *first)) RC_FAIL(printed + " became " + to_text(*second, world.vocabulary));
    RC_ASSERT(to_text(*second, world.vocabulary) == printed);
  }));
}

template <class Leaf>
std::string selection_text(int depth, const Leaf& leaf, bool inside_all_of = false) {
  if (depth == 0 || below(3) == 0) return leaf();
  const bool is_all = coin();
  std::string out;
  for (int i = 2 + below(2); i > 0; --i)
    out += (out.empty() ? "" : is_all ? ";" : coin() ? "|" : ",") + selection_text(depth - 1, leaf, is_all);
  return inside_all_of || coin() ? '(' + out + ')' : out;
}

TEST(QueryProperty, TypeAndScopeSelectionsPrintBack) {
  World world;
  for (const auto& name : kNames) world.name(name);
  EXPECT_TRUE(rc::check("parse(print(type)) = type", [&] {
    const auto first = parse_type_selection(selection_text(4, [] { return one_of(kNames); }), world.vocabulary);
    RC_ASSERT(first.ok());
    const auto second = parse_type_selection(to_text(*first, world.vocabulary), world.vocabulary);
    RC_ASSERT(second.ok());
    RC_ASSERT(*second == *first);
  }));
  EXPECT_TRUE(rc::check("parse(print(scopeQ)) = scopeQ", [&] {
    const auto pattern = [] {
      std::string out;
      for (int i = below(3); i >= 0; --i) out += '/' + one_of<std::string>({"A", "B", "+", "서울"});
      return below(3) == 0 ? out + "/#" : out;
    };
    const auto first = parse_scope_selection(selection_text(4, pattern));
    RC_ASSERT(first.ok());
    const auto second = parse_scope_selection(to_text(*first));
    RC_ASSERT(second.ok());
    RC_ASSERT(*second == *first);
  }));
}

/// The rule of 4.19 as a backtracking matcher over levels.
bool scope_fits(const std::vector<std::string>& pattern, const std::vector<std::string>& scope) {
  if (pattern.empty()) return scope.empty();
  if (pattern.front() == "#") return true;
  if (scope.empty() || (pattern.front() != "+" && pattern.front() != scope.front())) return false;
  return scope_fits({pattern.begin() + 1, pattern.end()}, {scope.begin() + 1, scope.end()});
}

TEST(QueryProperty, ScopesMatchAsTheLevelsSay) {
  World world;
  const auto levels = [](const std::vector<std::string>& choices, int least) {
    std::vector<std::string> out;
    for (int i = least + below(3); i > 0; --i) out.push_back(one_of(choices));
    return out;
  };
  const auto joined = [](const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += '/' + part;
    return out;
  };
  EXPECT_TRUE(rc::check("matches(scope) = brute force", [&] {
    std::vector<std::vector<std::string>> scopes;
    for (int i = below(3); i > 0; --i) scopes.push_back(levels({"A", "B"}, 1));
    std::vector<std::string> written;
    for (const auto& scope : scopes) written.push_back(joined(scope).substr(coin() ? 1 : 0));
    const auto block = world.entity({}, {"T"}, written);
    auto pattern = levels({"A", "B", "+"}, 0);
    if (pattern.empty() || coin()) pattern.push_back("#");
    const bool expected =
        std::any_of(scopes.begin(), scopes.end(), [&](const auto& s) { return scope_fits(pattern, s); });
    RC_ASSERT(matches(*parse_scope_selection(joined(pattern)), EntityView(block)) == expected);
  }));
}

}  // namespace
}  // namespace madang::ngsi::query_tests
