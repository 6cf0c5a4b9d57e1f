#include "http/openapi.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "madang/base/json.h"

#include "http/operation.h"
#include "http/parameters.h"
#include "surfaces.h"

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
    case 203:
      return "Done, amended to conform to an earlier version of NGSI-LD";
    case 204:
      return "Done, nothing to say";
    case 207:
      return "Done in parts: what failed is listed";
    case 304:
      return "Not modified";
    case 411:
      return "Refused: a body needs a Content-Length";
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

void write_words(Writer& to, const char* name, std::string_view words) {
  to.open_list(name);
  each_item(words, [&](std::string_view word) { return to.text({}, word), true; });
  to.close_list();
}

void write_schema(Writer& to, const ParamInfo& param, const Operation& operation) {
  to.open("schema");
  switch (param.kind) {
    case ParamKind::boolean:
      to.text("type", "boolean");
      break;
    case ParamKind::unsigned_:
    case ParamKind::positive:
      to.text("type", "integer").raw("minimum", param.kind == ParamKind::positive ? "1" : "0");
      break;
    case ParamKind::date_time:
      to.text("type", "string").text("format", "date-time");
      break;
    case ParamKind::duration:
      to.text("type", "string").text("format", "duration");
      break;
    case ParamKind::words:
    case ParamKind::uris:
      to.text("type", "array").open("items").text("type", "string");
      if (param.id == Param::options) write_words(to, "enum", operation.options);
      if (param.kind == ParamKind::uris) to.text("format", "uri");
      to.close();
      break;
    default:
      to.text("type", "string").raw("maxLength", std::to_string(param.bytes));
      if (param.id == Param::format) write_words(to, "enum", operation.formats);
      break;
  }
  to.close();
  // Lists are one value with commas (6.3.1).
  if (param.kind == ParamKind::words || param.kind == ParamKind::uris) to.text("style", "form").raw("explode", "false");
}

bool has_status(const Operation& operation, int status) {
  return std::find(operation.statuses.begin(), operation.statuses.end(), status) != operation.statuses.end();
}
bool has_param(const Operation& operation, Param param) {
  return std::find(operation.params.begin(), operation.params.end(), param) != operation.params.end();
}
bool shows_entities(const Operation& operation) {
  return operation.role == governance::Role::read && (operation.media & kGeoJson) != 0;
}
bool shows_past(const Operation& operation) {
  return has_status(operation, 206);
}
bool takes_map(const Operation& operation) {
  if (!shows_entities(operation) && !shows_past(operation)) return false;
  return has_param(operation, Param::entity_map) || operation.body == Body::query || operation.body == Body::past_query;
}

void write_parameters(Writer& to, const Operation& operation, const hub::Offer* offer) {
  to.open_list("parameters");
  std::string_view path = operation.path;
  while (true) {
    const auto begin = path.find('{');
    if (begin == path.npos) break;
    const auto end = path.find('}', begin);
    std::string_view name = path.substr(begin + 1, end - begin - 1);
    if (name.ends_with("...")) name.remove_suffix(3);
    to.open().text("name", name).text("in", "path").raw("required", "true");
    to.open("schema").text("type", "string");
    if (name == "entityId" || name == "entityMapId") to.text("format", "uri");
    to.close().close();
    path.remove_prefix(end + 1);
  }
  for (const Param id : operation.params) {
    const ParamInfo& param = info(id);
    if (!param.offered || operation.op == Op::not_offered) continue;
    to.open().text("name", param.name).text("in", "query").text("description", param.about);
    write_schema(to, param, operation);
    to.close();
  }
  if (offer) {
    for (const hub::Offer::Parameter& param : offer->parameters) {
      to.open().text("name", param.name).text("in", "query").text("description", param.about);
      to.open("schema").text("type", "string").raw("maxLength", std::to_string(param.bytes)).close().close();
    }
  }
  if (operation.takes_others) {
    to.open().text("name", "properties").text("in", "query").text("style", "form").raw("explode", "true");
    to.text("description", "Names of attributes, each with the value that it is to have");
    to.raw("schema", R"({"type":"object","additionalProperties":{"type":"string"}})").close();
  }
  const auto shared = [&](bool takes, std::string_view name) {
    if (takes) to.open().text("$ref", "#/components/parameters/" + std::string(name)).close();
  };
  shared(operation.path.starts_with(kBase) || operation.names_tenant || offer, "tenant");
  shared(operation.path.starts_with(kBase) && operation.op <= Op::attribute_show, "snapshot");
  shared(operation.uses_context, "context");
  shared(has_status(operation, 412), "ifMatch");
  shared(has_status(operation, 304), "ifNoneMatch");
  shared(takes_map(operation), "entityMap");
  shared(shows_entities(operation) || shows_past(operation), "prefer");
  to.close_list();
}

std::string_view body_schema(Body body) {
  switch (body) {
    case Body::entities:
      return R"({"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Entity"}})";
    case Body::ids:
      return R"({"type":"array","minItems":1,"items":{"type":"string","format":"uri"}})";
    case Body::query:
    case Body::past_query:
      return R"({"$ref":"#/components/schemas/Query"})";
    case Body::snapshot:
      return R"({"$ref":"#/components/schemas/Snapshot"})";
    case Body::instance:
      return R"({"type":["object","array"]})";
    case Body::index:
      return R"({"$ref":"#/components/schemas/Index"})";
    case Body::retention:
      return R"({"$ref":"#/components/schemas/Retention"})";
    case Body::erasure:
      return R"({"type":"object","properties":{"tenant":{"type":"string"},"entities":{"type":"array","minItems":1,"maxItems":10000,"items":{"type":"string","format":"uri"}},"everything":{"type":"boolean"},"person":{"type":"string","format":"uri"},"through":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"string"}},"types":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"string"}},"dryRun":{"type":"boolean"},"@context":{}},"additionalProperties":false})";
    case Body::observation:
      return R"({"type":"object","required":["result"],"properties":{"result":{},"phenomenonTime":{"type":"string"},"resultTime":{"type":["string","null"]},"Datastream":{"type":"object","required":["@iot.id"],"properties":{"@iot.id":{"type":"string"}}}}})";
    case Body::context:
      return R"({"type":"object","required":["@context"],"properties":{"@context":{"type":["object","array","string","null"]}}})";
    case Body::entity_map:
      return R"({"type":"object","properties":{"expiresAt":{"type":"string","format":"date-time"}}})";
    case Body::subscription:
      return R"({"$ref":"#/components/schemas/Subscription"})";
    case Body::entity:
    case Body::evolution:
      return R"({"$ref":"#/components/schemas/Entity"})";
    default:
      return R"({"type":"object"})";
  }
}

void write_body(Writer& to, const Operation& operation, const hub::Offer* offer) {
  if (operation.body == Body::none) return;
  to.open("requestBody").raw("required", "true").open("content");
  if (offer) {
    if (offer->any_body)
      to.open("*/*").close();
    else
      to.open("application/json").raw("schema", offer->body_schema).close();
    to.close().close();
    return;
  }
  to.open("application/json").raw("schema", body_schema(operation.body)).close();
  to.open("application/ld+json").raw("schema", body_schema(operation.body)).close();
  if (operation.method == net::Method::patch)  // clause 6.3.4
    to.open("application/merge-patch+json").raw("schema", body_schema(operation.body)).close();
  to.close().close();
}

/// What the table says, and what the edge refuses by itself, whatever the operation.
std::vector<int> statuses_of(const Operation& operation) {
  std::vector<int> all(operation.statuses.begin(), operation.statuses.end());
  const auto add = [&](bool may, std::initializer_list<int> statuses) {
    if (may) all.insert(all.end(), statuses);
  };
  const bool standard = operation.path.starts_with(kBase);
  add(true, {400, 406, 414, 431, 500, 503});
  add(operation.role != governance::Role::none, {401, 403});
  add(standard && !operation.makes_tenant, {404});                  // there is no such tenant
  add(standard && operation.op > Op::attribute_show, {501});        // NGSILD-Snapshot
  add(standard && operation.op <= Op::attribute_show, {404, 409});  // there is no such snapshot, or not yet
  add(operation.uses_context, {504});
  add(operation.body != Body::none, {411, 413, 415});
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

/// The answer where all went well; empty: there is nothing to say of it, or no body.
std::string_view answer_schema(const Operation& operation, int status, Media media) {
  const std::uint16_t of_text = Media::kText | kHtml | kEvents | kLines | kFile | kCsv;
  if ((media & of_text) != 0) return R"({"type":"string"})";
  if (status == 207)
    return operation.path.ends_with("/attrs") ? R"({"$ref":"#/components/schemas/UpdateResult"})"
                                              : R"({"$ref":"#/components/schemas/BatchResult"})";
  if (operation.op == Op::snapshot_update || operation.op == Op::snapshot_show)
    return R"({"$ref":"#/components/schemas/Snapshot"})";
  if (operation.role == governance::Role::write)
    return status == 201 && operation.body == Body::entities ? R"({"type":"array","items":{"type":"string"}})" : "";
  if (media == kGeoJson) return R"({"type":"object"})";
  switch (operation.op) {
    case Op::entity_query:
    case Op::batch_query:
    case Op::past_query:
    case Op::past_query_batch:
    case Op::indexes_list:
    case Op::erasures_list:
    case Op::retention_list:
    case Op::retention_passes:
    case Op::subscriptions_query:
    case Op::deliveries_list:
    case Op::dead_list:
      return R"({"type":"array","items":{"type":"object"}})";
    case Op::tenants_list:
      return R"({"type":"array","items":{"type":"string"}})";
    case Op::contexts_list:
      return R"({"type":"array","items":{"type":["string","object"]}})";  // details=true
    case Op::entity_retrieve:                                             // join=flat
    case Op::types_list:                                                  // details=true
    case Op::attributes_list:
      return R"({"type":["object","array"]})";
    case Op::map_create:
    case Op::map_create_batch:
    case Op::past_map_create:
    case Op::past_map_create_batch:
    case Op::map_show:
      return R"({"$ref":"#/components/schemas/EntityMap"})";
    default:
      return R"({"type":"object"})";
  }
}

void write_content(Writer& to, const Operation& operation, int status, const hub::Offer* offer) {
  if (status == 204 || status == 304 || status == 411) return;  // clause 6.3.4: "just a 411"
  if (status >= 400) {
    to.open("content").open("application/problem+json");
    to.raw("schema", R"({"$ref":"#/components/schemas/Problem"})").close().close();
    return;
  }
  if (offer) {
    to.open("content").open("application/json").raw("schema", offer->answer_schema).close().close();
    return;
  }
  const std::uint16_t media = operation.role == governance::Role::write ? std::uint16_t{kJson} : operation.media;
  bool opened = false;
  for (const Media one : kAllMedia) {
    const std::string_view schema = media & one ? answer_schema(operation, status, one) : std::string_view();
    if (schema.empty()) continue;
    if (!opened) to.open("content");
    opened = true;
    to.open(media_name(one)).raw("schema", schema).close();
  }
  if (opened) to.close();
}

void write_headers(Writer& to, const Operation& operation, int status) {
  std::vector<std::string_view> names;
  if (status == 201 &&
      (operation.op == Op::entity_create || operation.op == Op::past_upsert || operation.op == Op::sta_create))
    names.push_back("Location");
  if (status == 200 && has_status(operation, 304)) names.push_back("ETag");
  if (status == 206) names.push_back("Content-Range");
  if (status < 300 && has_param(operation, Param::limit) && (shows_entities(operation) || shows_past(operation)))
    names.insert(names.end(), {"Link", "NGSILD-Results-Count"});
  if (status < 300 && (takes_map(operation) || (status == 201 && operation.path.ends_with("/entityMaps"))))
    names.push_back("NGSILD-EntityMap");
  if (status < 300 && (shows_entities(operation) || shows_past(operation))) names.push_back("Preference-Applied");
  if (names.empty()) return;
  to.open("headers");
  for (const std::string_view name : names) to.open(name).open("schema").text("type", "string").close().close();
  to.close();
}

void write_responses(Writer& to, const Operation& operation, const hub::Offer* offer) {
  to.open("responses");
  for (const int status : statuses_of(operation)) {
    to.open(std::to_string(status)).text("description", reason(status));
    write_headers(to, operation, status);
    write_content(to, operation, status, offer);
    to.close();
  }
  to.close();
}

/// As the document has it: a parameter that takes all that is left of the path is one like any other.
std::string shown_path(std::string_view path) {
  std::string out(path);
  if (const auto rest = out.find("...}"); rest != out.npos) out.erase(rest, 3);
  return out;
}

void write_operation(Writer& to, const Operation& operation, const hub::Offer* offer = nullptr) {
  to.open(lower(net::method_name(operation.method)));
  to.text("operationId", operation.name).text("summary", operation.summary);
  to.open_list("tags").text({}, operation.path.starts_with(kBase) ? "NGSI-LD" : "Server").close_list();
  write_parameters(to, operation, offer);
  write_body(to, operation, offer);
  write_responses(to, operation, offer);
  if (operation.role != governance::Role::none) to.raw("security", R"([{"bearer":[]},{}])");
  to.close();
}

constexpr std::string_view kComponents = R"({
"parameters":{
"tenant":{"name":"NGSILD-Tenant","in":"header","description":"The tenant; none: the default one","schema":{"type":"string"}},
"snapshot":{"name":"NGSILD-Snapshot","in":"header","description":"The id of a snapshot: the operation is about what that holds","schema":{"type":"string","format":"uri"}},
"context":{"name":"Link","in":"header","description":"<URL>; rel=\"http://www.w3.org/ns/json-ld#context\": the JSON-LD context","schema":{"type":"string"}},
"ifMatch":{"name":"If-Match","in":"header","description":"Entity tags, or *: change the entity only as long as it has one of these","schema":{"type":"string"}},
"ifNoneMatch":{"name":"If-None-Match","in":"header","description":"Entity tags: no answer where the entity still has one of these","schema":{"type":"string"}},
"entityMap":{"name":"NGSILD-EntityMap","in":"header","description":"The entity map that the question is fixed with, as an answer has named it","schema":{"type":"string"}},
"prefer":{"name":"Prefer","in":"header","description":"ngsi-ld=1.x: entities as that version has them; body=json: GeoJSON without @context","schema":{"type":"string"}}},
"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"}},
"schemas":{
"Entity":{"type":"object","required":["id","type"],"properties":{"id":{"type":"string","format":"uri"},"type":{"type":["string","array"]},"scope":{"type":["string","array"]}},"additionalProperties":true},
"Query":{"type":"object","required":["type"],"properties":{"type":{"const":"Query"},"entities":{"type":"array","minItems":1,"items":{"type":"object","required":["type"],"properties":{"type":{"type":"string"},"id":{"type":["string","array"],"items":{"type":"string"}},"idPattern":{"type":"string"}},"additionalProperties":false}},"q":{"type":"string"},"geoQ":{"type":"object"},"scopeQ":{"type":"string"},"attrs":{"type":"array","minItems":1,"items":{"type":"string"}},"pick":{"type":"array","minItems":1,"items":{"type":"string"}},"omit":{"type":"array","minItems":1,"items":{"type":"string"}},"lang":{"type":"string"},"datasetId":{"type":"array","minItems":1,"items":{"type":"string"}},"csf":{"type":"string"},"join":{"enum":["inline","flat","@none"]},"joinLevel":{"type":"integer","minimum":1},"containedBy":{"type":"array","minItems":1,"items":{"type":"string"}},"expandValues":{"type":"string"},"jsonKeys":{"type":"string"},"splitEntities":{"type":"boolean"},"geometryProperty":{"type":"string"},"ordering":{"type":"object","properties":{"orderBy":{"type":"array","items":{"type":"string"}},"collation":{"type":"string"},"geometry":{"type":"string"},"coordinates":{"type":"array"}},"additionalProperties":false},"entityMap":{"type":"boolean"},"entityMapLifetime":{"type":"string","format":"duration"},"temporalQ":{"type":"object","required":["timerel","timeAt"],"properties":{"timerel":{"enum":["before","after","between"]},"timeAt":{"type":"string","format":"date-time"},"endTimeAt":{"type":"string","format":"date-time"},"timeproperty":{"enum":["observedAt","createdAt","modifiedAt","deletedAt"]},"lastN":{"type":"integer","minimum":1},"aggrMethods":{"type":["string","array"]},"aggrPeriodDuration":{"type":"string"}},"additionalProperties":false},"aggrParams":{"type":"object","required":["aggrMethods"],"properties":{"aggrMethods":{"type":["string","array"]},"aggrPeriodDuration":{"type":"string"}},"additionalProperties":false}}},
"EntityMap":{"type":"object","required":["id","type","expiresAt","entityMap"],"properties":{"id":{"type":"string"},"type":{"const":"EntityMap"},"expiresAt":{"type":"string","format":"date-time"},"entityMap":{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}},"linkedMaps":{"type":"object"}}},
"Snapshot":{"type":"object","required":["type"],"properties":{"id":{"type":"string","format":"uri"},"type":{"const":"Snapshot"},"snapshotQueries":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Query"}},"snapshotTemporalQueries":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Query"}},"snapshotLifetime":{"type":"string","format":"duration"},"snapshotPriority":{"type":"integer","minimum":1,"maximum":10}}},
"BatchResult":{"type":"object","required":["success","errors"],"properties":{"success":{"type":"array","items":{"type":"string"}},"errors":{"type":"array","items":{"type":"object"}}}},
"UpdateResult":{"type":"object","required":["updated","notUpdated"],"properties":{"updated":{"type":"array","items":{"type":"string"}},"notUpdated":{"type":"array","items":{"type":"object"}}}},
"Subscription":{"type":"object","required":["type","notification"],"properties":{"id":{"type":"string","format":"uri"},"type":{"const":"Subscription"},"subscriptionName":{"type":"string"},"description":{"type":"string"},"entities":{"type":"array","minItems":1,"items":{"type":"object","required":["type"],"properties":{"type":{"type":"string"},"id":{"type":["string","array"],"items":{"type":"string"}},"idPattern":{"type":"string"}},"additionalProperties":false}},"watchedAttributes":{"type":"array","minItems":1,"items":{"type":"string"}},"notificationTrigger":{"type":"array","minItems":1,"items":{"enum":["entityCreated","entityUpdated","entityDeleted","attributeCreated","attributeUpdated","attributeDeleted"]}},"q":{"type":"string"},"geoQ":{"type":"object"},"scopeQ":{"type":"string"},"csf":{"type":"string"},"lang":{"type":"string"},"datasetId":{"type":"array","minItems":1,"items":{"type":"string"}},"expandValues":{"type":"string"},"jsonKeys":{"type":"string"},"timeInterval":{"type":"number","exclusiveMinimum":0},"throttling":{"type":"number","exclusiveMinimum":0},"expiresAt":{"type":"string","format":"date-time"},"isActive":{"type":"boolean"},"localOnly":{"type":"boolean"},"splitEntities":{"type":"boolean"},"jsonldContext":{"type":"string","format":"uri"},"ngsildConformance":{"type":"string"},"status":{"enum":["active","paused","expired"],"readOnly":true},"notification":{"type":"object","required":["endpoint"],"properties":{"attributes":{"type":"array","minItems":1,"items":{"type":"string"}},"pick":{"type":"array","minItems":1,"items":{"type":"string"}},"omit":{"type":"array","minItems":1,"items":{"type":"string"}},"format":{"enum":["normalized","concise","simplified","keyValues"]},"sysAttrs":{"type":"boolean"},"showChanges":{"type":"boolean"},"join":{"enum":["inline","flat","@none"]},"joinLevel":{"type":"integer","minimum":1},"endpoint":{"type":"object","required":["uri"],"properties":{"uri":{"type":"string","format":"uri"},"accept":{"enum":["application/json","application/ld+json","application/geo+json"]},"timeout":{"type":"number","exclusiveMinimum":0},"cooldown":{"type":"number","exclusiveMinimum":0},"receiverInfo":{"type":"array","items":{"$ref":"#/components/schemas/KeyValuePair"}},"notifierInfo":{"type":"array","items":{"$ref":"#/components/schemas/KeyValuePair"}}},"additionalProperties":false}}}}},
"KeyValuePair":{"type":"object","required":["key","value"],"properties":{"key":{"type":"string"},"value":{"type":"string"}},"additionalProperties":false},
"Retention":{"type":"object","properties":{"tenant":{"type":"string"},"type":{"type":"string"},"attribute":{"type":"string"},"raw":{"type":"string"},"rollups":{"type":"array","items":{"type":"object","required":["period","keep"],"properties":{"period":{"type":"string"},"keep":{"type":"string"}},"additionalProperties":false}},"@context":{}},"additionalProperties":false},
"Index":{"type":"object","required":["type","attribute"],"properties":{"tenant":{"type":"string"},"type":{"type":"string"},"attribute":{"type":"string"},"@context":{}},"additionalProperties":false},
"Problem":{"type":"object","required":["type","title","detail","status"],"properties":{"type":{"type":"string"},"title":{"type":"string"},"detail":{"type":"string"},"status":{"type":"integer"},"pointer":{"type":"string"},"parameter":{"type":"string"},"column":{"type":"integer"},"where":{"type":"string"}}}}})";

}  // namespace

std::string openapi_document(const std::string& version, std::span<const hub::Offer> offers) {
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
    to.open(shown_path(first.path));
    for (const Operation& operation : all_operations()) {
      if (operation.path == first.path) write_operation(to, operation);
    }
    to.close();
  }
  written.clear();
  for (const hub::Offer& first : offers) {
    if (std::find(written.begin(), written.end(), first.path) != written.end()) continue;
    written.push_back(first.path);
    to.open(first.path);
    for (const hub::Offer& offer : offers) {
      if (offer.path == first.path) write_operation(to, operation_of(offer), &offer);
    }
    to.close();
  }
  to.close().raw("components", kComponents).close();
  return to.take();
}

}  // namespace madang::api
