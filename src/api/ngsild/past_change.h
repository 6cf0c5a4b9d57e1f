#pragma once
// Changes of the past: create, append to, correct and delete evolutions (5.6.11 to 5.6.16).

#include "call.h"

namespace madang::api::ngsild {

class ChangePast final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
