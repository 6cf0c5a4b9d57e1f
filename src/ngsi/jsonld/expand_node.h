#pragma once
// What is known of an object while it is being expanded.

#include "jsonld/expand.h"
#include "jsonld/iri.h"

namespace madang::ngsi::jsonld {

struct Expander::Node {
  ActivePtr active;
  ActivePtr type_scoped;
  const std::string* property;  // that leads to it
  std::string input_type = {};
  Object result = {};
};

/// IRI expansion gives nothing (null) for what looks like a keyword and is none, and for terms that mean nothing.
inline bool is_iri_null(std::string_view written, std::string_view expanded) {
  return expanded.empty() && !written.empty();
}

}  // namespace madang::ngsi::jsonld
