#pragma once
// Purge (5.6.21): entities that match a question go, or lose attributes.

#include "call.h"

namespace madang::api::ngsild {

class PurgeEntities final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
