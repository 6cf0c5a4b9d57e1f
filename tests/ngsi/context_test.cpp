#include "madang/ngsi/context.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <rapidcheck.h>

#include "context_fixture.h"
#include "value_keys.h"

namespace madang::ngsi {
namespace {

using base::Code;
using testing::context_of;
using testing::ContextWorld;
using testing::expanded;

const std::string kDefault(kDefaultVocabulary);

base::Error refusal(std::string_view context) {
  ContextWorld world;
  auto result = world.json(context);
  EXPECT_FALSE(result.ok()) << context;
  return result.ok() ? base::error(Code::internal, "accepted") : result.error();
}

// ---- The core context

TEST(CoreContext, MapsItsTermsAndTheRestToTheDefaultVocabulary) {
  const ContextPtr core = core_context();
  EXPECT_EQ(expanded(core, "location"), "https://uri.etsi.org/ngsi-ld/location");
  EXPECT_EQ(expanded(core, "value"), "https://uri.etsi.org/ngsi-ld/hasValue");
  EXPECT_EQ(expanded(core, "title"), "http://purl.org/dc/terms/title");
  EXPECT_EQ(expanded(core, "Point"), "https://purl.org/geojson/vocab#Point");
  EXPECT_EQ(expanded(core, "attributeCount"), kDefault + "attributeCount");
  EXPECT_EQ(expanded(core, "Vehicle"), kDefault + "Vehicle");
  EXPECT_EQ(expanded(core, "ngsi-ld:Vehicle"), "https://uri.etsi.org/ngsi-ld/Vehicle");
  EXPECT_EQ(core->compact(kDefault + "Vehicle"), "Vehicle");
  EXPECT_EQ(core->compact("https://uri.etsi.org/ngsi-ld/hasValue"), "value");
  EXPECT_EQ(core->compact("https://example.org/Vehicle"), "https://example.org/Vehicle");
  EXPECT_EQ(core->compact(kDefault + "value"), "ngsi-ld:default-context/value") << "the bare name would mean another";
  EXPECT_TRUE(core->is_core());
  EXPECT_EQ(core->link_url(), kCoreContextUrl);
  EXPECT_EQ(core->json(), '"' + std::string(kCoreContextUrl) + '"');
}

TEST(CoreContext, EveryTermComesBack) {
  ContextWorld world;
  world.fetcher.documents["https://example.org/core-copy"] = core_context_document();
  const ContextPtr copy = world.url("https://example.org/core-copy").value();
  const auto document = core_context_document();
  for (const char* term : {"observedAt", "coordinates", "languageMap", "unitCode", "avg", "datasetId", "attributes"}) {
    EXPECT_NE(document.find('"' + std::string(term) + "\":"), std::string::npos) << term;
    EXPECT_EQ(copy->compact(expanded(copy, term)), term);
    EXPECT_EQ(expanded(core_context(), term), expanded(copy, term));
  }
}

TEST(CoreContext, AllItsAddressesMeanIt) {
  ContextWorld world;
  const std::string stem = "://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context";
  for (const std::string scheme : {"http", "https"}) {
    EXPECT_EQ(world.url(scheme + stem + ".jsonld").value(), core_context());
    for (char minor = '0'; minor <= '9'; ++minor) {
      const std::string url = scheme + stem + "-v1." + minor + ".jsonld";
      EXPECT_EQ(world.store.ready(url), core_context());
      EXPECT_EQ(world.store.ready_json('"' + url + '"'), core_context());
      EXPECT_EQ(world.json("[\"" + url + "\"]").value(), core_context());
    }
  }
  EXPECT_TRUE(world.fetcher.asked.empty());
  for (const std::string& other :
       {"https" + stem + "-v1.10.jsonld", "ftp" + stem + ".jsonld", "https" + stem + "-v1..jsonld",
        "https" + stem + "-v2.9.jsonld", "https" + stem, std::string()}) {
    EXPECT_FALSE(is_core_context_url(other)) << other;
  }
}

TEST(CoreContext, NoUserContextOverridesIt) {
  const ContextPtr context = context_of(
      R"([{"value": "https://example.org/v", "Property": null, "id": "https://example.org/id", "ngsi-ld": "https://evil.example/"},
          {"type": {"@id": "https://example.org/t", "@type": "@json"}}])");
  EXPECT_EQ(expanded(context, "value"), "https://uri.etsi.org/ngsi-ld/hasValue");
  EXPECT_EQ(expanded(context, "Property"), "https://uri.etsi.org/ngsi-ld/Property");
  EXPECT_EQ(expanded(context, "ngsi-ld:x"), "https://uri.etsi.org/ngsi-ld/x");
  EXPECT_EQ(context->expand_key("id").value(), "@id");
  EXPECT_EQ(context->expand_key("type").value(), "@type");
  EXPECT_EQ(context->compact("@type"), "type");
  EXPECT_EQ(context->compact("https://example.org/v"), "https://example.org/v");
}

TEST(CoreContext, KeywordsAreNoNames) {
  for (const char* name : {"id", "type", "@id", "@type", "@context", "@none"}) {
    EXPECT_EQ(core_context()->expand(name).error().code, Code::bad_request_data) << name;
  }
  EXPECT_EQ(core_context()->expand("ngsildproof").error().code, Code::not_supported);
}

// ---- Names

TEST(Names, FollowTheGrammar) {
  const ContextPtr core = core_context();
  for (const char* good : {"a", "speed_2", "PM10", "온도", "größe", "名前2", "x²"}) {
    EXPECT_EQ(expanded(core, good), kDefault + good) << good;
  }
  for (const char* bad :
       {"", "2x", "_x", "two-words", "a b", "a.b", "a/b", "a\"b", "<a>", "a\nb", "\xff", "a\xc0\x80", "é\xcc", "x("}) {
    EXPECT_EQ(core->expand(bad).error().code, Code::bad_request_data) << bad;
  }
}

TEST(Names, IrisStandForThemselves) {
  const ContextPtr core = core_context();
  for (const char* iri : {"https://example.org/a-b", "urn:ngsi-ld:x", "foo:bar", "https://schema.org/PM2.5"}) {
    EXPECT_EQ(expanded(core, iri), iri);
  }
  for (const char* bad : {"foo:", ":foo", "_:b0", "a b:c", "foo:b c", "1a:b", "http://a b/", "x:<script>", "x:\xff"}) {
    EXPECT_EQ(core->expand(bad).error().code, Code::bad_request_data) << bad;
  }
  EXPECT_EQ(core->expand("x:" + std::string(3'000, 'a')).error().code, Code::bad_request_data);
}

TEST(Names, ADefinitionDoesNotMakeAnIllegalNameLegal) {
  const ContextPtr context = context_of(R"({"two-words": "https://example.org/w"})");
  EXPECT_EQ(context->expand("two-words").error().code, Code::bad_request_data);
  EXPECT_EQ(context->expand_key("two-words").value(), "https://example.org/w");
}

// ---- Definitions

TEST(Definitions, TermsPrefixesAndVocabulary) {
  const ContextPtr context = context_of(R"({
    "@version": 1.1,
    "ex": "https://example.org/",
    "hash": {"@id": "https://example.org/x#", "@prefix": true},
    "plain": {"@id": "https://example.org/no-prefix/"},
    "speed": "ex:speed",
    "velocity": "speed",
    "colour": {"@id": "hash:colour"},
    "ex:own": {"@protected": true},
    "wheel": {},
    "same": {"@id": "same"}
  })");
  EXPECT_EQ(expanded(context, "speed"), "https://example.org/speed");
  EXPECT_EQ(expanded(context, "velocity"), "https://example.org/speed");
  EXPECT_EQ(expanded(context, "colour"), "https://example.org/x#colour");
  EXPECT_EQ(expanded(context, "ex:any"), "https://example.org/any");
  EXPECT_EQ(expanded(context, "hash:any"), "https://example.org/x#any");
  EXPECT_EQ(expanded(context, "plain:any"), "plain:any") << "an expanded definition is no prefix unless it says so";
  EXPECT_EQ(expanded(context, "ex:own"), "https://example.org/own");
  EXPECT_EQ(expanded(context, "wheel"), kDefault + "wheel");
  EXPECT_EQ(expanded(context, "same"), kDefault + "same");
  EXPECT_EQ(expanded(context, "other"), kDefault + "other");
  EXPECT_FALSE(context->is_core());
}

TEST(Definitions, VocabularyOfTheUser) {
  const ContextPtr context =
      context_of(R"([{"schema": "https://schema.org/"}, {"@vocab": "schema:", "name": "fullName"}])");
  EXPECT_EQ(expanded(context, "other"), "https://schema.org/other");
  EXPECT_EQ(expanded(context, "name"), "https://schema.org/fullName");
  EXPECT_EQ(expanded(context, "location"), "https://uri.etsi.org/ngsi-ld/location");
  EXPECT_EQ(context->compact("https://schema.org/other"), "other");
  EXPECT_EQ(context->compact("https://schema.org/location"), "schema:location") << "bare it would be the core's";
  EXPECT_EQ(context->compact("https://schema.org/name"), "schema:name") << "bare it would be fullName";
  EXPECT_EQ(expanded(context_of(R"([{"@vocab": "https://a.example/"}, {"@vocab": null}])"), "x"), kDefault + "x");
  EXPECT_EQ(refusal(R"({"@vocab": "_:b"})").where, "/@context/@vocab");
  EXPECT_EQ(refusal(R"({"@vocab": 5})").code, Code::bad_request_data);
}

TEST(Definitions, LaterOnesWinAndNullTakesAway) {
  const ContextPtr context = context_of(R"([{"a": "https://x.example/1", "b": "https://x.example/2"},
                                            {"a": "https://x.example/3", "b": null, "c": {"@id": null}}])");
  EXPECT_EQ(expanded(context, "a"), "https://x.example/3");
  EXPECT_EQ(context->expand("b").error().code, Code::bad_request_data);
  EXPECT_NE(context->expand("b").error().message.find("null"), std::string::npos);
  EXPECT_FALSE(context->expand_key("c").ok());
  EXPECT_EQ(context->compact(kDefault + "b"), "ngsi-ld:default-context/b");
  EXPECT_EQ(expanded(context_of(R"([{"a": "https://x.example/1"}, null])"), "a"), kDefault + "a");
}

TEST(Definitions, ProtectedTermsStay) {
  EXPECT_EQ(
      expanded(context_of(R"([{"@protected": true, "a": "https://x.example/1"}, {"a": "https://x.example/1"}])"), "a"),
      "https://x.example/1");
  EXPECT_EQ(refusal(R"([{"@protected": true, "a": "https://x.example/1"}, {"a": "https://x.example/2"}])").where,
            "/@context/1/a");
  EXPECT_EQ(refusal(R"([{"a": {"@id": "https://x.example/1", "@protected": true}}, null])").where, "/@context/1");
  EXPECT_EQ(expanded(context_of(R"([{"@protected": true, "a": {"@id": "https://x.example/1", "@protected": false}},
                                    {"a": "https://x.example/2"}])"),
                     "a"),
            "https://x.example/2");
}

TEST(Definitions, CyclesAreNamed) {
  const base::Error cycle = refusal(R"({"a": "b:x", "b": "c:y", "c": "a:z"})");
  EXPECT_EQ(cycle.code, Code::bad_request_data);
  EXPECT_NE(cycle.message.find("a -> b -> c -> a"), std::string::npos) << cycle.message;
  EXPECT_EQ(refusal(R"({"a": "b", "b": "a"})").code, Code::bad_request_data);
  EXPECT_EQ(refusal(R"({"a:b": "a:c", "a": "a:b"})").code, Code::bad_request_data);
}

/// Published data models have such terms, and mean them so.
TEST(Definitions, ATermThatLooksLikeACompactIriMeansWhatItsContextSays) {
  EXPECT_EQ(expanded(context_of(R"({"open311:type": "https://example.org/open311:type"})"), "open311:type"),
            "https://example.org/open311:type");
}

TEST(Definitions, FormIsChecked) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a": 5})", "/@context/a"},
      {R"({"a": ["x"]})", "/@context/a"},
      {R"({"a": {"@id": 5}})", "/@context/a"},
      {R"({"a": {"@id": "https://x.example/", "@shape": 1}})", "/@context/a"},
      {R"({"a": {"@type": 5}})", "/@context/a"},
      {R"({"a": {"@container": "@heap"}})", "/@context/a"},
      {R"({"a": {"@prefix": "yes"}})", "/@context/a"},
      {R"({"a/b": {"@id": "https://x.example/", "@prefix": true}})", "/@context/a~1b"},
      {R"({"": "https://x.example/"})", "/@context/"},
      {R"({"a": "https://x.example/a b"})", "/@context/a"},
      {R"({"a": "_:b0"})", "/@context/a"},
      {R"({"a": "@context"})", "/@context/a"},
      {R"({"@id": "https://x.example/"})", "/@context/@id"},
      {R"({"@type": "https://x.example/"})", "/@context/@type"},
      {R"({"@version": 1.0})", "/@context/@version"},
      {R"({"@protected": "yes"})", "/@context/@protected"},
      {R"({"http://x.example/a": "https://y.example/b"})", "/@context/http:~1~1x.example~1a"},
      {R"({"a:b/c": "https://example.org/x"})", "/@context/a:b~1c"},
      {R"({"@propagate": false})", "/@context/@propagate"},
      {R"({"@language": 5})", "/@context/@language"},
      {R"({"a": {"@id": "https://x.example/", "@index": "https://x.example/i"}})", "/@context/a"},
      {R"({"a": {"@id": "https://x.example/", "@container": ["@list", "@set"]}})", "/@context/a"},
      {R"([5])", "/@context/0"},
      {R"([[{"a": "https://x.example/"}]])", "/@context/0"},
      {R"([{"a": "https://x.example/"}, {"b": "https://x.example/", "b": "https://x.example/"}])", "/@context/1"},
      {R"(true)", "/@context"},
      {R"(["relative.jsonld"])", "/@context/0"},
      {R"("relative.jsonld")", "/@context"},
      {R"("")", "/@context"},
      {R"(["file:///etc/passwd"])", "/@context/0"},
  };
  for (const auto& [text, where] : cases) {
    ContextWorld world;
    const auto result = world.json(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Code::bad_request_data) << text;
    // A lone string goes the way of a Link header's URL, which has no place in a body.
    if (text[0] != '"') {
      EXPECT_EQ(result.error().where, where) << text;
    }
    EXPECT_FALSE(result.error().message.empty());
    EXPECT_TRUE(world.fetcher.asked.empty()) << text;
  }
  EXPECT_EQ(refusal("{").code, Code::invalid_request);
  EXPECT_EQ(refusal("").code, Code::invalid_request);
  EXPECT_FALSE(refusal(R"({"a": "https://x.example/\ud800"})").message.empty());
  EXPECT_FALSE(refusal("{\"a\xff\": \"https://x.example/\"}").message.empty());
  EXPECT_TRUE(context_of(R"({"@type": {"@container": "@set", "@protected": true}})") != nullptr);
}

// ---- What a definition says beyond an IRI

TEST(Shapes, WhatCannotTouchNamesIsTaken) {
  for (const char* text :
       {R"({"@base": "https://x.example/"})", R"({"@base": "relative"})", R"({"@language": "ko"})",
        R"({"@direction": "rtl"})", R"({"@base": null})", R"({"@propagate": true})", R"({"@new": 1})"}) {
    EXPECT_EQ(expanded(context_of(text), "a"), kDefault + "a") << text;
  }
}

TEST(Shapes, AnImportedContextIsPartOfTheOneThatImportsIt) {
  ContextWorld world;
  world.fetcher.documents["https://x.example/base"] =
      R"({"@context": {"a": "https://x.example/a", "b": "https://x.example/b", "@vocab": "https://x.example/v/"}})";
  const auto context = world.json(R"({"@import": "https://x.example/base", "b": "https://y.example/b", "c": {}})");
  ASSERT_TRUE(context.ok()) << context.error().message;
  EXPECT_EQ(expanded(*context, "a"), "https://x.example/a");
  EXPECT_EQ(expanded(*context, "b"), "https://y.example/b");
  EXPECT_EQ(expanded(*context, "c"), "https://x.example/v/c");
  EXPECT_EQ(refusal(R"({"@import": "https://nowhere.example/"})").code, Code::context_not_available);
}

TEST(Shapes, ATermsShapeDoesNotChangeItsName) {
  struct Case {
    const char* definition;
    bool as_name;
    const char* as_key;  // what it means there; null: refused
  };
  constexpr const char* kIri = "https://example.org/a";
  const Case cases[] = {
      {R"({"@id": "ex:a"})", true, kIri},
      {R"({"@id": "ex:a", "@type": "@none"})", true, kIri},
      {R"({"@id": "ex:a", "@type": "@id"})", true, kIri},
      {R"({"@id": "ex:a", "@type": "@vocab"})", true, kIri},
      {R"({"@id": "ex:a", "@type": "xsd:date"})", true, kIri},
      {R"({"@id": "ex:a", "@type": "@json"})", true, kIri},
      {R"({"@id": "ex:a", "@language": "en"})", true, kIri},
      {R"({"@id": "ex:a", "@direction": "rtl"})", true, kIri},
      {R"({"@id": "ex:a", "@container": "@set"})", true, kIri},
      {R"({"@id": "ex:a", "@container": "@list"})", true, kIri},
      {R"({"@id": "ex:a", "@container": "@language"})", true, kIri},
      {R"({"@id": "ex:a", "@container": ["@index", "@set"]})", true, kIri},
      {R"({"@id": "ex:a", "@nest": "b"})", true, kIri},
      {R"({"@id": "ex:a", "@index": "ex:i", "@container": "@index"})", true, kIri},
      {R"({"@reverse": "ex:a"})", false, nullptr},
      {R"("@id")", false, "@id"},
      {R"("id")", false, "@id"},
      {R"("@value")", false, "@value"},
      {R"("@nest")", false, nullptr},
  };
  for (const Case& one : cases) {
    const ContextPtr context =
        context_of(R"({"ex": "https://example.org/", "term": )" + std::string(one.definition) + "}");
    EXPECT_EQ(expanded(context, "other"), kDefault + "other") << "the rest of the context is good";
    const auto name = context->expand("term");
    ASSERT_EQ(name.ok(), one.as_name) << one.definition;
    const auto key = context->expand_key("term");
    ASSERT_EQ(key.ok(), one.as_key != nullptr) << one.definition;
    if (name.ok()) {
      EXPECT_EQ(*name, kIri);
      EXPECT_EQ(context->compact(kIri), "term") << one.definition;
    } else {
      EXPECT_EQ(name.error().code, Code::bad_request_data);
      EXPECT_NE(name.error().message.find("\"term\""), std::string::npos) << name.error().message;
      EXPECT_EQ(context->compact(kIri), "ex:a") << "what is refused on the way in is not written on the way out";
    }
    if (key.ok()) {
      EXPECT_EQ(*key, one.as_key) << one.definition;
    }
  }
  EXPECT_EQ(expanded(context_of(R"({"term": "@unheard"})"), "term"), kDefault + "term")
      << "reserved for later versions of JSON-LD: ignored";
}

TEST(Shapes, OfTwoTermsThePlainerIsShown) {
  const ContextPtr context =
      context_of(R"({"a": {"@id": "https://x.example/l", "@container": "@language"}, "plain": "https://x.example/l"})");
  EXPECT_EQ(context->compact("https://x.example/l"), "plain");
}

TEST(Shapes, KeysBelowMapsAreNoNames) {
  const ContextPtr context = context_of(R"({"ex": "https://example.org/", "en": "ex:en", "width": "ex:width",
      "label": {"@id": "ex:label", "@container": "@language"}, "by": {"@id": "ex:by", "@container": "@index"},
      "raw": {"@id": "ex:raw", "@type": "@json"}})");
  const std::string value =
      R"({"label":{"en":"Hall","ko":"홀"},"by":{"width":{"width":2}},"raw":{"en":[{"width":1}]},"en":{"ko":1}})";
  std::string stored;
  ASSERT_TRUE(expand_keys(value, *context, stored).ok());
  EXPECT_EQ(stored, R"({"https://example.org/label":{"en":"Hall","ko":"홀"},)"
                    R"("https://example.org/by":{"width":{"https://example.org/width":2}},)"
                    R"("https://example.org/raw":{"en":[{"width":1}]},"https://example.org/en":{"ko":1}})");
  std::string shown;
  append_compacted(shown, stored, *context);
  EXPECT_EQ(shown, value);
}

TEST(Shapes, ScopedContextsAreTheClientsError) {
  const ContextPtr context =
      context_of(R"({"a": {"@id": "https://x.example/a", "@context": {"b": "https://x.example/b"}}})");
  EXPECT_EQ(context->expand("a").error().code, Code::bad_request_data);
  EXPECT_NE(context->expand("a").error().message.find("scoped @context"), std::string::npos);
  EXPECT_EQ(expanded(context, "b"), kDefault + "b");
}

// ---- Keys inside values

TEST(Keys, AreFreerThanNames) {
  const ContextPtr context = context_of(R"({"ex": "https://example.org/", "colour": "ex:colour"})");
  EXPECT_EQ(context->expand_key("colour").value(), "https://example.org/colour");
  EXPECT_EQ(context->expand_key("coordinates").value(), "https://purl.org/geojson/vocab#coordinates");
  for (const char* key : {"two words", "a-b", "", "$", "2", "@2", "a\"b", "'"}) {
    const std::string iri = context->expand_key(key).value();
    EXPECT_EQ(iri, kDefault + key);
    EXPECT_EQ(context->compact_key(iri), key);
  }
  for (const char* key : {"12:30", "foo:bar baz", "a::b"}) {
    EXPECT_EQ(context->expand_key(key).value(), key);
    EXPECT_EQ(context->compact_key(key), key);
  }
}

TEST(Keys, KeywordsOfTypedValuesPass) {
  const ContextPtr core = core_context();
  for (const char* key : {"@id", "@type", "@value", "@language", "@direction", "@list", "@set"}) {
    EXPECT_EQ(core->expand_key(key).value(), key);
  }
  EXPECT_EQ(core->expand_key("@context").error().code, Code::bad_request_data);
  EXPECT_EQ(core->expand_key("@graph").error().code, Code::not_supported);
  EXPECT_EQ(core->expand_key("@unheard").error().code, Code::bad_request_data);
}

// ---- Compaction

TEST(Compaction, TakesTheShortestTermThenTheFirst) {
  const ContextPtr context =
      context_of(R"({"long_name": "https://x.example/a", "bb": "https://x.example/a", "ba": "https://x.example/a",
    "p": "https://x.example/p/", "pp": "https://x.example/p/q#", "b": "https://x.example/p/q#"})");
  EXPECT_EQ(context->compact("https://x.example/a"), "ba");
  EXPECT_EQ(context->compact("https://x.example/p/q#r"), "b:r");
  EXPECT_EQ(context->compact("https://x.example/p/q"), "p:q");
  EXPECT_EQ(context->compact("https://x.example/p/"), "p");
  EXPECT_EQ(context->compact("https://x.example/p/a.b"), "p:a.b");
  EXPECT_EQ(context->compact("https://x.example/p///a"), "https://x.example/p///a")
      << "p://a would be an IRI of its own";
  EXPECT_EQ(context->compact(kDefault + "ba"), "ngsi-ld:default-context/ba");
}

TEST(Compaction, ACompactIriMustNotBeATermOfItsOwn) {
  const ContextPtr context = context_of(R"({"p": "https://x.example/", "p:a": null})");
  EXPECT_EQ(context->compact("https://x.example/a"), "https://x.example/a");
  EXPECT_EQ(context->compact("https://x.example/b"), "p:b");
}

TEST(Compaction, WhatExpandsComesBack) {
  EXPECT_TRUE(rc::check("expand(compact(expand(name))) == expand(name)", [] {
    const auto word = rc::gen::container<std::string>(rc::gen::elementOf(std::string("abAB1_-")));
    const auto space =
        rc::gen::element<std::string>("https://x.example/", "https://x.example/a", "https://x.example/a#", kDefault,
                                      "urn:x:", "b:", "https://uri.etsi.org/ngsi-ld/");
    std::string text = "{\"_\": \"https://x.example/_\"";
    std::set<std::string> terms{"_"};
    std::vector<std::string> names{"value", "location", "https://x.example/ab", "https://x.example/a#b", "urn:x:ab"};
    for (int i = 0; i < 8; ++i) {
      const std::string term = *word;
      if (term.empty() || !terms.insert(term).second) continue;
      const std::string iri = *space + *word;
      const char* extra = *rc::gen::element("", ",\"@prefix\":true", ",\"@type\":\"@id\"", ",\"@container\":\"@list\"");
      const bool simple = *rc::gen::arbitrary<bool>();
      text += ",\"" + term + "\":" + (simple ? '"' + iri + '"' : "{\"@id\":\"" + iri + '"' + extra + '}');
      names.push_back(term);
      names.push_back(term + ":ab");
      names.push_back(iri);
      names.push_back(*word);
    }
    if (*rc::gen::arbitrary<bool>()) text += ",\"@vocab\":\"https://x.example/\"";
    text += '}';
    ContextWorld world;
    const auto context = world.json(text);
    if (!context.ok()) RC_DISCARD("not a context");
    for (const std::string& name : names) {
      if (const auto iri = (*context)->expand(name); iri.ok()) {
        const std::string shown = (*context)->compact(*iri);
        const auto again = (*context)->expand_key(shown);
        const bool is_hidden_by_prefix = shown == *iri;  // JSON-LD has no way to write such an IRI
        if (!is_hidden_by_prefix && again.ok()) RC_ASSERT(*again == *iri);
        const auto as_name = (*context)->expand(shown);
        if (as_name.ok() && !is_hidden_by_prefix) RC_ASSERT(*as_name == *iri);
      }
      if (const auto iri = (*context)->expand_key(name); iri.ok()) {
        const std::string shown = (*context)->compact_key(*iri);
        const auto again = (*context)->expand_key(shown);
        if (shown != *iri) {
          RC_ASSERT(again.ok());
          RC_ASSERT(*again == *iri);
        }
      }
    }
  }));
}

// ---- What a response names

TEST(Presentation, IsWhatTheUserGave) {
  EXPECT_EQ(context_of(R"( {"a": "https://x.example/a"} )")->json(), R"({"a":"https://x.example/a"})");
  const std::string older = "\"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld\"";
  EXPECT_EQ(context_of("[" + older + R"(,{"a":"https://x.example/a"}])")->json(), R"({"a":"https://x.example/a"})");
  EXPECT_EQ(context_of(R"([{"a":"https://x.example/a"},{"b":"https://x.example/b"}])")->json(),
            R"([{"a":"https://x.example/a"},{"b":"https://x.example/b"}])");
  EXPECT_EQ(context_of(R"({"a": "https://x.example/a"})")->link_url(), "");
}

TEST(Presentation, EveryPreparedContextHasItsOwnSerial) {
  EXPECT_NE(context_of("{}")->serial(), context_of("{}")->serial());
  EXPECT_NE(context_of("{}")->serial(), core_context()->serial());
}

// ---- Hostile contexts

TEST(HostileContexts, DepthAndSizeAreBounded) {
  std::string deep(200, '[');
  EXPECT_EQ(refusal(deep + std::string(200, ']')).code, Code::too_complex);
  deep.clear();
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(refusal(deep).message.empty());
  EXPECT_EQ(refusal("{\"a\": \"https://x.example/" + std::string(1 << 20, 'x') + "\"}").code, Code::too_large);
  EXPECT_EQ(refusal("{\"a\": \"https://x.example/" + std::string(5'000, 'x') + "\"}").code, Code::too_large);
}

TEST(HostileContexts, TermsAreCounted) {
  const auto many = [](int from, int count) {
    std::string text = "{\"p\": \"https://x.example/\"";
    for (int i = from; i < from + count; ++i) text += ",\"t" + std::to_string(i) + "\":\"p:t\"";
    return text + '}';
  };
  EXPECT_EQ(refusal(many(0, 20'001)).code, Code::too_large);
  EXPECT_EQ(refusal('[' + many(0, 11'000) + ',' + many(11'000, 11'000) + ']').code, Code::too_large);
  EXPECT_EQ(expanded(context_of(many(0, 19'000)), "t5"), "https://x.example/t");
}

TEST(HostileContexts, LongChainsDoNotEatTheStack) {
  std::string text = "{\"t0\": \"https://x.example/\"";
  std::string reversed = "{\"t19000\": \"https://x.example/\"";
  for (int i = 1; i < 19'000; ++i) text += ",\"t" + std::to_string(i) + "\":\"t" + std::to_string(i - 1) + '"';
  for (int i = 0; i < 19'000; ++i) reversed += ",\"t" + std::to_string(i) + "\":\"t" + std::to_string(i + 1) + '"';
  EXPECT_EQ(expanded(context_of(text + '}'), "t18999"), "https://x.example/") << "in order each needs but one step";
  EXPECT_EQ(refusal(reversed + '}').code, Code::too_complex);
}

TEST(HostileContexts, IrisDoNotGrowBeyondTheLimit) {
  std::string text = "{\"t0\": \"https://x.example/\"";
  for (int i = 1; i < 60; ++i) {
    text += ",\"t" + std::to_string(i) + "\":{\"@id\":\"t" + std::to_string(i - 1) + ":" + std::string(50, 'x') +
            "\",\"@prefix\":true}";
  }
  EXPECT_EQ(refusal(text + '}').code, Code::too_large);
}

// ---- Real contexts

TEST(RealContexts, SmartDataModelsPrepare) {
  const char* data = std::getenv("MADANG_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "MADANG_TEST_DATA is not set: the Smart Data Models' contexts are not there";
  const std::filesystem::path folder = std::filesystem::path(data) / "city/standards/smart-data-models";
  ContextWorld world;
  ASSERT_TRUE(world.store.load_map((folder / "offline-map.tsv").string()).ok());
  std::ifstream map(folder / "offline-map.tsv");
  std::size_t count = 0;
  for (std::string line; std::getline(map, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::string url = line.substr(0, line.find('\t'));
    const auto context = world.url(url);
    ASSERT_TRUE(context.ok()) << url << ": " << context.error().message;
    EXPECT_EQ(world.store.ready(url), *context);
    EXPECT_EQ(expanded(*context, "location"), "https://uri.etsi.org/ngsi-ld/location");
    ++count;
  }
  EXPECT_GE(count, 10u);
  EXPECT_TRUE(world.fetcher.asked.empty()) << "mapped contexts are read from the map alone";
  const ContextPtr parking =
      world.store.ready("https://raw.githubusercontent.com/smart-data-models/dataModel.Parking/master/context.jsonld");
  ASSERT_NE(parking, nullptr);
  const std::string iri = expanded(parking, "OffStreetParking");
  EXPECT_TRUE(iri.starts_with("https://")) << iri;
  EXPECT_FALSE(iri.starts_with(kDefault));
  EXPECT_EQ(parking->compact(iri), "OffStreetParking");
}

}  // namespace
}  // namespace madang::ngsi
