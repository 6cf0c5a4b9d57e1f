#include "sensorthings/row.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/represent.h"

#include "http/negotiate.h"
#include "sensorthings/units.h"

namespace madang::api::sensorthings {
namespace {

using base::json::append_string;

ngsi::Symbol known(ngsi::Vocabulary& words, std::string_view name) {
  const auto found = words.find(name);
  return found.ok() ? *found : ngsi::Symbol::none;
}

ngsi::Representation plain(const Names& names) {
  ngsi::Representation how;
  how.format = ngsi::Format::simplified;
  how.languages = names.languages;
  return how;
}

/// An attribute that is a text, as JSON; else nothing.
std::string text_of(const Row& row, ngsi::Symbol attribute, const Names& names) {
  std::string json;
  if (!append_attribute(json, row, attribute, names) || !json.starts_with('"')) return {};
  return json;
}

std::string attribute_name(const Row& row, const Names& names) {
  const ngsi::Symbol symbol = row.stream == Row::kNone ? row.attribute : row.entity.attribute_name(row.stream);
  return std::string(names.words.name(symbol));
}

/// The thing's name, else its id; not quoted.
std::string name_of(const Row& row, const Names& names) {
  const std::string json = text_of(row, names.name, names);
  if (json.size() <= 2) return std::string(row.entity.id());
  std::string scratch;
  return std::string(base::json::unescape(std::string_view(json).substr(1, json.size() - 2), scratch));
}

void append_name(std::string& out, Set set, const Row& row, const Names& names) {
  if (set == Set::observed_properties) return append_string(out, attribute_name(row, names));
  if (set == Set::datastreams) return append_string(out, name_of(row, names) + ": " + attribute_name(row, names));
  append_string(out, name_of(row, names));
}

std::string type_of(const Row& row, const Names& names) {
  return row.entity.type_count() > 0 ? std::string(names.words.name(row.entity.type(0))) : "Thing";
}

void append_description(std::string& out, Set set, const Row& row, const Names& names) {
  switch (set) {
    case Set::observed_properties:
      return append_string(
          out, names.words.symbols().name(row.attribute != ngsi::Symbol::none ? row.attribute
                                                                              : row.entity.attribute_name(row.stream)));
    case Set::datastreams:
      return append_string(out, attribute_name(row, names) + " of " + std::string(row.entity.id()));
    case Set::sensors:
      return append_string(out, "What observes " + std::string(row.entity.id()));
    case Set::locations:
    case Set::features_of_interest:
      return append_string(out, "Where " + std::string(row.entity.id()) + (row.point ? " was" : " is"));
    default:
      break;
  }
  const std::string own = text_of(row, names.description, names);
  own.empty() ? append_string(out, type_of(row, names)) : void(out += own);
}

/// What is neither a datastream nor said by other members.
void append_properties(std::string& out, const Row& row, const Names& names) {
  out += R"({"type":)";
  append_string(out, type_of(row, names));
  for (std::size_t i = 0; i < row.entity.attribute_count(); ++i) {
    const ngsi::Symbol name = row.entity.attribute_name(i);
    if (i > 0 && row.entity.attribute_name(i - 1) == name) continue;
    if (name == names.location || name == names.name || name == names.description) continue;
    if (is_stream(row.entity, i, row.filter, names)) continue;
    const std::size_t before = out.size();
    out.append(",").append(names.words.json_name(name)).append(":");
    if (!append_attribute(out, row, name, names)) out.resize(before);
  }
  out += '}';
}

/// Of a datastream what stands beside its values; of others which entity they are of.
bool append_other_properties(std::string& out, Set set, const Row& row) {
  if (set == Set::observed_properties) return false;
  out += R"({"entity":)";
  append_string(out, row.entity.id());
  out += '}';
  return true;
}

void append_unit(std::string& out, const Row& row) {
  const std::string_view code = row.entity.attribute(row.stream).unit_code;
  const Unit* const unit = find_unit(code);
  const auto text = [&](std::string_view value) { value.empty() ? void(out += "null") : append_string(out, value); };
  out += R"({"name":)", text(unit ? unit->name : code);
  out += R"(,"symbol":)", text(unit ? unit->symbol : code);
  out += R"(,"definition":)";
  text(unit && !unit->ucum.empty() ? "ucum:" + std::string(unit->ucum) : std::string(code));
  out += '}';
}

void append_observation_type(std::string& out, const Row& row) {
  const std::string_view value = row.entity.attribute(row.stream).value;
  const char first = value.empty() ? '"' : value.front();
  const std::string_view kind = first == 't' || first == 'f'                     ? "OM_TruthObservation"
                                : first == '-' || (first >= '0' && first <= '9') ? "OM_Measurement"
                                                                                 : "OM_Observation";
  out.append(R"("http://www.opengis.net/def/observationType/OGC-OM/2.0/)").append(kind).append("\"");
}

/// The entity that provides it, where it says so, else itself.
void append_metadata(std::string& out, const Row& row, const Names& names) {
  std::string id(row.entity.id());
  const std::string provider = text_of(row, names.provided_by, names);
  if (provider.size() > 2) id = provider.substr(1, provider.size() - 2);
  std::string address = names.entities;
  base::append_percent_encoded(address, id);
  append_string(out, address);
}

void append_time(std::string& out, base::Timestamp time) {
  out += '"';
  base::append_timestamp(out, time);
  out += '"';
}

bool append_place(std::string& out, const Row& row, const Names& names) {
  if (row.point) return out += row.point->value, true;
  const std::size_t index = find_location(row.entity, row.filter, names);
  if (index == Row::kNone) return false;
  return out += row.entity.attribute(index).value, true;
}

}  // namespace

Names::Names(ngsi::Vocabulary& vocabulary, std::vector<std::string> best_languages, Addresses addresses,
             std::string below_entities)
    : words(vocabulary),
      languages(std::move(best_languages)),
      location(known(words, "location")),
      name(known(words, "name")),
      description(known(words, "description")),
      date_observed(known(words, "dateObserved")),
      provided_by(known(words, "providedBy")),
      links(std::move(addresses)),
      entities(std::move(below_entities)) {
  languages.emplace_back("*");
}

Names::Names(const Call& call)
    : Names(call.shown->vocabulary, by_quality(call.request().header("Accept-Language")), Addresses(call, "/sta/v1.1"),
            call.root_url() + std::string(kBase) + "/entities/") {}

bool is_stream(ngsi::EntityView entity, std::size_t index, const ngsi::Filter* filter, const Names& names) {
  if (!entity.is_observation(index)) return false;
  const ngsi::Symbol attribute = entity.attribute_name(index);
  if (names.is_of_thing(attribute)) return false;
  return filter == nullptr || filter->allows_attribute(entity, attribute);
}

std::size_t find_stream(ngsi::EntityView entity, ngsi::Symbol attribute, const ngsi::Filter* filter,
                        const Names& names) {
  const std::size_t index = entity.find(attribute);
  return index < entity.attribute_count() && is_stream(entity, index, filter, names) ? index : Row::kNone;
}

std::size_t find_location(ngsi::EntityView entity, const ngsi::Filter* filter, const Names& names) {
  const std::size_t index = entity.find(names.location);
  if (index >= entity.attribute_count() || entity.kind(index) != ngsi::Kind::geo_property) return Row::kNone;
  return filter == nullptr || filter->allows_attribute(entity, names.location) ? index : Row::kNone;
}

Key key_of(Set set, const Row& row, const Names& names) {
  Key key;
  if (row.entity) key.entity = row.entity.id();
  if (row.stream != Row::kNone || row.attribute != ngsi::Symbol::none) key.attribute = attribute_name(row, names);
  if (row.point) key.time = row.point->time;
  const bool place = set == Set::locations || set == Set::features_of_interest;
  if (place && !row.point && row.entity) {
    const std::size_t index = find_location(row.entity, row.filter, names);
    if (index != Row::kNone) key.time = row.entity.attribute(index).observed_at;
  }
  return key;
}

std::string address_of(Set set, const Row& row, const Names& names, std::string_view link) {
  return address_of(set, make_id(set, key_of(set, row, names)), names, link);
}

std::string address_of(Set set, std::string_view id, const Names& names, std::string_view link) {
  std::string path = "/" + std::string(info(set).name) + "('";
  std::string quoted;
  for (const char c : id) quoted.append(c == '\'' ? 2 : 1, c);
  std::string escaped;
  base::append_percent_encoded(escaped, quoted);
  // A path takes these as they are, and people read it better so (RFC 3986, 3.3).
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const std::string_view rest = std::string_view(escaped).substr(i);
    const bool colon = rest.starts_with("%3A"), at = rest.starts_with("%40");
    path += colon ? ':' : at ? '@' : escaped[i];
    i += colon || at ? 2 : 0;
  }
  path += "')";
  if (!link.empty()) path.append("/").append(link);
  return names.links.url(path);
}

bool append_attribute(std::string& out, const Row& row, ngsi::Symbol attribute, const Names& names) {
  if (attribute == ngsi::Symbol::none || !row.entity || !row.entity.has_attribute(attribute)) return false;
  return ngsi::append_attribute(out, row.entity, attribute, names.words, plain(names), row.filter);
}

bool append_property(std::string& out, Set set, Property property, const Row& row, const Names& names) {
  switch (property) {
    case Property::id:
      append_string(out, make_id(set, key_of(set, row, names)));
      return true;
    case Property::name:
      append_name(out, set, row, names);
      return true;
    case Property::description:
      append_description(out, set, row, names);
      return true;
    case Property::properties:
      if (set != Set::things) return append_other_properties(out, set, row);
      append_properties(out, row, names);
      return true;
    case Property::encoding_type:
      out += set == Set::sensors ? R"("application/json")" : R"("application/geo+json")";
      return true;
    case Property::location:
    case Property::feature:
      return append_place(out, row, names);
    case Property::unit_of_measurement:
      append_unit(out, row);
      return true;
    case Property::observation_type:
      append_observation_type(out, row);
      return true;
    case Property::metadata:
      append_metadata(out, row, names);
      return true;
    case Property::definition:
      append_string(
          out, names.words.symbols().name(row.attribute != ngsi::Symbol::none ? row.attribute
                                                                              : row.entity.attribute_name(row.stream)));
      return true;
    case Property::time:
      append_time(out, row.point->time);
      return true;
    case Property::phenomenon_time:
    case Property::result_time:
      append_time(out, row.point->time);
      return true;
    case Property::result:
      out += row.point->value;
      return true;
  }
  return false;
}

}  // namespace madang::api::sensorthings
