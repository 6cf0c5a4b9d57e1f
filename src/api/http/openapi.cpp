#include "http/openapi.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "madang/base/json.h"

#include "http/operation.h"
#include "http/parameters.h"

namespace madang::api {
namespace {

using base::json::append_string;

/// Writes objects and arrays with the commas where they belong.
class Writer {
 public:
  Writer& open(std::string_view name = {}) { return begin(name), out_ += '{', fresh_ = true, *this; }
  Writer& close() { return out_ += '}', fresh_ = false, *this; }
  Writer& open_list(std::string_view name) { return begin(name), out_ += '[', fresh_ = true, *this; }
  Writer& close_list() { return out_ += ']', fresh_ = false, *this; }
  Writer& text(std::string_view name, std::string_view value) { return begin(name), append_string(out_, value), *this; }
  Writer& raw(std::string_view name, std::string_view json) { return begin(name), out_ += json, *this; }
  std::string take() { return std::move(out_); }

 private:
  void begin(std::string_view name) {
    if (!fresh_ && !out_.empty()) out_ += ',';
    fresh_ = false;
    if (name.empty()) return;
    append_string(out_, name);
    out_ += ':';
  }
  std::string out_;
  bool fresh_ = true;
};

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "Done";
    case 201:
      return "Created";
    case 204:
      return "Done, nothing to say";
    case 207:
      return "Done in parts: what failed is listed";
    case 304:
      return "Not modified";
    default:
      return "Refused: see the problem document";
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

void write_schema(Writer& to, const ParamInfo& param, const Operation& operation, const char* name) {
  to.open(name);
  switch (param.kind) {
    case ParamKind::boolean:
      to.text("type", "boolean");
      break;
    case ParamKind::unsigned_:
      to.text("type", "integer").raw("minimum", "0");
      break;
    case ParamKind::date_time:
      to.text("type", "string").text("format", "date-time");
      break;
    default:
      to.text("type", "string").raw("maxLength", std::to_string(param.bytes));
      break;
  }
  if (param.id == Param::format) {
    to.open_list("enum");
    each_item(operation.formats, [&](std::string_view item) { return to.text({}, item), true; });
    to.close_list();
  }
  to.close();
}

void write_parameters(Writer& to, const Operation& operation) {
  to.open_list("parameters");
  std::string_view path = operation.path;
  while (true) {
    const auto begin = path.find('{');
    if (begin == path.npos) break;
    const auto end = path.find('}', begin);
    to.open().text("name", path.substr(begin + 1, end - begin - 1)).text("in", "path").raw("required", "true");
    to.open("schema").text("type", "string").close().close();
    path.remove_prefix(end + 1);
  }
  for (const Param id : operation.params) {
    const ParamInfo& param = info(id);
    if (!param.offered || operation.op == Op::not_offered) continue;
    std::string about(param.about);
    if (id == Param::options) about += ": " + std::string(operation.options);
    to.open().text("name", param.name).text("in", "query").text("description", about);
    write_schema(to, param, operation, "schema");
    to.close();
  }
  if (operation.path.starts_with(kBase)) to.open().text("$ref", "#/components/parameters/tenant").close();
  if (operation.uses_context) to.open().text("$ref", "#/components/parameters/context").close();
  to.close_list();
}

std::string_view body_schema(Body body) {
  switch (body) {
    case Body::entities:
      return R"({"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Entity"}})";
    case Body::ids:
      return R"({"type":"array","minItems":1,"items":{"type":"string","format":"uri"}})";
    case Body::query:
      return R"({"$ref":"#/components/schemas/Query"})";
    case Body::index:
      return R"({"$ref":"#/components/schemas/Index"})";
    case Body::context:
      return R"({"type":"object","required":["@context"],"properties":{"@context":{"type":["object","array","string"]}}})";
    case Body::entity:
      return R"({"$ref":"#/components/schemas/Entity"})";
    default:
      return R"({"type":"object"})";
  }
}

void write_body(Writer& to, const Operation& operation) {
  if (operation.body == Body::none || operation.body == Body::any) return;
  to.open("requestBody").raw("required", "true").open("content");
  to.open("application/json").raw("schema", body_schema(operation.body)).close();
  to.open("application/ld+json").raw("schema", body_schema(operation.body)).close();
  to.close().close();
}

void write_responses(Writer& to, const Operation& operation) {
  to.open("responses");
  for (const int status : operation.statuses) {
    to.open(std::to_string(status)).text("description", reason(status));
    if (status == 200) {
      to.open("content");
      for (const Media media : {kJson, kLdJson, kGeoJson, Media::kText, kHtml}) {
        if (operation.media & media) to.open(media_name(media)).close();
      }
      to.close();
    } else if (status >= 400 && status != 411) {  // clause 6.3.4: "just a 411"
      to.open("content").open("application/problem+json");
      to.raw("schema", R"({"$ref":"#/components/schemas/Problem"})").close().close();
    }
    to.close();
  }
  to.close();
}

void write_operation(Writer& to, const Operation& operation) {
  to.open(lower(net::method_name(operation.method)));
  to.text("operationId", operation.name).text("summary", operation.summary);
  to.open_list("tags").text({}, operation.path.starts_with(kBase) ? "NGSI-LD" : "Server").close_list();
  write_parameters(to, operation);
  write_body(to, operation);
  write_responses(to, operation);
  if (operation.role != governance::Role::none) to.raw("security", R"([{"bearer":[]},{}])");
  to.close();
}

constexpr std::string_view kComponents = R"({
"parameters":{
"tenant":{"name":"NGSILD-Tenant","in":"header","description":"The tenant; none: the default one","schema":{"type":"string"}},
"context":{"name":"Link","in":"header","description":"<URL>; rel=\"http://www.w3.org/ns/json-ld#context\": the JSON-LD context","schema":{"type":"string"}}},
"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"}},
"schemas":{
"Entity":{"type":"object","required":["id","type"],"properties":{"id":{"type":"string","format":"uri"},"type":{"type":["string","array"]},"scope":{"type":["string","array"]}},"additionalProperties":true},
"Query":{"type":"object","required":["type"],"properties":{"type":{"const":"Query"},"entities":{"type":"array","minItems":1},"q":{"type":"string"},"geoQ":{"type":"object"},"scopeQ":{"type":"string"},"attrs":{"type":"array"},"pick":{"type":"array"},"omit":{"type":"array"},"lang":{"type":"string"},"datasetId":{"type":"array"},"csf":{"type":"string"},"join":{"enum":["inline","flat","@none"]},"joinLevel":{"type":"integer","minimum":1},"containedBy":{"type":"array"},"expandValues":{"type":"string"},"jsonKeys":{"type":"string"},"splitEntities":{"type":"boolean"},"geometryProperty":{"type":"string"}}},
"Index":{"type":"object","required":["type","attribute"],"properties":{"tenant":{"type":"string"},"type":{"type":"string"},"attribute":{"type":"string"}}},
"Problem":{"type":"object","required":["type","title","detail","status"],"properties":{"type":{"type":"string"},"title":{"type":"string"},"detail":{"type":"string"},"status":{"type":"integer"},"pointer":{"type":"string"},"parameter":{"type":"string"},"column":{"type":"integer"},"where":{"type":"string"}}}}})";

}  // namespace

std::string openapi_document(const std::string& version) {
  Writer to;
  to.open().text("openapi", "3.1.0");
  to.open("info").text("title", "Madang").text("version", version);
  to.text("description",
          "NGSI-LD (ETSI GS CIM 009 V1.9.1) over the live entities of a city, and the server's own pages.")
      .close();
  to.open("paths");
  std::vector<std::string_view> written;
  for (const Operation& first : all_operations()) {
    if (std::find(written.begin(), written.end(), first.path) != written.end()) continue;
    written.push_back(first.path);
    to.open(first.path);
    for (const Operation& operation : all_operations()) {
      if (operation.path == first.path) write_operation(to, operation);
    }
    to.close();
  }
  to.close().raw("components", kComponents).close();
  return to.take();
}

}  // namespace madang::api
