#pragma once
// The way back from IRIs to words (JSON-LD 1.1 API, 4.3 and 6.2): which term says an IRI best for a given value.

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "madang/base/result.h"

#include "jsonld/active_context.h"

namespace madang::ngsi::jsonld {

/// For each IRI its terms by container, then by language, type or neither, then by which.
class InverseContext {
 public:
  explicit InverseContext(const ActiveContext& active);

  bool has(std::string_view iri) const { return by_iri_.contains(iri); }
  /// Term selection (4.3.2): the term for the first container and the first preferred value that has one; or empty.
  std::string_view select(std::string_view iri, std::span<const std::string> containers,
                          std::string_view type_or_language, std::span<const std::string> preferred) const;

 private:
  using ByValue = std::map<std::string, std::string, std::less<>>;  // "@type"'s "@id" to term
  using ByKind = std::map<std::string, ByValue, std::less<>>;       // "@language", "@type", "@any"
  using ByContainer = std::map<std::string, ByKind, std::less<>>;   // "@index@set", "@none"
  boost::unordered_flat_map<std::string, ByContainer, NameHash, NameEqual> by_iri_;
};

const InverseContext& inverse_of(const ActiveContext& active);

/// `language_direction` as terms are looked up by; either may be missing.
std::string language_key(const std::optional<std::string>& language, const std::optional<std::string>& direction);
std::string lower(std::string_view text);

struct CompactIriHow {
  const Value* value = nullptr;  // what it is said of
  bool vocabulary = true;
  bool reverse = false;
  bool json_ld_1_0 = false;
  bool to_relative = true;
};
/// IRI compaction (6.2.2). bad_request_data for an IRI that would read as a compact one.
base::Result<std::string> compact_iri(const ActiveContext& active, std::string_view iri, const CompactIriHow& how);

}  // namespace madang::ngsi::jsonld
