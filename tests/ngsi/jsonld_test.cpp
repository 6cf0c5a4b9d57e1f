// General expansion and compaction. The W3C's own tests are run by tests/conformance/jsonld.sh; these are few, and
// ours.

#include "madang/ngsi/jsonld.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <simdjson.h>

namespace madang::ngsi::jsonld {
namespace {

using base::Code;

Options with(std::map<std::string, std::string> documents = {}) {
  Options options;
  options.base = "https://city.example/data/1";
  options.load = [documents = std::move(documents)](const std::string& url) -> base::Result<RemoteDocument> {
    const auto found = documents.find(url);
    if (found == documents.end()) return base::error(Code::context_not_available, "no such host.");
    return RemoteDocument{found->second, ""};
  };
  return options;
}

std::string expanded(std::string_view document, const Options& options = with()) {
  const auto result = expand(document, options);
  return result.ok() ? *result : "error: " + result.error().message;
}

std::string compacted(std::string_view document, std::string_view context, const Options& options = with()) {
  const auto result = compact(document, context, options);
  return result.ok() ? *result : "error: " + result.error().message;
}

/// The same text for the same data: members sorted, and the items of an array too, unless it is a list's.
void append_sorted(std::string& out, simdjson::dom::element value, bool is_list = false) {
  std::vector<std::string> parts;
  if (value.is_object()) {
    const simdjson::dom::object members = value.get_object().value_unsafe();
    for (const auto& [key, item] : members) {
      std::string& part = parts.emplace_back('"' + std::string(key) + "\":");
      append_sorted(part, item, key == "@list");
    }
  } else if (value.is_array()) {
    const simdjson::dom::array items = value.get_array().value_unsafe();
    for (const auto item : items) append_sorted(parts.emplace_back(), item);
  } else {
    out += simdjson::minify(value);
    return;
  }
  if (!is_list) std::sort(parts.begin(), parts.end());
  out += value.is_object() ? '{' : '[';
  for (std::size_t i = 0; i < parts.size(); ++i) out.append(i > 0 ? "," : "").append(parts[i]);
  out += value.is_object() ? '}' : ']';
}

std::string sorted(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json).get(root)) return "no JSON: " + json;
  std::string out;
  append_sorted(out, root);
  return out;
}

TEST(Expansion, WritesNamesAndValuesOut) {
  EXPECT_EQ(expanded(R"({"@context": {"@vocab": "https://x.example/", "at": {"@type": "https://x.example/Time"},
                                      "next": {"@type": "@id"}, "named": {"@language": "ko"}},
                         "@id": "/stop/7", "at": "07:30", "next": "8", "named": "시청", "odd": [1, null, true]})"),
            R"([{"@id":"https://city.example/stop/7",)"
            R"("https://x.example/at":[{"@value":"07:30","@type":"https://x.example/Time"}],)"
            R"("https://x.example/named":[{"@value":"시청","@language":"ko"}],)"
            R"("https://x.example/next":[{"@id":"https://city.example/data/8"}],)"
            R"("https://x.example/odd":[{"@value":1},{"@value":true}]}])");
}

TEST(Expansion, TypesBringTheirOwnContext) {
  const std::string context =
      R"({"@vocab": "https://x.example/", "Bus": {"@context": {"line": "https://bus.example/line"}}})";
  EXPECT_EQ(expanded(R"({"@context": )" + context + R"(, "@type": "Bus", "line": 1, "part": {"line": 2}})"),
            R"([{"@type":["https://x.example/Bus"],"https://bus.example/line":[{"@value":1}],)"
            R"("https://x.example/part":[{"https://x.example/line":[{"@value":2}]}]}])");
}

TEST(Expansion, RemoteContextsMayReferToOthers) {
  const auto options = with({{"https://a.example/a", R"({"@context": ["b", {"x": "p:x"}]})"},
                             {"https://a.example/b", R"({"@context": {"p": "https://p.example/"}})"}});
  EXPECT_EQ(expanded(R"({"@context": "https://a.example/a", "x": 1})", options),
            R"([{"https://p.example/x":[{"@value":1}]}])");
  EXPECT_NE(expanded(R"({"@context": "https://nowhere.example/"})", options).find("loading remote context failed"),
            std::string::npos);
}

TEST(Expansion, FaultsBearTheCodeOfTheSpecification) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"@context": {"a": "b:x", "b": "a:y"}})", "cyclic IRI mapping"},
      {R"({"@context": {"a": {"@id": "https://x.example/", "@container": "@heap"}}})", "invalid container mapping"},
      {R"({"@context": [{"@protected": true, "a": "https://x.example/1"}, {"a": "https://x.example/2"}]})",
       "protected term redefinition"},
      {R"({"@id": 5})", "invalid @id value"},
      {R"({"https://x.example/a": {"@value": "x", "@language": 5}})", "invalid language-tagged string"},
      {R"({"https://x.example/a": {"@list": [1], "@id": "x:y"}})", "invalid set or list object"},
      {R"({"@context": {"i": "@id"}, "@id": "x:1", "i": "x:2"})", "colliding keywords"},
  };
  for (const auto& [document, code] : cases)
    EXPECT_NE(expanded(document).find("(JSON-LD: " + std::string(code) + ")"), std::string::npos) << expanded(document);
}

TEST(Compaction, ChoosesTheTermThatSaysMost) {
  const std::string data = R"([{"https://x.example/p": [{"@value": "a", "@language": "en"}, {"@value": 5},
                                {"@id": "https://x.example/q"}, {"@list": [{"@value": 1}]}]}])";
  EXPECT_EQ(compacted(data, R"({"@context": {"any": "https://x.example/p",
      "en": {"@id": "https://x.example/p", "@language": "en"}, "to": {"@id": "https://x.example/p", "@type": "@id"},
      "list": {"@id": "https://x.example/p", "@container": "@list"}}})"),
            R"({"@context":{"any":"https://x.example/p","en":{"@id":"https://x.example/p","@language":"en"},)"
            R"("to":{"@id":"https://x.example/p","@type":"@id"},)"
            R"("list":{"@id":"https://x.example/p","@container":"@list"}},)"
            R"("en":"a","any":5,"to":"https://x.example/q","list":[1]})");
}

TEST(Compaction, MapsAreFiledByTheirKeys) {
  const std::string data = R"([{"https://x.example/label": [{"@value": "hall", "@language": "en"},
                                {"@value": "홀", "@language": "ko"}, {"@value": "x"}]}])";
  const std::string context = R"({"label": {"@id": "https://x.example/label", "@container": "@language"}})";
  const std::string shown = compacted(data, context);
  EXPECT_NE(shown.find(R"("label":{"en":"hall","ko":"홀","@none":"x"})"), std::string::npos) << shown;
  EXPECT_EQ(sorted(expanded(shown)), sorted(expanded(data)));
}

TEST(Compaction, SeveralNodesAreAGraph) {
  const std::string data = R"([{"@id": "https://x.example/1", "https://x.example/n": [{"@value": 1}]},
                               {"@id": "https://x.example/2", "https://x.example/n": [{"@value": 2}]}])";
  EXPECT_EQ(compacted(data, R"({"n": "https://x.example/n"})"),
            R"({"@context":{"n":"https://x.example/n"},"@graph":[{"@id":"https://x.example/1","n":1},)"
            R"({"@id":"https://x.example/2","n":2}]})");
}

TEST(Bounds, DepthCyclesAndWorkAreBounded) {
  EXPECT_FALSE(expand("", with()).ok());
  EXPECT_FALSE(expand(std::string(1000, '[') + std::string(1000, ']'), with()).ok());
  const auto loop = with({{"https://a.example/a", R"({"@context": "https://a.example/b"})"},
                          {"https://a.example/b", R"({"@context": "https://a.example/a"})"}});
  EXPECT_NE(expanded(R"({"@context": "https://a.example/a"})", loop).find("context overflow"), std::string::npos);
  // Each scoped context copies all terms: 3,000 of them over 3,000 terms.
  std::string many = R"({"@context": {"@vocab": "https://x.example/")";
  for (int i = 0; i < 3'000; ++i) many += ",\"t" + std::to_string(i) + R"(":{"@context":{"a":{}}})";
  const auto result = expand(many + "}}", with());
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("too much work"), std::string::npos) << result.error().message;
}

TEST(RoundTrip, CompactedDataExpandsToTheSame) {
  EXPECT_TRUE(rc::check("expand(compact(expand(x), c)) == expand(x)", [] {
    const auto word = rc::gen::element<std::string>("a", "b", "c", "en", "list");
    const auto value = rc::gen::element<std::string>(
        "1", "true", R"("text")", R"({"@value":"t","@language":"en"})", R"({"@id":"https://x.example/1"})",
        R"({"@value":"2020","@type":"https://x.example/Time"})", R"({"@list":[1,"x"]})", R"([1,2])",
        R"({"@type":"Thing","b":{"@id":"https://x.example/2"}})");
    const auto extra = rc::gen::element<std::string>(
        "", R"(,"@type":"@id")", R"(,"@language":"en")", R"(,"@container":"@set")", R"(,"@container":"@index")",
        R"(,"@container":"@language")", R"(,"@type":"https://x.example/Time")");
    std::string document = R"({"@context": {"@vocab": "https://x.example/"}, "@id": "https://x.example/0")";
    std::string context = R"({"@vocab": "https://x.example/", "x": "https://x.example/")";
    for (const std::string& each : *rc::gen::unique<std::vector<std::string>>(word)) {
      const std::string what = *value;
      std::string how = *extra;
      // The compaction algorithm files numbers in language maps, and lists where a map is meant: no round trips, these.
      const bool is_list = what.starts_with(R"({"@list")"), is_text = what.front() == '"';
      if (is_list && how.find("container") != how.npos) how.clear();
      if (!is_text && what.front() != '{' && how.ends_with(R"("@language")")) how.clear();
      document += ",\"" + each + "\":" + what;
      context += ",\"" + each + *rc::gen::element<std::string>("", "2") + R"(":{"@id":"https://x.example/)" + each +
                 '"' + how + '}';
    }
    const auto whole = expand(document + '}', with());
    RC_ASSERT(whole.ok());
    const auto shown = compact(*whole, context + '}', with());
    RC_ASSERT(shown.ok());
    const auto again = expand(*shown, with());
    RC_ASSERT(again.ok());
    RC_ASSERT(sorted(*again) == sorted(*whole));
  }));
}

}  // namespace
}  // namespace madang::ngsi::jsonld
