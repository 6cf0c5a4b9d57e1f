#include "context_core.h"

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/json.h"
#include "madang/ngsi/context.h"

#include "name_hash.h"

namespace madang::ngsi {
namespace core {
namespace {

constexpr std::string_view kNgsiLd = "https://uri.etsi.org/ngsi-ld/";
constexpr std::string_view kGeoJson = "https://purl.org/geojson/vocab#";
constexpr std::string_view kDublinCore = "http://purl.org/dc/terms/";
constexpr std::string_view kRdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Terms that are called in their namespace as they are called here.
struct Group {
  std::string_view space, type, container;
  std::string_view names;  // separated by blanks
};

constexpr Group kGroups[] = {
    {kNgsiLd, "", "",
     "Attribute AttributeList ContextSourceIdentity ContextSourceNotification ContextSourceRegistration Date DateTime "
     "EntityType EntityTypeInfo EntityTypeList ExecutionResultDetails GeoProperty JsonProperty LanguageProperty "
     "ListProperty ListRelationship Notification Property Relationship Snapshot SnapshotNotification Subscription "
     "TemporalProperty Time VocabProperty accept aggrMethods aggrParams aggrPeriodDuration attrs cacheDuration "
     "collation contextSourceAlias contextSourceInfo contextSourceUptime cooldown csf data detail endpoint entities "
     "entity entityCount error errors expandValues format geoQ geoproperty georel idPattern information isActive join "
     "jsonKeys lang linkedMaps localOnly location management managementInterval mode notUpdated notification "
     "notificationTrigger notifierInfo observationInterval observationSpace omit operationSpace operations ordering "
     "pick q reason receiverInfo refreshRate registrationId registrationName resultStatus scope scopeQ showChanges "
     "snapshotId snapshotLifetime snapshotPriority snapshotStatus status subscriptionName sysAttrs temporalQ "
     "throttling timeInterval timeout timeproperty timerel timesFailed timesSent triggerReason unchanged unitCode "
     "updated uri"},
    {kNgsiLd, "@vocab", "",
     "attributeList attributeName attributeNames attributeTypes attributes propertyNames relationshipNames typeList "
     "typeName typeNames watchedAttributes"},
    {kNgsiLd, "@id", "", "datasetId entityId instanceId subscriptionId success tenant"},
    {kNgsiLd, "@json", "", "contextSourceExtras problemDetails"},
    {kNgsiLd, "DateTime", "",
     "contextSourceTimeAt createdAt deletedAt endAt endTimeAt expiresAt lastFailure lastNotification lastSuccess "
     "lastUsedAt modifiedAt notifiedAt observedAt startAt timeAt"},
    {kNgsiLd, "", "@list",
     "avg distinctCount entityList jsons max min orderBy snapshotQueries snapshotQueriesDetails "
     "snapshotTemporalQueries snapshotTemporalQueriesDetails stddev sum sumsq totalCount"},
    {kGeoJson, "", "",
     "Feature FeatureCollection GeometryCollection LineString MultiLineString MultiPoint MultiPolygon Point Polygon "
     "geometry properties"},
    {kGeoJson, "", "@list", "bbox coordinates"},
    {kGeoJson, "", "@set", "features"},
    {kDublinCore, "", "", "description title"},
    {kRdf, "", "", "langString"},
    // Annex B gives these two no namespace: they fall to the default vocabulary.
    {kDefaultVocabulary, "", "", "attributeCount attributeDetails"},
};

/// Terms whose IRI in the NGSI-LD namespace has another name: what holds a value is called has….
struct Renamed {
  std::string_view name, local, type, container;
};

constexpr Renamed kRenamed[] = {
    {"containedBy", "isContainedBy", "", ""},
    {"dataset", "hasDataset", "", "@index"},
    {"entityMap", "hasEntityMap", "", ""},
    {"joinLevel", "hasJoinLevel", "", ""},
    {"json", "hasJSON", "@json", ""},
    {"key", "hasKey", "", ""},
    {"languageMap", "hasLanguageMap", "", "@language"},
    {"languageMaps", "hasLanguageMaps", "", "@list"},
    {"object", "hasObject", "@id", ""},
    {"objectList", "hasObjectList", "", "@list"},
    {"objectLists", "hasObjectLists", "", "@list"},
    {"objectType", "hasObjectType", "@vocab", ""},
    {"objects", "hasObjects", "", "@list"},
    {"previousJson", "hasPreviousJson", "@json", ""},
    {"previousLanguageMap", "hasPreviousLanguageMap", "", "@language"},
    {"previousObject", "hasPreviousObject", "@id", ""},
    {"previousObjectList", "hasPreviousObjectList", "", "@list"},
    {"previousValue", "hasPreviousValue", "", ""},
    {"previousValueList", "hasPreviousValueList", "", "@list"},
    {"previousVocab", "hasPreviousVocab", "@vocab", ""},
    {"value", "hasValue", "", ""},
    {"valueList", "hasValueList", "", "@list"},
    {"valueLists", "hasValueLists", "", "@list"},
    {"valueType", "hasValueType", "@vocab", ""},
    {"values", "hasValues", "", "@list"},
    {"vocab", "hasVocab", "@vocab", ""},
    {"vocabs", "hasVocabs", "", "@list"},
};

// The one term of the core context with a context of its own: a proof's members come from W3C Data Integrity.
constexpr std::string_view kProof = "ngsildproof";
constexpr std::string_view kProofContext =
    R"([{"entityIdSealed":"ngsi-ld:entityIdSealed","entityTypeSealed":{"@id":"ngsi-ld:entityTypeSealed","@type":"@vocab"}},"https://w3id.org/security/data-integrity/v2"])";

std::vector<Term> build_terms() {
  std::vector<Term> all;
  all.push_back({.name = "ngsi-ld", .iri = std::string(kNgsiLd), .type = {}, .container = {}, .is_prefix = true});
  all.push_back({.name = "geojson", .iri = std::string(kGeoJson), .type = {}, .container = {}, .is_prefix = true});
  all.push_back({.name = "id", .iri = "@id", .type = {}, .container = {}});
  all.push_back({.name = "type", .iri = "@type", .type = {}, .container = {}});
  for (const Group& group : kGroups) {
    for (std::size_t at = 0; at < group.names.size();) {
      const std::string_view name = group.names.substr(at, group.names.find(' ', at) - at);
      all.push_back({.name = std::string(name),
                     .iri = std::string(group.space).append(name),
                     .type = group.type,
                     .container = group.container});
      at += name.size() + 1;
    }
  }
  for (const Renamed& renamed : kRenamed) {
    all.push_back({.name = std::string(renamed.name),
                   .iri = std::string(kNgsiLd).append(renamed.local),
                   .type = renamed.type,
                   .container = renamed.container});
  }
  all.push_back({.name = std::string(kProof),
                 .iri = std::string(kNgsiLd).append(kProof),
                 .type = {},
                 .container = {},
                 .is_prefix = false,
                 .has_scoped_context = true});
  return all;
}

using Index = boost::unordered_flat_map<std::string_view, const Term*, NameHash, NameEqual>;

Index index_by(std::string Term::*field) {
  Index index;
  for (const Term& term : terms()) index.emplace(term.*field, &term);
  return index;
}

const Term* look_up(const Index& index, std::string_view key) {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : found->second;
}

/// `https://uri.etsi.org/ngsi-ld/Property` as the core context writes it: `ngsi-ld:Property`.
void append_short_iri(std::string& out, std::string_view iri) {
  std::string text(iri);
  if (iri.starts_with(kDefaultVocabulary)) {
    text = iri.substr(kDefaultVocabulary.size());
  } else if (iri.size() > kNgsiLd.size() && iri.starts_with(kNgsiLd)) {
    text = "ngsi-ld:" + text.substr(kNgsiLd.size());
  } else if (iri.size() > kGeoJson.size() && iri.starts_with(kGeoJson)) {
    text = "geojson:" + text.substr(kGeoJson.size());
  }
  base::json::append_string(out, text);
}

void append_definition(std::string& out, const Term& term) {
  base::json::append_string(out, term.name);
  out += ':';
  if (term.type.empty() && term.container.empty() && !term.has_scoped_context) return append_short_iri(out, term.iri);
  out += R"({"@id":)";
  append_short_iri(out, term.iri);
  if (!term.type.empty()) out.append(R"(,"@type":")").append(term.type) += '"';
  if (!term.container.empty()) out.append(R"(,"@container":")").append(term.container) += '"';
  if (term.has_scoped_context) out.append(R"(,"@context":)").append(kProofContext);
  out += '}';
}

}  // namespace

const std::vector<Term>& terms() {
  static const std::vector<Term> all = build_terms();
  return all;
}

const Term* find(std::string_view name) {
  static const Index index = index_by(&Term::name);
  return look_up(index, name);
}

const Term* find_iri(std::string_view iri) {
  static const Index index = index_by(&Term::iri);
  return look_up(index, iri);
}

}  // namespace core

bool is_core_context_url(std::string_view url) {
  constexpr std::string_view kStem = "://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context";
  constexpr std::string_view kEnd = ".jsonld";
  if (!url.starts_with("http")) return false;
  url.remove_prefix(url.starts_with("https") ? 5 : 4);
  if (!url.starts_with(kStem) || !url.ends_with(kEnd)) return false;
  url.remove_prefix(kStem.size());
  url.remove_suffix(kEnd.size());
  constexpr std::string_view kVersion = "-v1.";
  return url.empty() ||
         (url.size() == kVersion.size() + 1 && url.starts_with(kVersion) && url.back() >= '0' && url.back() <= '9');
}

const std::string& core_context_document() {
  static const std::string document = [] {
    std::string out = R"({"@context":{"@version":1.1,"@protected":true,)";
    for (const core::Term& term : core::terms()) {
      core::append_definition(out, term);
      out += ',';
    }
    out += R"("@vocab":)";
    base::json::append_string(out, kDefaultVocabulary);
    out += "}}";
    return out;
  }();
  return document;
}

}  // namespace madang::ngsi
