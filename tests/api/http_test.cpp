// The pure parts of the edge: table, router, parameters, headers, tags, problems.
#include "madang/net/http.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "http/body_reader.h"
#include "http/etag.h"
#include "http/gzip.h"
#include "http/link.h"
#include "http/negotiate.h"
#include "http/openapi.h"
#include "http/operation.h"
#include "http/parameters.h"
#include "http/problem.h"
#include "http/router.h"

namespace madang::api {
namespace {

using base::Code;

const Operation& operation(Op op) {
  for (const Operation& one : all_operations()) {
    if (one.op == op) return one;
  }
  std::abort();
}

std::string padded(std::string text) {
  return text.append(net::kBodyPadding, '\0');
}

// ---- table and router ----

TEST(Operations, NamesAreUniqueAndPathsAreComplete) {
  std::set<std::string_view> names;
  std::set<std::pair<net::Method, std::string_view>> routes;
  for (const Operation& one : all_operations()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_TRUE(routes.insert({one.method, one.path}).second) << one.path;
    EXPECT_FALSE(one.summary.empty());
    EXPECT_FALSE(one.statuses.empty()) << one.name;
  }
}

TEST(Operations, EveryParameterHasALimitAndAPlaceInTheTable) {
  for (std::size_t i = 0; i < kParams; ++i) {
    const ParamInfo& one = info(static_cast<Param>(i));
    EXPECT_EQ(static_cast<std::size_t>(one.id), i);
    EXPECT_GT(one.bytes, 0u) << one.name;
    EXPECT_EQ(one.offered, !one.about.empty()) << one.name;
  }
}

TEST(Router, FindsEveryRouteOfTheTable) {
  const Router router(all_operations());
  for (const Operation& one : all_operations()) {
    const Route route = router.find(one.method, one.path);
    ASSERT_TRUE(route.path_known) << one.path;
    EXPECT_EQ(route.operation, &one) << one.path;
  }
}

TEST(Router, CapturesSegmentsAndIgnoresATrailingSlash) {
  const Router router(all_operations());
  for (const char* path : {"/ngsi-ld/v1/entities/urn:a:1/attrs/speed", "/ngsi-ld/v1/entities/urn:a:1/attrs/speed/"}) {
    const Route route = router.find(net::Method::patch, path);
    ASSERT_NE(route.operation, nullptr);
    EXPECT_EQ(route.operation->op, Op::attribute_update);
    EXPECT_EQ(route.captures[0], "urn:a:1");
    EXPECT_EQ(route.captures[1], "speed");
  }
}

TEST(Router, CapturesAMissingIdAsEmpty) {
  const Router router(all_operations());
  const Route attrs = router.find(net::Method::post, "/ngsi-ld/v1/entities//attrs");
  ASSERT_NE(attrs.operation, nullptr);
  EXPECT_EQ(attrs.operation->op, Op::attrs_append);
  EXPECT_EQ(attrs.captures[0], "");
  const Route merge = router.find(net::Method::patch, "/ngsi-ld/v1/entities/");
  ASSERT_NE(merge.operation, nullptr);
  EXPECT_EQ(merge.operation->op, Op::entity_merge);
  EXPECT_EQ(router.find(net::Method::get, "/ngsi-ld/v1/entities/").operation->op, Op::entity_query);
  EXPECT_EQ(router.find(net::Method::delete_, "/ngsi-ld/v1/entities/urn:a:1/attrs/").operation, nullptr);
}

TEST(Router, TellsUnknownPathFromWrongMethod) {
  const Router router(all_operations());
  EXPECT_FALSE(router.find(net::Method::get, "/ngsi-ld/v2/entities").path_known);
  EXPECT_FALSE(router.find(net::Method::get, "/a/b/c/d/e/f/g/h/i/j").path_known);
  EXPECT_FALSE(router.find(net::Method::get, "").path_known);
  const Route route = router.find(net::Method::put, "/ngsi-ld/v1/entities");
  EXPECT_TRUE(route.path_known);
  EXPECT_EQ(route.operation, nullptr);
  EXPECT_EQ(route.allow, "GET, HEAD, POST, DELETE, OPTIONS");
}

TEST(Router, HeadIsGet) {
  const Router router(all_operations());
  EXPECT_EQ(router.find(net::Method::head, "/health").operation, &operation(Op::health));
}

// ---- parameters ----

struct Parsed {
  Parameters params;
  std::forward_list<std::string> decoded;
  base::Status status;
};
Parsed parse(std::string_view query, Op op = Op::entity_query) {
  Parsed parsed;
  parsed.status = parsed.params.parse(query, operation(op), parsed.decoded);
  return parsed;
}

TEST(Parameters, DecodesOnlyWhatIsEncoded) {
  const auto parsed = parse("type=A&q=name%3D%3D%22a+b%22&limit=7&count=true");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.error().message;
  EXPECT_EQ(parsed.params[Param::type], "A");
  EXPECT_EQ(parsed.params[Param::q], "name==\"a b\"");
  EXPECT_EQ(parsed.params.number(Param::limit), 7u);
  EXPECT_TRUE(parsed.params.flag(Param::count));
  EXPECT_FALSE(parsed.params.has(Param::offset));
}

TEST(Parameters, RefusesByName) {
  struct Row {
    std::string_view query;
    Code code;
    std::string_view where;
  };
  for (const Row& row :
       {Row{"typ=A", Code::invalid_request, "typ"}, Row{"type=A&type=B", Code::invalid_request, "type"},
        Row{"limit=-1", Code::bad_request_data, "limit"}, Row{"limit=1e3", Code::bad_request_data, "limit"},
        Row{"limit=99999999999999999999", Code::invalid_request, "limit"},
        Row{"count=yes", Code::bad_request_data, "count"}, Row{"id=notauri", Code::bad_request_data, "id"},
        Row{"options=sysAttr", Code::invalid_request, "options"}, Row{"format=xml", Code::invalid_request, "format"},
        Row{"joinLevel=0", Code::bad_request_data, "joinLevel"},
        Row{"splitEntities=maybe", Code::bad_request_data, "splitEntities"}, Row{"q=%GG", Code::invalid_request, ""},
        Row{"q=%FF", Code::invalid_request, ""}}) {
    const auto parsed = parse(row.query);
    ASSERT_FALSE(parsed.status.ok()) << row.query;
    EXPECT_EQ(parsed.status.error().code, row.code) << row.query;
    EXPECT_EQ(parsed.status.error().where, row.where) << row.query;
  }
}

TEST(Parameters, ValueThatAsksForNothingIsTaken) {
  EXPECT_TRUE(parse("type=A&join=@none&entityMap=false").status.ok());
}

TEST(Parameters, LifetimesAreDurations) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_duration("PT10M"), seconds(600));
  EXPECT_EQ(parse_duration("P1DT2H"), seconds(93'600));
  EXPECT_EQ(parse_duration("P2W"), seconds(1'209'600));
  EXPECT_EQ(parse_duration("PT1.5S"), seconds(1));
  EXPECT_EQ(parse_duration("P999999999999Y"), seconds(100'000'000'000));
  for (const char* text : {"", "P", "PT", "P1", "10M", "PT10", "P1H", "PTM", "PT-1S", "P1DT", "PT1S1M", "PT1e3S"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_FALSE(parse("entityMapLifetime=1h").status.ok());
}

TEST(Parameters, OtherOperationsHaveOtherParameters) {
  EXPECT_FALSE(parse("q=a", Op::entity_create).status.ok());
  EXPECT_TRUE(parse("options=noOverwrite", Op::attrs_append).status.ok());
  EXPECT_FALSE(parse("options=noOverwrite", Op::entity_query).status.ok());
}

TEST(Parameters, LongValuesAreRefused) {
  EXPECT_FALSE(parse("q=" + std::string(8'193, 'a')).status.ok());
  EXPECT_TRUE(parse("q=" + std::string(8'192, 'a')).status.ok());
}

TEST(Parameters, AllOfferedParametersOfAnOperationFitAtOnce) {
  for (const Operation& one : all_operations()) {
    const auto offered = std::count_if(one.params.begin(), one.params.end(), [](Param p) { return info(p).offered; });
    EXPECT_LE(static_cast<std::size_t>(offered), Parameters::kMost) << one.name;
  }
}

// ---- Link ----

constexpr std::string_view kRel = R"(; rel="http://www.w3.org/ns/json-ld#context")";

TEST(ContextLink, ReadsTheFormsOfRfc8288) {
  const auto url = [](std::string_view header) {
    auto link = context_link(header);
    EXPECT_TRUE(link.ok()) << header;
    return link.ok() && *link ? std::string(**link) : std::string();
  };
  const std::string rel(kRel);
  EXPECT_EQ(url("<http://a.b/c>" + rel), "http://a.b/c");
  EXPECT_EQ(url("<http://a.b/c>" + rel + R"(; type="application/ld+json")"), "http://a.b/c");
  EXPECT_EQ(url("<http://a.b/c>;rel=\"other http://www.w3.org/ns/json-ld#context\""), "http://a.b/c");
  EXPECT_EQ(url("<http://a.b/c>; title=\"a, b; <c>\"" + rel), "http://a.b/c");
  EXPECT_EQ(url("<http://x.y/z>; rel=next , <http://a.b/c?d=1,2>" + rel), "http://a.b/c?d=1,2");
  EXPECT_EQ(url("<http://a.b/c>; REL = http://www.w3.org/ns/json-ld#context"), "http://a.b/c");
  EXPECT_EQ(url("<http://a.b/c>; rel=next"), "");
  EXPECT_EQ(url(""), "");
}

TEST(ContextLink, RefusesWhatIsBroken) {
  const std::string rel(kRel);
  for (const std::string& header :
       {std::string("http://a.b/c"), "<http://a.b/c" + rel, std::string("<http://a.b/c>; rel=\"http"),
        "<http://a.b/c> x" + rel, "<ftp://a/b>" + rel, "<relative>" + rel,
        "<http://a.b/c>" + rel + ", <http://a.b/d>" + rel}) {
    EXPECT_FALSE(context_link(header).ok()) << header;
  }
}

TEST(PageLink, KeepsTheQuestionAndReplacesThePlace) {
  std::string out;
  append_page_link(out, "next", "/ngsi-ld/v1/entities", "type=A&limit=2&offset=4&q=a%3D%3D1&after=old", 2, 6, "x/y",
                   "application/json");
  EXPECT_EQ(out,
            "Link: </ngsi-ld/v1/entities?after=x%2Fy&limit=2&offset=6&q=a%3D%3D1&type=A>; rel=\"next\"; "
            "type=\"application/json\"\r\n");
}

TEST(PageLink, LooksTheSameHoweverTheRequestWroteIt) {
  for (const char* query : {"id=urn%3aa%2Db&q=%3e%25", "q=%3e%25&id=urn:a-b"}) {
    std::string out;
    append_page_link(out, "prev", "/p/", query, 1, 0, {}, "application/json");
    EXPECT_EQ(out, "Link: </p?id=urn:a-b&limit=1&offset=0&q=%3e%25>; rel=\"prev\"; type=\"application/json\"\r\n");
  }
}

TEST(PageLink, NothingBreaksOutOfTheHeader) {
  std::string out;
  append_page_link(out, "prev", "/p", "q=a>b<c\"d e", 1, 0, {}, "application/json");
  EXPECT_EQ(out, "Link: </p?limit=1&offset=0&q=a%3Eb%3Cc%22d%20e>; rel=\"prev\"; type=\"application/json\"\r\n");
}

// ---- negotiation ----

TEST(Accept, FollowsClause634) {
  constexpr std::uint8_t kAll = kJson | kLdJson | kGeoJson;
  EXPECT_EQ(choose_media("", kAll), kJson);
  EXPECT_EQ(choose_media("*/*", kAll), kJson);
  EXPECT_EQ(choose_media("application/*", kAll), kJson);
  EXPECT_EQ(choose_media("application/ld+json, application/json", kAll), kJson);
  EXPECT_EQ(choose_media("application/ld+json, application/json;q=0.5", kAll), kLdJson);
  EXPECT_EQ(choose_media("application/geo+json", kAll), kGeoJson);
  EXPECT_EQ(choose_media("application/json;q=0, */*", kAll), kLdJson);
  EXPECT_EQ(choose_media("application/ld+json;q=0.8, */*;q=0.9", kAll), kJson);
  EXPECT_EQ(choose_media("application/json;q=high, application/ld+json;q=0.9", kAll), kJson);
  EXPECT_EQ(choose_media("APPLICATION/LD+JSON;profile=\"x\"", kAll), kLdJson);
  EXPECT_EQ(choose_media("text/html", kAll), kNoMedia);
  EXPECT_EQ(choose_media("application/geo+json", kJson | kLdJson), kNoMedia);
  EXPECT_EQ(choose_media("application/json;q=0", kJson), kNoMedia);
}

TEST(ContentTypes, AreToldApart) {
  EXPECT_EQ(content_type("application/json"), ContentType::json);
  EXPECT_EQ(content_type("Application/JSON; charset=UTF-8"), ContentType::json);
  EXPECT_EQ(content_type("application/json; charset=\"iso-8859-1\""), ContentType::other);
  EXPECT_EQ(content_type("application/ld+json"), ContentType::ld_json);
  EXPECT_EQ(content_type("application/merge-patch+json"), ContentType::merge_patch);
  EXPECT_EQ(content_type("text/plain"), ContentType::other);
  EXPECT_EQ(content_type(""), ContentType::none);
}

TEST(AcceptEncoding, KnowsGzip) {
  EXPECT_TRUE(accepts_coding("gzip, deflate", "gzip"));
  EXPECT_TRUE(accepts_coding("x-gzip", "gzip"));
  EXPECT_TRUE(accepts_coding("gzip, br", "br"));
  EXPECT_FALSE(accepts_coding("br;q=0, *", "br"));
  EXPECT_TRUE(accepts_coding("br;q=1.0, *;q=0.1", "gzip"));
  EXPECT_FALSE(accepts_coding("gzip;q=0, *", "gzip"));
  EXPECT_FALSE(accepts_coding("br", "gzip"));
  EXPECT_FALSE(accepts_coding("", "gzip"));
}

TEST(Negotiation, WeighsAList) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(by_quality("fr;q=0.2, nl;q=0.9"), (Names{"nl", "fr"}));
  EXPECT_EQ(by_quality("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5,de;q=0"), (Names{"fr-CH", "fr", "en", "*"}));
  EXPECT_EQ(by_quality(""), Names{});
}

// ---- entity tags ----

TEST(EntityTags, NameVersionAndRepresentation) {
  std::string tag;
  append_etag(tag, 42, 0xabc);
  EXPECT_EQ(tag, "\"v42-abc\"");
  EXPECT_TRUE(none_match_hits("\"x\", W/\"v42-abc\"", tag));
  EXPECT_TRUE(none_match_hits("*", tag));
  EXPECT_FALSE(none_match_hits("\"v42-abd\"", tag));
  EXPECT_FALSE(none_match_hits("v42-abc", tag));
}

TEST(EntityTags, IfMatchComparesVersions) {
  using Versions = std::vector<std::uint64_t>;
  EXPECT_TRUE(parse_if_match("*").any);
  EXPECT_EQ(parse_if_match("\"v42-abc\"").versions, Versions{42});
  EXPECT_EQ(parse_if_match("\"v42\", \"v43-ff\"").versions, (Versions{42, 43}));
  EXPECT_EQ(parse_if_match("W/\"v42\"").versions, Versions{0});
  EXPECT_EQ(parse_if_match("\"foreign\"").versions, Versions{0});
  EXPECT_EQ(parse_if_match("\"v42x\"").versions, Versions{0});
  EXPECT_EQ(parse_if_match("nonsense").versions, Versions{0});
}

TEST(EntityTags, HashTellsPiecesApart) {
  EXPECT_NE(RepresentationHash().add("a").add("b").value(), RepresentationHash().add("ab").add("").value());
}

// ---- problems ----

TEST(Problems, SayWhatAndWhere) {
  std::string out;
  append_problem(out, base::error(Code::bad_request_data, "No \"id\".", "/a~1b"));
  EXPECT_EQ(
      out,
      R"({"type":"https://uri.etsi.org/ngsi-ld/errors/BadRequestData","title":"The request's content is not acceptable",)"
      R"("detail":"No \"id\".","status":400,"pointer":"/a~1b"})");
  out.clear();
  append_problem(out, base::error(Code::bad_request_data, "?", "q:7"));
  EXPECT_NE(out.find(R"("parameter":"q","column":7)"), out.npos);
  out.clear();
  append_problem(out, base::error(Code::bad_request_data, "\"\xF1\" is none."));  // a header's bytes
  EXPECT_NE(out.find("\\\"\xEF\xBF\xBD\\\" is none."), out.npos);
  out.clear();
  append_problem(out, base::error(Code::forbidden, "No."));
  EXPECT_NE(out.find(R"("type":"about:blank")"), out.npos);
}

// ---- gzip ----

TEST(Gzip, RoundTripsWithinItsLimit) {
  const std::string text(100'000, 'x');
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 2'000u);
  auto back = gunzip_padded(packed, text.size());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->substr(0, back->size() - net::kBodyPadding), text);
  EXPECT_EQ(gunzip_padded(packed, text.size() - 1).error().code, Code::too_large);
  EXPECT_EQ(gunzip_padded(packed.substr(0, packed.size() - 5), 1 << 20).error().code, Code::invalid_request);
  EXPECT_EQ(gunzip_padded("nonsense", 1 << 20).error().code, Code::invalid_request);
  EXPECT_EQ(gunzip_padded("", 1 << 20).error().code, Code::invalid_request);
}

TEST(Gzip, SeveralMembersAreOneBody) {
  auto back = gunzip_padded(gzip("ab") + gzip("cd"), 10);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->substr(0, 4), "abcd");
}

// ---- bodies ----

class Bodies : public testing::Test {
 protected:
  std::string_view keep(std::string text) {
    const std::size_t size = text.size();
    text_ = padded(std::move(text));
    return std::string_view(text_).substr(0, size);
  }
  BodyReader reader;

 private:
  std::string text_;
};

TEST_F(Bodies, FindTheirContext) {
  EXPECT_EQ(**reader.context(keep(R"({"id":"a","@context":["http://a", {"b":"c"}] ,"x":1})")),
            R"(["http://a", {"b":"c"}])");
  EXPECT_EQ(**reader.context(keep(R"({"@context":"http://a"})")), R"("http://a")");
  EXPECT_EQ(**reader.context(keep(R"({"\u0040context":"http://a"})")), R"("http://a")");
  EXPECT_FALSE(*reader.context(keep(R"({"value":{"@context":"inner"}})")));
  EXPECT_FALSE(*reader.context(keep(R"({"email":"a@context.org"})")));
  EXPECT_FALSE(reader.context(keep(R"({"@context":1,"@context":2})")).ok());
}

TEST_F(Bodies, LoseTheirContext) {
  auto bare = reader.without_context(keep(R"({"@context": ["x"], "type": "Property", "value": {"a b":[1, 2]} })"));
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->substr(0, bare->size() - net::kBodyPadding), R"({"type":"Property","value":{"a b":[1, 2]}})");
}

TEST_F(Bodies, CutBatches) {
  auto items = reader.items(keep(R"([{"@context":"a","id":"1"},{"id":"2"}])"), 2);
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].context, R"("a")");
  EXPECT_FALSE((*items)[1].context);
  EXPECT_EQ((*items)[1].json, R"({"id":"2"})");
  EXPECT_EQ(reader.items(keep("[1,2,3]"), 2).error().code, Code::too_large);
  EXPECT_EQ(reader.items(keep("{}"), 2).error().code, Code::invalid_request);
  EXPECT_EQ(reader.strings(keep(R"(["a", 1])"), 5).error().where, "/1");
}

TEST_F(Bodies, AreQueries) {
  auto query = reader.query(keep(R"({"type":"Query","entities":[{"type":"A","id":["urn:a:1"]}],"q":"x>1",
    "geoQ":{"georel":"near;maxDistance==5","geometry":"Point","coordinates":[1.5, 2]},"pick":["x"],
    "join":"flat","joinLevel":2,"containedBy":["urn:b"],"expandValues":"x","splitEntities":true})"),
                            false);
  ASSERT_TRUE(query.ok()) << query.error().message;
  EXPECT_EQ(query->entities[0].ids[0], "urn:a:1");
  EXPECT_EQ(query->coordinates, "[1.5,2]");
  EXPECT_EQ(query->join, "flat");
  EXPECT_EQ(query->join_level, 2u);
  EXPECT_EQ(query->expand_values, "x");
  struct Row {
    std::string body;
    Code code;
    std::string_view where;
  };
  for (const Row& row :
       {Row{"{}", Code::bad_request_data, "/type"}, Row{R"({"type":"Q"})", Code::bad_request_data, "/type"},
        Row{R"({"type":"Query","entities":[]})", Code::bad_request_data, "/entities"},
        Row{R"({"type":"Query","entities":[{"id":"urn:a"}]})", Code::bad_request_data, "/entities/0"},
        Row{R"({"type":"Query","attrs":[]})", Code::bad_request_data, "/attrs"},
        Row{R"({"type":"Query","q":1})", Code::bad_request_data, "/q"},
        Row{R"({"type":"Query","q":"a","q":"b"})", Code::bad_request_data, "/q"},
        Row{R"({"type":"Query","limit":1})", Code::bad_request_data, "/limit"},
        Row{R"({"type":"Query","entityMap":1})", Code::bad_request_data, "/entityMap"},
        Row{R"({"type":"Query","joinLevel":0})", Code::bad_request_data, "/joinLevel"},
        Row{R"({"type":"Query","joinLevel":"1"})", Code::bad_request_data, "/joinLevel"},
        Row{R"({"type":"Query","containedBy":"urn:a"})", Code::bad_request_data, "/containedBy"},
        Row{R"({"type":"Query","splitEntities":1})", Code::bad_request_data, "/splitEntities"},
        Row{R"({"type":"Query","@context":"x"})", Code::bad_request_data, "/@context"},
        Row{R"({"type":"Query",)", Code::invalid_request, ""}}) {
    auto refused = reader.query(keep(row.body), false);
    ASSERT_FALSE(refused.ok()) << row.body;
    EXPECT_EQ(refused.error().code, row.code) << row.body;
    EXPECT_EQ(refused.error().where, row.where) << row.body;
  }
}

// ---- OpenAPI ----

TEST(OpenApi, IsJsonAndListsEveryRoute) {
  const std::string document = openapi_document("1.2.3");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(document).get(root), simdjson::SUCCESS);
  simdjson::dom::object paths;
  ASSERT_EQ(root["paths"].get(paths), simdjson::SUCCESS);
  for (const Operation& one : all_operations()) {
    std::string method(net::method_name(one.method));
    std::transform(method.begin(), method.end(), method.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    simdjson::dom::object found;
    std::string path(one.path);
    if (const auto rest = path.find("...}"); rest != path.npos) path.erase(rest, 3);
    ASSERT_EQ(paths[path].get(found), simdjson::SUCCESS) << one.path;
    std::string_view id;
    ASSERT_EQ(found[method]["operationId"].get(id), simdjson::SUCCESS) << one.path;
    EXPECT_EQ(id, one.name);
  }
}

}  // namespace
}  // namespace madang::api
