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

/// The members of table 5.2.12-1 but id and type. Others, also what only the server says, are passed over.
bool is_member(std::string_view name);
/// What only the server says of a notification (table 5.2.14.2-1): passed over where a client says it.
bool is_said_by_server_of_notification(std::string_view name);

/// A `q` that came percent-encoded, as if in a URI, is taken for what it stands for: many write it so.
std::string question_of(std::string_view text);

/// Languages of a filter such as `en` or `fr;q=0.5,en`, the best first.
std::vector<std::string> languages_of(std::string_view list);

}  // namespace madang::ngsi
