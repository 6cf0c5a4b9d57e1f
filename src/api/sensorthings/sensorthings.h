#pragma once
// OGC SensorThings API 1.1 over the hub (OGC 18-088): what is read, and new observations. How entities are Things:
// model.h.

#include "call.h"

namespace madang::api::sensorthings {

/// The collections, and what is conformed to.
class ShowRoot final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
/// Whatever the path leads to.
class ReadResource final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};
/// A new observation: the attribute's new value, or, where a later one is known, one of its past.
class CreateObservation final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::sensorthings
