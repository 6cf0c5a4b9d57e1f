#pragma once
// Filters in the text form of CQL2 (OGC 21-065): what an entity has to meet.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/query.h"

#include "ogc/crs.h"

namespace madang::api::ogc {

/// A tree of conditions, with the three truths of SQL: what asks about an attribute that an entity does not have is
/// unknown, and so is its negation.
struct Predicate {
  enum class Node : std::uint8_t { all, any, negation, term, is_null, spatial, id_equal, id_like, constant };
  Node node = Node::all;
  std::vector<Predicate> parts;   // all, any, negation (one)
  ngsi::QueryExpression term;     // term
  ngsi::QueryExpression present;  // term, is_null: the attribute is there
  ngsi::GeoQuery geo;             // spatial
  std::vector<std::string> ids;   // id_equal
  ngsi::PatternPtr pattern;       // id_like
  bool value = true;              // constant

  bool holds(ngsi::EntityView entity, const ngsi::Filter* filter) const { return truth(entity, filter) == 1; }
  bool operator()(ngsi::EntityView entity, const ngsi::Filter* filter) const { return holds(entity, filter); }

 private:
  int truth(ngsi::EntityView entity, const ngsi::Filter* filter) const;  // 1, 0, or -1: unknown
};

/// `crs`: of shapes. Errors are bad_request_data or too_complex, their place "filter:<column>".
base::Result<Predicate> parse_cql2(std::string_view text, ngsi::Vocabulary& vocabulary, const ngsi::QueryLimits& limits,
                                   const Crs& crs);

/// Does a property have this value, written as in a query part (`speed=30`)?
base::Result<Predicate> property_equals(std::string_view name, std::string_view value, ngsi::Vocabulary& vocabulary,
                                        const ngsi::QueryLimits& limits);
/// Both times belong to it. Entities with a `dateObserved` are asked about that, others about when they changed.
Predicate changed_within(std::optional<base::Timestamp> from, std::optional<base::Timestamp> until,
                         ngsi::Vocabulary& vocabulary);

/// What must hold for `predicate` to hold and an index can serve: into `query`. The predicate still decides.
void narrow(const Predicate& predicate, ngsi::Query& query);

}  // namespace madang::api::ogc
