#include "download/csv.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/geo/geometry.h"
#include "madang/geo/wkt.h"

namespace madang::api::download {
namespace {

constexpr std::string_view kEnd = "\r\n";

bool contains(const std::vector<ngsi::Symbol>& list, ngsi::Symbol symbol) {
  return std::find(list.begin(), list.end(), symbol) != list.end();
}

/// A JSON string's content, or the text of any other value; of a string, whether it is one.
std::string_view content(std::string_view json, std::string& scratch, bool& is_text) {
  is_text = json.size() >= 2 && json.front() == '"';
  return is_text ? base::json::unescape(json.substr(1, json.size() - 2), scratch) : json;
}

void append_text(std::string& out, std::string_view text, bool raw) {
  if (raw || !is_formula(text)) return append_field(out, text);
  append_field(out, "'" + std::string(text));
}

/// Of one instance; nothing where it is no shape that is understood.
void append_shape(std::string& out, ngsi::EntityView entity, std::size_t index, bool points) {
  const ngsi::AttributeView attribute = entity.attribute(index);
  geo::Point point;
  if (points) {
    out += ',';
    const bool is_point = geo::parse_point_fast(attribute.value, point);
    if (is_point) base::json::append_number(out, point.lon);
    out += ',';
    if (is_point) return base::json::append_number(out, point.lat);
    return;
  }
  out += ',';
  const auto shape = ngsi::geometry_of(attribute);
  if (!shape.ok()) return;
  std::string text;
  geo::append_wkt(text, *shape);
  append_field(out, text);
}

}  // namespace

bool is_formula(std::string_view text) {
  if (text.empty()) return false;
  const char first = text.front();
  if (first == '=' || first == '@' || first == '\t' || first == '\r') return true;
  if (first != '+' && first != '-') return false;
  return text.find_first_not_of("+-0123456789 .,/()eE") != text.npos;
}

void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos && !text.starts_with(' ') && !text.ends_with(' ')) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

bool Columns::shown(ngsi::EntityView entity, ngsi::Symbol name, const ngsi::Filter* filter) const {
  if (how_.has_attributes && !contains(how_.attributes, name)) return false;
  if (how_.has_pick && !contains(how_.pick, name)) return false;
  if (contains(how_.omit, name)) return false;
  return !filter || filter->allows_attribute(entity, name);
}

bool Columns::note(ngsi::EntityView entity, const ngsi::Filter* filter, std::size_t most) {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    const ngsi::Symbol name = entity.attribute_name(i);
    auto found = numbers_.find(name);
    if (found == numbers_.end()) {
      if (!shown(entity, name, filter)) continue;
      if (columns_.size() == most) return false;
      found = numbers_.emplace(name, columns_.size()).first;
      columns_.push_back({name, true, true});
    }
    Column& column = columns_[found->second];
    if (column.geometry && entity.kind(i) != ngsi::Kind::geo_property) column.geometry = false;
    geo::Point point;
    if (column.geometry && column.points) column.points = geo::parse_point_fast(entity.attribute(i).value, point);
  }
  return true;
}

void Columns::append_header(std::string& out, ngsi::Vocabulary& words) const {
  std::string_view between;
  const auto add = [&](std::string_view name, std::string_view suffix = {}) {
    out += between;
    between = ",";
    append_field(out, std::string(name).append(suffix));
  };
  if (how_.pick_id) add("id");
  if (how_.pick_type) add("type");
  for (const Column& column : columns_) {
    const std::string name(words.name(column.name));
    if (column.geometry && column.points) {
      add(name, ".lon");
      add(name, ".lat");
    } else {
      add(name);
    }
  }
  if (how_.system_attributes) add("createdAt"), add("modifiedAt");
  out += kEnd;
}

void Columns::append_row(std::string& out, ngsi::EntityView entity, ngsi::Vocabulary& words, const ngsi::Filter* filter,
                         bool raw) const {
  const std::size_t start = out.size();
  if (how_.pick_id) out += ',', append_text(out, entity.id(), raw);
  if (how_.pick_type) {
    std::string types;
    for (std::size_t i = 0; i < entity.type_count(); ++i)
      types.append(i > 0 ? " " : "").append(words.name(entity.type(i)));
    out += ',', append_text(out, types, raw);
  }
  std::string json, scratch;
  for (const Column& column : columns_) {
    const bool pair = column.geometry && column.points;
    const std::size_t index = entity.find(column.name);
    if (index == entity.attribute_count() || !shown(entity, column.name, filter)) {
      out += pair ? ",," : ",";
      continue;
    }
    if (column.geometry) {
      append_shape(out, entity, index, column.points);
      continue;
    }
    out += ',';
    json.clear();
    if (!ngsi::append_attribute(json, entity, column.name, words, how_, filter)) continue;
    bool is_text = false;
    const std::string_view text = content(json, scratch, is_text);
    append_text(out, text, raw || !is_text);
  }
  if (how_.system_attributes) {
    out += ',', base::append_timestamp(out, entity.created_at());
    out += ',', base::append_timestamp(out, entity.modified_at());
  }
  if (out.size() > start) out.erase(start, 1);  // the comma before the first
  out += kEnd;
}

}  // namespace madang::api::download
