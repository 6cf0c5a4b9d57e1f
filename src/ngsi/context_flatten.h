#pragma once
// A context with everything it refers to, in the order in which it applies.

#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "context_document.h"
#include "name_hash.h"

namespace madang::ngsi {

using Documents = boost::unordered_flat_map<std::string, DocumentPtr, NameHash, NameEqual>;

struct FlatContext {
  std::vector<const LocalContext*> objects;  // point into the documents
  std::vector<std::string> missing;          // documents that are needed and not there: the rest means nothing then
};

/// Follows the references of `root` (whose own address is `root_url`, or empty) through `documents`.
/// bad_request_data for a cycle, naming it; too_complex beyond the limits on documents and nesting.
base::Result<FlatContext> flatten(const ContextDocument& root, const std::string& root_url, const Documents& documents,
                                  const ContextLimits& limits);

}  // namespace madang::ngsi
