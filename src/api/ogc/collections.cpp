// Collections: the entity types of a tenant.

#include <algorithm>

#include "madang/base/json.h"

#include "ogc/crs.h"
#include "ogc/links.h"
#include "ogc/ogc.h"

namespace madang::api::ogc {
namespace {

using base::json::append_string;

/// As its names are written, with the caller's words.
struct Described {
  std::string id, title, path;
  const hub::TypeInfo* info;
};

Described describe(const hub::TypeInfo& info, ngsi::Vocabulary& words) {
  Described made;
  made.title = words.context().compact(info.type);
  made.id = collection_id(made.title);
  made.path = "/collections/" + made.id;
  made.info = &info;
  return made;
}

void append_collection(std::string& out, const Described& one, const Links& links) {
  out += "{\"id\":";
  append_string(out, one.id);
  out += ",\"title\":";
  append_string(out, one.title);
  out += R"(,"itemType":"feature","crs":[)";
  for (const std::string_view crs : kListedCrs) {
    if (out.back() != '[') out += ',';
    append_string(out, crs);
  }
  out += "],\"storageCrs\":";
  append_string(out, kCrs84);
  out += ",\"links\":[";
  append_link(out, "self", kJsonType, links.url(one.path, "f=json"));
  append_link(out, "alternate", kHtmlType, links.url(one.path, "f=html"));
  append_link(out, "items", kGeoJsonType, links.url(one.path + "/items", "f=json"), one.title);
  append_link(out, "items", kHtmlType, links.url(one.path + "/items", "f=html"), one.title);
  append_link(out, "http://www.opengis.net/def/rel/ogc/1.0/queryables", "application/schema+json",
              links.url(one.path + "/queryables", "f=json"));
  out += "]}";
}

std::string crumbs_of(const Links& links) {
  return anchor(links.url("", "f=html"), "마당 Madang") + " / " +
         anchor(links.url("/collections", "f=html"), "모음 Collections");
}

void answer_html(Call& call, std::string_view title, const std::string& crumbs, const std::string& body) {
  call.answer_text(200, media_name(kHtml), call.begin_headers(), html_page(title, crumbs, body));
}

void answer_all(Call& call, const std::vector<hub::TypeInfo>& types) {
  const Links links(call);
  ngsi::Vocabulary& words = call.shown->vocabulary;
  if (call.media == kHtml) {
    std::string body = "<table>\n<tr><th>모음 Collection</th><th>개체 Entities</th></tr>\n";
    for (const hub::TypeInfo& info : types) {
      const Described one = describe(info, words);
      body += "<tr><td>" + anchor(links.url(one.path, "f=html"), one.title) + "</td><td>" +
              std::to_string(info.entities) + "</td></tr>\n";
    }
    return answer_html(call, "모음 Collections", anchor(links.url("", "f=html"), "마당 Madang"), body += "</table>\n");
  }
  std::string out = "{\"links\":[";
  append_link(out, "self", kJsonType, links.url("/collections", "f=json"));
  append_link(out, "alternate", kHtmlType, links.url("/collections", "f=html"));
  out += "],\"collections\":[";
  for (const hub::TypeInfo& info : types) {
    if (out.back() != '[') out += ',';
    append_collection(out, describe(info, words), links);
  }
  call.answer_json(200, out += "]}");
}

void answer_one(Call& call, const Described& one) {
  const Links links(call);
  if (call.media != kHtml) {
    std::string out;
    append_collection(out, one, links);
    return call.answer_json(200, out);
  }
  std::string body = "<ul>\n<li>" + anchor(links.url(one.path + "/items", "f=html"), "개체 Items") + "</li>\n<li>" +
                     anchor(links.url(one.path + "/queryables", "f=html"), "물을 수 있는 것 Queryables") +
                     "</li>\n</ul>\n";
  answer_html(call, one.title, crumbs_of(links), body);
}

/// What JSON Schema calls a value of this kind, as far as it can be known.
void append_kinds(std::string& out, const hub::TypeInfo::Attribute& attribute, bool main_geometry) {
  const auto is = [&](ngsi::Kind kind) {
    return std::all_of(attribute.kinds.begin(), attribute.kinds.end(), [&](ngsi::Kind one) { return one == kind; });
  };
  if (is(ngsi::Kind::geo_property)) {
    out += R"(,"format":"geometry-any")";
    if (main_geometry) out += R"(,"x-ogc-role":"primary-geometry")";
  } else if (is(ngsi::Kind::relationship)) {
    out += R"(,"type":"string","format":"uri")";
  } else {
    out += R"(,"type":["string","number","boolean","object","array"])";
  }
}

void answer_queryables(Call& call, const Described& one) {
  const Links links(call);
  const ngsi::Context& context = call.shown->vocabulary.context();
  if (call.media == kHtml) {
    std::string body = "<ul>\n<li>id</li>\n<li>createdAt</li>\n<li>modifiedAt</li>\n";
    for (const auto& attribute : one.info->attributes) {
      body += "<li>";
      append_html(body, context.compact(attribute.name));
      body += "</li>\n";
    }
    return answer_html(call, "물을 수 있는 것 Queryables",
                       crumbs_of(links) + " / " + anchor(links.url(one.path, "f=html"), one.title), body += "</ul>\n");
  }
  std::string out = R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":)";
  append_string(out, links.url(one.path + "/queryables"));
  out += R"(,"type":"object","title":)";
  append_string(out, one.title);
  out += R"(,"additionalProperties":false,"properties":{"id":{"title":"id","type":"string","format":"uri"})";
  for (const std::string_view time : {"createdAt", "modifiedAt"})
    out.append(",\"")
        .append(time)
        .append(R"(":{"title":")")
        .append(time)
        .append(R"(","type":"string","format":"date-time"})");
  for (const auto& attribute : one.info->attributes) {
    const std::string name = context.compact(attribute.name);
    out += ',';
    append_string(out, name);
    out += ":{\"title\":";
    append_string(out, name);
    append_kinds(out, attribute, name == "location");
    out += '}';
  }
  call.answer_text(200, media_name(kSchema), call.begin_headers(), out += "}}");
}

}  // namespace

void ShowCollections::operator()(Call&& call) const {
  auto types = call.environment.hub.types(*call.who, call.tenant);
  if (!types.ok()) return call.fail(types.error());
  if (call.operation->op == Op::ogc_collections) return answer_all(call, *types);
  const auto wanted = call.context->expand(type_of_collection(call.captures[0]));
  const auto found = std::find_if(types->begin(), types->end(),
                                  [&](const hub::TypeInfo& info) { return wanted.ok() && info.type == *wanted; });
  if (found == types->end())
    return call.fail(base::error(base::Code::not_found, "There is no such collection: no entity has this type."));
  const Described one = describe(*found, call.shown->vocabulary);
  call.operation->op == Op::ogc_collection ? answer_one(call, one) : answer_queryables(call, one);
}

}  // namespace madang::api::ogc
