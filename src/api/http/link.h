#pragma once
// Link headers (RFC 8288): the @context of a request, the neighbours of a page.

#include <optional>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::api {

inline constexpr std::string_view kContextRelation = "http://www.w3.org/ns/json-ld#context";

/// The target of the link with the JSON-LD context relation in one Link header (which may hold several links), or
/// nothing where it has none. bad_request_data for two of them, invalid_request for a header that is no Link header.
base::Result<std::optional<std::string_view>> context_link(std::string_view header);

/// `Link: <url>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"` and a line end.
void append_context_link(std::string& out, std::string_view url);

/// A `Link` line to another page of the same question: the target with `limit`, `offset` and, where there is one, the
/// cursor in place of those it had, parameters in the order of their names.
void append_page_link(std::string& out, std::string_view relation, std::string_view path, std::string_view query,
                      std::uint64_t limit, std::uint64_t offset, std::string_view after, std::string_view media);

}  // namespace madang::api
