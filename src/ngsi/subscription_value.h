#pragma once
// What the reader of subscriptions takes from base/json_value.h, and where a fault in a query language stands.

#include <string>

#include "madang/base/json_value.h"

namespace madang::ngsi {

using base::Code;
using base::Error;
using base::Result;
using base::Status;
using base::json::among;
using base::json::unknown;
using base::json::Value;
using base::json::wrong;
namespace dom = simdjson::dom;

/// A fault in a text of a query language: `where` names the member, and the column goes into the sentence.
inline Error within(Error fault, const std::string& pointer) {
  const auto colon = fault.where.rfind(':');
  if (colon != std::string::npos && colon + 1 < fault.where.size() &&
      fault.where.find_first_not_of("0123456789", colon + 1) == std::string::npos) {
    fault.message += " (column " + fault.where.substr(colon + 1) + ")";
  }
  fault.where = pointer;
  return fault;
}

}  // namespace madang::ngsi
