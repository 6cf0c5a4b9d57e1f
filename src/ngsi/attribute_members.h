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
  expires_at,
  object_type,
  entity_id_sealed,
  entity_type_sealed,
  linked,  // entity, entityList: of answers (clause 4.5.23.2), ignored where they could stand (5.2.6)
  system,  // createdAt and its kin: the hub's own, what a client says is ignored
  prohibited,
};

struct MemberName {
  std::string_view name;
  Member member;
  Kind kind = Kind::property;  // of a value; of a linked member the kind that has it
  std::uint8_t number = 0;     // below 64, each its own
};

/// Null for every other name.
const MemberName* member_named(std::string_view name);

struct KindName {
  std::string_view name;
  Kind kind;
};
/// "Property" and its kin; null for what is none.
const KindName* kind_named(std::string_view name);

/// Clause 4.7.1: the core context's own GeoProperties, by their full name.
bool is_core_geometry(std::string_view iri);
/// The attribute that signs another one (clauses 4.5.2.2 and C.11); the core context defines it.
inline constexpr std::string_view kProofTerm = "ngsildproof";
inline constexpr std::string_view kProof = "https://uri.etsi.org/ngsi-ld/ngsildproof";

/// "Point", ...: types that a concise GeoProperty has.
bool is_geojson_type(std::string_view name);
/// Is this JSON a geometry by its `type` and `coordinates`? Concisely written, it makes a GeoProperty (4.5.2.3).
bool looks_like_geometry(std::string_view json);

}  // namespace madang::ngsi
