#pragma once
// A policy for tests that denies some: entities whose id contains a word, attributes of one name.

#include <string>
#include <string_view>
#include <vector>

#include "madang/governance/principal.h"

namespace madang::governance::testing {

/// Hides entities whose id contains `word`, and on all others the attribute `hidden`. Refuses changes to either.
class DenyPolicy : public Policy, private ngsi::Filter {
 public:
  DenyPolicy(std::string word, ngsi::Symbol hidden) : word_(std::move(word)), hidden_(hidden) {}

  const ngsi::Filter* reading(std::string_view) const override { return this; }

  base::Status writing(std::string_view, const ngsi::EntityView& before, const ngsi::EntityView& after,
                       const std::vector<ngsi::Symbol>& attributes) const override {
    for (const ngsi::EntityView& entity : {before, after}) {
      if (entity && !allows_entity(entity)) return base::error(base::Code::forbidden, "this entity is not yours");
    }
    for (const ngsi::Symbol attribute : attributes) {
      if (attribute == hidden_) return base::error(base::Code::forbidden, "this attribute is not yours");
    }
    return {};
  }

 private:
  bool allows_entity(const ngsi::EntityView& entity) const override {
    return entity.id().find(word_) == std::string_view::npos;
  }
  bool allows_attribute(const ngsi::EntityView&, ngsi::Symbol attribute) const override { return attribute != hidden_; }

  std::string word_;
  ngsi::Symbol hidden_;
};

/// A principal who may do everything but what DenyPolicy denies.
inline PrincipalPtr denied_principal(std::string word, ngsi::Symbol hidden) {
  auto who = std::make_shared<Principal>();
  who->name = "denied";
  who->role = Role::admin;
  who->all_tenants = true;
  who->policy = std::make_shared<DenyPolicy>(std::move(word), hidden);
  return who;
}

}  // namespace madang::governance::testing
