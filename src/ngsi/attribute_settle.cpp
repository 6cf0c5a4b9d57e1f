#include "madang/base/json.h"
#include "madang/geo/geometry.h"

#include "attribute_frame.h"
#include "json_text.h"
#include "kind_values.h"
#include "value_keys.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::Error;
using base::Status;

constexpr std::string_view kNullLiteral = "\"urn:ngsi-ld:null\"";
constexpr std::string_view kNullList = "[\"urn:ngsi-ld:null\"]";
constexpr std::string_view kNullMap = "{\"@none\":\"urn:ngsi-ld:null\"}";

constexpr std::string_view kLangString = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";

class Settler {
 public:
  Settler(FragmentReading& reading, AttributeFrame& frame) : in_(reading), f_(frame), instance_(frame.instance) {}

  /// Everything about the instance was read: what is it, and is it right?
  Status settle() {
    MADANG_CHECK(settle_kind());
    if (is_null() && in_.temporal() && in_.depth == 1) return settle_deleted();
    f_.deleted_at.reset();
    if (is_null()) {
      MADANG_CHECK(in_.take_null());
      instance_.kind = Kind::null;
      instance_.value = "null";
      in_.complete = false;
      return {};
    }
    if (f_.has_inner_null) MADANG_CHECK(settle_inner_null());
    if (!f_.extras.empty() || f_.linked != nullptr) MADANG_CHECK(settle_extras());
    if (!f_.has_value) {
      if (!in_.merging() && in_.kind != FragmentKind::one_attribute && in_.kind != FragmentKind::entity_update)
        return in_.bad("The attribute has no " + std::string(value_member(instance_.kind)) + ".");
      instance_.value = {};
      in_.complete = false;
      return {};
    }
    if (instance_.kind != Kind::geo_property && is_core_geometry(in_.vocabulary->symbols().name(instance_.name)))
      return in_.bad("This is a GeoProperty: its value is a GeoJSON geometry (clause 4.7.1).");
    if (instance_.kind == Kind::property) return settle_property();
    MADANG_CHECK(settle_value());
    if (instance_.kind != Kind::list_property && !instance_.unit_code.empty())
      return in_.bad("A " + std::string(kind_name(instance_.kind)) + " has no unitCode.");
    return {};
  }

 private:
  /// The value of a kind other than Property.
  Status settle_value() {
    switch (instance_.kind) {
      case Kind::relationship:
        MADANG_CHECK(check_object(f_.value));
        MADANG_CHECK(refuse_value_type());
        break;
      case Kind::language_property:
        MADANG_CHECK(check_language_map(f_.value));
        if (!instance_.value_type.empty() && instance_.value_type != kLangString && instance_.value_type != kNull)
          return in_.bad("The valueType of a LanguageProperty is langString (clause 5.2.32).");
        break;
      case Kind::geo_property: {
        geo::Point point;
        if (geo::parse_point_fast(f_.value, point)) break;
        MADANG_CHECK(unpack_geometry(f_.value));
        auto geometry = geo::parse_geojson(f_.value);
        if (!geometry.ok()) return in_.bad("The value is not a GeoJSON geometry: " + geometry.error().message);
        break;
      }
      case Kind::vocab_property: {
        auto iris = expand_vocab(f_.value, in_.vocabulary->context());
        if (!iris.ok()) return placed_in("vocab", std::move(iris).error());
        f_.value = std::move(*iris);
        break;
      }
      case Kind::json_property: {
        auto fine = check_json(f_.value);
        if (!fine.ok()) return placed_in("json", std::move(fine).error());
        break;
      }
      case Kind::list_relationship: {
        auto objects = plain_objects(f_.value);
        if (!objects.ok()) return placed_in("objectList", std::move(objects).error());
        f_.value = std::move(*objects);
        MADANG_CHECK(refuse_value_type());
        break;
      }
      default:
        if (f_.value.front() != '[')
          return placed_in("valueList", base::error(Code::bad_request_data, "A valueList is an array."));
        return settle_property();
    }
    instance_.value = f_.value;
    return {};
  }

  Error placed_in(std::string_view member, Error error) const {
    if (error.where.empty()) error.where = in_.path.pointer() + "/" + std::string(member);
    return error;
  }

  Status refuse_value_type() const {
    if (instance_.value_type.empty()) return {};
    return in_.bad("A " + std::string(kind_name(instance_.kind)) + " has no valueType.");
  }

  /// The NGSI-LD null inside a value means something to a merge only (clauses 5.5.4 and 5.5.12).
  Status settle_inner_null() {
    in_.has_nulls = true;
    if (in_.merging() && f_.value.front() == '{') return {};
    return in_.bad(f_.value.front() == '['
                       ? "A list is replaced as a whole: nothing in it can be deleted (clause 5.5.12)."
                       : "\"urn:ngsi-ld:null\" may stand inside a value only when merging (clause 5.5.4).");
  }

  /// Members that only some kinds have.
  Status settle_extras() {
    const bool typed = f_.has_type || f_.has_value;
    const bool refers = instance_.kind == Kind::relationship || instance_.kind == Kind::list_relationship;
    if (!find_extra(f_.extras, Extra::object_type).empty() && typed && !refers)
      return in_.bad("Only a Relationship and a ListRelationship have an objectType.");
    const bool sealed = !find_extra(f_.extras, Extra::entity_id_sealed).empty() ||
                        !find_extra(f_.extras, Extra::entity_type_sealed).empty();
    if (sealed && instance_.name != in_.proof)
      return in_.bad("entityIdSealed and entityTypeSealed are members of ngsildproof alone (clause 4.5.2.2).");
    if (f_.linked != nullptr && f_.linked->kind != instance_.kind)
      return in_.bad("\"" + std::string(f_.linked->name) + "\" cannot be a member of a " +
                     std::string(kind_name(instance_.kind)) + ".");
    instance_.extras = f_.extras;
    return {};
  }

  Status settle_kind() {
    if (!f_.has_type) {
      // `value` says Property or GeoProperty; the others say what they are (clauses 4.5.3.3, 4.5.18.3, ...).
      instance_.untyped = !f_.has_value || instance_.kind == Kind::property;
      if (!f_.rewritten.empty()) return in_.bad("\"coordinates\" without the \"type\" of a geometry.");
      if (f_.has_value && instance_.kind == Kind::property && looks_like_geometry(f_.value))
        instance_.kind = Kind::geo_property;
      return {};
    }
    if (is_geojson_type(f_.type) && !f_.has_value) {
      f_.value = "{\"type\":\"" + std::string(f_.type) +
                 "\",\"coordinates\":" + (f_.rewritten.empty() ? "[]" : f_.rewritten) + "}";
      f_.has_value = true;
      instance_.kind = Kind::geo_property;
      return {};
    }
    const KindName* known = kind_named(f_.type);
    const JsonPath::Step step(in_.path, std::string_view("type"));
    if (known == nullptr) return in_.bad("\"" + std::string(f_.type) + "\" is no type of attribute.");
    const Kind said = known->kind;
    if (f_.has_value && value_member(said) != value_member(instance_.kind))
      return in_.bad("A " + std::string(f_.type) + " has \"" + std::string(value_member(said)) + "\" and not \"" +
                     std::string(value_member(instance_.kind)) + "\".");
    instance_.kind = said;
    return {};
  }

  /// A geometry may come as the text of its JSON (clause 4.7.2).
  Status unpack_geometry(std::string& value) {
    if (value.front() != '"') return {};
    std::string unescaped;
    const std::string text(base::json::unescape(json_text::string_content(value), unescaped));
    simdjson::dom::parser whole;
    simdjson::dom::element geometry;
    if (whole.allocate(text.size(), in_.limits.depth) || whole.parse(text).get(geometry))
      return in_.bad("The value is a text, but not that of a GeoJSON geometry.");
    return value = simdjson::minify(geometry), Status{};
  }

  /// Clause 4.5.7: the attribute was deleted then. Where it does not say when, it is when it was observed.
  Status settle_deleted() {
    const bool list = instance_.kind == Kind::list_property || instance_.kind == Kind::list_relationship;
    instance_.value = instance_.kind == Kind::language_property ? kNullMap : list ? kNullList : kNullLiteral;
    if (!f_.deleted_at) f_.deleted_at = instance_.observed_at.value_or(kNullTime);
    return {};
  }

  bool is_null() const {
    return f_.has_value && (f_.value == kNullLiteral || f_.value == kNullMap || f_.value == kNullList);
  }

  Status check_object(std::string_view value) {
    if (is_object(value)) return {};
    return placed_in("object", base::error(Code::bad_request_data, value == "[]" ? "The list of objects is empty."
                                                                                 : "The object of a Relationship must "
                                                                                   "be a URI or a list of URIs."));
  }

  Status check_language_map(std::string_view value) {
    const JsonPath::Step step(in_.path, std::string_view("languageMap"));
    if (value.front() != '{') return in_.bad("A languageMap is an object: language tag to text.");
    bool fine = true;
    json_text::each_member(value, [&](std::string_view key, std::string_view text) {
      fine = fine && !key.empty() && (text != kNullLiteral || in_.merging());
      if (text.front() == '[')
        json_text::each_element(text, [&](std::string_view item) { fine = fine && item.front() == '"'; });
      else
        fine = fine && text.front() == '"';
    });
    if (!fine) return in_.bad("A languageMap maps language tags to a text or to a list of texts.");
    return {};
  }

  /// The value of a Property or ListProperty: keys of objects in it become full names.
  Status settle_property() {
    instance_.value = f_.value;
    if (instance_.name == in_.proof && f_.value.front() != '{')
      return in_.bad("The value of ngsildproof is an object: a data integrity proof (clause 4.5.2.2).");
    if (!f_.has_objects) return {};
    f_.rewritten.clear();
    auto keys = expand_keys(f_.value, in_.vocabulary->context(), f_.rewritten);
    if (!keys.ok()) {
      Error error = std::move(keys).error();
      error.where = in_.path.pointer() + error.where;
      return error;
    }
    instance_.nested_keys = keys->any;
    instance_.foreign_keys = keys->foreign;
    instance_.value = f_.rewritten;
    return {};
  }

  FragmentReading& in_;
  AttributeFrame& f_;
  EntityBuilder::Instance& instance_;
};

}  // namespace

Status settle(FragmentReading& reading, AttributeFrame& frame) {
  return Settler(reading, frame).settle();
}

}  // namespace madang::ngsi
