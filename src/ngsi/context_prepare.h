#pragma once
// From context objects as written to a prepared context: the part of JSON-LD 1.1's context processing that NGSI-LD
// names need (JSON-LD 1.1 API, 4.1 and 4.2).

#include "context_flatten.h"
#include "context_prepared.h"

namespace madang::ngsi {

/// Applies `objects` in their order on top of the core context, whose terms none of them can change (clause 5.5.7).
/// bad_request_data with the place for definitions that JSON-LD forbids: cycles, IRIs that are none, redefinition of
/// protected terms; too_large and too_complex beyond the limits.
base::Result<std::shared_ptr<const PreparedContext>> prepare(const std::vector<const LocalContext*>& objects,
                                                             Presentation presentation, const ContextLimits& limits);

}  // namespace madang::ngsi
