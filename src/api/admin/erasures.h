#pragma once
// Erasing for good, for administrators.

#include "call.h"

namespace madang::api::admin {

class ManageErasures final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::admin
