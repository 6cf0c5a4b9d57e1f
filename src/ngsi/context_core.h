#pragma once
// The core @context of NGSI-LD V1.9.1 (Annex B), written as a table. It stands above every user context.

#include <string>
#include <string_view>
#include <vector>

namespace madang::ngsi::core {

struct Term {
  std::string name;
  std::string iri;             // "@id", "@type" for the two keyword aliases
  std::string_view type;       // what @type coerces to, as the core context writes it; empty: nothing
  std::string_view container;  // "@list", "@language", ...; empty: none
  bool is_prefix = false;
  bool has_scoped_context = false;
};

const std::vector<Term>& terms();
const Term* find(std::string_view name);     // nullptr where the core context has no such term
const Term* find_iri(std::string_view iri);  // the term that means `iri`, or nullptr

}  // namespace madang::ngsi::core
