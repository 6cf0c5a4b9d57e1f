#pragma once
// The OpenAPI 3.1 description, made from the table of operations.

#include <string>

namespace madang::api {

std::string openapi_document(const std::string& version);

}  // namespace madang::api
