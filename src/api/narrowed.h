#pragma once
// A question with a condition that the hub's own tree of queries cannot say.

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/governance/principal.h"

namespace madang::api {

/// The caller with one condition more: the hub puts it on the question where a policy's mandatory filter has its place,
/// and beside that one.
class Narrowed final : public governance::Policy, private ngsi::Filter {
 public:
  /// Of an entity that the policy allows, with the policy's filter (null: everything is allowed).
  using Condition = std::function<bool(const ngsi::EntityView&, const ngsi::Filter*)>;

  Narrowed(governance::PrincipalPtr who, std::string_view tenant, Condition condition)
      : who_(std::move(who)),
        base_(who_->policy ? who_->policy->reading(tenant) : nullptr),
        condition_(std::move(condition)) {}

  static governance::PrincipalPtr principal(const governance::PrincipalPtr& who, std::string_view tenant,
                                            Condition condition) {
    auto narrowed = std::make_shared<governance::Principal>(*who);
    narrowed->policy = std::make_shared<Narrowed>(who, tenant, std::move(condition));
    return narrowed;
  }

  const ngsi::Filter* reading(std::string_view) const override { return this; }
  base::Status writing(std::string_view, const ngsi::EntityView&, const ngsi::EntityView&,
                       const std::vector<ngsi::Symbol>&) const override {
    return base::error(base::Code::forbidden, "This is for reading.");
  }

 private:
  bool allows_entity(const ngsi::EntityView& entity) const override {
    return (!base_ || base_->allows_entity(entity)) && condition_(entity, base_);
  }
  bool allows_attribute(const ngsi::EntityView& entity, ngsi::Symbol attribute) const override {
    return !base_ || base_->allows_attribute(entity, attribute);
  }

  const governance::PrincipalPtr who_;
  const ngsi::Filter* const base_;
  const Condition condition_;
};

}  // namespace madang::api
