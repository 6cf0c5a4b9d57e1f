#pragma once
// The scope of a temporal representation (clause 4.5.6): one or more times that it was set, as a Property whose value
// is the scopes, or the scopes alone.

#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/evolution.h"

namespace madang::ngsi {

/// `json`: the member's value, valid JSON. Of a deletion that does not say when, deletedAt is kNullTime. Errors name
/// the place below the member.
base::Result<std::vector<ScopeInstance>> read_scope_evolution(std::string_view json, const EntityLimits& limits);

}  // namespace madang::ngsi
