#pragma once
// What becomes of notifications, for administrators: queues, gaps, and what endpoints refused.

#include "call.h"

namespace madang::api::admin {

class ManageDeliveries final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::admin
