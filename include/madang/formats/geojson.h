#pragma once
// GeoJSON features (RFC 7946) to NGSI-LD entities as JSON. Pure text to text.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::formats {

/// How a plain feature becomes an entity.
///
/// Each property becomes a Property; `null` is left out; the geometry becomes the GeoProperty `location`. A property
/// whose name cannot be an NGSI-LD name (clause 4.6.2: a letter, then letters, digits and `_`) is rewritten: every
/// other character becomes `_`; a name that does not begin with a letter gets `p` in front and, where it begins with a
/// digit, `p_`; a name that NGSI-LD itself uses (`id`, `type`, `location`, ...) gets `_` behind; a second property that
/// comes to the same name gets `_2`, the third `_3`. Keys inside a value are rewritten in the same way.
struct FeatureRule {
  std::string type;         // an entity type's name
  std::string id_template;  // "urn:ngsi-ld:School:{id}": {id} is the feature's id, {line} its line, {any} a property
};

class FeatureConverter {
 public:
  /// bad_request_data for a template without a placeholder or with an open brace.
  static base::Result<FeatureConverter> make(FeatureRule rule);
  /// For features that are entities already (clause 4.5.16: `id`, and in the properties `type` and NGSI-LD attributes).
  static FeatureConverter for_entities();

  FeatureConverter(FeatureConverter&&) noexcept;
  FeatureConverter& operator=(FeatureConverter&&) noexcept;
  ~FeatureConverter();

  /// Appends the entity as one JSON object. bad_request_data, with the place as a JSON pointer, for what is no feature.
  base::Status convert(std::string_view feature, std::uint64_t line, std::string& out);

 private:
  struct Impl;
  explicit FeatureConverter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The rule for names above, but for clashes. Never empty.
std::string entity_name(std::string_view name);

/// True where the JSON object has `"type": "Feature"` among its members. False for anything else, broken JSON included.
bool is_feature(std::string_view json);

}  // namespace madang::formats
