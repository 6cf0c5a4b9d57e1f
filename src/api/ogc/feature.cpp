#include "ogc/feature.h"

#include "madang/base/json.h"

#include "ogc/links.h"

namespace madang::api::ogc {
namespace {

/// visit(attribute's name) for each that is to be seen, once.
template <class Visit>
void each_name(ngsi::EntityView entity, const ngsi::Filter* filter, Visit&& visit) {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    const ngsi::Symbol name = entity.attribute_name(i);
    if (i > 0 && entity.attribute_name(i - 1) == name) continue;
    if (!filter || filter->allows_attribute(entity, name)) visit(name);
  }
}

void append_geometry(std::string& out, ngsi::EntityView entity, const ngsi::Filter* filter, const FeatureForm& form) {
  const std::size_t index = entity.find(form.geometry);
  const bool shown = index < entity.attribute_count() && entity.kind(index) == ngsi::Kind::geo_property &&
                     (!filter || filter->allows_attribute(entity, form.geometry));
  if (!shown) {
    out += "null";
    return;
  }
  const ngsi::AttributeView attribute = entity.attribute(index);
  if (form.crs->is_crs84()) {
    out += attribute.value;
    return;
  }
  auto shape = ngsi::geometry_of(attribute);
  if (!shape.ok()) {
    out += "null";
    return;
  }
  form.crs->append_geojson(out, *std::move(shape));
}

}  // namespace

void append_feature(std::string& out, ngsi::EntityView entity, const ngsi::Filter* filter, ngsi::Vocabulary& words,
                    const FeatureForm& form) {
  out += R"({"type":"Feature","id":)";
  base::json::append_string(out, entity.id());
  out += ",\"geometry\":";
  append_geometry(out, entity, filter, form);
  out += ",\"properties\":{";
  each_name(entity, filter, [&](ngsi::Symbol name) {
    if (name == form.geometry) return;
    const std::size_t before = out.size();
    if (out.back() != '{') out += ',';
    out += words.json_name(name);
    out += ':';
    if (!ngsi::append_attribute(out, entity, name, words, form.how, filter)) out.resize(before);
  });
  out += '}';
}

void append_rows(std::string& out, ngsi::EntityView entity, const ngsi::Filter* filter, ngsi::Vocabulary& words,
                 const FeatureForm& form) {
  std::string json, scratch;
  each_name(entity, filter, [&](ngsi::Symbol name) {
    json.clear();
    if (!ngsi::append_attribute(json, entity, name, words, form.how, filter)) return;
    std::string_view text = json;
    if (text.starts_with('"')) text = base::json::unescape(text.substr(1, text.size() - 2), scratch);
    out += "<tr><th scope=\"row\">";
    append_html(out, words.name(name));
    out += "</th><td>";
    append_html(out, text);
    out += "</td></tr>\n";
  });
}

}  // namespace madang::api::ogc
