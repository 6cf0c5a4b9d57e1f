// JSON to fragments: one pass over the text with simdjson's on-demand parser, straight into an EntityBuilder.

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/geo/geometry.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/query.h"

#include "attribute_members.h"
#include "fragment_frame.h"
#include "json_path.h"
#include "json_peek.h"
#include "json_text.h"
#include "kind_values.h"
#include "plain_reader.h"
#include "scope_evolution.h"
#include "value_copier.h"
#include "value_keys.h"

namespace madang::ngsi {

namespace {

namespace od = simdjson::ondemand;
using base::Code;
using base::Error;
using base::Status;

constexpr std::string_view kNullLiteral = "\"urn:ngsi-ld:null\"";
constexpr std::string_view kNullList = "[\"urn:ngsi-ld:null\"]";
constexpr std::string_view kNullMap = "{\"@none\":\"urn:ngsi-ld:null\"}";

constexpr std::string_view kLangString = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";

}  // namespace

struct FragmentReader::Impl {
  explicit Impl(EntityLimits l) : limits(l) {}

  EntityLimits limits;
  od::parser parser;
  EntityBuilder builder;
  std::deque<Frame> frames;
  std::size_t depth = 0;
  JsonPath path;
  ValueCopier copier{limits, path};
  PlainReader plain{limits};
  Vocabulary* vocabulary = nullptr;
  FragmentKind kind{};
  std::size_t instances = 0;
  bool complete = true;  // so far
  bool has_nulls = false;
  Symbol proof = Symbol::none;  // the name kProof, where it was met
  const char* end = nullptr;    // of the text
  std::vector<Symbol> top;
  /// Of a temporal representation: its instances in the order of reading.
  struct Past {
    Symbol name;
    bool is_default;
    std::optional<Timestamp> deleted_at;
  };
  std::vector<Past> past;

  // ---- errors ----

  Error bad(std::string message, Code code = Code::bad_request_data) const {
    return bad_at(path, std::move(message), code);
  }
  Error broken(simdjson::error_code code) const { return broken_at(path, code); }
  Error duplicate(std::string_view key) const { return duplicate_at(path, key); }

  bool temporal() const { return kind >= FragmentKind::evolution; }
  bool nulls_allowed() const { return kind != FragmentKind::entity && !temporal(); }
  std::size_t most_instances() const { return temporal() ? limits.evolution_instances : limits.attributes; }
  bool merging() const { return kind == FragmentKind::merge || kind == FragmentKind::entity_merge; }

  // ---- values ----

  Status skip(od::value& value) { return copier.skip(value, depth); }

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

  Status read_id(od::value& value, std::string_view expected, std::string_view& id) {
    MADANG_TRY(const std::string_view text, string_of(value, "The id"));
    if (text == kNull || !base::is_absolute_uri(text))
      return bad("The id must be a URI, such as \"urn:ngsi-ld:Building:1\".");
    if (text.size() > limits.id_bytes) return bad("The id is too long.", Code::too_large);
    if (!expected.empty() && text != expected) return bad("The id differs from the one in the address.");
    id = text;
    return {};
  }

  Status read_type_name(od::value& value) {
    MADANG_TRY(const std::string_view text, string_of(value, "A type"));
    if (text.empty() || text == kNull) return bad("A type must have a name.");
    auto symbol = vocabulary->intern(text);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    builder.add_type(*symbol);
    return {};
  }

  Error placed(Error error) const {
    if (error.where.empty()) error.where = path.pointer();
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
      const JsonPath::Step step(path, count);
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
        const JsonPath::Step step(path, index++);
        MADANG_CHECK(read_scope(item, scopes));
      }
    } else {
      MADANG_TRY(const std::string_view text, string_of(value, "The scope"));
      if (text == kNull) return fragment.scope_null = true, take_null();
      if (!is_scope(text)) return bad("A scope looks like \"/City/District\".");
      scopes.emplace_back(text);
    }
    for (const std::string& scope : scopes) builder.add_scope(scope);
    return {};
  }

  Status read_evolution(od::value& value, Fragment& fragment) {
    std::string_view text;
    if (auto code = simdjson::to_json_string(value).get(text)) return broken(code);
    auto scopes = read_scope_evolution(text, limits);
    if (scopes.ok()) return fragment.has_scope = true, fragment.scopes = std::move(*scopes), Status();
    Error error = std::move(scopes).error();
    error.where = path.pointer() + error.where;
    return error;
  }

  // ---- attributes ----

  Frame& frame() { return frames[depth - 1]; }

  /// True where the object at `at` has a member that only attributes have. A `type` that is none of theirs is a
  /// member of a value, such as an address (docs/conformance.md).
  bool looks_like_attribute(const char* at) const {
    return json_peek::any_key(at, end, [this](std::string_view key) {
      const MemberName* member = member_named(key);
      if (member == nullptr) return false;
      switch (member->member) {
        case Member::value:
        case Member::dataset_id:
        case Member::object_type:
          return true;
        case Member::type:
          return is_type_of_attribute(json_peek::string_after(key, end));
        case Member::observed_at:
        case Member::unit_code:
        case Member::value_type:
        case Member::expires_at:
          return nulls_allowed();
        default:
          return false;
      }
    });
  }

  static bool is_type_of_attribute(std::string_view type) {
    return kind_named(type) != nullptr || is_geojson_type(type);
  }

  /// Where the value stands in the text.
  static const char* start_of(od::value& value) { return value.raw_json_token().data(); }

  /// Reads `name`'s value: one instance, or several. Top level and sub-attributes alike.
  Status read_attribute(Symbol name, od::value& value, bool members_only = false) {
    if (++instances > most_instances()) return bad("The entity has too many attributes.", Code::too_large);
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
      const JsonPath::Step step(path, index++);
      if (++instances > most_instances()) return bad("The entity has too many attributes.", Code::too_large);
      od::json_type type;
      if (auto code = item.type().get(type)) return broken(code);
      if (type != od::json_type::object) return bad("Each instance of an attribute is an object.");
      MADANG_CHECK(read_members(name, item));
      if (temporal() && depth == 0) continue;  // one after another
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
    builder.end_instance();
    --depth;
    if (depth > 0 || !temporal()) return;
    const Frame& f = frames.front();
    past.push_back({f.instance.name, f.instance.dataset_id.empty(), f.deleted_at});
  }

  /// A concise attribute that is only its value.
  Status read_plain(Symbol name, od::value& value) {
    Frame& f = push_frame(name);
    f.instance.untyped = true;
    MADANG_CHECK(copier.copy(value, f.value, depth, merging()));
    f.has_objects = copier.saw_object();
    f.has_inner_null = copier.saw_null();
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
      const JsonPath::Step step(path, key);
      if (auto code = field.value().get(item)) return broken(code);
      const MemberName* member = member_named(key);
      if (member == nullptr) {
        if (key == "coordinates" && (is_geojson_type(f.type) || !f.has_value)) {
          MADANG_CHECK(read_coordinates(f, item));
          continue;
        }
        MADANG_CHECK(read_sub(f, key, item));
        continue;
      }
      if (!f.mark(*member)) return duplicate(key);
      MADANG_CHECK(read_member(f, *member, item));
    }
    MADANG_CHECK(settle(f));
    pop_frame();
    return {};
  }

  /// `{"type": "Point", "coordinates": [...]}` as the whole attribute: a concise GeoProperty.
  Status read_coordinates(Frame& f, od::value& item) {
    f.rewritten.clear();
    return copier.copy(item, f.rewritten, depth, true);
  }

  /// The proof's term has a context of its own for what is in it; the name means what the core context says.
  base::Result<Symbol> intern(std::string_view name) {
    if (name != kProofTerm) return vocabulary->intern(name);
    MADANG_TRY(proof, vocabulary->symbols().intern(kProof));
    return proof;
  }

  Status read_sub(Frame& f, std::string_view key, od::value& item) {
    auto symbol = intern(key);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    if (std::find(f.subs.begin(), f.subs.end(), *symbol) != f.subs.end()) return duplicate(key);
    f.subs.push_back(*symbol);
    return read_attribute(*symbol, item);
  }

  Status read_member(Frame& f, const MemberName& member, od::value& item) {
    switch (member.member) {
      case Member::type: {
        MADANG_TRY(f.type, string_of(item, "The type of an attribute"));
        f.has_type = true;
        return {};
      }
      case Member::value:
        return read_value(f, member, item);
      case Member::observed_at:
        return read_time(item, member.name, f.instance.observed_at);
      case Member::expires_at:
        return read_time(item, member.name, f.instance.expires_at);
      case Member::unit_code: {
        MADANG_TRY(f.instance.unit_code, string_of(item, "unitCode"));
        if (f.instance.unit_code.empty()) return bad("unitCode is empty.");
        return f.instance.unit_code == kNull ? take_null() : Status();
      }
      case Member::dataset_id: {
        MADANG_TRY(f.instance.dataset_id, string_of(item, "datasetId"));
        if (f.instance.dataset_id == "@none") return f.instance.dataset_id = {}, Status{};
        if (f.instance.dataset_id == kNull) return bad("A datasetId cannot be deleted.");
        if (!base::is_absolute_uri(f.instance.dataset_id)) return bad("datasetId must be a URI.");
        return {};
      }
      case Member::value_type:
        return read_value_type(f, item);
      case Member::object_type:
        return read_names(f, Extra::object_type, item, true);
      case Member::entity_type_sealed:
        return read_names(f, Extra::entity_type_sealed, item, false);
      case Member::entity_id_sealed: {
        MADANG_TRY(const std::string_view text, string_of(item, "entityIdSealed"));
        if (!base::is_absolute_uri(text)) return bad("entityIdSealed is the id of an entity.");
        append_extra(f.extras, Extra::entity_id_sealed, text);
        return {};
      }
      case Member::linked:
        f.linked = &member;
        return skip(item);
      case Member::system:
        if (temporal() && depth == 1 && member.name == "deletedAt") return read_time(item, member.name, f.deleted_at);
        return skip(item);
      case Member::prohibited:
        return bad("\"" + std::string(member.name) + "\" cannot be a member of an attribute.");
      case Member::sub_attribute:
        break;
    }
    return {};
  }

  Status read_value(Frame& f, const MemberName& member, od::value& item) {
    if (f.has_value) return bad("An attribute has one of value, object, languageMap and their kin.");
    f.has_value = true;
    f.instance.kind = member.kind;
    // A merge, or a kind whose null is a list or map (clause 4.5.0).
    const bool nulls = merging() || member.kind != Kind::property;
    MADANG_CHECK(member.kind == Kind::json_property ? copier.copy_raw(item, f.value, depth, nulls)
                                                    : copier.copy(item, f.value, depth, nulls));
    f.has_objects = copier.saw_object();
    f.has_inner_null = copier.saw_null();
    return {};
  }

  Status read_value_type(Frame& f, od::value& item) {
    MADANG_TRY(const std::string_view text, string_of(item, "valueType"));
    if (text == kNull) return f.instance.value_type = kNull, take_null();
    auto symbol = vocabulary->intern(text);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    f.instance.value_type = vocabulary->symbols().name(*symbol);
    return {};
  }

  /// Names of types, kept beside the value.
  Status read_names(Frame& f, Extra which, od::value& item, bool may_be_null) {
    std::string names;
    od::json_type type;
    if (auto code = item.type().get(type)) return broken(code);
    const auto add = [&](std::string_view text) -> Status {
      auto symbol = vocabulary->intern(text);
      if (!symbol.ok()) return placed(std::move(symbol).error());
      if (!names.empty()) names += ' ';
      names += vocabulary->symbols().name(*symbol);
      return {};
    };
    if (type != od::json_type::array) {
      MADANG_TRY(const std::string_view text, string_of(item, "The name of a type"));
      if (text == kNull && may_be_null) return append_extra(f.extras, which, kNull), take_null();
      MADANG_CHECK(add(text));
    } else {
      od::array array;
      if (auto code = item.get_array().get(array)) return broken(code);
      std::size_t count = 0;
      for (auto element : array) {
        od::value one;
        if (auto code = std::move(element).get(one)) return broken(code);
        const JsonPath::Step step(path, count);
        if (++count > limits.types) return bad("There are too many types.", Code::too_large);
        MADANG_TRY(const std::string_view text, string_of(one, "The name of a type"));
        MADANG_CHECK(add(text));
      }
      if (count == 0) return bad("The list of types is empty.");
    }
    append_extra(f.extras, which, names);
    return {};
  }

  Error null_refused() const {
    return bad("\"urn:ngsi-ld:null\" deletes; it cannot be used when something is created (clause 5.5.4).");
  }
  /// There is an NGSI-LD null here.
  Status take_null() {
    has_nulls = true;
    return nulls_allowed() ? Status() : null_refused();
  }

  Status read_time(od::value& item, std::string_view name, std::optional<Timestamp>& out) {
    MADANG_TRY(const std::string_view text, string_of(item, name));
    if (text == kNull) return out = kNullTime, take_null();
    auto time = base::parse_date_time(text);
    if (!time.ok())
      return bad(std::string(name) + " must be a date and time in UTC such as \"2026-11-22T18:00:00.5Z\".");
    out = *time;
    return {};
  }

  /// Everything about the instance was read: what is it, and is it right?
  Status settle(Frame& f) {
    MADANG_CHECK(settle_kind(f));
    EntityBuilder::Instance& instance = f.instance;
    if (is_null(f) && temporal() && depth == 1) return settle_deleted(f);
    f.deleted_at.reset();
    if (is_null(f)) {
      MADANG_CHECK(take_null());
      instance.kind = Kind::null;
      instance.value = "null";
      complete = false;
      return {};
    }
    if (f.has_inner_null) MADANG_CHECK(settle_inner_null(f));
    if (!f.extras.empty() || f.linked != nullptr) MADANG_CHECK(settle_extras(f));
    if (!f.has_value) {
      if (!merging() && kind != FragmentKind::one_attribute && kind != FragmentKind::entity_update)
        return bad("The attribute has no " + std::string(value_member(instance.kind)) + ".");
      instance.value = {};
      complete = false;
      return {};
    }
    if (instance.kind != Kind::geo_property && is_core_geometry(vocabulary->symbols().name(instance.name)))
      return bad("This is a GeoProperty: its value is a GeoJSON geometry (clause 4.7.1).");
    if (instance.kind == Kind::property) return settle_property(f);
    MADANG_CHECK(settle_value(f));
    if (instance.kind != Kind::list_property && !instance.unit_code.empty())
      return bad("A " + std::string(kind_name(instance.kind)) + " has no unitCode.");
    return {};
  }

  /// The value of a kind other than Property.
  Status settle_value(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    switch (instance.kind) {
      case Kind::relationship:
        MADANG_CHECK(check_object(f.value));
        MADANG_CHECK(refuse_value_type(instance));
        break;
      case Kind::language_property:
        MADANG_CHECK(check_language_map(f.value));
        if (!instance.value_type.empty() && instance.value_type != kLangString && instance.value_type != kNull)
          return bad("The valueType of a LanguageProperty is langString (clause 5.2.32).");
        break;
      case Kind::geo_property: {
        geo::Point point;
        if (geo::parse_point_fast(f.value, point)) break;
        MADANG_CHECK(unpack_geometry(f.value));
        auto geometry = geo::parse_geojson(f.value);
        if (!geometry.ok()) return bad("The value is not a GeoJSON geometry: " + geometry.error().message);
        break;
      }
      case Kind::vocab_property: {
        auto iris = expand_vocab(f.value, vocabulary->context());
        if (!iris.ok()) return placed_in("vocab", std::move(iris).error());
        f.value = std::move(*iris);
        break;
      }
      case Kind::json_property: {
        auto fine = check_json(f.value);
        if (!fine.ok()) return placed_in("json", std::move(fine).error());
        break;
      }
      case Kind::list_relationship: {
        auto objects = plain_objects(f.value);
        if (!objects.ok()) return placed_in("objectList", std::move(objects).error());
        f.value = std::move(*objects);
        MADANG_CHECK(refuse_value_type(instance));
        break;
      }
      default:
        if (f.value.front() != '[')
          return placed_in("valueList", base::error(Code::bad_request_data, "A valueList is an array."));
        return settle_property(f);
    }
    instance.value = f.value;
    return {};
  }

  Error placed_in(std::string_view member, Error error) const {
    if (error.where.empty()) error.where = path.pointer() + "/" + std::string(member);
    return error;
  }

  Status refuse_value_type(const EntityBuilder::Instance& instance) const {
    if (instance.value_type.empty()) return {};
    return bad("A " + std::string(kind_name(instance.kind)) + " has no valueType.");
  }

  /// Clause 4.5.7: the attribute was deleted then. Where it does not say when, it is when it was observed.
  Status settle_deleted(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    const bool list = instance.kind == Kind::list_property || instance.kind == Kind::list_relationship;
    instance.value = instance.kind == Kind::language_property ? kNullMap : list ? kNullList : kNullLiteral;
    if (!f.deleted_at) f.deleted_at = instance.observed_at.value_or(kNullTime);
    return {};
  }

  /// The NGSI-LD null inside a value means something to a merge only (clauses 5.5.4 and 5.5.12).
  Status settle_inner_null(Frame& f) {
    has_nulls = true;
    if (merging() && f.value.front() == '{') return {};
    return bad(f.value.front() == '['
                   ? "A list is replaced as a whole: nothing in it can be deleted (clause 5.5.12)."
                   : "\"urn:ngsi-ld:null\" may stand inside a value only when merging (clause 5.5.4).");
  }

  /// Members that only some kinds have.
  Status settle_extras(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    const bool typed = f.has_type || f.has_value;
    const bool refers = instance.kind == Kind::relationship || instance.kind == Kind::list_relationship;
    if (!find_extra(f.extras, Extra::object_type).empty() && typed && !refers)
      return bad("Only a Relationship and a ListRelationship have an objectType.");
    const bool sealed = !find_extra(f.extras, Extra::entity_id_sealed).empty() ||
                        !find_extra(f.extras, Extra::entity_type_sealed).empty();
    if (sealed && instance.name != proof)
      return bad("entityIdSealed and entityTypeSealed are members of ngsildproof alone (clause 4.5.2.2).");
    if (f.linked != nullptr && f.linked->kind != instance.kind)
      return bad("\"" + std::string(f.linked->name) + "\" cannot be a member of a " +
                 std::string(kind_name(instance.kind)) + ".");
    instance.extras = f.extras;
    return {};
  }

  Status settle_kind(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    if (!f.has_type) {
      // `value` says Property or GeoProperty; the others say what they are (clauses 4.5.3.3, 4.5.18.3, ...).
      instance.untyped = !f.has_value || instance.kind == Kind::property;
      if (!f.rewritten.empty()) return bad("\"coordinates\" without the \"type\" of a geometry.");
      if (f.has_value && instance.kind == Kind::property && looks_like_geometry(f.value))
        instance.kind = Kind::geo_property;
      return {};
    }
    if (is_geojson_type(f.type) && !f.has_value) {
      f.value = "{\"type\":\"" + std::string(f.type) +
                "\",\"coordinates\":" + (f.rewritten.empty() ? "[]" : f.rewritten) + "}";
      f.has_value = true;
      instance.kind = Kind::geo_property;
      return {};
    }
    const KindName* known = kind_named(f.type);
    const JsonPath::Step step(path, std::string_view("type"));
    if (known == nullptr) return bad("\"" + std::string(f.type) + "\" is no type of attribute.");
    const Kind said = known->kind;
    if (f.has_value && value_member(said) != value_member(instance.kind))
      return bad("A " + std::string(f.type) + " has \"" + std::string(value_member(said)) + "\" and not \"" +
                 std::string(value_member(instance.kind)) + "\".");
    instance.kind = said;
    return {};
  }

  /// A geometry may come as the text of its JSON (clause 4.7.2).
  Status unpack_geometry(std::string& value) {
    if (value.front() != '"') return {};
    std::string unescaped;
    const std::string text(base::json::unescape(json_text::string_content(value), unescaped));
    simdjson::dom::parser whole;
    simdjson::dom::element geometry;
    if (whole.allocate(text.size(), limits.depth) || whole.parse(text).get(geometry))
      return bad("The value is a text, but not that of a GeoJSON geometry.");
    return value = simdjson::minify(geometry), Status{};
  }

  static bool is_null(const Frame& f) {
    return f.has_value && (f.value == kNullLiteral || f.value == kNullMap || f.value == kNullList);
  }

  Status check_object(std::string_view value) {
    if (is_object(value)) return {};
    return placed_in("object", base::error(Code::bad_request_data, value == "[]" ? "The list of objects is empty."
                                                                                 : "The object of a Relationship must "
                                                                                   "be a URI or a list of URIs."));
  }

  Status check_language_map(std::string_view value) {
    const JsonPath::Step step(path, std::string_view("languageMap"));
    if (value.front() != '{') return bad("A languageMap is an object: language tag to text.");
    bool fine = true;
    json_text::each_member(value, [&](std::string_view key, std::string_view text) {
      fine = fine && !key.empty() && (text != kNullLiteral || merging());
      if (text.front() == '[')
        json_text::each_element(text, [&](std::string_view item) { fine = fine && item.front() == '"'; });
      else
        fine = fine && text.front() == '"';
    });
    if (!fine) return bad("A languageMap maps language tags to a text or to a list of texts.");
    return {};
  }

  /// The value of a Property or ListProperty: keys of objects in it become full names.
  Status settle_property(Frame& f) {
    EntityBuilder::Instance& instance = f.instance;
    instance.value = f.value;
    if (instance.name == proof && f.value.front() != '{')
      return bad("The value of ngsildproof is an object: a data integrity proof (clause 4.5.2.2).");
    if (!f.has_objects) return {};
    f.rewritten.clear();
    auto keys = expand_keys(f.value, vocabulary->context(), f.rewritten);
    if (!keys.ok()) {
      Error error = std::move(keys).error();
      error.where = path.pointer() + error.where;
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
    instances = 0;
    complete = true;
    has_nulls = false;
    proof = Symbol::none;
    path.clear();
    top.clear();
    past.clear();
    builder.begin({});
  }

  Status read_entity_member(std::string_view key, od::value& value, Fragment& fragment, std::string_view expected_id,
                            std::string_view& id, std::size_t& types, std::uint32_t& seen) {
    const auto once = [&seen](unsigned bit) { return std::exchange(seen, seen | (1u << bit)) != (seen | (1u << bit)); };
    if (key == "id" || key == "@id") return once(0) ? read_id(value, expected_id, id) : Status(duplicate(key));
    if (key == "type" || key == "@type") return once(1) ? read_types(value, types) : Status(duplicate(key));
    if (key == "scope" && temporal()) return once(2) ? read_evolution(value, fragment) : Status(duplicate(key));
    if (key == "scope") return once(2) ? read_scopes(value, fragment) : Status(duplicate(key));
    if (key == "@context") return once(3) ? skip(value) : Status(duplicate(key));
    if (key == "createdAt" || key == "modifiedAt" || key == "deletedAt") return skip(value);
    if (key == "expiresAt") return once(4) ? read_time(value, key, fragment.expires_at) : Status(duplicate(key));
    if (const MemberName* member = member_named(key)) MADANG_CHECK(check_name(*member, value));
    auto symbol = intern(key);
    if (!symbol.ok()) return placed(std::move(symbol).error());
    if (std::find(top.begin(), top.end(), *symbol) != top.end()) return duplicate(key);
    top.push_back(*symbol);
    return read_attribute(*symbol, value);
  }

  /// Clause 4.5.1: non-reified terms cannot name attributes. `value` and its kin stand for nodes, and models have
  /// attributes of that name; but a fragment {"value": 5} is more likely an attribute at the wrong place.
  Status check_name(const MemberName& member, od::value& value) const {
    const bool misplaced =
        kind == FragmentKind::attributes || kind == FragmentKind::merge || kind == FragmentKind::evolution_attributes;
    if (member.member == Member::value && !(misplaced && !looks_like_attribute(start_of(value)))) return {};
    return bad("\"" + std::string(member.name) +
               "\" is a member of attributes and cannot be the name of one (clause 4.5.1).");
  }

  base::Result<Fragment> read_object(od::object object, std::string_view expected_id, std::string_view& id) {
    Fragment fragment;
    std::size_t types = 0;
    std::uint32_t seen = 0;
    for (auto field : object) {
      std::string_view key;
      od::value value;
      if (auto code = field.unescaped_key().get(key)) return broken(code);
      const JsonPath::Step step(path, key);
      if (auto code = field.value().get(value)) return broken(code);
      MADANG_CHECK(read_entity_member(key, value, fragment, expected_id, id, types, seen));
    }
    return finish_entity(std::move(fragment), expected_id, id, types);
  }

  base::Result<Fragment> finish_entity(Fragment fragment, std::string_view expected_id, std::string_view& id,
                                       std::size_t types) {
    const bool whole =
        kind == FragmentKind::entity || kind == FragmentKind::entity_upsert || kind == FragmentKind::evolution;
    if (id.empty()) {
      if (whole || kind == FragmentKind::entity_update || kind == FragmentKind::entity_merge)
        return bad("The entity has no id.");
      id = expected_id;
    }
    if (whole && types == 0) return bad("The entity has no type.");
    builder.set_id(id);
    return finish(std::move(fragment));
  }

  /// The object at `at`, where it is a plain one; `end` is then its end.
  std::optional<base::Result<Fragment>> read_plain_entity(const char* at, std::string_view expected_id,
                                                          std::string_view& id, const char*& object_end) {
    if (temporal()) return std::nullopt;
    const auto entity = plain.read(json_text::between(at, end), builder, *vocabulary);
    if (!entity || (!expected_id.empty() && !entity->id.empty() && entity->id != expected_id)) {
      builder.begin({});
      return std::nullopt;
    }
    id = entity->id;
    object_end = entity->end;
    return finish_entity({}, expected_id, id, entity->types);
  }

  base::Result<Fragment> finish(Fragment fragment) {
    auto block = builder.finish();
    if (!block.ok()) return placed(std::move(block).error());
    if (block->size() > (temporal() ? limits.evolution_bytes : limits.entity_bytes))
      return bad("The entity is too large.", Code::too_large);
    note_deleted(fragment);
    fragment.block = std::move(*block);
    fragment.complete = complete;
    fragment.has_nulls = has_nulls;
    return fragment;
  }

  /// The builder has put the instances of one name side by side, the default ones first.
  void note_deleted(Fragment& fragment) {
    if (past.empty()) return;
    std::unordered_map<Symbol, std::size_t> first;
    for (std::size_t i = 0; i < past.size(); ++i) first.try_emplace(past[i].name, i);
    std::stable_sort(past.begin(), past.end(), [&](const Past& a, const Past& b) {
      return a.name != b.name ? first[a.name] < first[b.name] : a.is_default > b.is_default;
    });
    for (std::size_t i = 0; i < past.size(); ++i)
      if (past[i].deleted_at) fragment.deleted.emplace_back(static_cast<std::uint32_t>(i), *past[i].deleted_at);
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
  std::string_view found_id;
  const char* object_end = nullptr;
  if (auto fragment = r.read_plain_entity(json.data(), id, found_id, object_end))
    if (json_peek::skip_space(object_end, r.end) == r.end) return std::move(*fragment);
  r.builder.begin({});
  if (auto code = document.get_object().get(object)) {
    if (code == simdjson::INCORRECT_TYPE) return r.bad("A JSON object was expected.", Code::invalid_request);
    return r.broken(code);
  }
  auto fragment = r.read_object(object, id, found_id);
  if (fragment.ok() && !Impl::at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON object.");
  return fragment;
}

base::Result<Fragment> FragmentReader::read_attribute(std::string_view json, Symbol name, Vocabulary& vocabulary,
                                                      FragmentKind kind) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  if (vocabulary.symbols().name(name) == kProof) r.proof = name;
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
  items.reserve(std::min(most, json.size() / 256 + 1));
  for (auto element : array) {
    if (items.size() == most)
      return base::error(Code::too_large, "A batch holds at most " + std::to_string(most) + " entities.");
    r.start(vocabulary, kind, json);
    const JsonPath::Step step(r.path, items.size());
    od::value value;
    od::object object;
    if (auto code = std::move(element).get(value)) return r.broken(code);
    std::string_view id;
    const char* object_end = nullptr;
    if (auto fragment = r.read_plain_entity(Impl::start_of(value), {}, id, object_end)) {
      items.push_back({items.size(), std::string(fragment->ok() ? std::string_view() : id), std::move(*fragment)});
      continue;
    }
    auto code = value.get_object().get(object);
    if (code != simdjson::SUCCESS && code != simdjson::INCORRECT_TYPE) return r.broken(code);
    if (bool null = false; code && !value.is_null().get(null) && null) return r.bad("An entity is null (5.6.7.4).");
    auto fragment = code == simdjson::SUCCESS ? r.read_object(object, {}, id)
                                              : base::Result<Fragment>(r.bad("An entity is a JSON object."));
    if (!fragment.ok() && fragment.error().code == Code::invalid_request) return std::move(fragment).error();
    items.push_back({items.size(), std::string(fragment.ok() ? std::string_view() : id), std::move(fragment)});
  }
  if (!Impl::at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON array.");
  return items;
}

}  // namespace madang::ngsi
