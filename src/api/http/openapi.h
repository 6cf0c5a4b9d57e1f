#pragma once
// The OpenAPI 3.1 description, made from the table of operations.

#include <span>
#include <string>

#include "madang/hub/surface.h"

namespace madang::api {

/// `offers`: of other rooms.
std::string openapi_document(const std::string& version, std::span<const hub::Offer> offers = {});

}  // namespace madang::api
