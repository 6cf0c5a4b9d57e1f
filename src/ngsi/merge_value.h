#pragma once

#include <string>
#include <string_view>

namespace madang::ngsi {

/// RFC 7396 on compact JSON text with "urn:ngsi-ld:null" in the place of null (clause 5.5.12): objects are merged
/// member by member, anything else is replaced.
std::string merge_values(std::string_view before, std::string_view patch);

}  // namespace madang::ngsi
