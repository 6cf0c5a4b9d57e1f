#pragma once
// What operators and their tools ask: alive, ready, figures, the description.

#include <atomic>
#include <string>
#include <vector>

#include "madang/hub/surface.h"

#include "call.h"

namespace madang::api::admin {

/// Is the process alive: always 200, with figures for a person.
class ShowHealth final : public Endpoint {
 public:
  explicit ShowHealth(const std::vector<hub::Surface*>& surfaces) : surfaces_(surfaces) {}
  void operator()(Call&& call) const override;

 private:
  const std::vector<hub::Surface*> surfaces_;
};

/// Does it take requests: 503 while draining or refusing changes.
class ShowReady final : public Endpoint {
 public:
  explicit ShowReady(const std::atomic<bool>& draining) : draining_(draining) {}
  void operator()(Call&& call) const override;

 private:
  const std::atomic<bool>& draining_;
};

/// For readers, or anybody on the same machine.
class ShowMetrics final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// A constant text.
class ShowText final : public Endpoint {
 public:
  explicit ShowText(std::string text) : text_(std::move(text)) {}
  void operator()(Call&& call) const override;

 private:
  std::string text_;
};

}  // namespace madang::api::admin
