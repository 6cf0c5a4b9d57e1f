#pragma once
// OGC API - Features over the hub: each entity type is a collection, each entity a feature (OGC 17-069r4, 18-058r1,
// 19-079r2).

#include "call.h"

namespace madang::api::ogc {

/// The landing page, what is conformed to, and the description of the interface in OpenAPI 3.0.
class ShowLanding final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ShowConformance final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ShowDescription final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
/// All collections, one, or what one can be asked about.
class ShowCollections final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
/// Features of a collection: a page of them, or one.
class ShowItems final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
class ShowItem final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// `limit` where none is given.
inline constexpr std::uint32_t kItems = 100;

}  // namespace madang::api::ogc
