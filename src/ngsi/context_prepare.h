#pragma once
// From contexts as written to a prepared context, by JSON-LD's own algorithms (jsonld/process.h) with the rules that
// NGSI-LD adds (clause 5.5.7).

#include <boost/unordered/unordered_flat_map.hpp>

#include "context_document.h"
#include "context_prepared.h"

namespace madang::ngsi {

using Documents = boost::unordered_flat_map<std::string, DocumentPtr, NameHash, NameEqual>;

struct Preparation {
  std::vector<std::string> missing;                // documents that are needed and not there
  std::shared_ptr<const PreparedContext> context;  // null where some are missing
};

/// Applies the context of `root` (whose own address is `root_url`, or empty) on top of the core context, whose terms
/// none can change. bad_request_data with the place for what JSON-LD forbids; too_large and too_complex beyond the
/// limits. Where documents are missing, no fault is one yet.
base::Result<Preparation> prepare(const ContextDocument& root, const std::string& root_url, const Documents& documents,
                                  Presentation presentation, const ContextLimits& limits);

/// The core context as an active one.
const jsonld::ActivePtr& core_active();

}  // namespace madang::ngsi
