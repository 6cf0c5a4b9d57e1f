#pragma once
// A JSON-LD context as it was written: read from JSON, checked for form, its meaning not yet worked out.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"

namespace madang::ngsi {

/// What a term definition may ask for beyond an IRI. None of it is carried out; a name or key whose meaning it would
/// change is refused by this feature's name.
enum class Feature : std::uint8_t {
  coercion,         // @type: @id, @vocab or a data type: says what a plain value means
  json,             // @type: @json
  language,         // @language
  direction,        // @direction
  set,              // @container: @set
  container,        // any other @container
  scoped_context,   // @context inside a term
  reverse,          // @reverse
  nest,             // @nest
  index,            // @index
  keyword_alias,    // the term stands for a keyword
  unknown_keyword,  // the term stands for something that looks like a keyword and is none
};
using Features = std::uint32_t;  // one bit a Feature
constexpr Features bit(Feature feature) {
  return Features{1} << static_cast<unsigned>(feature);
}

/// Attributes are always objects, so what a definition says about plain values and about single values as arrays
/// cannot touch them; inside a JSON value everything counts.
inline constexpr Features kHarmlessForNames =
    bit(Feature::coercion) | bit(Feature::language) | bit(Feature::direction) | bit(Feature::set);
/// How a person would call the first feature of `features`: `@container`, `a scoped @context`, ...
std::string_view feature_name(Features features);

/// One member of a context object: `"term": "IRI"` or `"term": {...}`.
struct Definition {
  std::string term;
  std::optional<std::string> id;  // as written; none: the term itself, by prefix or vocabulary
  bool is_null = false;           // means nothing, on purpose
  bool is_simple = false;         // a plain string: then it may serve as a prefix
  bool is_prefix = false;         // "@prefix": true
  bool is_protected = false;
  Features features = 0;
};

/// A context object. What applies to everything and cannot be carried out was refused while reading.
struct LocalContext {
  std::string where;  // its place, for errors: a JSON pointer, in a fetched document after its URL and '#'
  bool sets_vocabulary = false;
  std::optional<std::string> vocabulary;  // as written; none: back to the default
  std::vector<Definition> definitions;
};
struct RemoteReference {
  std::string where;
  std::string url;  // absolute
};
struct Reset {
  std::string where;
};  // a null: forget what came before
using ContextItem = std::variant<LocalContext, RemoteReference, Reset>;

struct ContextDocument {
  std::vector<ContextItem> items;  // the core context's URLs are left out: it is always there
  std::string core_url;            // the last of them, as written; empty: none
  std::vector<std::string> shown;  // the items as JSON, for an inline context only
  std::size_t bytes = 0;
  std::uint64_t text_hash = 0;
};
using DocumentPtr = std::shared_ptr<const ContextDocument>;

bool is_keyword(std::string_view text);          // one of JSON-LD 1.1
bool looks_like_keyword(std::string_view text);  // "@" and letters

/// A fetched document: an object with a member @context. `url` is the base of relative references in it.
base::Result<DocumentPtr> read_remote_context(std::string_view json, const std::string& url,
                                              const ContextLimits& limits);
/// The value of a @context member in a request's body.
base::Result<DocumentPtr> read_inline_context(std::string_view json, const ContextLimits& limits);

}  // namespace madang::ngsi
