#pragma once
// Positions of the journal as clients see them: texts to be given back, not to be counted with.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace madang::api::live {

std::string position_text(std::uint64_t position);
std::optional<std::uint64_t> read_position(std::string_view text);

}  // namespace madang::api::live
