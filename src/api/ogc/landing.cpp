// What there is: the landing page, conformance, the description.

#include "madang/base/json.h"

#include "ogc/links.h"
#include "ogc/ogc.h"

namespace madang::api::ogc {
namespace {

constexpr std::string_view kTitle = "마당 Madang";
constexpr std::string_view kAbout =
    "도시의 살아 있는 개체를 종류별로 봅니다. The live entities of a city, a collection for each type.";

constexpr std::string_view kConformance[] = {
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
};

/// Part 1, 7: what every part of the interface does.
constexpr std::string_view kComponents = R"("components":{"parameters":{
"collectionId":{"name":"collectionId","in":"path","required":true,"schema":{"type":"string"}},
"featureId":{"name":"featureId","in":"path","required":true,"schema":{"type":"string"}},
"bbox":{"name":"bbox","in":"query","description":"west,south,east,north","style":"form","explode":false,"schema":{"type":"array","minItems":4,"maxItems":6,"items":{"type":"number"}}},
"bbox-crs":{"name":"bbox-crs","in":"query","schema":{"type":"string","format":"uri"}},
"crs":{"name":"crs","in":"query","schema":{"type":"string","format":"uri"}},
"datetime":{"name":"datetime","in":"query","description":"a time, or an interval such as 2026-01-01T00:00:00Z/..","schema":{"type":"string"}},
"filter":{"name":"filter","in":"query","description":"CQL2 text","schema":{"type":"string"}},
"filter-lang":{"name":"filter-lang","in":"query","schema":{"type":"string","enum":["cql2-text"],"default":"cql2-text"}},
"filter-crs":{"name":"filter-crs","in":"query","schema":{"type":"string","format":"uri"}},
"properties":{"name":"properties","in":"query","description":"names of queryables, each with the value that it is to have","style":"form","explode":true,"schema":{"type":"object","additionalProperties":{"type":"string"}}},
"f":{"name":"f","in":"query","schema":{"type":"string","enum":["json","html"]}}},
"responses":{
"json":{"description":"Done","content":{"application/json":{"schema":{"type":"object"}},"text/html":{"schema":{"type":"string"}}}},
"features":{"description":"Done","content":{"application/geo+json":{"schema":{"$ref":"#/components/schemas/featureCollection"}},"text/html":{"schema":{"type":"string"}}}},
"feature":{"description":"Done","content":{"application/geo+json":{"schema":{"$ref":"#/components/schemas/feature"}},"text/html":{"schema":{"type":"string"}}}},
"problem":{"description":"Refused: see the problem document","content":{"application/problem+json":{"schema":{"type":"object"}}}}},
"schemas":{
"feature":{"type":"object","required":["type","geometry","properties"],"properties":{"type":{"type":"string","enum":["Feature"]},"id":{"type":"string"},"geometry":{"type":"object","nullable":true},"properties":{"type":"object","nullable":true}}},
"featureCollection":{"type":"object","required":["type","features"],"properties":{"type":{"type":"string","enum":["FeatureCollection"]},"features":{"type":"array","items":{"$ref":"#/components/schemas/feature"}},"links":{"type":"array","items":{"type":"object"}},"timeStamp":{"type":"string","format":"date-time"},"numberReturned":{"type":"integer"},"numberMatched":{"type":"integer"}}}}})";

void append_path(std::string& out, std::string_view path, std::string_view id, std::string_view summary,
                 std::initializer_list<std::string_view> parameters, std::string_view response) {
  if (out.back() != '{') out += ',';
  out.append("\"").append(path).append(R"(":{"get":{"operationId":")").append(id).append(R"(","summary":")");
  out.append(summary).append(R"(","tags":["Features"],"parameters":[)");
  for (const std::string_view name : parameters) {
    if (out.back() != '[') out += ',';
    out.append(R"({"$ref":"#/components/parameters/)").append(name).append("\"}");
  }
  out.append(R"(],"responses":{"200":{"$ref":"#/components/responses/)").append(response);
  out.append(R"("},"default":{"$ref":"#/components/responses/problem"}}}})");
}

std::string description(const Call& call) {
  std::string out = R"({"openapi":"3.0.3","info":{"title":")" + std::string(kTitle) + R"(","version":)";
  base::json::append_string(out, call.environment.options.version);
  out += R"(},"servers":[{"url":)";
  base::json::append_string(out, call.root_url() + "/ogc");
  out += R"(}],"paths":{)";
  append_path(out, "/", "getLandingPage", "What there is", {"f"}, "json");
  append_path(out, "/conformance", "getConformance", "What is conformed to", {"f"}, "json");
  append_path(out, "/collections", "getCollections", "Collections", {"f"}, "json");
  append_path(out, "/collections/{collectionId}", "getCollection", "A collection", {"collectionId", "f"}, "json");
  append_path(out, "/collections/{collectionId}/queryables", "getQueryables", "What a filter can be about",
              {"collectionId", "f"}, "json");
  append_path(out, "/collections/{collectionId}/items", "getFeatures", "Features",
              {"collectionId", "limit", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs",
               "properties", "f"},
              "features");
  append_path(out, "/collections/{collectionId}/items/{featureId}", "getFeature", "A feature",
              {"collectionId", "featureId", "crs", "f"}, "feature");
  out += "},";
  out += kComponents;
  // The largest page is a setting.
  const auto at = out.find(R"("bbox":{"name")");
  out.insert(at, R"("limit":{"name":"limit","in":"query","schema":{"type":"integer","minimum":1,"maximum":)" +
                     std::to_string(call.environment.options.page_most) + R"(,"default":)" + std::to_string(kItems) +
                     "}},\n");
  return out += '}';
}

}  // namespace

void ShowLanding::operator()(Call&& call) const {
  const Links links(call);
  if (call.media == kHtml) {
    std::string body = "<p>";
    append_html(body, kAbout);
    body += "</p>\n<ul>\n<li>" + anchor(links.url("/collections", "f=html"), "모음 Collections") + "</li>\n<li>" +
            anchor(links.url("/conformance", "f=html"), "준수하는 표준 Conformance") + "</li>\n<li>" +
            anchor(links.url("/api", "f=html"), "API") + "</li>\n</ul>\n";
    return call.answer_text(200, media_name(kHtml), call.begin_headers(), html_page(kTitle, anchor("/", "마당"), body));
  }
  std::string out = R"({"title":)";
  base::json::append_string(out, kTitle);
  out += R"(,"description":)";
  base::json::append_string(out, kAbout);
  out += R"(,"links":[)";
  append_link(out, "self", kJsonType, links.url("", "f=json"));
  append_link(out, "alternate", kHtmlType, links.url("", "f=html"));
  append_link(out, "service-desc", media_name(kOpenApi), links.url("/api", "f=json"), "OpenAPI 3.0");
  append_link(out, "service-doc", kHtmlType, links.url("/api", "f=html"));
  append_link(out, "conformance", kJsonType, links.url("/conformance", "f=json"));
  append_link(out, "data", kJsonType, links.url("/collections", "f=json"));
  call.answer_json(200, out += "]}");
}

void ShowConformance::operator()(Call&& call) const {
  const Links links(call);
  if (call.media == kHtml) {
    std::string body = "<ul>\n";
    for (const std::string_view one : kConformance) body.append("<li>").append(one).append("</li>\n");
    return call.answer_text(
        200, media_name(kHtml), call.begin_headers(),
        html_page("준수하는 표준 Conformance", anchor(links.url("", "f=html"), kTitle), body += "</ul>\n"));
  }
  std::string out = R"({"conformsTo":[)";
  for (const std::string_view one : kConformance) {
    if (out.back() != '[') out += ',';
    base::json::append_string(out, one);
  }
  call.answer_json(200, out += "]}");
}

void ShowDescription::operator()(Call&& call) const {
  const Links links(call);
  if (call.media == kHtml) {
    const std::string body = "<p>" + anchor(links.url("/api", "f=json"), "OpenAPI 3.0") + "</p>\n<p>" +
                             anchor("/openapi.json", "/openapi.json") +
                             ": 이 서버가 하는 일 전부. Everything that this server does.</p>\n";
    return call.answer_text(200, media_name(kHtml), call.begin_headers(),
                            html_page("API", anchor(links.url("", "f=html"), kTitle), body));
  }
  call.answer_text(200, media_name(kOpenApi), call.begin_headers(), description(call));
}

}  // namespace madang::api::ogc
