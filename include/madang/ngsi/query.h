#pragma once
// What can be asked of the current state: parsed query languages as trees of values (clauses 4.9, 4.10, 4.17, 4.19,
// 4.21), and whether an entity matches. The planner in `state` reads these trees to choose an index.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"

namespace madang::ngsi {

struct QueryLimits {
  std::size_t text = 8'192;  // bytes of one q, scopeQ, type or idPattern
  std::size_t terms = 200;   // leaves of a tree
  std::size_t depth = 32;
  std::size_t hops = 10;  // of a path through linked entities
  std::size_t ids = 1'000;
  std::size_t attributes = 1'000;
  std::size_t vertices = 10'000;  // of a query geometry
  std::size_t regex_memory = 1 << 20;
};

/// A bounded regular expression (RE2), searched unanchored as IEEE 1003.2 does.
class Pattern {
 public:
  static base::Result<std::shared_ptr<const Pattern>> compile(std::string_view text, const QueryLimits& limits);
  virtual ~Pattern() = default;
  virtual bool search(std::string_view text) const = 0;
  virtual const std::string& text() const = 0;
};
using PatternPtr = std::shared_ptr<const Pattern>;

/// The three trees below have one shape. `all_of` binds tighter than `any_of`; no part of a node is of the node's own
/// sort, and no node has one part.

/// Clause 4.17: `A`, `A,B` or `A|B` (or), `A;B` (and), parentheses. `*` alone is an all_of without parts: every entity.
struct TypeSelection {
  enum class Node : std::uint8_t { type, all_of, any_of };
  Node node = Node::type;
  Symbol type = Symbol::none;  // none: a name that no entity has
  std::vector<TypeSelection> parts;
  bool operator==(const TypeSelection&) const = default;
};

/// Clause 4.9: a path `attr.sub[key.key]`. Sub-attributes by symbol, keys inside the value as stored (context
/// expanded).
struct AttributePath {
  /// What the last name means: an attribute, or one of the members that are kept with it (`speed.observedAt`). A path
  /// of such a member alone (`modifiedAt`) is the entity's own and has no names.
  enum class Member : std::uint8_t {
    value,
    created_at,
    modified_at,
    observed_at,
    expires_at,
    unit_code,
    dataset_id,
    value_type,  // names of types: compared expanded
    object_type
  };
  /// A key inside []. Language tags and keys of GeoProperty and JsonProperty values are not expanded: those compare as
  /// written.
  struct Key {
    std::string stored;   // expanded, as values hold it
    std::string written;  // also a language tag or "*", any language
    bool operator==(const Key&) const = default;
  };

  /// A step to the entities that a Relationship points at: `isParked{Parking:name}`.
  struct Hop {
    Symbol relationship = Symbol::none;
    std::vector<Symbol> types;  // the hint: one of these; empty: any
    bool operator==(const Hop&) const = default;
  };

  std::vector<Hop> hops;  // from the entity asked about to the one that has the rest; nearly always none
  std::vector<Symbol> names;
  Member member = Member::value;
  std::vector<Key> keys;
  bool has_unknown_name() const;  // then it matches nothing
  /// The attribute whose own value is asked about, and so one that a value index can serve; none for sub-attributes,
  /// members and keys.
  Symbol plain_attribute() const;
  bool operator==(const AttributePath&) const = default;
};

enum class Comparison : std::uint8_t {
  exists,
  equal,
  unequal,
  greater,
  greater_equal,
  less,
  less_equal,
  matches,
  not_matches
};

/// Calendar dates and times of day (clause 4.6.3), which compare only with their own sort.
struct Date {
  std::int32_t days = 0;  // since 1970-01-01
  auto operator<=>(const Date&) const = default;
};
struct TimeOfDay {
  std::int64_t ns = 0;  // since midnight, UTC
  auto operator<=>(const TimeOfDay&) const = default;
};

/// A value in a query or an index. Each sort compares only with itself (4.9: "no equality of data types": no match):
/// strings by code point, date-times by instant. A string that is a date-time, date or time of day never stands as a
/// string.
using QueryValue = std::variant<bool, double, std::string, base::Timestamp, Date, TimeOfDay>;
struct QueryRange {
  QueryValue low, high;  // inclusive, of one sort
  bool operator==(const QueryRange&) const = default;
};

struct QueryTerm {
  AttributePath path;
  Comparison comparison = Comparison::exists;
  std::vector<std::variant<QueryValue, QueryRange>>
      values;  // one; several for a list (equal: any of; unequal: none of)
  PatternPtr pattern;
  bool operator==(const QueryTerm& other) const;  // patterns by their text
};

struct QueryExpression {
  enum class Node : std::uint8_t { term, all_of, any_of };
  Node node = Node::term;
  QueryTerm term;
  std::vector<QueryExpression> parts;
  bool operator==(const QueryExpression&) const = default;
};

/// Clause 4.19: `/A/B`, `/A/+` (one level), `/A/#` (it and all below), `/#` (any), with `,` `|` (or) and `;` (and).
struct ScopeSelection {
  enum class Node : std::uint8_t { scope, all_of, any_of };
  Node node = Node::scope;
  std::string pattern;  // starts with "/"
  std::vector<ScopeSelection> parts;
  bool operator==(const ScopeSelection&) const = default;
};

/// Clause 4.10.
struct GeoQuery {
  enum class Relation : std::uint8_t { near, equals, disjoint, intersects, contains, within, overlaps };
  Relation relation = Relation::near;
  std::optional<double> min_distance;  // metres
  std::optional<double> max_distance;
  geo::Geometry geometry;
  std::shared_ptr<const geo::Prepared> prepared;
  std::optional<geo::Box> window;  // a geometry whose box is outside cannot match; nothing: it can be anywhere
  Symbol property = Symbol::none;  // the GeoProperty asked about: "location" unless geoproperty says otherwise
};

/// Clause 5.2.33: one way to be among the entities that a POSTed query is about.
struct EntitySelector {
  std::optional<TypeSelection> type;
  std::vector<std::string> ids;
  PatternPtr id_pattern;
};
struct Order;  // order.h

/// A whole question. Empty parts ask nothing. Everything given must hold.
struct Query {
  std::optional<TypeSelection> type;
  std::vector<std::string> ids;
  PatternPtr id_pattern;
  std::vector<Symbol> attributes;  // `attrs`: has at least one of these
  bool attributes_given = false;   // true with an empty list: only unknown names were asked for: matches nothing
  std::optional<QueryExpression> q;
  std::optional<ScopeSelection> scope;
  std::optional<GeoQuery> geo;
  std::vector<EntitySelector> selectors;  // one of these; empty: any entity
  std::shared_ptr<const Order> order;     // null: in the order of places
  /// Not 0: so many of those that match will do, whichever are found first (a map is drawn of them). Of questions with
  /// a geo query; the answer may then hold fewer than there are.
  std::uint32_t any = 0;
};

/// What a policy puts on every query of a principal: entities outside do not exist for it, hidden attributes neither
/// (also not in `q`, `geo`, `attrs`: nobody learns a hidden value by asking about it). Null: everything is allowed.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual bool allows_entity(const EntityView& entity) const = 0;
  virtual bool allows_attribute(const EntityView& entity, Symbol attribute) const = 0;
};

/// The entities beside the one at hand, as far as somebody may see them: where its Relationships lead.
class Neighbours {
 public:
  virtual ~Neighbours() = default;
  /// A null view where there is none to be seen. Both this call and the use of what it gives belong where the view of
  /// the entity at hand is valid, too.
  virtual EntityView find(std::string_view id) const = 0;
};

/// Without neighbours no path through linked entities leads anywhere.
bool matches(const Query& query, const EntityView& entity, const Filter* filter = nullptr,
             const Neighbours* neighbours = nullptr);
bool matches(const TypeSelection& selection, const EntityView& entity);
bool matches(const QueryExpression& expression, const EntityView& entity, const Filter* filter = nullptr,
             const Neighbours* neighbours = nullptr);
/// Is it one of the types of a hint? (Clause 4.9, example 14; an empty hint: any.)
bool has_one_of(const EntityView& entity, const std::vector<Symbol>& types);
/// How many hops the longest path of linked entities has (clause 5.7.2.4: at most joinLevel).
std::size_t linked_depth(const QueryExpression& expression);
bool matches(const ScopeSelection& selection, const EntityView& entity);
bool matches(const ScopeSelection& selection, const std::vector<std::string>& scopes);
bool matches(const GeoQuery& query, const EntityView& entity, const Filter* filter = nullptr);
/// The geometry of an entity's GeoProperty instance value (GeoJSON text).
base::Result<geo::Geometry> geometry_of(const AttributeView& attribute);

/// Names of attributes as written whose values q reads in another way (clause 4.9): `expandValues` are expanded by the
/// @context as type coercion would, keys inside `jsonKeys` are not expanded.
struct ValueNames {
  std::vector<std::string_view> expanded, json_keys;
};

/// The parsers. `text` is percent-decoded. `where` in errors is "<parameter>:<column>", columns from 1 counting code
/// points
/// ("q:17", "type:3", "scopeQ:1", "georel:6"). Syntax errors are bad_request_data, limits too_complex.
///
/// Where the ABNF of 4.9 leaves a choice, q is read so: a bare regular expression ends at a `;`, `|` or `)` that is in
/// no group or class of its own; one in double quotes ends there and only `\"` is an escape. A bare URI ends at `;`,
/// `|`, `,` or a `)` that it did not open; in quotes it may hold anything. A bare word is a string (4.9, example 12).
/// Within braces what stands before the last colon of the path's beginning is the hint of types, so a prefixed name
/// (`ns:name`) cannot begin a path there.
base::Result<TypeSelection> parse_type_selection(std::string_view text, Vocabulary& vocabulary,
                                                 const QueryLimits& limits = {});
base::Result<QueryExpression> parse_q(std::string_view text, Vocabulary& vocabulary, const QueryLimits& limits = {},
                                      const ValueNames& values = {});
base::Result<ScopeSelection> parse_scope_selection(std::string_view text, const QueryLimits& limits = {});
/// From the four parameters of a geo query as text (coordinates: JSON array text). `geoproperty` may be empty.
base::Result<GeoQuery> parse_geo_query(std::string_view georel, std::string_view geometry, std::string_view coordinates,
                                       std::string_view geoproperty, Vocabulary& vocabulary,
                                       const QueryLimits& limits = {});
/// Puts a shape into a query whose relation and distances are set. Errors of geo::Prepared::make.
base::Status set_geometry(GeoQuery& query, geo::Geometry geometry);
/// `/A/B`: syntax of one scope (clause 4.18).
bool is_scope(std::string_view text);

/// A scalar JSON text (string, number, true/false) as a QueryValue, date-times recognised; nothing for others.
std::optional<QueryValue> scalar_value(std::string_view json);
/// Order of two values of one sort: <0, 0, >0; nothing where they cannot be compared.
std::optional<int> compare(const QueryValue& a, const QueryValue& b);

/// Appends the terms that must all hold for the expression to hold: itself, or the parts of an all_of.
void conjunction(const QueryExpression& expression, std::vector<const QueryTerm*>& out);

/// The trees as text that parses to the same tree. A name that nobody uses (Symbol::none) comes out as `?`.
std::string to_text(const TypeSelection& selection, Vocabulary& vocabulary);
std::string to_text(const QueryExpression& expression, Vocabulary& vocabulary);
std::string to_text(const ScopeSelection& selection);

}  // namespace madang::ngsi
