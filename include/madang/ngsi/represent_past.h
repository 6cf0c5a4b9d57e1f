#pragma once
// Evolutions as JSON: the temporal representation (clauses 4.5.6 to 4.5.8), the simplified one (4.5.9), aggregated
// values (4.5.19).

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madang/ngsi/evolution.h"
#include "madang/ngsi/represent.h"

namespace madang::ngsi {

struct PastRepresentation {
  Representation how;   // its format is that of instances; GeoJSON and joining are not for evolutions
  bool values = false;  // temporalValues (4.5.9)
  TimeProperty property = TimeProperty::observed_at;  // what instances are chosen by, and the time beside each value
  /// Only instances of these times, both included: a part of the answer (clause 6.3.10). An attribute that has others
  /// only is shown as an empty array: there is more of it.
  std::optional<Timestamp> first, last;
  /// Only instances while the entity was in one of these scopes (clauses 4.18, 5.7.4.4).
  std::optional<ScopeSelection> scope;
};

/// Has the entity anything to show?
bool shows_anything(const Evolution& evolution, const PastRepresentation& how, const Filter* filter);
/// An attribute that has no instance in this part of an answer, and has some in another.
struct ElsewhereAttribute {
  Symbol name = Symbol::none;
  Kind kind = Kind::property;
};
void append_evolution(std::string& out, const Evolution& evolution, Vocabulary& vocabulary,
                      const PastRepresentation& how, const Filter* filter = nullptr,
                      const std::vector<ElsewhereAttribute>& elsewhere = {});

/// `methods` in the order in which they are shown.
bool shows_anything(const Aggregation& aggregation, const Representation& how, const Filter* filter);
void append_aggregation(std::string& out, const Aggregation& aggregation, Vocabulary& vocabulary,
                        const std::vector<AggregateMethod>& methods, const Representation& how,
                        const Filter* filter = nullptr);

/// The times [from, until) in which the entity was in what `selection` asks for, by what it says of its scopes.
std::vector<std::pair<Timestamp, Timestamp>> times_in_scope(const std::vector<ScopeInstance>& scopes,
                                                            const ScopeSelection& selection, TimeProperty property);

}  // namespace madang::ngsi
