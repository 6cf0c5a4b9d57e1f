#pragma once
// Retrieve Entity (5.7.1).

#include "call.h"

namespace madang::api::ngsild {

class RetrieveEntity final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
