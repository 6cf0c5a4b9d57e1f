#pragma once
// What predicates are put together from.

#include <variant>

#include "ogc/cql2.h"

namespace madang::api::ogc {

using Value = std::variant<ngsi::QueryValue, ngsi::QueryRange>;

/// A moment, or a day: from a time up to another that is not in it.
struct Moment {
  base::Timestamp from, until;
};

Predicate join(Predicate::Node node, std::vector<Predicate> parts);
Predicate term_of(const ngsi::AttributePath& path, ngsi::Comparison comparison, std::vector<Value> values);
Predicate moment_term(const ngsi::AttributePath& path, ngsi::Comparison comparison, const Moment& moment);
/// Of a name as it stands in q (`speed`, `speed.observedAt`, `address[city]`), or `quoted`: just the name of an
/// attribute.
base::Result<ngsi::AttributePath> path_of(std::string_view name, bool quoted, ngsi::Vocabulary& vocabulary,
                                          const ngsi::QueryLimits& limits);
/// A text as values are compared: one that is a date-time is that.
ngsi::QueryValue text_value(std::string_view text);

}  // namespace madang::api::ogc
