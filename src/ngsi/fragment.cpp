// JSON to fragments: one pass over the text with simdjson's on-demand parser, straight into an EntityBuilder.

#include <algorithm>
#include <array>
#include <deque>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/geo/geometry.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/query.h"

#include "json_peek.h"
#include "json_text.h"
#include "value_keys.h"

namespace madang::ngsi {

namespace {

namespace od = simdjson::ondemand;
using base::Code;
using base::Error;
using base::Status;

constexpr std::string_view kNullLiteral = "\"urn:ngsi-ld:null\"";
constexpr std::string_view kNullMap = "{\"@none\":\"urn:ngsi-ld:null\"}";

/// What a member of an attribute is.
enum class Member : std::uint8_t {
  sub_attribute,
  type,
  value,  // of any kind: value, object, languageMap, ...
  observed_at,
  unit_code,
  dataset_id,
  value_type,
  system,       // createdAt and its kin: the hub's own, what a client says is ignored
  unsupported,  // the standard has it, this version does not
  prohibited,
};

struct MemberName {
  std::string_view name;
  Member member;
  Kind kind = Kind::property;  // of a value
};

// Clauses 4.5.2.2 and 4.5.3.2 and their kin for the other kinds.
constexpr std::array kMembers{
    MemberName{"type", Member::type},
    MemberName{"@type", Member::type},
    MemberName{"value", Member::value, Kind::property},
    MemberName{"object", Member::value, Kind::relationship},
    MemberName{"languageMap", Member::value, Kind::language_property},
    MemberName{"vocab", Member::unsupported},
    MemberName{"json", Member::unsupported},
    MemberName{"valueList", Member::unsupported},
    MemberName{"objectList", Member::unsupported},
    MemberName{"observedAt", Member::observed_at},
    MemberName{"unitCode", Member::unit_code},
    MemberName{"datasetId", Member::dataset_id},
    MemberName{"valueType", Member::value_type},
    MemberName{"objectType", Member::unsupported},
    MemberName{"expiresAt", Member::unsupported},
    MemberName{"ngsildproof", Member::unsupported},
    MemberName{"createdAt", Member::system},
    MemberName{"modifiedAt", Member::system},
    MemberName{"deletedAt", Member::system},
    MemberName{"instanceId", Member::system},
    MemberName{"entity", Member::prohibited},
    MemberName{"entityList", Member::prohibited},
    MemberName{"previousValue", Member::prohibited},
    MemberName{"previousObject", Member::prohibited},
    MemberName{"previousLanguageMap", Member::prohibited},
    MemberName{"previousVocab", Member::prohibited},
    MemberName{"previousJson", Member::prohibited},
    MemberName{"previousValueList", Member::prohibited},
    MemberName{"previousObjectList", Member::prohibited},
    MemberName{"entityIdSealed", Member::prohibited},
    MemberName{"entityTypeSealed", Member::prohibited},
    MemberName{"@value", Member::prohibited},
    MemberName{"@id", Member::prohibited},
    MemberName{"id", Member::prohibited},
    MemberName{"@context", Member::prohibited},
};

const MemberName* member_named(std::string_view name) {
  const auto found =
      std::find_if(kMembers.begin(), kMembers.end(), [&](const MemberName& m) { return m.name == name; });
  return found == kMembers.end() ? nullptr : &*found;
}

struct KindName {
  std::string_view name;
  Kind kind;
  bool supported;
};
constexpr std::array kKinds{
    KindName{"Property", Kind::property, true},
    KindName{"Relationship", Kind::relationship, true},
    KindName{"GeoProperty", Kind::geo_property, true},
    KindName{"LanguageProperty", Kind::language_property, true},
    KindName{"VocabProperty", Kind::vocab_property, false},
    KindName{"JsonProperty", Kind::json_property, false},
    KindName{"ListProperty", Kind::list_property, false},
    KindName{"ListRelationship", Kind::list_relationship, false},
};

bool is_geojson_type(std::string_view name) {
  constexpr std::array kTypes{"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"};
  return std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end();
}

/// What was read of one attribute instance before its kind is known. Kept between attributes for its buffers.
struct Frame {
  EntityBuilder::Instance instance;
  std::string value;
  std::string rewritten;
  std::string type;
  bool has_type = false, has_value = false, has_objects = false;
  std::uint32_t seen = 0;  // members, by place in kMembers, against duplicates
  std::vector<Symbol> subs;
  void clear() {
    instance = {};
    value.clear();
    rewritten.clear();
    type.clear();
    has_type = has_value = has_objects = false;
    seen_high = seen = 0;
    subs.clear();
  }
  std::uint32_t seen_high = 0;
  bool mark(std::size_t member) {
    std::uint32_t& word = member < 32 ? seen : seen_high;
    const std::uint32_t bit = 1u << (member % 32);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }
};

}  // namespace

struct FragmentReader::Impl {
  explicit Impl(EntityLimits l) : limits(l) {}

  EntityLimits limits;
  od::parser parser;
  EntityBuilder builder;
  std::deque<Frame> frames;
  std::size_t depth = 0;
  std::vector<std::string> path;  // JSON pointer tokens of where we are
  std::string scratch;
  Vocabulary* vocabulary = nullptr;
  FragmentKind kind{};
  std::size_t instances = 0;
  const char* end = nullptr;  // of the text
  std::vector<Symbol> top;

  // ---- errors ----

  std::string pointer() const {
    std::string out;
    for (const std::string& token : path) {
      out += '/';
      base::json::append_pointer(out, token);
    }
    return out;
  }
  Error bad(std::string message, Code code = Code::bad_request_data) const {
    return base::error(code, std::move(message), pointer());
  }
  Error broken(simdjson::error_code code) const {
    switch (code) {
      case simdjson::INCORRECT_TYPE:
        return bad("The value here is of the wrong JSON type.");
      case simdjson::NUMBER_ERROR:
      case simdjson::NUMBER_OUT_OF_RANGE:
        return bad("The number here cannot be represented.", Code::invalid_request);
      case simdjson::UTF8_ERROR:
        return bad("The text is not valid UTF-8.", Code::invalid_request);
      case simdjson::STRING_ERROR:
        return bad("The string here has a broken escape or half a surrogate pair.", Code::invalid_request);
      case simdjson::DEPTH_ERROR:
        return bad("The JSON is nested too deeply.", Code::invalid_request);
      case simdjson::CAPACITY:
        return bad("The JSON is too large.", Code::too_large);
      case simdjson::EMPTY:
        return bad("There is no JSON here.", Code::invalid_request);
      default:
        return bad(std::string("The JSON is broken: ") + simdjson::error_message(code), Code::invalid_request);
    }
  }

  struct Step {  // one token deeper in the pointer, for as long as it lives
    std::vector<std::string>& path;
    Step(std::vector<std::string>& p, std::string_view token) : path(p) { path.emplace_back(token); }
    ~Step() { path.pop_back(); }
  };

  bool nulls_allowed() const { return kind != FragmentKind::entity; }

  // ---- values ----

  Status copy_string(od::value& value, std::string& out) {
    std::string_view text;
    if (auto code = value.get_string().get(text)) return broken(code);
    if (text.size() > limits.string_bytes) return bad("The string here is too long.", Code::too_large);
    if (text == kNull && !nulls_inside && depth_in_value > 0)
      return bad("\"urn:ngsi-ld:null\" may stand inside a value only when merging.");
    base::json::append_string(out, text);
    return {};
  }

  Status copy_number(od::value& value, std::string& out) {
    std::string_view token = value.raw_json_token();
    while (!token.empty() &&
           (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
      token.remove_suffix(1);
    double ignored;
    if (auto code = value.get_double().get(ignored)) return broken(code);
    out.append(token);
    return {};
  }

  int depth_in_value = 0;
  bool nulls_inside = false;  // of the value being read: a merge, or a kind whose null is a list or map (clause 4.5.0)

  /// Appends the value as compact JSON, keys as written; every byte of it is visited and so validated.
  Status copy_value(od::value& value, std::string& out, bool& has_objects) {
    od::json_type type;
    if (auto code = value.type().get(type)) return broken(code);
    switch (type) {
      case od::json_type::string:
        return copy_string(value, out);
      case od::json_type::number:
        return copy_number(value, out);
      case od::json_type::boolean: {
        bool truth;
        if (auto code = value.get_bool().get(truth)) return broken(code);
        out += truth ? "true" : "false";
        return {};
      }
      case od::json_type::null: {
        bool is_null;
        if (auto code = value.is_null().get(is_null)) return broken(code);
        if (!is_null) return broken(simdjson::INCORRECT_TYPE);
        return bad("null cannot be used in NGSI-LD; to delete, use \"urn:ngsi-ld:null\" (clause 4.5.0).");
      }
      case od::json_type::array:
        return copy_array(value, out, has_objects);
      case od::json_type::object:
        has_objects = true;
        return copy_object(value, out, has_objects);
    }
    return broken(simdjson::TAPE_ERROR);
  }

  Status deeper() {
    if (static_cast<std::size_t>(++depth_in_value) + depth > limits.depth)
      return bad("The value is nested too deeply.", Code::invalid_request);
    return {};
  }

  Status copy_array(od::value& value, std::string& out, bool& has_objects) {
    od::array array;
    if (auto code = value.get_array().get(array)) return broken(code);
    MADANG_CHECK(deeper());
    out += '[';
    std::size_t index = 0;
    for (auto element : array) {
      od::value item;
      if (auto code = std::move(element).get(item)) return broken(code);
      if (index > 0) out += ',';
      Step step(path, std::to_string(index++));
      MADANG_CHECK(copy_value(item, out, has_objects));
    }
    out += ']';
    --depth_in_value;
    return {};
  }

  Status copy_object(od::value& value, std::string& out, bool& has_objects) {
    od::object object;
    if (auto code = value.get_object().get(object)) return broken(code);
    MADANG_CHECK(deeper());
    out += '{';
    std::vector<std::string_view> keys;
    for (auto field : object) {
      std::string_view key;
      od::value item;
      if (auto code = field.unescaped_key().get(key)) return broken(code);
      if (!keys.empty()) out += ',';
      Step step(path, key);
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) return duplicate(key);
      if (keys.size() == limits.attributes * 4) return bad("The object here has too many members.", Code::too_large);
      keys.push_back(key);
      base::json::append_string(out, key);
      out += ':';
      if (auto code = field.value().get(item)) return broken(code);
      MADANG_CHECK(copy_value(item, out, has_objects));
    }
    out += '}';
    --depth_in_value;
    return {};
  }

  Error duplicate(std::string_view key) const {
    return bad("The member \"" + std::string(key) + "\" is there twice.", Code::invalid_request);
  }

  /// Visits without keeping: members that are ignored must still be JSON.
  Status skip(od::value& value) {
    bool ignored = false;
    scratch.clear();
    const FragmentKind was = std::exchange(kind, FragmentKind::merge);
    auto status = copy_value(value, scratch, ignored);
    kind = was;
    return status;
  }

  base::Result<std::string_view> string_of(od::value& value, std::string_view what) {
    std::string_view text;
    if (auto code = value.get_string().get(text)) {
      if (code == simdjson::INCORRECT_TYPE) return bad(std::string(what) + " must be a string.");
      return broken(code);
    }
    if (text.size() > limits.string_bytes) return bad(std::string(what) + " is too long.", Code::too_large);
    return text;
  }

  // ---- entity members ----

  Status read_id(od::value& value, std::string_view expected, std::string& id) {
    MADANG_TRY(const std::string_view text, string_of(value, "The id"));
    if (!base::is_absolute_uri(text)) return bad("The id must be a URI, such as \"urn:ngsi-ld:Building:1\".");
    if (text.size() > limits.id_bytes) return bad("The id is too long.", Code::too_large);
    if (!expected.empty() && text != expected) return bad("The id differs from the one in the address.");
    id.assign(text);
    return {};
  }

  Status read_type_name(od::value& value) {
    MADANG_TRY(const std::string_view text, string_of(value, "A type"));
    if (text.empty()) return bad("A type must have a name.");
    auto symbol = vocabulary->intern(text);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    builder.add_type(*symbol);
    return {};
  }

  Error placed(Error error) const {
    if (error.where.empty()) error.where = pointer();
    return error;
  }

  Status read_types(od::value& value, std::size_t& count) {
    od::json_type type;
    if (auto code = value.type().get(type)) return broken(code);
    if (type != od::json_type::array) return count = 1, read_type_name(value);
    od::array array;
    if (auto code = value.get_array().get(array)) return broken(code);
    for (auto element : array) {
      od::value item;
      if (auto code = std::move(element).get(item)) return broken(code);
      Step step(path, std::to_string(count));
      if (++count > limits.types) return bad("The entity has too many types.", Code::too_large);
      MADANG_CHECK(read_type_name(item));
    }
    if (count == 0) return bad("The list of types is empty.");
    return {};
  }

  Status read_scope(od::value& value, std::vector<std::string>& scopes) {
    MADANG_TRY(const std::string_view text, string_of(value, "A scope"));
    if (!is_scope(text)) return bad("A scope looks like \"/City/District\".");
    if (scopes.size() == limits.scopes) return bad("The entity has too many scopes.", Code::too_large);
    if (std::find(scopes.begin(), scopes.end(), text) == scopes.end()) scopes.emplace_back(text);
    return {};
  }

  Status read_scopes(od::value& value, Fragment& fragment) {
    fragment.has_scope = true;
    od::json_type type;
    if (auto code = value.type().get(type)) return broken(code);
    std::vector<std::string> scopes;
    if (type == od::json_type::array) {
      od::array array;
      if (auto code = value.get_array().get(array)) return broken(code);
      std::size_t index = 0;
      for (auto element : array) {
        od::value item;
        if (auto code = std::move(element).get(item)) return broken(code);
        Step step(path, std::to_string(index++));
        MADANG_CHECK(read_scope(item, scopes));
      }
    } else {
      MADANG_TRY(const std::string_view text, string_of(value, "The scope"));
      if (text == kNull && nulls_allowed()) return fragment.scope_null = true, Status{};
      if (!is_scope(text)) return bad("A scope looks like \"/City/District\".");
      scopes.emplace_back(text);
    }
    for (const std::string& scope : scopes) builder.add_scope(scope);
    return {};
  }

  // ---- attributes ----

  Frame& frame() { return frames[depth - 1]; }

  /// True where the object at `at` has a member that only attributes have.
  bool looks_like_attribute(const char* at) const {
    return json_peek::any_key(at, end, [this](std::string_view key) {
      const MemberName* member = member_named(key);
      if (member == nullptr) return false;
      switch (member->member) {
        case Member::value:
        case Member::type:
        case Member::unsupported:
        case Member::dataset_id:
          return true;
        case Member::observed_at:
        case Member::unit_code:
          return nulls_allowed();
        default:
          return false;
      }
    });
  }

  /// Where the value stands in the text.
  static const char* start_of(od::value& value) { return value.raw_json_token().data(); }

  /// Reads `name`'s value: one instance, or several. Top level and sub-attributes alike.
  Status read_attribute(Symbol name, od::value& value, bool members_only = false) {
    if (++instances > limits.attributes) return bad("The entity has too many attributes.", Code::too_large);
    if (depth + 1 > limits.depth) return bad("Attributes are nested too deeply.", Code::invalid_request);
    od::json_type type;
    if (auto code = value.type().get(type)) return broken(code);
    const char* at = start_of(value);
    // An array is a list of instances (clause 4.5.5) or a concise Property's value.
    if (type == od::json_type::array && looks_like_attribute(json_peek::first_element(at, end)))
      return read_instances(name, value);
    if (type == od::json_type::object && (members_only || looks_like_attribute(at))) return read_members(name, value);
    if (members_only) return bad("An attribute is an object here.");
    return read_plain(name, value);
  }

  Status read_instances(Symbol name, od::value& value) {
    od::array array;
    if (auto code = value.get_array().get(array)) return broken(code);
    std::size_t index = 0;
    std::vector<std::string> datasets;
    for (auto element : array) {
      od::value item;
      if (auto code = std::move(element).get(item)) return broken(code);
      Step step(path, std::to_string(index++));
      if (++instances > limits.attributes) return bad("The entity has too many attributes.", Code::too_large);
      od::json_type type;
      if (auto code = item.type().get(type)) return broken(code);
      if (type != od::json_type::object) return bad("Each instance of an attribute is an object.");
      MADANG_CHECK(read_members(name, item));
      std::string dataset(frames[depth].instance.dataset_id);
      if (std::find(datasets.begin(), datasets.end(), dataset) != datasets.end())
        return bad(dataset.empty() ? "Two instances of the attribute have no datasetId."
                                   : "Two instances of the attribute have the same datasetId.");
      datasets.push_back(std::move(dataset));
    }
    return {};
  }

  Frame& push_frame(Symbol name) {
    if (frames.size() == depth) frames.emplace_back();
    Frame& next = frames[depth++];
    next.clear();
    next.instance.name = name;
    builder.begin_instance(next.instance);
    return next;
  }

  void pop_frame() {
    builder.open_instance() = frames[depth - 1].instance;
    builder.end_instance();
    --depth;
  }

  /// A concise attribute that is only its value.
  Status read_plain(Symbol name, od::value& value) {
    Frame& f = push_frame(name);
    f.instance.untyped = true;
    nulls_inside = kind == FragmentKind::merge;
    MADANG_CHECK(copy_value(value, f.value, f.has_objects));
    f.has_value = true;
    MADANG_CHECK(settle(f));
    pop_frame();
    return {};
  }

  Status read_members(Symbol name, od::value& value) {
    od::object object;
    if (auto code = value.get_object().get(object)) return broken(code);
    Frame& f = push_frame(name);
    for (auto field : object) {
      std::string_view key;
      od::value item;
      if (auto code = field.unescaped_key().get(key)) return broken(code);
      Step step(path, key);
      if (auto code = field.value().get(item)) return broken(code);
      const MemberName* member = member_named(key);
      if (member == nullptr || (f.type.empty() == false && is_geojson_type(f.type) && key == "coordinates")) {
        if (key == "coordinates" && (is_geojson_type(f.type) || !f.has_value)) {
          MADANG_CHECK(read_coordinates(f, item));
          continue;
        }
        MADANG_CHECK(read_sub(f, key, item));
        continue;
      }
      if (!f.mark(static_cast<std::size_t>(member - kMembers.data()))) return duplicate(key);
      MADANG_CHECK(read_member(f, *member, item));
    }
    MADANG_CHECK(settle(f));
    pop_frame();
    return {};
  }

  /// `{"type": "Point", "coordinates": [...]}` as the whole attribute: a concise GeoProperty.
  Status read_coordinates(Frame& f, od::value& item) {
    bool objects = false;
    f.rewritten.clear();
    return copy_value(item, f.rewritten, objects);
  }

  Status read_sub(Frame& f, std::string_view key, od::value& item) {
    auto symbol = vocabulary->intern(key);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    if (std::find(f.subs.begin(), f.subs.end(), *symbol) != f.subs.end()) return duplicate(key);
    f.subs.push_back(*symbol);
    return read_attribute(*symbol, item);
  }

  Status read_member(Frame& f, const MemberName& member, od::value& item) {
    switch (member.member) {
      case Member::type: {
        MADANG_TRY(const std::string_view text, string_of(item, "The type of an attribute"));
        f.type.assign(text);
        f.has_type = true;
        return {};
      }
      case Member::value:
        if (f.has_value) return bad("An attribute has one of value, object and languageMap.");
        f.has_value = true;
        f.instance.kind = member.kind;
        nulls_inside = kind == FragmentKind::merge || member.kind != Kind::property;
        MADANG_CHECK(copy_value(item, f.value, f.has_objects));
        return {};
      case Member::observed_at:
        return read_time(f, item);
      case Member::unit_code: {
        MADANG_TRY(f.instance.unit_code, string_of(item, "unitCode"));
        if (f.instance.unit_code.empty()) return bad("unitCode is empty.");
        if (f.instance.unit_code == kNull && !nulls_allowed()) return null_refused();
        return {};
      }
      case Member::dataset_id: {
        MADANG_TRY(f.instance.dataset_id, string_of(item, "datasetId"));
        if (f.instance.dataset_id == "@none") return f.instance.dataset_id = {}, Status{};
        if (f.instance.dataset_id == kNull) return bad("A datasetId cannot be deleted.");
        if (!base::is_absolute_uri(f.instance.dataset_id)) return bad("datasetId must be a URI.");
        return {};
      }
      case Member::value_type: {
        MADANG_TRY(const std::string_view text, string_of(item, "valueType"));
        auto symbol = vocabulary->intern(text);
        if (!symbol.ok()) return placed(std::move(symbol).error());
        f.instance.value_type = vocabulary->symbols().name(*symbol);
        return {};
      }
      case Member::system:
        return skip(item);
      case Member::unsupported:
        return bad("\"" + std::string(member.name) + "\" is not supported yet.", Code::not_supported);
      case Member::prohibited:
        return bad("\"" + std::string(member.name) + "\" cannot be a member of an attribute.");
      case Member::sub_attribute:
        break;
    }
    return {};
  }

  Error null_refused() const {
    return bad("\"urn:ngsi-ld:null\" deletes; it cannot be used when something is created (clause 5.5.4).");
  }

  Status read_time(Frame& f, od::value& item) {
    MADANG_TRY(const std::string_view text, string_of(item, "observedAt"));
    if (text == kNull) {
      if (!nulls_allowed()) return null_refused();
      f.instance.observed_at = kNullTime;
      return {};
    }
    auto time = base::parse_timestamp(text);
    if (!time.ok()) return bad("observedAt must be a date and time such as \"2026-11-22T18:00:00Z\".");
    f.instance.observed_at = *time;
    return {};
  }

  /// Everything about the instance was read: what is it, and is it right?
  Status settle(Frame& f) {
    MADANG_CHECK(settle_kind(f));
    EntityBuilder::Instance& instance = f.instance;
    if (is_null(f)) {
      if (!nulls_allowed()) return null_refused();
      instance.kind = Kind::null;
      instance.value = "null";
      return {};
    }
    if (!f.has_value) {
      if (kind != FragmentKind::merge && kind != FragmentKind::one_attribute && kind != FragmentKind::entity_update)
        return bad("The attribute has no " + std::string(value_member(instance.kind)) + ".");
      instance.value = {};
      return {};
    }
    switch (instance.kind) {
      case Kind::relationship:
        MADANG_CHECK(check_object(f.value));
        break;
      case Kind::language_property:
        MADANG_CHECK(check_language_map(f.value));
        break;
      case Kind::geo_property: {
        auto geometry = geo::parse_geojson(f.value);
        if (!geometry.ok()) return bad("The value is not a GeoJSON geometry: " + geometry.error().message);
        break;
      }
      default:
        return settle_value(f);
    }
    if (instance.kind != Kind::property && !instance.unit_code.empty())
      return bad("A " + std::string(kind_name(instance.kind)) + " has no unitCode.");
    instance.value = f.value;
    return {};
  }

  Status settle_kind(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    if (!f.has_type) {
      instance.untyped = true;
      if (!f.rewritten.empty()) return bad("\"coordinates\" without the \"type\" of a geometry.");
      if (f.has_value && instance.kind == Kind::property && looks_like_geometry(f.value))
        instance.kind = Kind::geo_property;
      return {};
    }
    if (is_geojson_type(f.type) && !f.has_value) {
      f.value = "{\"type\":\"" + f.type + "\",\"coordinates\":" + (f.rewritten.empty() ? "[]" : f.rewritten) + "}";
      f.has_value = true;
      instance.kind = Kind::geo_property;
      return {};
    }
    const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& k) { return k.name == f.type; });
    Step step(path, "type");
    if (known == kKinds.end()) return bad("\"" + f.type + "\" is no type of attribute.");
    if (!known->supported) return bad("A " + f.type + " is not supported yet.", Code::not_supported);
    const Kind said = known->kind;
    if (f.has_value && value_member(said) != value_member(instance.kind))
      return bad("A " + f.type + " has \"" + std::string(value_member(said)) + "\" and not \"" +
                 std::string(value_member(instance.kind)) + "\".");
    instance.kind = said;
    return {};
  }

  static bool looks_like_geometry(std::string_view value) {
    bool type = false, coordinates = false;
    if (value.empty() || value.front() != '{') return false;
    json_text::each_member(value, [&](std::string_view key, std::string_view text) {
      type |= key == "type" && is_geojson_type(json_text::string_content(text));
      coordinates |= key == "coordinates";
    });
    return type && coordinates;
  }

  static bool is_null(const Frame& f) {
    return f.has_value && (f.value == kNullLiteral || f.value == kNullMap || f.value == "[\"urn:ngsi-ld:null\"]");
  }

  Status check_object(std::string_view value) {
    const auto check = [this](std::string_view text) -> Status {
      std::string unescaped;
      const auto uri = base::json::unescape(json_text::string_content(text), unescaped);
      if (text.front() != '"' || !base::is_absolute_uri(uri)) return bad("The object of a Relationship must be a URI.");
      return {};
    };
    Step step(path, "object");
    if (value.front() != '[') return check(value);
    Status status;
    std::size_t count = 0;
    json_text::each_element(value, [&](std::string_view text) {
      ++count;
      if (status.ok()) status = check(text);
    });
    if (count == 0) return bad("The list of objects is empty.");
    return status;
  }

  Status check_language_map(std::string_view value) {
    Step step(path, "languageMap");
    if (value.front() != '{') return bad("A languageMap is an object: language tag to text.");
    bool fine = true;
    json_text::each_member(value, [&](std::string_view key, std::string_view text) {
      fine = fine && !key.empty() && (text != kNullLiteral || kind == FragmentKind::merge);
      if (text.front() == '[')
        json_text::each_element(text, [&](std::string_view item) { fine = fine && item.front() == '"'; });
      else
        fine = fine && text.front() == '"';
    });
    if (!fine) return bad("A languageMap maps language tags to a text or to a list of texts.");
    return {};
  }

  /// A Property's value: keys of objects in it become full names.
  Status settle_value(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    instance.value = f.value;
    if (!f.has_objects) return {};
    f.rewritten.clear();
    auto keys = expand_keys(f.value, vocabulary->context(), f.rewritten);
    if (!keys.ok()) {
      Error error = std::move(keys).error();
      error.where = pointer() + error.where;
      return error;
    }
    instance.nested_keys = keys->any;
    instance.foreign_keys = keys->foreign;
    instance.value = f.rewritten;
    return {};
  }

  // ---- documents ----

  void start(Vocabulary& names, FragmentKind what, std::string_view json) {
    end = json.data() + json.size();
    vocabulary = &names;
    kind = what;
    depth = 0;
    depth_in_value = 0;
    instances = 0;
    path.clear();
    top.clear();
    builder.begin({});
  }

  Status read_entity_member(std::string_view key, od::value& value, Fragment& fragment, std::string_view expected_id,
                            std::string& id, std::size_t& types, std::uint32_t& seen) {
    const auto once = [&seen](unsigned bit) { return std::exchange(seen, seen | (1u << bit)) != (seen | (1u << bit)); };
    if (key == "id" || key == "@id") return once(0) ? read_id(value, expected_id, id) : Status(duplicate(key));
    if (key == "type" || key == "@type") return once(1) ? read_types(value, types) : Status(duplicate(key));
    if (key == "scope") return once(2) ? read_scopes(value, fragment) : Status(duplicate(key));
    if (key == "@context") return once(3) ? skip(value) : Status(duplicate(key));
    if (key == "createdAt" || key == "modifiedAt" || key == "deletedAt") return skip(value);
    if (key == "expiresAt") return bad("\"expiresAt\" is not supported yet.", Code::not_supported);
    if (member_named(key) != nullptr)
      return bad("\"" + std::string(key) +
                 "\" is a member of attributes and cannot be the name of one (clause 4.5.1).");
    auto symbol = vocabulary->intern(key);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    if (std::find(top.begin(), top.end(), *symbol) != top.end()) return duplicate(key);
    top.push_back(*symbol);
    return read_attribute(*symbol, value);
  }

  base::Result<Fragment> read_object(od::object object, std::string_view expected_id, std::string& id) {
    Fragment fragment;
    std::size_t types = 0;
    std::uint32_t seen = 0;
    for (auto field : object) {
      std::string_view key;
      od::value value;
      if (auto code = field.unescaped_key().get(key)) return broken(code);
      Step step(path, key);
      if (auto code = field.value().get(value)) return broken(code);
      MADANG_CHECK(read_entity_member(key, value, fragment, expected_id, id, types, seen));
    }
    const bool whole = kind == FragmentKind::entity;
    if (id.empty()) {
      if (whole || kind == FragmentKind::entity_update) return bad("The entity has no id.");
      id.assign(expected_id);
    }
    if (whole && types == 0) return bad("The entity has no type.");
    builder.set_id(id);
    return finish(std::move(fragment));
  }

  base::Result<Fragment> finish(Fragment fragment) {
    auto block = builder.finish();
    if (!block.ok()) return placed(std::move(block).error());
    if (block->size() > limits.entity_bytes) return bad("The entity is too large.", Code::too_large);
    fragment.block = std::move(*block);
    return fragment;
  }

  /// Nothing but white space may follow the document.
  static bool at_end(od::document& document) {
    const char* location;
    return document.current_location().get(location) != simdjson::SUCCESS;
  }

  static simdjson::padded_string_view padded(std::string_view json) {
    return simdjson::padded_string_view(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING);
  }
};

FragmentReader::FragmentReader(EntityLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
FragmentReader::~FragmentReader() = default;

base::Result<Fragment> FragmentReader::read(std::string_view json, FragmentKind kind, Vocabulary& vocabulary,
                                            std::string_view id) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  od::document document;
  od::object object;
  if (auto code = r.parser.iterate(Impl::padded(json)).get(document)) return r.broken(code);
  if (auto code = document.get_object().get(object)) {
    if (code == simdjson::INCORRECT_TYPE) return r.bad("A JSON object was expected.", Code::invalid_request);
    return r.broken(code);
  }
  std::string found_id;
  auto fragment = r.read_object(object, id, found_id);
  if (fragment.ok() && !Impl::at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON object.");
  return fragment;
}

base::Result<Fragment> FragmentReader::read_attribute(std::string_view json, Symbol name, Vocabulary& vocabulary) {
  Impl& r = *impl_;
  r.start(vocabulary, FragmentKind::one_attribute, json);
  od::document document;
  od::value value;
  if (auto code = r.parser.iterate(Impl::padded(json)).get(document)) return r.broken(code);
  if (auto code = document.get_value().get(value)) {
    if (code == simdjson::SCALAR_DOCUMENT_AS_VALUE) return r.bad("A JSON object was expected.", Code::invalid_request);
    return r.broken(code);
  }
  MADANG_CHECK(r.read_attribute(name, value, true));
  if (!Impl::at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON object.");
  return r.finish({});
}

base::Result<std::vector<FragmentReader::Item>> FragmentReader::read_array(std::string_view json, FragmentKind kind,
                                                                           Vocabulary& vocabulary, std::size_t most) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  od::document document;
  od::array array;
  if (auto code = r.parser.iterate(Impl::padded(json)).get(document)) return r.broken(code);
  if (auto code = document.get_array().get(array)) {
    if (code == simdjson::INCORRECT_TYPE) return r.bad("A JSON array of entities was expected.", Code::invalid_request);
    return r.broken(code);
  }
  std::vector<Item> items;
  std::string token;
  for (auto element : array) {
    if (items.size() == most)
      return base::error(Code::too_large, "A batch holds at most " + std::to_string(most) + " entities.");
    r.start(vocabulary, kind, json);
    token = std::to_string(items.size());
    Impl::Step step(r.path, token);
    od::value value;
    od::object object;
    if (auto code = std::move(element).get(value)) return r.broken(code);
    std::string id;
    auto code = value.get_object().get(object);
    if (code != simdjson::SUCCESS && code != simdjson::INCORRECT_TYPE) return r.broken(code);
    auto fragment = code == simdjson::SUCCESS ? r.read_object(object, {}, id)
                                              : base::Result<Fragment>(r.bad("An entity is a JSON object."));
    if (!fragment.ok() && fragment.error().code == Code::invalid_request) return std::move(fragment).error();
    items.push_back({items.size(), std::move(id), std::move(fragment)});
  }
  if (!Impl::at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON array.");
  return items;
}

}  // namespace madang::ngsi
