#pragma once
// Types and attributes in use (5.7.5 to 5.7.10), tenants, and who this context source is (5.15.1).

#include "call.h"

namespace madang::api::ngsild {

class ShowTypes final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ShowAttributes final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ListTenants final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ShowSourceIdentity final : public Endpoint {
 public:
  explicit ShowSourceIdentity(const base::Clock& clock) : since_(clock.monotonic()) {}
  void operator()(Call&& call) const override;

 private:
  std::chrono::nanoseconds since_;
};

}  // namespace madang::api::ngsild
