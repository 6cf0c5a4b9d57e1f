#pragma once
// The members of a Subscription, checked one by one
// (tables 5.2.12-1, 5.2.13-1, 5.2.14.1-1, 5.2.15-1, 5.2.22-1, 5.2.33-1).

#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "madang/ngsi/subscription.h"

namespace madang::ngsi {

/// A member as it stands: name and compact JSON.
using MemberTexts = std::vector<std::pair<std::string, std::string>>;

/// Reads the members of a whole subscription (all but its id). `out.id` is left alone.
base::Status read_subscription(simdjson::dom::object members, Vocabulary& vocabulary, const SubscriptionLimits& limits,
                               Subscription& out);

/// Members that only the server says (tables 5.2.12-2 and 5.2.14.2-1): passed over where a client says them.
bool is_said_by_server(std::string_view name);
bool is_said_by_server_of_notification(std::string_view name);

/// Languages of a filter such as `en` or `fr;q=0.5,en`, the best first.
std::vector<std::string> languages_of(std::string_view list);

}  // namespace madang::ngsi
