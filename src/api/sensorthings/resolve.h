#pragma once
// From the path of a resource to the question that it asks.

#include "sensorthings/writer.h"

namespace madang::api::sensorthings {

struct Resolved {
  Request request;             // its options are still to be set
  std::vector<Request> first;  // single things on the way, of the past: they must be there
};
/// not_found where something on the way is not there, or does not lead there.
base::Result<Resolved> resolve(const Call& call, const ResourcePath& path, const Names& names);

}  // namespace madang::api::sensorthings
