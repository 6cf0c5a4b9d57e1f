#pragma once
// Subscriptions (clauses 5.8.1 to 5.8.5, 6.10, 6.11).

#include "call.h"

namespace madang::api::ngsild {

class ManageSubscriptions final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
