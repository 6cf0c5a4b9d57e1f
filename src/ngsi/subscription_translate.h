#pragma once
// A subscription in the words of another @context than the one it was written in.

#include <string>

#include "subscription_read.h"

namespace madang::ngsi {

/// The object of these members.
std::string written(const MemberTexts& members);
/// The members of a record with every name as `context` writes it.
MemberTexts translated(const SubscriptionRecord& record, const simdjson::dom::object& members, const Context& context);

}  // namespace madang::ngsi
