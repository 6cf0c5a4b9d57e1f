#pragma once
// Operations that change one entity (5.6.1 to 5.6.6, 5.6.17 to 5.6.19).

#include "call.h"

namespace madang::api::ngsild {

class ChangeEntity final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
