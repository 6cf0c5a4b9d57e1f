// The short way through the text of an entity comes to what the long way comes to, byte for byte, and to the same
// errors. An entity with a @context of its own is never plain: that is how the long way is taken here.

#include "plain_reader.h"

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/ngsi/change.h"

namespace madang::ngsi {
namespace {

constexpr const char* kLong = "\"@context\":[]";

class Plain : public testing::Test {
 protected:
  SymbolTable symbols;
  Vocabulary vocabulary{core_context(), symbols};
  FragmentReader reader;

  static std::string padded(std::string text) { return text.append(64, ' '); }

  base::Result<Fragment> read(const std::string& json, FragmentKind kind = FragmentKind::entity) {
    const std::string text = padded(json);
    return reader.read(std::string_view(text).substr(0, json.size()), kind, vocabulary);
  }

  bool is_plain(const std::string& json) {
    const std::string text = padded(json);
    EntityLimits limits;
    EntityBuilder builder;
    builder.begin({});
    return PlainReader(limits).read(std::string_view(text).substr(0, json.size()), builder, vocabulary).has_value();
  }

  /// `members` of an entity, both ways.
  void expect_same(const std::string& members, FragmentKind kind) {
    const auto by_short = read("{" + members + "}", kind);
    const auto by_long = read("{" + members + (members.empty() ? "" : ",") + kLong + "}", kind);
    ASSERT_EQ(by_short.ok(), by_long.ok()) << members;
    if (!by_short.ok()) {
      EXPECT_EQ(by_short.error().message, by_long.error().message) << members;
      EXPECT_EQ(by_short.error().where, by_long.error().where) << members;
      return;
    }
    const auto x = by_short->block.bytes(), y = by_long->block.bytes();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(x.data()), x.size()),
              std::string(reinterpret_cast<const char*>(y.data()), y.size()))
        << members;
    EXPECT_EQ(by_short->complete, by_long->complete) << members;
    EXPECT_EQ(by_short->has_scope, by_long->has_scope) << members;
  }
};

TEST_F(Plain, WhatIsPlain) {
  EXPECT_TRUE(is_plain(R"({"id":"urn:x:1","type":"T"})"));
  EXPECT_TRUE(
      is_plain(R"( { "id" : "urn:x:1" , "type" : ["T","U"] , "a" : { "value" : -1.5 , "type" : "Property" } } )"));
  EXPECT_TRUE(
      is_plain(R"({"id":"urn:x:1","type":"T","location":{"type":"GeoProperty","value":)"
               R"({"type":"Point","coordinates":[127.1,37.5]}},"in":{"type":"Relationship","object":"urn:x:2"}})"));
  EXPECT_TRUE(is_plain(R"({"id":"urn:x:1","a":{"type":"Property","value":true,"unitCode":"CEL",)"
                       R"("observedAt":"2026-11-25T00:00:00Z","q":{"type":"Property","value":"물"}}})"));
  for (const char* other : {R"({"id":"urn:x:1","a":1})", R"({"id":"urn:x:1","a":{"value":1}})",
                            R"({"id":"urn:x:1","a":{"type":"Property","value":"\u0041"}})",
                            R"({"id":"urn:x:1","a":{"type":"Property","value":[1]}})",
                            R"({"id":"urn:x:1","a":{"type":"Property","value":1e3}})",
                            R"({"id":"urn:x:1","scope":"/a"})", R"({"id":"urn:x:1","a":{"type":"Property"}})"})
    EXPECT_FALSE(is_plain(other)) << other;
}

TEST_F(Plain, NothingIsReadBehindTheEnd) {
  const std::string whole = R"({"id":"urn:x:1","type":"T","a":{"type":"Property","value":"text"}})";
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(is_plain(whole.substr(0, size))) << size;
}

TEST_F(Plain, BothWaysComeToTheSame) {
  std::mt19937 random(20261125);  // always the same entities: what fails here fails again
  const auto any = [&](const std::vector<const char*>& of) -> std::string { return of[random() % of.size()]; };
  const auto maybe = [&](unsigned percent) { return random() % 100 < percent; };
  const auto blank = [&] { return maybe(90) ? std::string() : any({" ", "\n", "\t ", "\r\n"}); };
  const auto member = [&](const std::string& key, const std::string& value) {
    return blank() + '"' + key + '"' + blank() + ':' + blank() + value + blank();
  };
  const auto value = [&] {
    return any({"1",
                "0",
                "-0",
                "-1.25",
                "007",
                "1.",
                ".5",
                "1e3",
                "12345678901234567890",
                "0.1234567890123456789",
                "-",
                "true",
                "false",
                "null",
                "tru",
                R"("text")",
                R"("")",
                R"("물과 불")",
                R"("a\"b")",
                R"("a\\")",
                R"("\u00e9")",
                R"("urn:ngsi-ld:null")",
                "[1,2]",
                R"({"a":1})",
                R"({"type":"Point","coordinates":[127.1,37.5]})",
                R"({"type":"Point","coordinates":[127.1, 37.5]})",
                R"({"coordinates":[-180,90],"type":"Point"})",
                R"({"type":"Point","coordinates":[200,37.5]})",
                R"({"type":"Point","coordinates":[1,2,3]})",
                R"({"type":"Polygon","coordinates":[]})"});
  };
  const auto kind = [&] {
    return maybe(60) ? std::string(R"("Property")")
                     : any({R"("GeoProperty")", R"("Relationship")", R"("LanguageProperty")", R"("JsonProperty")",
                            R"("VocabProperty")", R"("ListProperty")", R"("Thing")", "1", R"("")"});
  };
  const std::vector<const char*> names{
      "a",         "b",           "speed",       "name", "location",       "value", "type", "scope",
      "createdAt", "ngsildproof", "coordinates", "물",   "http://x.org/a", "1a",    "",     "observedAt"};
  const std::function<std::string(unsigned)> attribute = [&](unsigned depth) -> std::string {
    if (maybe(8)) return value();
    std::vector<std::string> members;
    if (maybe(92)) members.push_back(member("type", kind()));
    if (maybe(80)) members.push_back(member("value", value()));
    if (maybe(20))
      members.push_back(
          member("object", any({R"("urn:x:2")", R"("no uri")", "1", R"("urn:ngsi-ld:null")", R"(["urn:x:3"])"})));
    if (maybe(15)) members.push_back(member("unitCode", any({R"("CEL")", R"("")", "1", R"("urn:ngsi-ld:null")"})));
    if (maybe(15)) members.push_back(member("observedAt", any({R"("2026-11-25T01:02:03.5Z")", R"("yesterday")", "5"})));
    if (maybe(5)) members.push_back(member("datasetId", R"("urn:x:d")"));
    if (depth < 6 && maybe(20)) members.push_back(member(any(names), attribute(depth + 1)));
    if (maybe(4)) members.push_back(members.empty() ? member("value", "1") : members.front());
    std::shuffle(members.begin(), members.end(), random);
    std::string out = "{";
    for (const auto& one : members) out += (out.size() > 1 ? "," : "") + one;
    return out + (maybe(1) ? "" : "}");
  };
  constexpr FragmentKind kKinds[] = {FragmentKind::entity, FragmentKind::entity_update, FragmentKind::attributes,
                                     FragmentKind::merge};
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::string> members;
    if (maybe(95))
      members.push_back(
          member("id", any({R"("urn:x:1")", R"("urn:x:1")", R"("no uri")", "1", R"("urn:ngsi-ld:null")"})));
    if (maybe(95))
      members.push_back(member("type", any({R"("T")", R"("T")", R"(["T","U"])", "[]", R"("")", "1", R"(["T",1])",
                                            R"("urn:ngsi-ld:null")"})));
    for (auto count = random() % 5; count > 0; --count) members.push_back(member(any(names), attribute(0)));
    if (maybe(5)) members.push_back(member("scope", R"("/a/b")"));
    std::shuffle(members.begin(), members.end(), random);
    std::string text;
    for (const auto& one : members) text += (text.empty() ? "" : ",") + one;
    expect_same(text, kKinds[random() % std::size(kKinds)]);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace madang::ngsi
