#pragma once
// Entities as JSON: normalized, concise, simplified, GeoJSON (clauses 4.5.1 to 4.5.17, 4.21).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"

namespace madang::ngsi {

enum class Format : std::uint8_t { normalized, concise, simplified };

struct Representation {
  Format format = Format::normalized;
  bool geojson = false;
  bool system_attributes = false;            // createdAt, modifiedAt
  bool with_context = false;                 // `@context` as first member (application/ld+json)
  std::vector<Symbol> pick, omit;            // attributes; with the flags below for id, type, scope
  bool has_pick = false;
  bool pick_id = true, pick_type = true, pick_scope = true;
  std::vector<Symbol> attributes;            // `attrs`: only these where has_attributes
  bool has_attributes = false;
  std::vector<std::string> dataset_ids;      // only these instances ("@none": the default one); empty: all
  std::vector<std::string> languages;        // LanguageProperty to Property in one of these, the best first ("*": any)
  std::optional<Symbol> geometry_property;   // GeoJSON: default "location"
};

/// Appends one entity as a JSON object. Attributes that `filter` hides are left out.
void append_entity(std::string& out, EntityView entity, Vocabulary& vocabulary, const Representation& how,
                   const Filter* filter = nullptr);
/// Appends one attribute: an object, or an array where there are several instances. False where it has none to show.
bool append_attribute(std::string& out, EntityView entity, Symbol attribute, Vocabulary& vocabulary,
                      const Representation& how, const Filter* filter = nullptr);

}  // namespace madang::ngsi
