#include "attribute_members.h"

#include <algorithm>
#include <array>

#include "json_text.h"

namespace madang::ngsi {

namespace {

constexpr std::array kMembers{
    MemberName{"type", Member::type},
    MemberName{"@type", Member::type},
    MemberName{"value", Member::value, Kind::property},
    MemberName{"object", Member::value, Kind::relationship},
    MemberName{"languageMap", Member::value, Kind::language_property},
    MemberName{"vocab", Member::value, Kind::vocab_property},
    MemberName{"json", Member::value, Kind::json_property},
    MemberName{"valueList", Member::value, Kind::list_property},
    MemberName{"objectList", Member::value, Kind::list_relationship},
    MemberName{"observedAt", Member::observed_at},
    MemberName{"unitCode", Member::unit_code},
    MemberName{"datasetId", Member::dataset_id},
    MemberName{"valueType", Member::value_type},
    MemberName{"objectType", Member::object_type},
    MemberName{"expiresAt", Member::expires_at},
    MemberName{"createdAt", Member::system},
    MemberName{"modifiedAt", Member::system},
    MemberName{"deletedAt", Member::system},
    MemberName{"instanceId", Member::system},
    MemberName{"entity", Member::linked, Kind::relationship},
    MemberName{"entityList", Member::linked, Kind::list_relationship},
    MemberName{"previousValue", Member::prohibited},
    MemberName{"previousObject", Member::prohibited},
    MemberName{"previousLanguageMap", Member::prohibited},
    MemberName{"previousVocab", Member::prohibited},
    MemberName{"previousJson", Member::prohibited},
    MemberName{"previousValueList", Member::prohibited},
    MemberName{"previousObjectList", Member::prohibited},
    MemberName{"entityIdSealed", Member::entity_id_sealed},
    MemberName{"entityTypeSealed", Member::entity_type_sealed},
    MemberName{"@value", Member::prohibited},
    MemberName{"@id", Member::prohibited},
    MemberName{"id", Member::prohibited},
    MemberName{"@context", Member::prohibited},
};
static_assert(kMembers.size() <= 64);

constexpr std::size_t kLongest = 19;  // previousLanguageMap

/// By length, so that a name is compared with a few others only; where each length begins.
struct ByLength {
  std::array<MemberName, kMembers.size()> names = kMembers;
  std::array<std::uint8_t, kLongest + 2> begin{};

  constexpr ByLength() {
    std::sort(names.begin(), names.end(),
              [](const MemberName& a, const MemberName& b) { return a.name.size() < b.name.size(); });
    for (std::size_t i = 0; i < names.size(); ++i) names[i].number = static_cast<std::uint8_t>(i);
    for (std::size_t length = 0; length < begin.size(); ++length) {
      const auto first = std::find_if(names.begin(), names.end(),
                                      [&](const MemberName& member) { return member.name.size() >= length; });
      begin[length] = static_cast<std::uint8_t>(first - names.begin());
    }
  }
};
constexpr ByLength kByLength;

constexpr std::array kKinds{
    KindName{"Property", Kind::property},
    KindName{"Relationship", Kind::relationship},
    KindName{"GeoProperty", Kind::geo_property},
    KindName{"LanguageProperty", Kind::language_property},
    KindName{"VocabProperty", Kind::vocab_property},
    KindName{"JsonProperty", Kind::json_property},
    KindName{"ListProperty", Kind::list_property},
    KindName{"ListRelationship", Kind::list_relationship},
};

}  // namespace

const MemberName* member_named(std::string_view name) {
  if (name.empty() || name.size() > kLongest) return nullptr;
  for (std::size_t i = kByLength.begin[name.size()]; i < kByLength.begin[name.size() + 1]; ++i) {
    const MemberName& member = kByLength.names[i];
    if (member.name.front() == name.front() && member.name == name) return &member;
  }
  return nullptr;
}

const KindName* kind_named(std::string_view name) {
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& kind) { return kind.name == name; });
  return found == kKinds.end() ? nullptr : &*found;
}

bool is_core_geometry(std::string_view iri) {
  constexpr std::string_view kCore = "https://uri.etsi.org/ngsi-ld/";
  constexpr std::array<std::string_view, 3> kNames{"location", "observationSpace", "operationSpace"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
    return iri.size() == kCore.size() + name.size() && iri.ends_with(name) && iri.starts_with(kCore);
  });
}

bool is_geojson_type(std::string_view name) {
  constexpr std::array kTypes{"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"};
  return std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end();
}

bool looks_like_geometry(std::string_view json) {
  bool type = false, coordinates = false;
  if (json.empty() || json.front() != '{') return false;
  json_text::each_member(json, [&](std::string_view key, std::string_view text) {
    type |= key == "type" && is_geojson_type(json_text::string_content(text));
    coordinates |= key == "coordinates";
  });
  return type && coordinates;
}

}  // namespace madang::ngsi
