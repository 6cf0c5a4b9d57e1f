#pragma once
// gzip bodies (RFC 1952), bounded.

#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::api {

/// `text` as a gzip member, fast rather than small.
std::string gzip(std::string_view text);
/// The content of one or more gzip members, with net::kBodyPadding bytes of room behind it (the string is longer than
/// the content by them). too_large beyond `most`; invalid_request for anything that is no gzip.
base::Result<std::string> gunzip_padded(std::string_view data, std::size_t most);

}  // namespace madang::api
