// q, type and scopeQ as text: what parses, to which tree, and how what does not is refused.

#include <gtest/gtest.h>

#include "madang/ngsi/represent.h"

#include "query_world.h"

namespace madang::ngsi::query_tests {
namespace {

using base::Code;

struct Refusal {
  std::string_view text;
  std::string_view where;
  std::string_view says;
  Code code = Code::bad_request_data;
};

template <class Parse>
void expect_refusals(const std::vector<Refusal>& refusals, Parse parse) {
  for (const auto& [text, where, says, code] : refusals) {
    const auto result = parse(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().where, where) << text;
    EXPECT_NE(result.error().message.find(says), std::string::npos) << text << ": " << result.error().message;
    EXPECT_EQ(result.error().code, code) << text;
  }
}

TEST(QueryParse, RefusesBrokenQWithColumnAndExpectation) {
  World world;
  expect_refusals(
      {
          {"", "q:1", "expected the name of an attribute, found the end"},
          {"1speed", "q:1", "name of an attribute"},
          {"!speed", "q:1", "name of an attribute"},
          {"speed>", "q:7", "expected a number, a date or a string in double quotes, found the end"},
          {"speed=5", "q:6", "an operator"},
          {"speed >5", "q:6", "an operator"},
          {"속도=5", "q:3", "an operator"},
          {"속도==\"빠름\";;", "q:10", "name of an attribute, found ';'"},
          {"speed-limit==5", "q:6", "found '-'"},
          {"a;", "q:3", "found the end"},
          {"a|", "q:3", "found the end"},
          {"(a", "q:3", "';', '|' or ')'"},
          {"a)", "q:2", "the end, found ')'"},
          {"()", "q:2", "name of an attribute"},
          {"a.", "q:3", "name of an attribute"},
          {"a[", "q:3", "a key, a language or '*'"},
          {"a[]", "q:3", "a key"},
          {"a[b", "q:4", "'.' or ']'"},
          {"a[b]x", "q:5", "an operator"},
          {"a[b.]", "q:5", "a key"},
          {"a[@]", "q:3", "a key"},
          {"observedAt.a", "q:12", "no sub-attributes"},
          {"a.observedAt[b]", "q:13", "no keys"},
          {"a==\"b", "q:4", "without a closing quote"},
          {"a==\"b\\\"", "q:4", "without a closing quote"},
          {"a==\"b\\x\"", "q:6", "no such escape"},
          {"a==\"\\u12g4\"", "q:5", "no such escape"},
          {"a==\"\\u12\"", "q:5", "no such escape"},
          {"a==\"\\ud800\"", "q:5", "half a surrogate pair"},
          {"a==\"\\ud800\\u0041\"", "q:5", "half a surrogate pair"},
          {"a==\"\\udc00\\ud800\"", "q:5", "half a surrogate pair"},
          {"a==\"b\nc\"", "q:6", "control character"},
          {"a==\"b\"c", "q:7", "';', '|' or the end"},
          {"a==007", "q:4", "a number as in JSON"},
          {"a==-", "q:4", "a number as in JSON"},
          {"a==1.", "q:5", "';', '|' or the end"},
          {"a==.5", "q:4", "neither a name nor a URI"},
          {"a==1e", "q:5", "';', '|' or the end"},
          {"a==1e999", "q:4", "a number of this size"},
          {"a==NaN5 x", "q:4", "a string needs double quotes"},
          {"a==2026-02-30", "q:4", "no such date"},
          {"a==2026-01-01T25:00:00Z", "q:4", "no such date"},
          {"a==24:00:00Z", "q:4", "no such date"},
          {"a==2026-01-01T", "q:8", "';', '|' or the end"},
          {"a==two words", "q:4", "a string needs double quotes"},
          {"a>red", "q:3", "expected a number, a date or a string in double quotes after"},
          {"a>true", "q:3", "after <, <=, > or >="},
          {"a>urn:x:y", "q:3", "after <, <=, > or >="},
          {"a>4..5", "q:4", "lists and ranges go with == and != only"},
          {"a<=4,5", "q:5", "lists and ranges go with == and != only"},
          {"a==1..", "q:7", "found the end"},
          {"a==1..\"b\"", "q:5", "a range needs"},
          {"a==true..false", "q:4", "a string needs double quotes"},
          {"a==1..2,3", "q:8", "cannot stand in a list"},
          {"a==1,2..3", "q:7", "cannot stand in a list"},
          {"a==1,", "q:6", "expected a number"},
          {"a~=", "q:4", "an empty one"},
          {"a~=\"\"", "q:4", "an empty one"},
          {"a~=\"x", "q:4", "without a closing quote"},
          {"a~=[z", "q:4", "missing ]"},
          {"b;a~=x\\", "q:6", "trailing \\"},
          {"a{b==1", "q:4", "'.', '[', '{' or '}'"},
          {"a{b[c]", "q:7", "'}'"},
          {"a{}", "q:3", "name of an attribute"},
          {"a{b}}", "q:5", "an operator"},
          {"a{b}.c", "q:5", "an operator"},
          {"a{T,b}", "q:4", "'.', '[', '{' or '}'"},
          {"a{T:}", "q:5", "name of an attribute"},
          {"a{p:q:r:s}", "q:6", "',' or ':'"},
          {"x|a.b{T:c}", "q:3", "only a Relationship of the entity itself"},
          {"observedAt{c}", "q:1", "only a Relationship of the entity itself"},
          {"a{b{c{d{e{f{g{h{i{j{k{l", "q:21", "more than 10 linked entities", Code::too_complex},
          {"a\xff", "q:1", "UTF-8"},
          {std::string_view("a\0b", 3), "q:2", "an operator"},
      },
      [&](std::string_view text) { return parse_q(text, world.vocabulary); });
}

TEST(QueryParse, RefusesBrokenTypeSelections) {
  World world;
  expect_refusals(
      {
          {"", "type:1", "the name of an entity type, found the end"},
          {"A,", "type:3", "found the end"},
          {",A", "type:1", "found ','"},
          {"(A;B", "type:5", "';', '|' or ')'"},
          {"A)", "type:2", "found ')'"},
          {"(A)B", "type:4", "';', '|' or the end"},
          {"A;;B", "type:3", "found ';'"},
      },
      [&](std::string_view text) { return parse_type_selection(text, world.vocabulary); });
}

TEST(QueryParse, RefusesBrokenScopeSelections) {
  expect_refusals(
      {
          {"", "scopeQ:1", "a scope level, '+' or '#'"},
          {"/", "scopeQ:2", "a scope level"},
          {"//A", "scopeQ:2", "a scope level"},
          {"/A//B", "scopeQ:4", "a scope level"},
          {"/A/", "scopeQ:4", "a scope level"},
          {"/A/#/B", "scopeQ:5", "';', '|' or the end"},
          {"/A#", "scopeQ:3", "';', '|' or the end"},
          {"/A+", "scopeQ:3", "';', '|' or the end"},
          {"/1", "scopeQ:2", "a scope level"},
          {"(/A;/B", "scopeQ:7", "';', '|' or ')'"},
      },
      [&](std::string_view text) { return parse_scope_selection(text); });
}

TEST(QueryParse, PrintsWhatItParsed) {
  World world;
  for (const auto* name : {"a", "b", "c", "d", "e", "speed", "속도", "temperature", "Building", "House", "Home"})
    world.name(name);
  const std::vector<std::pair<std::string_view, std::string_view>> cases{
      {"a", "a"},
      {"a.b.c", "a.b.c"},
      {"a|b;c", "a|b;c"},
      {"(a|b);c", "(a|b);c"},
      {"((a;b);(c;d))|((e))", "a;b;c;d|e"},
      {"속도>=-1.50e1", "속도>=-15"},
      {"a==1,\"b\",true,c", "a==1,\"b\",true,\"c\""},
      {"a!=urn:x:(y),https://e.org/?q=1#z", "a!=\"urn:x:(y)\",\"https://e.org/?q=1#z\""},
      {"(a==urn:x:y)", "a==\"urn:x:y\""},
      {"a==10..20", "a==10..20"},
      {"a!=1.5..2.5;b", "a!=1.5..2.5;b"},
      {"a==\"b\"..\"c\"", "a==\"b\"..\"c\""},
      {"a.observedAt>2026-01-01T00:00:00,5+09:00", "a.observedAt>2025-12-31T15:00:00.500Z"},
      {"modifiedAt<\"2026-01-01T00:00:00Z\"", "modifiedAt<2026-01-01T00:00:00Z"},
      {"modifiedAt<2026-01-01", "modifiedAt<2026-01-01T00:00:00Z"},
      {"a==2026-02-28..2026-03-01", "a==2026-02-28..2026-03-01"},
      {"a==23:59:60Z,12:00:00.5Z", "a==23:59:60Z,12:00:00.500000000Z"},
      {"a[en-GB]~=^x|b", "a[en-GB]~=\"^x\"|b"},
      {"a[*]!~=(x|y;z)[|;)];b", "a[*]!~=\"(x|y;z)[|;)]\";b"},
      {"(a~=(x)y)", "a~=\"(x)y\""},
      {"a~=\"say \\\"hi\\\" \\d\"", "a~=\"say \\\"hi\\\" \\d\""},
      {"a==\"\\ud83d\\ude00\\n\"", "a==\"\xF0\x9F\x98\x80\\n\""},
      {"a[b.c].d", ""},
      {"a.unitCode==\"CEL\"", "a.unitCode==\"CEL\""},
      {"unheard", "?"},
  };
  for (const auto& [text, printed] : cases) {
    const auto tree = parse_q(text, world.vocabulary);
    if (printed.empty()) {
      EXPECT_FALSE(tree.ok()) << text;
      continue;
    }
    ASSERT_TRUE(tree.ok()) << text << ": " << tree.error().message << " at " << tree.error().where;
    EXPECT_EQ(to_text(*tree, world.vocabulary), printed);
  }
  for (const auto& [text, printed] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"Building,House", "Building|House"},
           {"(Home;House)|Building", "Home;House|Building"},
           {"Home;House,Building", "Home;House|Building"},
           {"(Home|House);Building", "(Home|House);Building"},
           {"https://uri.etsi.org/ngsi-ld/default-context/House", "House"},
           {"*", "*"}}) {
    const auto tree = parse_type_selection(text, world.vocabulary);
    ASSERT_TRUE(tree.ok()) << text;
    EXPECT_EQ(to_text(*tree, world.vocabulary), printed);
  }
  for (const auto& [text, printed] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"/A/B,C", "/A/B|/C"}, {"(/A/+;/B/#)|/#", "/A/+;/B/#|/#"}, {"/서울/종로구", "/서울/종로구"}}) {
    const auto tree = parse_scope_selection(text);
    ASSERT_TRUE(tree.ok()) << text;
    EXPECT_EQ(to_text(*tree), printed);
  }
}

TEST(QueryParse, AskingLeavesNoTraceInTheNames) {
  World world;
  const auto before = world.symbols.size();
  const auto tree = world.q("never.heard.of[this]==1");
  EXPECT_TRUE(tree.term.path.has_unknown_name());
  EXPECT_TRUE(parse_type_selection("NorThis", world.vocabulary).ok());
  EXPECT_EQ(world.symbols.size(), before);
}

TEST(QueryParse, PathsThroughLinkedEntities) {
  World world;
  for (const auto* name : {"rel", "to", "a", "b", "Device", "Sensor"}) world.name(name);
  const auto path = world.q("rel{Device,Sensor:to{a.b[k.l]}}==5").term.path;
  ASSERT_EQ(path.hops.size(), 2u);
  EXPECT_EQ(path.hops[0].relationship, world.name("rel"));
  EXPECT_EQ(path.hops[0].types, (std::vector<Symbol>{world.name("Device"), world.name("Sensor")}));
  EXPECT_EQ(path.hops[1].relationship, world.name("to"));
  EXPECT_TRUE(path.hops[1].types.empty());
  EXPECT_EQ(path.names, (std::vector<Symbol>{world.name("a"), world.name("b")}));
  EXPECT_EQ(path.keys.size(), 2u);
  EXPECT_EQ(path.plain_attribute(), Symbol::none);

  for (const auto* text : {"rel{Device,Sensor:to{a.b[k.l]}}==5", "rel{a}", "rel{modifiedAt}>2026-01-01", "a;(rel{a|b",
                           "rel{Device:a}~=x|rel{a.observedAt}"}) {
    const auto tree = parse_q(text, world.vocabulary);
    if (std::string_view(text) == "a;(rel{a|b") {
      EXPECT_FALSE(tree.ok());
      continue;
    }
    ASSERT_TRUE(tree.ok()) << text;
    const auto again = parse_q(to_text(*tree, world.vocabulary), world.vocabulary);
    ASSERT_TRUE(again.ok()) << to_text(*tree, world.vocabulary);
    EXPECT_EQ(*again, *tree) << text;
  }
  EXPECT_EQ(linked_depth(world.q("a;(rel{a}|rel{to{b}})")), 2u);
  EXPECT_EQ(linked_depth(world.q("a;b")), 0u);
  EXPECT_TRUE(world.q("nobody{a}").term.path.has_unknown_name());
}

TEST(QueryParse, ValuesAreExpandedAndKeysTakenAsWrittenWhereAsked) {
  World world;
  const std::string expanded = std::string(kDefaultVocabulary) + "Male";
  const auto value = [&](std::string_view text, const ValueNames& names) {
    return std::get<std::string>(std::get<QueryValue>(parse_q(text, world.vocabulary, {}, names)->term.values[0]));
  };
  EXPECT_EQ(value("gender==Male", {{"gender"}, {}}), expanded);
  EXPECT_EQ(value("gender==\"Male\"", {{"gender"}, {}}), expanded);
  EXPECT_EQ(value("a.gender==Male", {{"gender"}, {}}), expanded);
  EXPECT_EQ(value("rel{gender}==Male", {{"gender"}, {}}), expanded);
  EXPECT_EQ(value("gender==urn:x:Male", {{"gender"}, {}}), "urn:x:Male");
  EXPECT_EQ(value("gender==Male", {{"other"}, {}}), "Male");
  EXPECT_EQ(value("gender==\"two words\"", {{"gender"}, {}}), std::string(kDefaultVocabulary) + "two words");
  EXPECT_EQ(value("gender==\"\"", {{"gender"}, {}}), "");

  const auto key = [&](const ValueNames& names) {
    return parse_q("ticket[value]", world.vocabulary, {}, names)->term.path.keys[0].stored;
  };
  EXPECT_EQ(key({{}, {"ticket"}}), "value");
  EXPECT_NE(key({}), "value");
}

TEST(Projection, NamesAndBraces) {
  const auto terms = parse_projection("pick", "id,a{b|c{d}},e");
  ASSERT_TRUE(terms.ok()) << terms.error().message;
  ASSERT_EQ(terms->size(), 3u);
  EXPECT_EQ((*terms)[1].name, "a");
  ASSERT_EQ((*terms)[1].linked.size(), 2u);
  EXPECT_EQ((*terms)[1].linked[1].linked[0].name, "d");
  EXPECT_EQ((*terms)[1].depth(), 2u);
  EXPECT_EQ((*terms)[2].depth(), 0u);
  expect_refusals(
      {
          {"", "pick:1", "missing"},
          {"a,", "pick:3", "missing"},
          {"a,,b", "pick:3", "missing"},
          {"{a}", "pick:1", "missing"},
          {"a{", "pick:3", "missing"},
          {"a{}", "pick:3", "missing"},
          {"a{{b}}", "pick:3", "missing"},
          {"a{b", "pick:4", "'}'"},
          {"a}", "pick:2", "the end"},
          {"a{b}c", "pick:5", "the end"},
          {"a b", "pick:1", "no name"},
          {"a{b;c}", "pick:3", "no name"},
          {"a{a{a{a{a{a{a{a{a{a{a{a", "pick:21", "nested deeper"},
      },
      [](std::string_view text) { return parse_projection("pick", text); });
  QueryLimits tight;
  tight.attributes = 2;
  EXPECT_EQ(parse_projection("pick", "a,b{c}", tight).error().code, Code::too_complex);
}

TEST(QueryParse, SaysWhichTermsAnIndexCanServe) {
  World world;
  const Symbol a = world.name("a");
  world.name("b");
  EXPECT_EQ(world.q("a>1").term.path.plain_attribute(), a);
  for (const auto* other : {"a.b>1", "a[b]>1", "a.observedAt>2026-01-01", "modifiedAt>2026-01-01", "nobody"})
    EXPECT_EQ(world.q(other).term.path.plain_attribute(), Symbol::none) << other;

  std::vector<const QueryTerm*> terms;
  const auto tree = world.q("a>1;(b;(a<5;b==2));(a|b)");
  conjunction(tree, terms);
  ASSERT_EQ(terms.size(), 4u);
  EXPECT_EQ(terms[3]->comparison, Comparison::equal);
  terms.clear();
  conjunction(world.q("a|b"), terms);
  EXPECT_TRUE(terms.empty());
}

TEST(QueryParse, HostileTextIsRefusedBeforeItCosts) {
  World world;
  QueryLimits wide;
  wide.text = 2 << 20;
  const auto refusal = [&](const std::string& text, const QueryLimits& limits) {
    const auto result = parse_q(text, world.vocabulary, limits);
    return result.ok() ? Code::internal : result.error().code;
  };
  EXPECT_EQ(refusal(std::string(1 << 20, 'a'), {}), Code::too_complex);
  EXPECT_EQ(refusal(std::string(10'000, '('), wide), Code::too_complex);
  EXPECT_EQ(refusal(std::string(10'000, '(') + "a" + std::string(10'000, ')'), wide), Code::too_complex);
  std::string many = "a";
  for (int i = 0; i < 300; ++i) many += i % 2 != 0 ? ";a" : "|a";
  EXPECT_EQ(refusal(many, wide), Code::too_complex);
  EXPECT_EQ(refusal("a~=((a{100}){100}){100}", {}), Code::too_complex);
  EXPECT_EQ(refusal("a~=a{1001}", {}), Code::too_complex);
  EXPECT_EQ(refusal("a~=(?P<n>a)\\1", {}), Code::bad_request_data);  // back references would take exponential time

  std::string nested = "a";
  for (std::size_t i = 0; i < QueryLimits{}.depth; ++i) nested = "(" + nested + (i % 2 != 0 ? "|b" : ";b") + ")";
  EXPECT_TRUE(parse_q(nested, world.vocabulary).ok());
  EXPECT_EQ(refusal("(" + nested + ")", {}), Code::too_complex);
}

TEST(QueryParse, ColumnOfTooDeepAndTooMany) {
  World world;
  QueryLimits tight;
  tight.depth = 2;
  tight.terms = 2;
  const auto deep = parse_q("((a;((b))))", world.vocabulary, tight);
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().where, "q:5");
  const auto many = parse_type_selection("A,B,C", world.vocabulary, tight);
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().where, "type:5");
}

TEST(QueryPattern, CatastrophicExpressionsTakeLinearTime) {
  const auto pattern = Pattern::compile("^(a+)+$", {});
  ASSERT_TRUE(pattern.ok());
  EXPECT_FALSE((*pattern)->search(std::string(100'000, 'a') + "!"));
  EXPECT_TRUE((*pattern)->search(std::string(100'000, 'a')));
}

TEST(QueryScope, SyntaxOfOneScope) {
  for (const auto* good : {"/Madrid", "Madrid", "/Madrid/Gardens/ParqueNorte", "/서울/구로구", "/A1_b"})
    EXPECT_TRUE(is_scope(good)) << good;
  for (const auto* bad : {"", "/", "//A", "/A/", "/A//B", "/1A", "/A-B", "/A/+", "/A/#", "/A B", "/_A", "/A,B"})
    EXPECT_FALSE(is_scope(bad)) << bad;
}

TEST(QueryValues, ScalarsAreToldApart) {
  const auto index_of = [](std::string_view json) {
    const auto value = scalar_value(json);
    return value ? static_cast<int>(value->index()) : -1;
  };
  EXPECT_EQ(index_of("true"), 0);
  EXPECT_EQ(index_of("-1.5e3"), 1);
  EXPECT_EQ(index_of("\"red\""), 2);
  EXPECT_EQ(index_of("\"2026-01-01T00:00:00.5Z\""), 3);
  EXPECT_EQ(index_of("\"2026-01-01\""), 4);
  EXPECT_EQ(index_of("\"12:30:00Z\""), 5);
  EXPECT_EQ(index_of("\"2026-02-30\""), 2);
  EXPECT_EQ(index_of("\"2026-01-01T00:00:00\""), 2);
  EXPECT_EQ(index_of("\"12:30:00\""), 2);
  for (const auto* none : {"null", "[]", "{}", "", "1e999"}) EXPECT_EQ(index_of(none), -1) << none;

  EXPECT_EQ(compare(QueryValue(1.0), QueryValue(2.0)), -1);
  EXPECT_EQ(compare(QueryValue(false), QueryValue(0.0)), std::nullopt);
  EXPECT_EQ(*scalar_value("\"2026-01-01T09:00:00+09:00\""), *scalar_value("\"2026-01-01T00:00:00.000Z\""));
  EXPECT_GT(*compare(*scalar_value("\"12:00:00.5Z\""), *scalar_value("\"12:00:00Z\"")), 0);
  EXPECT_GT(*compare(QueryValue(std::string("\xF0\x9F\x98\x80")), QueryValue(std::string("\xEF\xBF\xBD"))), 0);
}

}  // namespace
}  // namespace madang::ngsi::query_tests
