#pragma once
// An active context (JSON-LD 1.1 API, 4.1): what the words of a document mean at one place of it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "jsonld/tree.h"
#include "name_hash.h"

namespace madang::ngsi::jsonld {

/// @container, a bit each.
enum Container : std::uint8_t {
  kGraph = 1,
  kId = 2,
  kIndex = 4,
  kLanguage = 8,
  kList = 16,
  kSet = 32,
  kType = 64,
};

/// Something that can be left out, or be null on purpose.
struct Nullable {
  bool is_given = false;
  std::optional<std::string> text;
  bool operator==(const Nullable&) const = default;
};

struct TermDefinition {
  std::string iri;    // empty: null, the term means nothing
  std::string type;   // "@id", "@vocab", "@json", "@none" or an IRI; empty: none
  std::string index;  // as written
  std::string nest;
  Nullable language, direction;
  std::uint8_t container = 0;
  bool is_prefix = false;
  bool is_reverse = false;
  bool is_protected = false;
  std::shared_ptr<const Value> scoped;  // its own @context, unprocessed
  std::string scoped_url;               // what that one's references are relative to
  std::string scoped_where;             // its place, for errors

  /// But for the protection (4.2.2, step 27).
  bool means_the_same(const TermDefinition& other) const {
    return iri == other.iri && type == other.type && index == other.index && nest == other.nest &&
           language == other.language && direction == other.direction && container == other.container &&
           is_prefix == other.is_prefix && is_reverse == other.is_reverse &&
           (scoped == nullptr) == (other.scoped == nullptr) && (!scoped || *scoped == *other.scoped);
  }
};
using TermPtr = std::shared_ptr<const TermDefinition>;
using TermMap = boost::unordered_flat_map<std::string, TermPtr, NameHash, NameEqual>;

class InverseContext;

struct ActiveContext {
  TermMap terms;
  std::optional<std::string> base;  // IRI that relative references are resolved against; none: they are not
  std::string original_base;
  std::optional<std::string> vocabulary, language, direction;
  std::shared_ptr<const ActiveContext> previous;          // where this one does not propagate
  mutable std::shared_ptr<const InverseContext> inverse;  // made when first asked for

  const TermDefinition* find(std::string_view term) const {
    const auto found = terms.find(term);
    return found == terms.end() ? nullptr : found->second.get();
  }
};
using ActivePtr = std::shared_ptr<const ActiveContext>;

}  // namespace madang::ngsi::jsonld
