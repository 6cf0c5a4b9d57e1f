#pragma once
// Stored contexts (clause 5.13, 6.29, 6.30): add, list, serve, delete and reload.

#include "call.h"

namespace madang::api::ngsild {

/// The hub keeps hosted and implicitly created contexts, so that they last; the context store uses them, and knows the
/// cached ones.
class ManageContexts final : public Endpoint {
 public:
  /// Hands what the hub kept to the context store.
  ManageContexts(hub::Hub& hub, ngsi::ContextStore& contexts);
  void operator()(Call&& call) const override;
};

/// Keeps a context document for a tenant, durably, and calls `done` on `loop` with its id: what "add @context" does,
/// and what makes an implicitly created one. `document`: an object with @context; what else is in it is left out
/// (5.13.2.3).
void keep_context(const Environment& environment, const governance::Principal& who, const std::string& tenant,
                  ngsi::ContextKind kind, std::string_view document, net::Loop& loop,
                  std::function<void(base::Result<std::string>)> done);

/// A URI that nobody has had: `urn:uuid:` and a random UUID.
std::string make_id();

}  // namespace madang::api::ngsild
