#include "attribute_reader.h"

#include <algorithm>

#include "madang/base/uri.h"

#include "json_peek.h"

namespace madang::ngsi {

namespace {

namespace od = simdjson::ondemand;
using base::Code;
using base::Status;

bool is_type_of_attribute(std::string_view type) {
  return kind_named(type) != nullptr || is_geojson_type(type);
}

}  // namespace

bool AttributeReader::looks_like_attribute(const char* at) const {
  return json_peek::any_key(at, in_.end, [this](std::string_view key) {
    const MemberName* member = member_named(key);
    if (member == nullptr) return false;
    switch (member->member) {
      case Member::value:
      case Member::dataset_id:
      case Member::object_type:
        return true;
      case Member::type:
        return is_type_of_attribute(json_peek::string_after(key, in_.end));
      case Member::observed_at:
      case Member::unit_code:
      case Member::value_type:
      case Member::expires_at:
        return in_.nulls_allowed();
      default:
        return false;
    }
  });
}

Status AttributeReader::read_attribute(Symbol name, od::value& value, bool members_only) {
  if (++in_.instances > in_.most_instances()) return in_.bad("The entity has too many attributes.", Code::too_large);
  if (in_.depth + 1 > in_.limits.depth) return in_.bad("Attributes are nested too deeply.", Code::invalid_request);
  od::json_type type;
  if (auto code = value.type().get(type)) return in_.broken(code);
  const char* at = start_of(value);
  // An array is a list of instances (clause 4.5.5) or a concise Property's value.
  if (type == od::json_type::array && looks_like_attribute(json_peek::first_element(at, in_.end)))
    return read_instances(name, value);
  if (type == od::json_type::object && (members_only || looks_like_attribute(at))) return read_members(name, value);
  if (members_only) return in_.bad("An attribute is an object here.");
  return read_plain(name, value);
}

Status AttributeReader::read_instances(Symbol name, od::value& value) {
  od::array array;
  if (auto code = value.get_array().get(array)) return in_.broken(code);
  std::size_t index = 0;
  std::vector<std::string> datasets;
  for (auto element : array) {
    od::value item;
    if (auto code = std::move(element).get(item)) return in_.broken(code);
    const JsonPath::Step step(in_.path, index++);
    if (++in_.instances > in_.most_instances()) return in_.bad("The entity has too many attributes.", Code::too_large);
    od::json_type type;
    if (auto code = item.type().get(type)) return in_.broken(code);
    if (type != od::json_type::object) return in_.bad("Each instance of an attribute is an object.");
    MADANG_CHECK(read_members(name, item));
    if (in_.temporal() && in_.depth == 0) continue;  // one after another
    std::string dataset(frames_[in_.depth].instance.dataset_id);
    if (std::find(datasets.begin(), datasets.end(), dataset) != datasets.end())
      return in_.bad(dataset.empty() ? "Two instances of the attribute have no datasetId."
                                     : "Two instances of the attribute have the same datasetId.");
    datasets.push_back(std::move(dataset));
  }
  return {};
}

AttributeFrame& AttributeReader::push_frame(Symbol name) {
  if (frames_.size() == in_.depth) frames_.emplace_back();
  AttributeFrame& next = frames_[in_.depth++];
  next.clear();
  next.instance.name = name;
  in_.builder.begin_instance(next.instance);
  return next;
}

void AttributeReader::pop_frame() {
  in_.builder.end_instance();
  --in_.depth;
  if (in_.depth > 0 || !in_.temporal()) return;
  const AttributeFrame& f = frames_.front();
  in_.past.push_back({f.instance.name, f.instance.dataset_id.empty(), f.deleted_at});
}

/// A concise attribute that is only its value.
Status AttributeReader::read_plain(Symbol name, od::value& value) {
  AttributeFrame& f = push_frame(name);
  f.instance.untyped = true;
  MADANG_CHECK(in_.copier.copy(value, f.value, in_.depth, in_.merging()));
  f.has_objects = in_.copier.saw_object();
  f.has_inner_null = in_.copier.saw_null();
  f.has_value = true;
  MADANG_CHECK(settle(in_, f));
  pop_frame();
  return {};
}

Status AttributeReader::read_members(Symbol name, od::value& value) {
  od::object object;
  if (auto code = value.get_object().get(object)) return in_.broken(code);
  AttributeFrame& f = push_frame(name);
  for (auto field : object) {
    std::string_view key;
    od::value item;
    if (auto code = field.unescaped_key().get(key)) return in_.broken(code);
    const JsonPath::Step step(in_.path, key);
    if (auto code = field.value().get(item)) return in_.broken(code);
    const MemberName* member = member_named(key);
    if (member == nullptr) {
      if (key == "coordinates" && (is_geojson_type(f.type) || !f.has_value)) {
        MADANG_CHECK(read_coordinates(f, item));
        continue;
      }
      MADANG_CHECK(read_sub(f, key, item));
      continue;
    }
    if (!f.mark(*member)) return in_.duplicate(key);
    MADANG_CHECK(read_member(f, *member, item));
  }
  MADANG_CHECK(settle(in_, f));
  pop_frame();
  return {};
}

/// `{"type": "Point", "coordinates": [...]}` as the whole attribute: a concise GeoProperty.
Status AttributeReader::read_coordinates(AttributeFrame& f, od::value& item) {
  f.rewritten.clear();
  return in_.copier.copy(item, f.rewritten, in_.depth, true);
}

Status AttributeReader::read_sub(AttributeFrame& f, std::string_view key, od::value& item) {
  auto symbol = in_.intern(key);
  if (!symbol.ok()) return in_.placed(std::move(symbol).error());
  if (std::find(f.subs.begin(), f.subs.end(), *symbol) != f.subs.end()) return in_.duplicate(key);
  f.subs.push_back(*symbol);
  return read_attribute(*symbol, item);
}

Status AttributeReader::read_member(AttributeFrame& f, const MemberName& member, od::value& item) {
  switch (member.member) {
    case Member::type: {
      MADANG_TRY(f.type, in_.string_of(item, "The type of an attribute"));
      f.has_type = true;
      return {};
    }
    case Member::value:
      return read_value(f, member, item);
    case Member::observed_at:
      return in_.read_time(item, member.name, f.instance.observed_at);
    case Member::expires_at:
      return in_.read_time(item, member.name, f.instance.expires_at);
    case Member::unit_code: {
      MADANG_TRY(f.instance.unit_code, in_.string_of(item, "unitCode"));
      if (f.instance.unit_code.empty()) return in_.bad("unitCode is empty.");
      return f.instance.unit_code == kNull ? in_.take_null() : Status();
    }
    case Member::dataset_id: {
      MADANG_TRY(f.instance.dataset_id, in_.string_of(item, "datasetId"));
      if (f.instance.dataset_id == "@none") return f.instance.dataset_id = {}, Status{};
      if (f.instance.dataset_id == kNull) return in_.bad("A datasetId cannot be deleted.");
      if (!base::is_absolute_uri(f.instance.dataset_id)) return in_.bad("datasetId must be a URI.");
      return {};
    }
    case Member::value_type:
      return read_value_type(f, item);
    case Member::object_type:
      return read_names(f, Extra::object_type, item, true);
    case Member::entity_type_sealed:
      return read_names(f, Extra::entity_type_sealed, item, false);
    case Member::entity_id_sealed: {
      MADANG_TRY(const std::string_view text, in_.string_of(item, "entityIdSealed"));
      if (!base::is_absolute_uri(text)) return in_.bad("entityIdSealed is the id of an entity.");
      append_extra(f.extras, Extra::entity_id_sealed, text);
      return {};
    }
    case Member::linked:
      f.linked = &member;
      return in_.copier.skip(item, in_.depth);
    case Member::system:
      if (in_.temporal() && in_.depth == 1 && member.name == "deletedAt")
        return in_.read_time(item, member.name, f.deleted_at);
      return in_.copier.skip(item, in_.depth);
    case Member::prohibited:
      return in_.bad("\"" + std::string(member.name) + "\" cannot be a member of an attribute.");
    case Member::sub_attribute:
      break;
  }
  return {};
}

Status AttributeReader::read_value(AttributeFrame& f, const MemberName& member, od::value& item) {
  if (f.has_value) return in_.bad("An attribute has one of value, object, languageMap and their kin.");
  f.has_value = true;
  f.instance.kind = member.kind;
  // A merge, or a kind whose null is a list or map (clause 4.5.0).
  const bool nulls = in_.merging() || member.kind != Kind::property;
  MADANG_CHECK(member.kind == Kind::json_property ? in_.copier.copy_raw(item, f.value, in_.depth, nulls)
                                                  : in_.copier.copy(item, f.value, in_.depth, nulls));
  f.has_objects = in_.copier.saw_object();
  f.has_inner_null = in_.copier.saw_null();
  return {};
}

Status AttributeReader::read_value_type(AttributeFrame& f, od::value& item) {
  MADANG_TRY(const std::string_view text, in_.string_of(item, "valueType"));
  if (text == kNull) return f.instance.value_type = kNull, in_.take_null();
  auto symbol = in_.vocabulary->intern(text);
  if (!symbol.ok()) return in_.placed(std::move(symbol).error());
  f.instance.value_type = in_.vocabulary->symbols().name(*symbol);
  return {};
}

/// Names of types, kept beside the value.
Status AttributeReader::read_names(AttributeFrame& f, Extra which, od::value& item, bool may_be_null) {
  std::string names;
  od::json_type type;
  if (auto code = item.type().get(type)) return in_.broken(code);
  const auto add = [&](std::string_view text) -> Status {
    auto symbol = in_.vocabulary->intern(text);
    if (!symbol.ok()) return in_.placed(std::move(symbol).error());
    if (!names.empty()) names += ' ';
    names += in_.vocabulary->symbols().name(*symbol);
    return {};
  };
  if (type != od::json_type::array) {
    MADANG_TRY(const std::string_view text, in_.string_of(item, "The name of a type"));
    if (text == kNull && may_be_null) return append_extra(f.extras, which, kNull), in_.take_null();
    MADANG_CHECK(add(text));
  } else {
    od::array array;
    if (auto code = item.get_array().get(array)) return in_.broken(code);
    std::size_t count = 0;
    for (auto element : array) {
      od::value one;
      if (auto code = std::move(element).get(one)) return in_.broken(code);
      const JsonPath::Step step(in_.path, count);
      if (++count > in_.limits.types) return in_.bad("There are too many types.", Code::too_large);
      MADANG_TRY(const std::string_view text, in_.string_of(one, "The name of a type"));
      MADANG_CHECK(add(text));
    }
    if (count == 0) return in_.bad("The list of types is empty.");
  }
  append_extra(f.extras, which, names);
  return {};
}

}  // namespace madang::ngsi
