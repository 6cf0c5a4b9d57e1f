#pragma once
// URIs (RFC 3986) and IRIs (RFC 3987), as far as a hub of linked data needs them.

#include <optional>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::base {

/// True for an absolute URI or IRI: a scheme, a colon, something after it, and no character that RFC 3987 forbids
/// (spaces, controls, `<>"{}|\^` and backtick, broken percent escapes, invalid UTF-8).
bool is_absolute_uri(std::string_view text);

/// An http or https address in parts.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // without brackets for IPv6
  std::string port;    // "80"/"443" where the address names none
  std::string target;  // path and query, at least "/"
  bool tls() const { return scheme == "https"; }
};
Result<Url> parse_url(std::string_view text);
/// RFC 3986, 5.2: `reference` against `base`.
Result<std::string> resolve_url(std::string_view base, std::string_view reference);

/// `%41` to `A`. In a query, `plus_is_space` also turns `+` into a space. Broken escapes are invalid_request.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Everything but unreserved characters as `%XX`.
void append_percent_encoded(std::string& out, std::string_view text);

bool is_valid_utf8(std::string_view text);
/// Each byte that is no part of a character becomes U+FFFD: for quoting what strangers sent.
std::string as_valid_utf8(std::string_view text);

}  // namespace madang::base
