#pragma once
// A JSON-LD context as it was written: its JSON, its meaning not yet worked out.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"

#include "jsonld/tree.h"

namespace madang::ngsi {

struct ContextDocument {
  jsonld::Value tree;              // an object with the member @context
  std::vector<std::string> shown;  // of an inline context: its parts as JSON, without the core context
  std::string core_url;            // the last reference to that, as written; empty: none
  std::string only_url;            // where the parts are one reference and nothing else
  std::size_t bytes = 0;           // of memory, about
  std::uint64_t text_hash = 0;

  const jsonld::Value& context() const { return *jsonld::find(tree.get_object(), "@context"); }
};
using DocumentPtr = std::shared_ptr<const ContextDocument>;

/// A fetched or stored document: an object with a member @context. Its terms are not looked at.
base::Result<DocumentPtr> read_remote_context(std::string_view json, const std::string& url,
                                              const ContextLimits& limits);
/// The value of a @context member in a request's body.
base::Result<DocumentPtr> read_inline_context(std::string_view json, const ContextLimits& limits);

}  // namespace madang::ngsi
