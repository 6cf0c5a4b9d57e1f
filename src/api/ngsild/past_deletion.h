#pragma once
// An attribute is deleted (5.6.5) of an entity that is known by its past alone: there it is noted
// (docs/conformance.md).

#include <memory>
#include <string>

#include "call.h"

namespace madang::api::ngsild {

struct PastDeletion {
  std::string id;
  ngsi::Symbol attribute = ngsi::Symbol::none;  // none: the scope
  std::string dataset_id;                       // "": the default instance
  bool all = false;
  base::Error otherwise;  // the answer where the past does not know it either
};
void delete_in_past(const std::shared_ptr<Call>& call, PastDeletion&& deletion);

}  // namespace madang::api::ngsild
