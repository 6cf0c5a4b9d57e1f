#pragma once
// Snapshots as a resource (5.16).

#include "call.h"

namespace madang::api::ngsild {

class ManageSnapshots final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
