#pragma once
// Batch operations (5.6.7 to 5.6.10, 5.6.20): each entity succeeds or fails alone, in the order given.

#include "call.h"

namespace madang::api::ngsild {

class ChangeEntities final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
