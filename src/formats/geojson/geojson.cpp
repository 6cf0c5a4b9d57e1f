#include "madang/formats/geojson.h"

#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <simdjson.h>

#include "madang/base/json.h"

namespace madang::formats {

using base::Code;
using base::error;
namespace dom = simdjson::dom;
namespace json = base::json;

namespace {

constexpr std::size_t kNameClashes = 1'000;

/// An id template in parts: text, or the name of what stands in its place.
struct Placeholder {
  std::string name;
};
using Part = std::variant<std::string, Placeholder>;

base::Result<std::vector<Part>> parse_template(std::string_view text) {
  std::vector<Part> parts;
  bool placeholders = false;
  while (!text.empty()) {
    const auto open = text.find('{');
    if (open != 0) parts.emplace_back(std::string(text.substr(0, open)));
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) return error(Code::bad_request_data, "the id template has a { without its }");
    parts.emplace_back(Placeholder{std::string(text.substr(open + 1, close - open - 1))});
    placeholders = true;
    text.remove_prefix(close + 1);
  }
  if (!placeholders) {
    return error(Code::bad_request_data,
                 "the id template names nothing that differs between features; write {id}, {line} or a {property}");
  }
  return parts;
}

/// What an IRI may not hold (RFC 3987) and what would end its path, as %XX.
void append_iri_part(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kForbidden = " <>\"{}|\\^`%#?";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7F && kForbidden.find(c) == std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
}

void append_number(std::string& out, dom::element value) {
  switch (value.type()) {
    case dom::element_type::INT64:
      json::append_integer(out, value.get_int64().value_unsafe());
      break;
    case dom::element_type::UINT64:
      json::append_unsigned(out, value.get_uint64().value_unsafe());
      break;
    default:
      json::append_number(out, value.get_double().value_unsafe());
  }
}

/// Keys of one object, made NGSI-LD names, each once.
class Names {
 public:
  std::string take(std::string_view key) {
    const std::string name = entity_name(key);
    if (taken_.insert(name).second) return name;
    for (std::size_t n = 2; n < kNameClashes; ++n) {
      std::string other = name + "_" + std::to_string(n);
      if (taken_.insert(other).second) return other;
    }
    return {};
  }

 private:
  std::set<std::string, std::less<>> taken_;
};

enum class Keys : bool { as_they_are, as_names };

void append_value(std::string& out, dom::element value, Keys keys) {
  switch (value.type()) {
    case dom::element_type::OBJECT: {
      const dom::object members = value.get_object().value_unsafe();
      Names names;
      bool first = true;
      out.push_back('{');
      for (const auto& [key, member] : members) {
        if (!std::exchange(first, false)) out.push_back(',');
        json::append_string(out, keys == Keys::as_names ? names.take(key) : std::string(key));
        out.push_back(':');
        append_value(out, member, keys);
      }
      out.push_back('}');
      break;
    }
    case dom::element_type::ARRAY: {
      const dom::array members = value.get_array().value_unsafe();
      bool first = true;
      out.push_back('[');
      for (const dom::element member : members) {
        if (!std::exchange(first, false)) out.push_back(',');
        append_value(out, member, keys);
      }
      out.push_back(']');
      break;
    }
    case dom::element_type::STRING:
      json::append_string(out, value.get_string().value_unsafe());
      break;
    case dom::element_type::BOOL:
      out.append(value.get_bool().value_unsafe() ? "true" : "false");
      break;
    case dom::element_type::NULL_VALUE:
      out.append("null");
      break;
    default:
      append_number(out, value);
  }
}

void append_location(std::string& out, dom::element geometry) {
  out.append(R"("location":{"type":"GeoProperty","value":)");
  append_value(out, geometry, Keys::as_they_are);
  out.push_back('}');
}

/// The members of a feature that matter here.
struct Feature {
  dom::object properties;
  bool has_properties = false;
  std::optional<dom::element> id, geometry, context;
};

base::Result<Feature> read_feature(dom::parser& parser, std::string_view text) {
  dom::element root;
  if (const auto failed = parser.parse(text.data(), text.size(), true).get(root)) {
    return error(Code::invalid_request, std::string("not JSON: ") + simdjson::error_message(failed));
  }
  std::string_view type;
  if (root["type"].get(type) != simdjson::SUCCESS || type != "Feature") {
    return error(Code::bad_request_data, R"(not a GeoJSON feature: "type" must be "Feature")", "/type");
  }
  Feature feature;
  dom::element member;
  if (root["properties"].get(member) == simdjson::SUCCESS && !member.is_null()) {
    if (member.get(feature.properties)) {
      return error(Code::bad_request_data, "the properties of a feature must be an object or null", "/properties");
    }
    feature.has_properties = true;
  }
  if (root["id"].get(member) == simdjson::SUCCESS && !member.is_null()) feature.id = member;
  if (root["@context"].get(member) == simdjson::SUCCESS) feature.context = member;
  if (root["geometry"].get(member) == simdjson::SUCCESS && !member.is_null()) {
    if (!member.is_object()) return error(Code::bad_request_data, "a geometry must be an object or null", "/geometry");
    feature.geometry = member;
  }
  return feature;
}

}  // namespace

struct FeatureConverter::Impl {
  std::string type;
  std::vector<Part> id;
  bool entities = false;
  dom::parser parser;

  base::Status append_id(const Feature& feature, std::uint64_t line, std::string& out) const;
  base::Status plain(const Feature& feature, std::uint64_t line, std::string& out) const;
  static base::Status entity(const Feature& feature, std::string& out);
};

FeatureConverter::FeatureConverter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FeatureConverter::FeatureConverter(FeatureConverter&&) noexcept = default;
FeatureConverter& FeatureConverter::operator=(FeatureConverter&&) noexcept = default;
FeatureConverter::~FeatureConverter() = default;

base::Result<FeatureConverter> FeatureConverter::make(FeatureRule rule) {
  MADANG_TRY(auto id, parse_template(rule.id_template));
  auto impl = std::make_unique<Impl>();
  impl->type = std::move(rule.type);
  impl->id = std::move(id);
  return FeatureConverter(std::move(impl));
}

FeatureConverter FeatureConverter::for_entities() {
  auto impl = std::make_unique<Impl>();
  impl->entities = true;
  return FeatureConverter(std::move(impl));
}

base::Status FeatureConverter::convert(std::string_view text, std::uint64_t line, std::string& out) {
  const std::size_t before = out.size();
  MADANG_TRY(const Feature feature, read_feature(impl_->parser, text));
  auto done = impl_->entities ? Impl::entity(feature, out) : impl_->plain(feature, line, out);
  if (!done.ok()) out.resize(before);
  return done;
}

base::Status FeatureConverter::Impl::append_id(const Feature& feature, std::uint64_t line, std::string& out) const {
  std::string made;
  for (const Part& part : id) {
    if (const auto* text = std::get_if<std::string>(&part)) {
      made.append(*text);
      continue;
    }
    const std::string& name = std::get<Placeholder>(part).name;
    dom::element value;
    if (name == "line") {
      made.append(std::to_string(line));
      continue;
    }
    if (name == "id" && feature.id) {
      value = *feature.id;
    } else if (!feature.has_properties || feature.properties.at_key(name).get(value) != simdjson::SUCCESS) {
      return error(Code::bad_request_data, "the id template names {" + name + "}, which this feature does not have",
                   "/properties");
    }
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS && !text.empty()) {
      append_iri_part(made, text);
    } else if (value.is_number()) {
      append_number(made, value);
    } else {
      return error(Code::bad_request_data, "{" + name + "} of the id template is no text and no number here");
    }
  }
  json::append_string(out, made);
  return {};
}

base::Status FeatureConverter::Impl::plain(const Feature& feature, std::uint64_t line, std::string& out) const {
  out.append(R"({"id":)");
  MADANG_CHECK(append_id(feature, line, out));
  out.append(R"(,"type":)");
  json::append_string(out, type);
  if (feature.has_properties) {
    Names names;
    for (const auto& [key, value] : feature.properties) {
      if (value.is_null()) continue;
      const std::string name = names.take(key);
      if (name.empty())
        return error(Code::bad_request_data, "too many properties come to the same name", "/properties");
      out.push_back(',');
      json::append_string(out, name);
      out.append(R"(:{"type":"Property","value":)");
      append_value(out, value, Keys::as_names);
      out.push_back('}');
    }
  }
  if (feature.geometry) {
    out.push_back(',');
    append_location(out, *feature.geometry);
  }
  out.push_back('}');
  return {};
}

base::Status FeatureConverter::Impl::entity(const Feature& feature, std::string& out) {
  dom::element type;
  if (!feature.id || !feature.has_properties || feature.properties["type"].get(type) != simdjson::SUCCESS) {
    return error(Code::bad_request_data,
                 "this feature is no NGSI-LD entity (it has no id, or no type among its properties); "
                 "say what it becomes with --type and --id");
  }
  out.append(R"({"id":)");
  append_value(out, *feature.id, Keys::as_they_are);
  bool has_location = false;
  for (const auto& [key, value] : feature.properties) {
    if (key == "id") continue;
    has_location = has_location || key == "location";
    out.push_back(',');
    json::append_string(out, key);
    out.push_back(':');
    append_value(out, value, Keys::as_they_are);
  }
  if (feature.geometry && !has_location) {
    out.push_back(',');
    append_location(out, *feature.geometry);
  }
  if (feature.context) {
    out.append(R"(,"@context":)");
    append_value(out, *feature.context, Keys::as_they_are);
  }
  out.push_back('}');
  return {};
}

bool is_feature(std::string_view text) {
  if (text.find("\"Feature\"") == std::string_view::npos) return false;
  static thread_local dom::parser parser;
  dom::element root;
  std::string_view type;
  return parser.parse(text.data(), text.size(), true).get(root) == simdjson::SUCCESS &&
         root["type"].get(type) == simdjson::SUCCESS && type == "Feature";
}

}  // namespace madang::formats
