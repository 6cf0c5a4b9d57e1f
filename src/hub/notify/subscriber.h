#pragma once
// A subscription at work: read, with the one it belongs to.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "madang/governance/principal.h"
#include "madang/ngsi/subscription.h"
#include "madang/state/store.h"

#include "notify/outbox.h"

namespace madang::hub {

struct Subscriber {
  BoxNumber number = 0;
  state::Tenant* tenant = nullptr;
  ngsi::Subscription what;
  ngsi::SubscriptionRecord record;
  governance::PrincipalPtr owner;  // null: nobody knows them any more, and nothing is sent
  bool may_read = false;           // the owner, here

  const ngsi::Filter* filter() const {
    return owner && owner->policy ? owner->policy->reading(tenant->name()) : nullptr;
  }
  /// Are notifications sent at this time? (Clause 5.8.6: its status is "active".)
  bool is_active(base::Timestamp now) const {
    return what.active && may_read && (!what.expires_at || *what.expires_at > now);
  }
};
using SubscriberPtr = std::shared_ptr<const Subscriber>;

}  // namespace madang::hub
