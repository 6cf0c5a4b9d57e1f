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
  std::size_t text = 8'192;        // bytes of one q, scopeQ, type or idPattern
  std::size_t terms = 200;         // leaves of a tree
  std::size_t depth = 32;
  std::size_t ids = 1'000;
  std::size_t attributes = 1'000;
  std::size_t vertices = 10'000;   // of a query geometry
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

/// Clause 4.17: `A`, `A,B` or `A|B` (or), `A;B` (and), parentheses.
struct TypeSelection {
  enum class Node : std::uint8_t { type, all_of, any_of };
  Node node = Node::type;
  Symbol type = Symbol::none;  // none: a name that no entity has
  std::vector<TypeSelection> parts;
};

/// Clause 4.9: a path `attr.sub[key.key]`. Sub-attributes by symbol, keys inside the value as stored (context expanded).
struct AttributePath {
  std::vector<Symbol> names;       // never empty
  std::vector<std::string> keys;   // inside [], also a language tag or "*" for a LanguageProperty
  bool has_unknown_name() const;   // then it matches nothing
};

enum class Comparison : std::uint8_t { exists, equal, unequal, greater, greater_equal, less, less_equal, matches, not_matches };

/// A value in a query. Strings, dates and URIs compare as NGSI-LD says (4.9): date-times by instant where both are.
using QueryValue = std::variant<bool, double, std::string, base::Timestamp>;
struct QueryRange {
  QueryValue low, high;  // inclusive
};

struct QueryTerm {
  AttributePath path;
  Comparison comparison = Comparison::exists;
  std::vector<std::variant<QueryValue, QueryRange>> values;  // one; several for a list (equal: any of; unequal: none of)
  PatternPtr pattern;
};

struct QueryExpression {
  enum class Node : std::uint8_t { term, all_of, any_of };
  Node node = Node::term;
  QueryTerm term;
  std::vector<QueryExpression> parts;
};

/// Clause 4.19: `/A/B`, `/A/+`, `/A/#`, with `,` `|` (or) and `;` (and).
struct ScopeSelection {
  enum class Node : std::uint8_t { scope, all_of, any_of };
  Node node = Node::scope;
  std::string pattern;
  std::vector<ScopeSelection> parts;
};

/// Clause 4.10.
struct GeoQuery {
  enum class Relation : std::uint8_t { near, equals, disjoint, intersects, contains, within, overlaps };
  Relation relation = Relation::near;
  std::optional<double> min_distance;  // metres
  std::optional<double> max_distance;
  geo::Geometry geometry;
  std::shared_ptr<const geo::Prepared> prepared;
  Symbol property = Symbol::none;      // the GeoProperty asked about: "location" unless geoproperty says otherwise
};

/// A whole question. Empty parts ask nothing. Everything given must hold.
struct Query {
  std::optional<TypeSelection> type;
  std::vector<std::string> ids;
  PatternPtr id_pattern;
  std::vector<Symbol> attributes;      // `attrs`: has at least one of these
  bool attributes_given = false;       // true with an empty list: only unknown names were asked for: matches nothing
  std::optional<QueryExpression> q;
  std::optional<ScopeSelection> scope;
  std::optional<GeoQuery> geo;
};

/// What a policy puts on every query of a principal: entities outside do not exist for it, hidden attributes neither
/// (also not in `q`, `geo`, `attrs`: nobody learns a hidden value by asking about it). Null: everything is allowed.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual bool allows_entity(const EntityView& entity) const = 0;
  virtual bool allows_attribute(const EntityView& entity, Symbol attribute) const = 0;
};

bool matches(const Query& query, const EntityView& entity, const Filter* filter = nullptr);
bool matches(const TypeSelection& selection, const EntityView& entity);
bool matches(const QueryExpression& expression, const EntityView& entity, const Filter* filter = nullptr);
bool matches(const ScopeSelection& selection, const EntityView& entity);
bool matches(const GeoQuery& query, const EntityView& entity, const Filter* filter = nullptr);
/// The geometry of an entity's GeoProperty instance value (GeoJSON text).
base::Result<geo::Geometry> geometry_of(const AttributeView& attribute);

/// The parsers. `where` in errors is "<parameter>:<column>", columns from 1 counting code points.
base::Result<TypeSelection> parse_type_selection(std::string_view text, Vocabulary& vocabulary, const QueryLimits& limits = {});
base::Result<QueryExpression> parse_q(std::string_view text, Vocabulary& vocabulary, const QueryLimits& limits = {});
base::Result<ScopeSelection> parse_scope_selection(std::string_view text, const QueryLimits& limits = {});
/// From the four parameters of a geo query as text (coordinates: JSON array text). `geoproperty` may be empty.
base::Result<GeoQuery> parse_geo_query(std::string_view georel, std::string_view geometry, std::string_view coordinates,
                                       std::string_view geoproperty, Vocabulary& vocabulary, const QueryLimits& limits = {});
/// `/A/B`: syntax of one scope (clause 4.18).
bool is_scope(std::string_view text);

/// A scalar JSON text (string, number, true/false) as a QueryValue, date-times recognised; nothing for others.
std::optional<QueryValue> scalar_value(std::string_view json);
/// Order of two values of one sort: <0, 0, >0; nothing where they cannot be compared.
std::optional<int> compare(const QueryValue& a, const QueryValue& b);

}  // namespace madang::ngsi
