#pragma once
// What JSON-LD says of words: keywords, IRIs, references.

#include <string>
#include <string_view>

namespace madang::ngsi::jsonld {

bool is_keyword(std::string_view text);          // one of JSON-LD 1.1
bool looks_like_keyword(std::string_view text);  // "@" and letters

/// Has the form of an IRI: a scheme, and no character that none may hold.
bool is_iri(std::string_view text);
inline bool is_blank_node(std::string_view text) {
  return text.starts_with("_:");
}

/// `prefix:suffix` may be a compact IRI; not so with a blank node's `_` or the `//` of a URL.
bool split_compact_iri(std::string_view text, std::string_view& prefix, std::string_view& suffix);

/// RFC 3986, 5.2: `reference` against `base`. Where `base` is empty, the reference as it is.
std::string resolve(std::string_view base, std::string_view reference);
/// The way back: the shortest reference that leads from `base` to `iri`; the IRI itself where there is none.
std::string relative_to(std::string_view base, std::string_view iri);

}  // namespace madang::ngsi::jsonld
