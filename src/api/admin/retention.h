#pragma once
// Rules of what is kept of the past, and what they did, for administrators.

#include "call.h"

namespace madang::api::admin {

class ManageRetention final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::admin
