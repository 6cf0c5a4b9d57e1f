#pragma once
// Walks through entities a round at a time, so that a long walk holds up nobody else's request.

#include <functional>
#include <memory>
#include <string>

#include "narrowed.h"
#include "sensorthings/writer.h"

namespace madang::api::sensorthings {

/// The entities that may make rows of this set, in this scope, under this filter: types, ids and attributes that an
/// index serves.
base::Result<ngsi::Query> narrow_entities(const Call& call, const Names& names, const Scope& scope,
                                          const Expression* filter);

struct Round {
  std::optional<std::string> after;  // the cursor it begins at
  std::uint32_t limit = 100;
};
/// One round: `see` for each entity that meets `condition`, then `done` with the cursor of the next round, if there is
/// one.
void walk_round(const std::shared_ptr<Call>& call, const ngsi::Query& query, Narrowed::Condition condition,
                const Round& round, std::function<void(ngsi::EntityView, const ngsi::Filter*)> see,
                std::function<void(base::Result<std::optional<std::string>>)> done);

}  // namespace madang::api::sensorthings
