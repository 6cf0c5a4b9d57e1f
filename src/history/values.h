#pragma once
// Small things about values as JSON text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/ngsi/entity.h"

namespace madang::history {

/// The NGSI-LD null of a kind (clause 4.5.0).
std::string_view null_of(ngsi::Kind kind);
/// Scopes as a JSON array, and back.
std::string scopes_text(const std::vector<std::string>& scopes);
std::vector<std::string> read_scopes(std::string_view text);

/// How many elements a (valid) JSON array has; nothing for other values.
std::optional<std::size_t> array_size(std::string_view json);

}  // namespace madang::history
