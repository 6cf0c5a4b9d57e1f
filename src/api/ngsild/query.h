#pragma once
// Query Entities (5.7.2), by GET and by POST.

#include "call.h"

namespace madang::api::ngsild {

class QueryEntities final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
