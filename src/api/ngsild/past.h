#pragma once
// The past: retrieve and query the evolution of entities (5.7.3, 5.7.4), and entity maps of such questions (5.14.5).

#include "call.h"

namespace madang::api::ngsild {

class RetrievePast final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

class QueryPast final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

class CreatePastEntityMap final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::ngsild
