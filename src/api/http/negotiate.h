#pragma once
// Which media type an answer has, and what a request's body is (clause 6.3.4, RFC 9110).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/operation.h"

namespace madang::api {

/// The best of `offered` for an Accept header: by q, then in the order of clause 6.3.4. kNoMedia where none is
/// acceptable. An empty header accepts everything; a q that is no number counts as 1.
Media choose_media(std::string_view accept, std::uint16_t offered);

enum class ContentType : std::uint8_t { none, json, ld_json, merge_patch, other };
/// Of a Content-Type header. A charset other than UTF-8 is `other`.
ContentType content_type(std::string_view header);

/// The items of `a;q=0.2,b`, best first; of equals as they stand (RFC 9110, 12.4.2). Those of q=0 are left out.
std::vector<std::string> by_quality(std::string_view list);

/// The minor version of the standard that a Prefer header wants answers in, `ngsi-ld=1.5` (clause 4.3.6.8); the newest
/// that there is for a later one, nothing where none is named.
std::optional<unsigned> preferred_version(std::string_view prefer);

/// Does Accept-Encoding allow this content coding (`gzip`, `br`)?
bool accepts_coding(std::string_view accept_encoding, std::string_view wanted);

}  // namespace madang::api
