#pragma once
// The words that are members of attributes and so can be the name of none (clauses 4.5.1, 4.5.2.2 and their kin for the
// other kinds).

#include <cstdint>
#include <string_view>

#include "madang/ngsi/entity.h"

namespace madang::ngsi {

/// What a member of an attribute is.
enum class Member : std::uint8_t {
  sub_attribute,
  type,
  value,  // of any kind: value, object, languageMap, ...
  observed_at,
  unit_code,
  dataset_id,
  value_type,
  system,       // createdAt and its kin: the hub's own, what a client says is ignored
  unsupported,  // the standard has it, this version does not
  prohibited,
};

struct MemberName {
  std::string_view name;
  Member member;
  Kind kind = Kind::property;  // of a value
  std::uint8_t number = 0;     // below 64, each its own
};

/// Null for every other name.
const MemberName* member_named(std::string_view name);

struct KindName {
  std::string_view name;
  Kind kind;
  bool supported;
};
/// "Property" and its kin; null for what is none.
const KindName* kind_named(std::string_view name);

/// Clause 4.7.1: the core context's own GeoProperties, by their full name.
bool is_core_geometry(std::string_view iri);

/// "Point", ...: types that a concise GeoProperty has.
bool is_geojson_type(std::string_view name);

}  // namespace madang::ngsi
