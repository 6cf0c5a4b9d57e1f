#include "http/operation.h"

#include <algorithm>
#include <array>

namespace madang::api {
namespace {

using enum Param;
using governance::Role;
using net::Method;

// Longest values: q and its kin as long as ngsi::QueryLimits::text; lists up to what a request target may hold.
constexpr std::uint32_t kLong = 8'192, kList = 16'384, kWord = 2'048;

constexpr ParamInfo kParamTable[] = {
    {id, "id", ParamKind::uris, kList, "Entity ids"},
    {type, "type", ParamKind::text, kLong, "Entity types in the type selection language: `A,B` either, `A;B` both"},
    {id_pattern, "idPattern", ParamKind::text, kLong, "Regular expression that ids match"},
    {attrs, "attrs", ParamKind::words, kList, "Attributes: entities have at least one and are shown with these only"},
    {pick, "pick", ParamKind::words, kList, "Members to show: attribute names, `id`, `type`, `scope`"},
    {omit, "omit", ParamKind::words, kList, "Members not to show"},
    {q, "q", ParamKind::text, kLong, "Query over attribute values, such as `temperature>20;name==\"A\"`"},
    {georel, "georel", ParamKind::text, kWord, "`near;maxDistance==500`, `within`, `intersects`, ..."},
    {geometry, "geometry", ParamKind::text, 64, "GeoJSON geometry type of `coordinates`"},
    {coordinates, "coordinates", ParamKind::text, kList, "JSON array, `[lon,lat]`"},
    {geoproperty, "geoproperty", ParamKind::text, kWord, "GeoProperty that the geo query looks at (`location`)"},
    {geometry_property, "geometryProperty", ParamKind::text, kWord,
     "GeoProperty to show as GeoJSON geometry (`location`)"},
    {scope_q, "scopeQ", ParamKind::text, kLong, "Scopes: `/A/B`, `/A/+`, `/A/#`"},
    {count, "count", ParamKind::boolean, 5, "true: header NGSILD-Results-Count"},
    {limit, "limit", ParamKind::unsigned_, 10, "Size of a page"},
    {offset, "offset", ParamKind::unsigned_, 19, "Entities to skip"},
    {after, "after", ParamKind::text, kLong,
     "Place in the answer, from a `next` link: a page stays right while entities come and go"},
    {options, "options", ParamKind::words, 256, "Comma-separated options"},
    {format, "format", ParamKind::text, 32, "Representation"},
    {lang, "lang", ParamKind::text, 256, "Language that LanguageProperties are reduced to"},
    {dataset_id, "datasetId", ParamKind::uris, kList, "Instance of attributes; `@none`: the default one"},
    {local, "local", ParamKind::boolean, 5, "true: what this server holds"},
    {csf, "csf", ParamKind::text, kLong, "Filter of context sources (there are none to filter yet)"},
    {observed_at, "observedAt", ParamKind::date_time, 64,
     "For merged attributes that have an observedAt and bring none"},
    {delete_all, "deleteAll", ParamKind::boolean, 5, "true: all instances of the attribute"},
    {details, "details", ParamKind::boolean, 5, "true: with details"},
    {kind, "kind", ParamKind::text, 32, "Of stored contexts: `Cached`, `Hosted` or `ImplicitlyCreated`"},
    {reload, "reload", ParamKind::boolean, 5, "true: fetch a cached context anew instead of removing it"},
    {drop, "drop", ParamKind::words, kList, "Members that a purge takes from entities instead of removing them"},
    {keep, "keep", ParamKind::words, kList, "Attributes that a purge leaves to entities instead of removing them"},
    {join, "join", ParamKind::text, 16,
     "Show linked entities: `inline` in their Relationships, `flat` behind the others, `@none`"},
    {join_level, "joinLevel", ParamKind::positive, 16, "How far Relationships are followed (1)"},
    {contained_by, "containedBy", ParamKind::uris, kList, "Entities that are not to be joined, being known already"},
    {expand_values, "expandValues", ParamKind::words, kList,
     "Attributes whose values in q are expanded by the @context (VocabProperty)"},
    {json_keys, "jsonKeys", ParamKind::words, kList, "Attributes whose keys in q are taken as they are written"},
    {split_entities, "splitEntities", ParamKind::boolean, 5,
     "true: an entity map holds all entities of the ids and types asked for, whatever else is asked"},
    {order_by, "orderBy", ParamKind::text, kLong,
     "What entities are ordered by, such as `name,age;desc` or `location;dist-asc`"},
    {collation, "collation", ParamKind::text, 128, "How texts are ordered (RFC 6067), such as `ko` (`und`)"},
    {order_from, "orderFrom", ParamKind::text, kList, "JSON array of coordinates that distances are measured from"},
    {order_geometry, "orderGeometry", ParamKind::text, 64, "GeoJSON geometry type of `orderFrom` (`Point`)"},
    {entity_map, "entityMap", ParamKind::boolean, 5,
     "true: fix the entities that the question is about in an entity map, and name it"},
    {entity_map_lifetime, "entityMapLifetime", ParamKind::duration, 64,
     "How long an entity map is wanted, such as `PT10M`"},
    {in_tenant, "tenant", ParamKind::text, 128, "Tenant, for clients that cannot send the header NGSILD-Tenant"},
    {in_context, "context", ParamKind::uri, kWord, "URL of the @context, for clients that cannot send a Link header"},
    {accept, "accept", ParamKind::text, 64,
     "What entities are shown as: `application/json`, `application/ld+json` or `application/geo+json`"},
    {wait, "wait", ParamKind::unsigned_, 10, "Seconds to wait for a change where there is none yet"},
    {timerel, "timerel", ParamKind::text, 16, "Which time is asked for: `before`, `after` or `between`"},
    {time_at, "timeAt", ParamKind::text, 64, "The time that `timerel` compares with; `after` includes it"},
    {end_time_at, "endTimeAt", ParamKind::text, 64, "Where `between` ends, this time not included"},
    {timeproperty, "timeproperty", ParamKind::text, 32,
     "`observedAt`, `createdAt`, `modifiedAt` or `deletedAt`: which time of instances is meant (`observedAt`)"},
    {last_n, "lastN", ParamKind::positive, 20, "Only the last so many instances of each attribute"},
    {aggr_methods, "aggrMethods", ParamKind::words, 256,
     "With aggregatedValues: `avg`, `distinctCount`, `max`, `min`, `stddev`, `sum`, `sumsq`, `totalCount`"},
    {aggr_period_duration, "aggrPeriodDuration", ParamKind::text, 64,
     "How long each period is, such as `PT1H`, `P1D` or `P1M` (the whole time asked for)"},
    {bbox, "bbox", ParamKind::text, 256, "Features that touch this box: `west,south,east,north`"},
    {bbox_crs, "bbox-crs", ParamKind::uri, 256, "Coordinate reference system of `bbox` (CRS84)"},
    {crs, "crs", ParamKind::uri, 256, "Coordinate reference system of the answer (CRS84)"},
    {datetime, "datetime", ParamKind::text, 128,
     "Features that changed at this time or in this interval, `2026-01-01T00:00:00Z/..`"},
    {filter, "filter", ParamKind::text, kLong,
     "CQL2 text, such as `speed > 30 AND S_INTERSECTS(location, POINT(7 8))`"},
    {filter_crs, "filter-crs", ParamKind::uri, 256, "Coordinate reference system of shapes in `filter` (CRS84)"},
    {filter_lang, "filter-lang", ParamKind::text, 16, "`cql2-text`"},
    {f, "f", ParamKind::text, 16, "`json` or `html`, for links that send no Accept header"},
    {sta_filter, "$filter", ParamKind::text, kLong,
     "What must hold, such as `result gt 30 and phenomenonTime ge 2026-01-01T00:00:00Z`"},
    {sta_expand, "$expand", ParamKind::text, kLong,
     "Related things to show within, such as `Datastreams($expand=Observations($top=1))`"},
    {sta_select, "$select", ParamKind::text, kWord, "Properties to show"},
    {sta_order_by, "$orderby", ParamKind::text, kWord, "Order, such as `phenomenonTime desc`"},
    {sta_top, "$top", ParamKind::unsigned_, 10, "Size of a page"},
    {sta_skip, "$skip", ParamKind::unsigned_, 10, "How many to pass over"},
    {sta_count, "$count", ParamKind::boolean, 5, "true: say how many there are"},
    {result_format, "$resultFormat", ParamKind::text, 16, "Of Observations: `dataArray`, a table"},
};
static_assert(std::size(kParamTable) == kParams);

// ---- which parameters an operation takes ----

template <class... Names>
constexpr std::array<Param, sizeof...(Names)> list(Names... names) {
  return {names...};
}
template <std::size_t A, std::size_t B>
constexpr std::array<Param, A + B> operator+(const std::array<Param, A>& a, const std::array<Param, B>& b) {
  std::array<Param, A + B> both{};
  std::copy(a.begin(), a.end(), both.begin());
  std::copy(b.begin(), b.end(), both.begin() + A);
  return both;
}

constexpr auto kNone = std::span<const Param>();
constexpr auto kLocal = list(local);
constexpr auto kTyped = list(type, local);
constexpr auto kDetails = list(details, local);
constexpr auto kContexts = list(details, kind);
constexpr auto kContext = list(details);
constexpr auto kReload = list(reload);
constexpr auto kSysAttrs = list(options);
constexpr auto kSubscriptions = list(count, limit, offset, options);
constexpr auto kOptions = list(options, local);
constexpr auto kAppend = list(type, options, local);
constexpr auto kMerge = list(type, options, format, lang, observed_at, local);
constexpr auto kDeleteAttribute = list(type, dataset_id, delete_all, local);
constexpr auto kShow = list(attrs, pick, omit, options, format, lang, geometry_property, dataset_id);
constexpr auto kLinked = list(join, join_level, contained_by, entity_map, entity_map_lifetime);
constexpr auto kPage = list(count, limit, offset, after);
constexpr auto kFilter = list(id, type, id_pattern, q, georel, geometry, coordinates, geoproperty, scope_q, csf, local);
constexpr auto kPurge = kFilter + list(attrs, drop, keep, geometry_property);
constexpr auto kOrder = list(order_by, collation, order_from, order_geometry);
constexpr auto kRetrieve = kShow + kTyped + kLinked;
constexpr auto kQuery = kFilter + kShow + kPage + kLinked + kOrder + list(expand_values, json_keys, split_entities);
constexpr auto kPostQuery = kPage + list(options, format, local, geometry_property);
constexpr auto kTime = list(timerel, time_at, end_time_at, timeproperty, last_n, aggr_methods, aggr_period_duration);
constexpr auto kShowPast = list(attrs, pick, omit, options, format, lang, dataset_id);
constexpr auto kMapOf = list(entity_map, entity_map_lifetime);
constexpr auto kRetrievePast = kShowPast + kTime + kMapOf + kLocal;
constexpr auto kQueryPast =
    kFilter + kShowPast + kTime + kPage + kMapOf + list(order_by, collation, expand_values, json_keys, split_entities);
constexpr auto kPostPast = kPage + list(options, format, local);
constexpr auto kDeletePastAttribute = list(dataset_id, delete_all, local);
constexpr auto kSnapshotQuery = list(q);
constexpr auto kOurs = list(in_tenant, in_context, after);
constexpr auto kLive = kFilter + kShow + kOurs + list(accept, expand_values, json_keys);
constexpr auto kTile = list(attrs, in_tenant, in_context);
constexpr auto kDownload = kFilter + kShow + list(in_tenant, in_context, limit, expand_values, json_keys);
constexpr auto kOgcPage = list(f, in_tenant, in_context);
constexpr auto kItem = kOgcPage + list(crs, lang);
constexpr auto kItems = kItem + list(limit, after, bbox, bbox_crs, datetime, filter, filter_crs, filter_lang);
constexpr auto kSensorThings = list(sta_filter, sta_expand, sta_select, sta_order_by, sta_top, sta_skip, sta_count,
                                    result_format, after, in_tenant, in_context);
constexpr auto kTenantAndContext = list(in_tenant, in_context);
constexpr auto kChanges = kOurs + list(limit, wait, options, format, lang);
constexpr auto kEvery = [] {
  std::array<Param, kParams> every{};
  for (std::size_t i = 0; i < kParams; ++i) every[i] = static_cast<Param>(i);
  return every;
}();

constexpr std::string_view kFormats = "normalized,concise,simplified,keyValues";
constexpr std::string_view kReadOptions = "normalized,concise,simplified,keyValues,sysAttrs,expiresAt";
constexpr std::string_view kPastFormats = "normalized,concise,temporalValues,aggregatedValues";
constexpr std::string_view kPastOptions = "normalized,concise,temporalValues,aggregatedValues,sysAttrs";
constexpr std::string_view kFileFormats = "csv,geojson,ndjson";
constexpr std::string_view kFileOptions = "normalized,concise,simplified,keyValues,sysAttrs,expiresAt,bom,raw";
constexpr std::string_view kSimple = "simplified,keyValues";

// ---- what it answers with ----

using Params = std::span<const Param>;
using Statuses = std::span<const int>;
using Text = std::string_view;

constexpr int kShown[] = {200, 203, 304, 400, 404, 406, 504};
constexpr int kListed[] = {200, 400, 404, 406, 504};
constexpr int kPages[] = {200, 201, 203, 400, 403, 404, 406, 429, 504};
constexpr int kAsked[] = {200, 201, 203, 400, 403, 404, 406, 411, 415, 429, 504};
constexpr int kCreated[] = {201, 400, 409, 411, 412, 415, 429, 503, 504, 507};
constexpr int kChanged[] = {204, 400, 404, 411, 412, 415, 429, 503, 504, 507};
constexpr int kDeleted[] = {204, 400, 404, 412, 429, 503, 504, 507};
constexpr int kPurged[] = {204, 207, 400, 403, 404, 429, 503, 504};
constexpr int kParts[] = {204, 207, 400, 404, 411, 412, 415, 429, 503, 504, 507};
constexpr int kMade[] = {201, 207, 400, 411, 415, 429, 503, 507};
constexpr int kUpserted[] = {201, 204, 207, 400, 411, 415, 429, 503, 507};
constexpr int kBatch[] = {204, 207, 400, 411, 415, 429, 503, 507};
constexpr int kPast[] = {200, 203, 206, 400, 403, 404, 406, 429, 503, 504};
constexpr int kPasts[] = {200, 201, 203, 206, 400, 403, 404, 406, 429, 503, 504};
constexpr int kAskedPasts[] = {200, 201, 203, 206, 400, 403, 404, 406, 411, 415, 429, 503, 504};
constexpr int kUpsertedPast[] = {201, 204, 400, 411, 413, 415, 429, 503, 504, 507};
constexpr int kChangedPast[] = {204, 400, 404, 411, 413, 415, 429, 503, 504, 507};
constexpr int kDeletedPast[] = {204, 400, 404, 429, 503, 504, 507};
constexpr int kSnapshotMade[] = {201, 400, 404, 409, 411, 413, 415, 429, 501, 503, 504, 507};
constexpr int kCloned[] = {201, 400, 404, 409, 411, 413, 415, 429, 501, 503, 504, 507};
constexpr int kSnapshotChanged[] = {200, 400, 404, 411, 413, 415, 429, 501, 503, 504, 507};
constexpr int kDeletedSnapshot[] = {204, 400, 404, 429, 503, 504, 507};
constexpr int kPurgedSnapshots[] = {204, 207, 400, 404, 429, 503, 504, 507};
constexpr int kStored[] = {200, 400, 406};
constexpr int kServed[] = {200, 400, 404, 406, 422};
constexpr int kAdded[] = {201, 400, 411, 413, 415, 429, 503, 507};
constexpr int kDropped[] = {204, 400, 404, 429, 503, 504, 507};
constexpr int kMapChanged[] = {204, 400, 404, 406, 411, 415, 504};
constexpr int kMapDeleted[] = {204, 400, 404, 406, 504};
constexpr int kMapped[] = {201, 400, 403, 404, 406, 411, 415, 429, 504, 507};
constexpr int kStreamed[] = {101, 200, 400, 403, 404, 406, 410, 426, 429, 504};
constexpr int kFed[] = {200, 400, 403, 404, 406, 410, 429, 504};
constexpr int kSaved[] = {200, 400, 403, 404, 406, 429, 504};
constexpr int kFeatures[] = {200, 404, 504};
constexpr int kThings[] = {200, 404, 429, 501, 504};
constexpr int kObserved[] = {201, 400, 404, 409, 411, 413, 415, 429, 501, 503, 504, 507};
constexpr int kOk[] = {200};
constexpr int kReady[] = {200, 503};
constexpr int kShownPage[] = {200, 304};
constexpr int kShownFile[] = {200, 304, 404};
constexpr int kTiled[] = {200, 304, 404};
constexpr int kAdmin[] = {200, 401, 403};
constexpr int kAdminFound[] = {200, 400, 401, 403, 404, 503};
constexpr int kSubscribed[] = {201, 400, 409, 411, 413, 415, 429, 503, 504, 507};
constexpr int kSubscriptionChanged[] = {204, 400, 404, 409, 411, 413, 415, 429, 503, 504, 507};
constexpr int kAdminChange[] = {204, 400, 401, 403, 404, 409};
constexpr int kAdminPast[] = {200, 400, 401, 403, 501};
constexpr int kRetentionSet[] = {204, 400, 401, 403, 404, 501, 503, 507};
constexpr int kRetentionRun[] = {202, 400, 401, 403, 501};
constexpr int kAccepted[] = {200, 202, 400, 401, 403, 404, 411, 413, 415, 429, 503, 507};
constexpr int kNotOffered[] = {400, 406, 411, 415, 501, 504};

// ---- rows by their sort: what all of one sort have in common is said once ----

constexpr Operation row(Op op, Method method, Text path, Text name, Text summary, Role role, Statuses statuses) {
  Operation made;
  made.op = op, made.method = method, made.path = path, made.name = name, made.summary = summary;
  made.role = role, made.statuses = statuses;
  return made;
}

/// Something to be read, in the words of a context.
constexpr Operation shows(Op op, Text path, Text name, Text summary, Params params) {
  Operation made = row(op, Method::get, path, name, summary, Role::read, kListed);
  made.params = params, made.media = kJson | kLdJson, made.uses_context = true;
  return made;
}

/// Entities, in each of their representations.
constexpr Operation shows_entities(Op op, Method method, Text path, Text name, Text summary, Params params,
                                   Statuses statuses) {
  Operation made = shows(op, path, name, summary, params);
  made.method = method, made.statuses = statuses;
  made.options = kReadOptions, made.formats = kFormats, made.media = kJson | kLdJson | kGeoJson;
  if (method == Method::post) made.body = Body::query;
  return made;
}

/// A change. Clause 5.5.10: what creates entities, so may answer 201, makes its tenant.
constexpr Operation changes(Op op, Method method, Text path, Text name, Text summary, Body body, Params params,
                            Statuses statuses, Text options = {}, Text formats = {}) {
  Operation made = row(op, method, path, name, summary, Role::write, statuses);
  made.body = body, made.params = params, made.options = options, made.formats = formats;
  made.uses_context = body != Body::ids, made.makes_tenant = statuses.front() == 201;
  return made;
}

/// A change of many entities, or a question about them, in a body.
constexpr Operation batch(Op op, Text path, Text name, Text summary, Params params, Statuses statuses,
                          Text options = {}) {
  const Body body = op == Op::batch_delete ? Body::ids : Body::entities;
  return changes(op, Method::post, path, name, summary, body, params, statuses, options);
}

/// Evolutions, in each of their representations.
constexpr Operation shows_past(Op op, Method method, Text path, Text name, Text summary, Params params,
                               Statuses statuses) {
  Operation made = shows(op, path, name, summary, params);
  made.method = method, made.statuses = statuses;
  made.options = kPastOptions, made.formats = kPastFormats;
  if (method == Method::post) made.body = Body::past_query;
  return made;
}

/// A page of the server's own that is open to all.
constexpr Operation page(Op op, Text path, Text name, Text summary, Media media = kJson, Statuses statuses = kOk) {
  Operation made = row(op, Method::get, path, name, summary, Role::none, statuses);
  made.media = media;
  return made;
}

constexpr Operation admin(Op op, Method method, Text path, Text name, Text summary, Statuses statuses,
                          Body body = Body::none) {
  Operation made = row(op, method, path, name, summary, Role::admin, statuses);
  made.body = body, made.uses_context = body != Body::none;
  return made;
}

/// Stored contexts. They are the matter itself here: no @context says what words mean.
constexpr Operation context(Op op, Method method, Text path, Text name, Text summary, Params params,
                            Statuses statuses) {
  Operation made = row(op, method, path, name, summary, method == Method::get ? Role::read : Role::write, statuses);
  made.params = params;
  if (method == Method::get) made.media = kJson | kLdJson;
  if (method == Method::post) made.body = Body::context, made.makes_tenant = true;
  return made;
}

/// What is followed, in the words of a context.
constexpr Operation follows(Op op, Text path, Text name, Text summary, Params params, Media media, Statuses statuses) {
  Operation made = shows(op, path, name, summary, params);
  made.options = kReadOptions, made.formats = kFormats, made.media = media, made.statuses = statuses;
  made.names_tenant = true;
  return made;
}

constexpr Operation download() {
  Operation made = shows(Op::download, "/download", "downloadEntities",
                         "All entities that match, as one file: CSV, GeoJSON or a JSON text a line", kDownload);
  made.options = kFileOptions, made.formats = kFileFormats, made.media = kCsv | kGeoJson | kLines;
  made.statuses = kSaved, made.names_tenant = true;
  return made;
}

/// OGC API - Features: `media` beside HTML.
constexpr Operation features(Op op, Text path, Text name, Text summary, Params params, std::uint16_t media = kJson) {
  const bool of_tenant = op >= Op::ogc_collections;
  Operation made = row(op, Method::get, path, name, summary, of_tenant ? Role::read : Role::none, kFeatures);
  made.params = params, made.media = media | kHtml;
  made.uses_context = made.names_tenant = of_tenant;
  made.takes_others = op == Op::ogc_items;
  return made;
}

/// OGC SensorThings API, where what is asked for is a path.
constexpr Operation things(Op op, Method method, Text path, Text name, Text summary, Params params, Role role,
                           Statuses statuses = kThings) {
  Operation made = row(op, method, path, name, summary, role, statuses);
  made.params = params, made.uses_context = made.names_tenant = op != Op::sta_root;
  if (op == Op::sta_read) made.media = kJson | Media::kText;
  if (method == Method::post) made.body = Body::observation;
  return made;
}

constexpr Operation tiles(Op op, Text path, Text name, Text summary, Params params, Media media) {
  Operation made = row(op, Method::get, path, name, summary, Role::read, kTiled);
  made.params = params, made.media = media, made.uses_context = true;
  made.names_tenant = op == Op::tile;
  return made;
}

constexpr Operation subscription(Op op, Method method, Text path, Text name, Text summary, Params params,
                                 Statuses statuses) {
  Operation made = row(op, method, path, name, summary, method == Method::get ? Role::read : Role::write, statuses);
  made.params = params;
  made.uses_context = method != Method::delete_;
  if (method == Method::get) made.media = kJson | kLdJson, made.options = "sysAttrs";
  if (method == Method::post) made.makes_tenant = true;
  if (method == Method::post || method == Method::patch) made.body = Body::subscription;
  return made;
}

/// A part of the standard that is known and not offered yet: it says so instead of "not found".
constexpr Operation later(Method method, Text path, Text name) {
  Operation made = row(Op::not_offered, method, path, name, "Not offered yet", Role::read, kNotOffered);
  made.params = kEvery, made.media = kJson | kLdJson;
  if (method == Method::post || method == Method::patch) made.body = Body::any;
  made.uses_context = true;
  return made;
}

#define NGSI "/ngsi-ld/v1"

constexpr Text kSubscription = NGSI "/subscriptions/{subscriptionId}";
constexpr Text kDead = "/admin/subscriptions/{subscriptionId}/dead-letters";
constexpr Text kMap = NGSI "/entityMaps/{entityMapId}";
constexpr Text kEntities = NGSI "/entities", kEntity = NGSI "/entities/{entityId}";
constexpr Text kPastEntities = NGSI "/temporal/entities", kPastEntity = NGSI "/temporal/entities/{entityId}";
constexpr Text kPastAttrs = NGSI "/temporal/entities/{entityId}/attrs";
constexpr Text kPastAttr = NGSI "/temporal/entities/{entityId}/attrs/{attrId}";
constexpr Text kInstance = NGSI "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}";
constexpr Text kSnapshots = NGSI "/snapshots", kSnapshot = NGSI "/snapshots/{snapshotId}";
constexpr Text kAttrs = NGSI "/entities/{entityId}/attrs", kAttr = NGSI "/entities/{entityId}/attrs/{attrId}";

/// An entity map is a note of this server on what was asked: to make or change one is to read.
constexpr Operation notes(Op op, Method method, Text path, Text name, Text summary, Params params, Statuses statuses,
                          Body body = Body::none) {
  Operation made = shows(op, path, name, summary, params);
  made.method = method, made.statuses = statuses, made.body = body;
  const bool past = op == Op::past_map_create || op == Op::past_map_create_batch;
  made.options = past ? kPastOptions : kReadOptions, made.formats = past ? kPastFormats : kFormats;
  return made;
}

/// A snapshot is of what is there: no tenant comes of it.
constexpr Operation snapshot(Op op, Method method, Text path, Text name, Text summary, Params params,
                             Statuses statuses) {
  const Body body = method == Method::delete_ ? Body::none : Body::snapshot;
  Operation made = changes(op, method, path, name, summary, body, params, statuses);
  made.makes_tenant = false;
  return made;
}

constexpr Operation identity() {
  Operation made = shows(Op::source_identity, NGSI "/info/sourceIdentity", "retrieveSourceIdentity",
                         "Who this context source is (5.15.1)", kNone);
  made.role = Role::none, made.statuses = kOk;
  return made;
}

// The order matters only for speed: the router tries paths of one length in this order.
constexpr Operation kTable[] = {
    shows_entities(Op::entity_retrieve, Method::get, kEntity, "retrieveEntity", "One entity (5.7.1)", kRetrieve,
                   kShown),
    changes(Op::entity_merge, Method::patch, kEntity, "mergeEntity", "Merge into an entity (5.6.17)", Body::fragment,
            kMerge, kChanged, kSimple, kSimple),
    changes(Op::entity_replace, Method::put, kEntity, "replaceEntity", "Replace an entity (5.6.18)", Body::fragment,
            kTyped, kChanged),
    changes(Op::entity_delete, Method::delete_, kEntity, "deleteEntity", "Delete an entity (5.6.6)", Body::none, kTyped,
            kDeleted),
    shows_entities(Op::entity_query, Method::get, kEntities, "queryEntities", "Query entities (5.7.2)", kQuery, kPages),
    changes(Op::entity_purge, Method::delete_, kEntities, "purgeEntities",
            "Remove the entities that match, or some of their attributes (5.6.21)", Body::none, kPurge, kPurged),
    changes(Op::entity_create, Method::post, kEntities, "createEntity", "Create an entity (5.6.1)", Body::entity,
            kLocal, kCreated),
    changes(Op::attrs_append, Method::post, kAttrs, "appendAttributes", "Append attributes (5.6.3)", Body::fragment,
            kAppend, kParts, "noOverwrite"),
    changes(Op::attrs_update, Method::patch, kAttrs, "updateAttributes", "Update existing attributes (5.6.2)",
            Body::fragment, kTyped, kParts),
    changes(Op::attribute_update, Method::patch, kAttr, "partialUpdateAttribute",
            "Change parts of an attribute (5.6.4)", Body::attribute, kTyped, kChanged),
    changes(Op::attribute_replace, Method::put, kAttr, "replaceAttribute", "Replace an attribute (5.6.19)",
            Body::attribute, kTyped, kChanged),
    changes(Op::attribute_delete, Method::delete_, kAttr, "deleteAttribute",
            "Delete an attribute or one instance of it (5.6.5)", Body::none, kDeleteAttribute, kDeleted),

    batch(Op::batch_upsert, NGSI "/entityOperations/upsert", "upsertBatch", "Create or change entities (5.6.8)",
          kOptions, kUpserted, "replace,update"),
    batch(Op::batch_create, NGSI "/entityOperations/create", "createBatch", "Create entities (5.6.7)", kLocal, kMade),
    batch(Op::batch_update, NGSI "/entityOperations/update", "updateBatch", "Update entities (5.6.9)", kOptions, kBatch,
          "replace,noOverwrite"),
    batch(Op::batch_merge, NGSI "/entityOperations/merge", "mergeBatch", "Merge into entities (5.6.20)", kLocal,
          kBatch),
    batch(Op::batch_delete, NGSI "/entityOperations/delete", "deleteBatch", "Delete entities (5.6.10)", kLocal, kBatch),
    shows_entities(Op::batch_query, Method::post, NGSI "/entityOperations/query", "queryBatch",
                   "Query entities with the question in the body (5.7.2)", kPostQuery, kAsked),

    notes(Op::map_create, Method::get, NGSI "/entityMaps", "createEntityMap",
          "Fix what a question is about in an entity map (5.14.4)", kQuery, kMapped),
    notes(Op::map_create_batch, Method::post, NGSI "/entityMaps", "createEntityMapBatch",
          "The same with the question in the body (5.14.4)", kPostQuery, kMapped, Body::query),
    notes(Op::map_show, Method::get, kMap, "retrieveEntityMap", "An entity map (5.14.1)", kNone, kListed),
    notes(Op::map_update, Method::patch, kMap, "updateEntityMap", "Change when an entity map expires (5.14.2)", kNone,
          kMapChanged, Body::entity_map),
    notes(Op::map_delete, Method::delete_, kMap, "deleteEntityMap", "Delete an entity map (5.14.3)", kNone,
          kMapDeleted),

    shows_past(Op::past_retrieve, Method::get, kPastEntity, "retrieveTemporal", "The evolution of an entity (5.7.3)",
               kRetrievePast, kPast),
    changes(Op::past_delete, Method::delete_, kPastEntity, "deleteTemporal", "Delete an evolution (5.6.16)", Body::none,
            kLocal, kDeletedPast),
    shows_past(Op::past_query, Method::get, kPastEntities, "queryTemporal", "Query the evolution of entities (5.7.4)",
               kQueryPast, kPasts),
    changes(Op::past_upsert, Method::post, kPastEntities, "upsertTemporal",
            "Create an evolution, or add to it (5.6.11)", Body::evolution, kLocal, kUpsertedPast),
    changes(Op::past_append, Method::post, kPastAttrs, "appendTemporalAttributes",
            "Add instances to an evolution (5.6.12)", Body::evolution_fragment, kLocal, kChangedPast),
    changes(Op::past_attribute_delete, Method::delete_, kPastAttr, "deleteTemporalAttribute",
            "Delete an attribute of an evolution (5.6.13)", Body::none, kDeletePastAttribute, kDeletedPast),
    changes(Op::past_instance_update, Method::patch, kInstance, "updateTemporalInstance",
            "Replace an instance of an evolution (5.6.14)", Body::instance, kLocal, kChangedPast),
    changes(Op::past_instance_delete, Method::delete_, kInstance, "deleteTemporalInstance",
            "Delete an instance of an evolution (5.6.15)", Body::none, kLocal, kDeletedPast),
    shows_past(Op::past_query_batch, Method::post, NGSI "/temporal/entityOperations/query", "queryTemporalBatch",
               "Query the evolution of entities with the question in the body (5.7.4)", kPostPast, kAskedPasts),
    notes(Op::past_map_create, Method::get, NGSI "/temporal/entityMaps", "createTemporalEntityMap",
          "Fix what a question about the past is about in an entity map (5.14.5)", kQueryPast, kMapped),
    notes(Op::past_map_create_batch, Method::post, NGSI "/temporal/entityMaps", "createTemporalEntityMapBatch",
          "The same with the question in the body (5.14.5)", kPostPast, kMapped, Body::past_query),

    snapshot(Op::snapshot_create, Method::post, kSnapshots, "createSnapshot",
             "Keep what questions find now apart from what happens later (5.16.1)", kNone, kSnapshotMade),
    snapshot(Op::snapshots_purge, Method::delete_, kSnapshots, "purgeSnapshots",
             "Delete the snapshots whose members match (5.16.7)", kSnapshotQuery, kPurgedSnapshots),
    shows(Op::snapshot_show, kSnapshot, "retrieveSnapshot", "What is known of a snapshot (5.16.3)", kNone),
    snapshot(Op::snapshot_update, Method::patch, kSnapshot, "updateSnapshot",
             "Change how long a snapshot lasts, or its priority (5.16.4)", kNone, kSnapshotChanged),
    snapshot(Op::snapshot_delete, Method::delete_, kSnapshot, "deleteSnapshot", "Delete a snapshot (5.16.5)", kNone,
             kDeletedSnapshot),
    snapshot(Op::snapshot_clone, Method::post, NGSI "/snapshots/{snapshotId}/clone", "cloneSnapshot",
             "Copy a snapshot (5.16.2)", kNone, kCloned),

    shows(Op::types_list, NGSI "/types", "retrieveEntityTypes", "Entity types in use (5.7.5, 5.7.6)", kDetails),
    shows(Op::type_show, NGSI "/types/{type}", "retrieveEntityType", "An entity type (5.7.7)", kLocal),
    shows(Op::attributes_list, NGSI "/attributes", "retrieveAttributes", "Attributes in use (5.7.8, 5.7.9)", kDetails),
    shows(Op::attribute_show, NGSI "/attributes/{attrId}", "retrieveAttribute", "An attribute (5.7.10)", kLocal),
    page(Op::tenants_list, NGSI "/tenants", "listTenants", "Tenants that the caller may see"),
    identity(),
    context(Op::context_add, Method::post, NGSI "/jsonldContexts", "addContext", "Keep a context here (5.13.2)", kNone,
            kAdded),
    context(Op::contexts_list, Method::get, NGSI "/jsonldContexts", "listContexts", "Stored contexts (5.13.3)",
            kContexts, kStored),
    context(Op::context_serve, Method::get, NGSI "/jsonldContexts/{contextId}", "serveContext",
            "A stored context (5.13.4)", kContext, kServed),
    context(Op::context_delete, Method::delete_, NGSI "/jsonldContexts/{contextId}", "deleteContext",
            "Remove a stored context, or fetch it anew (5.13.5)", kReload, kDropped),

    subscription(Op::subscription_create, Method::post, NGSI "/subscriptions", "createSubscription",
                 "Subscribe to changes (5.8.1)", kNone, kSubscribed),
    subscription(Op::subscriptions_query, Method::get, NGSI "/subscriptions", "querySubscriptions",
                 "Subscriptions (5.8.4)", kSubscriptions, kListed),
    subscription(Op::subscription_retrieve, Method::get, kSubscription, "retrieveSubscription",
                 "A subscription (5.8.3)", kSysAttrs, kListed),
    subscription(Op::subscription_update, Method::patch, kSubscription, "updateSubscription",
                 "Change a subscription (5.8.2)", kNone, kSubscriptionChanged),
    subscription(Op::subscription_delete, Method::delete_, kSubscription, "deleteSubscription",
                 "End a subscription (5.8.5)", kNone, kDropped),

    follows(Op::live, "/live", "followEntities",
            "Entities that match, then their changes, as Server-Sent Events or over a WebSocket", kLive, kEvents,
            kStreamed),
    follows(Op::changes, "/changes", "feedChanges", "Changes of entities from the journal, a JSON text a line",
            kChanges, kLines, kFed),
    download(),

    tiles(Op::tile, "/tiles/{type}/{z}/{x}/{y}", "showTile", "Entities as a vector tile (MVT)", kTile, kFile),
    tiles(Op::tiles_describe, "/tiles/{type}", "describeTiles", "Vector tiles of entities, described (TileJSON)", kTile,
          kJson),

    features(Op::ogc_landing, "/ogc", "ogcLanding", "OGC API - Features: what there is", kOgcPage),
    features(Op::ogc_conformance, "/ogc/conformance", "ogcConformance", "What is conformed to", kOgcPage),
    features(Op::ogc_api, "/ogc/api", "ogcApi", "The same in OpenAPI 3.0", kOgcPage, kOpenApi | kJson),
    features(Op::ogc_collections, "/ogc/collections", "ogcCollections", "Entity types as collections", kOgcPage),
    features(Op::ogc_collection, "/ogc/collections/{collectionId}", "ogcCollection", "A collection", kOgcPage),
    features(Op::ogc_queryables, "/ogc/collections/{collectionId}/queryables", "ogcQueryables",
             "What a filter can be about", kOgcPage, kSchema | kJson),
    features(Op::ogc_items, "/ogc/collections/{collectionId}/items", "ogcItems", "Entities as features", kItems,
             kJson | kGeoJson),
    features(Op::ogc_item, "/ogc/collections/{collectionId}/items/{featureId}", "ogcItem", "An entity as a feature",
             kItem, kJson | kGeoJson),

    things(Op::sta_root, Method::get, "/sta/v1.1", "sensorThings", "OGC SensorThings API: what there is", kNone,
           Role::none, kOk),
    things(Op::sta_read, Method::get, "/sta/v1.1/{resource...}", "readSensorThings",
           "Things, Datastreams, Observations and what is around them, such as `Things`, "
           "`Datastreams('urn:ngsi-ld:AirQualityObserved:1:no2')/Observations`",
           kSensorThings, Role::read),
    things(Op::sta_create, Method::post, "/sta/v1.1/{resource...}", "createObservation",
           "A new Observation: `Observations`, or `Datastreams('...')/Observations`", kTenantAndContext, Role::write,
           kObserved),

    page(Op::health, "/health", "health", "Is the process alive"),
    page(Op::ready, "/ready", "ready", "Does it take requests", kJson, kReady),
    page(Op::metrics, "/metrics", "metrics", "Figures for Prometheus", Media::kText, kAdmin),
    page(Op::openapi, "/openapi.json", "openapi", "This description"),
    page(Op::portal, "/", "portal", "The portal", kHtml, kShownPage),
    page(Op::portal_file, "/assets/{file}", "portalFile", "A file of the portal", kFile, kShownFile),
    admin(Op::indexes_list, Method::get, "/admin/indexes", "listIndexes", "Indexes on attribute values", kAdmin),
    admin(Op::index_declare, Method::post, "/admin/indexes", "declareIndex", "Build an index while serving",
          kAdminChange, Body::index),
    admin(Op::index_drop, Method::delete_, "/admin/indexes", "dropIndex", "Drop an index", kAdminChange, Body::index),
    admin(Op::backup_begin, Method::post, "/admin/backup", "beginBackup",
          "Take a snapshot and name the files to copy; they stay until the ticket is given back", kAdmin),
    admin(Op::backup_end, Method::delete_, "/admin/backup/{ticket}", "endBackup", "Give a backup's ticket back",
          kAdminChange),
    admin(Op::erasure_ask, Method::post, "/admin/erasures", "askForErasure",
          "Have entities erased for good, or a person with what is theirs, with all that is kept of their past",
          kAccepted, Body::erasure),
    admin(Op::erasures_list, Method::get, "/admin/erasures", "listErasures", "What was asked to be erased, and what is",
          kAdmin),
    admin(Op::retention_list, Method::get, "/admin/retention", "listRetention", "How long the past is kept",
          kAdminPast),
    admin(Op::retention_set, Method::post, "/admin/retention", "setRetention",
          "Make a rule of how long the past is kept, or put it in the place of that for the same attributes",
          kRetentionSet, Body::retention),
    admin(Op::retention_drop, Method::delete_, "/admin/retention", "dropRetention",
          "Drop the rule for these attributes", kRetentionSet, Body::retention),
    admin(Op::retention_passes, Method::get, "/admin/retention/passes", "listRetentionPasses",
          "What rules of retention took out of the past", kAdminPast),
    admin(Op::retention_run, Method::post, "/admin/retention/passes", "runRetention",
          "Apply the rules of retention now", kRetentionRun),

    admin(Op::deliveries_list, Method::get, "/admin/subscriptions", "listDeliveries",
          "What became of notifications: queues, failures, gaps", kAdmin),
    admin(Op::delivery_show, Method::get, "/admin/subscriptions/{subscriptionId}", "showDelivery",
          "The same of one subscription", kAdminFound),
    admin(Op::dead_list, Method::get, kDead, "listDeadLetters", "Notifications that the endpoint refused for good",
          kAdminFound),
    admin(Op::dead_drop, Method::delete_, kDead, "dropDeadLetters", "Give them all up", kAdminFound),
    admin(Op::dead_replay, Method::post, "/admin/subscriptions/{subscriptionId}/replay", "replayDeadLetters",
          "Send them all again", kAdminFound),
    admin(Op::dead_drop_one, Method::delete_, "/admin/subscriptions/{subscriptionId}/dead-letters/{position}",
          "dropDeadLetter", "Give one up", kAdminFound),
    admin(Op::dead_replay_one, Method::post, "/admin/subscriptions/{subscriptionId}/replay/{position}",
          "replayDeadLetter", "Send one again", kAdminFound),

    later(Method::post, NGSI "/csourceRegistrations", "createRegistration"),
    later(Method::get, NGSI "/csourceRegistrations", "queryRegistrations"),
    later(Method::get, NGSI "/csourceRegistrations/{registrationId}", "retrieveRegistration"),
    later(Method::patch, NGSI "/csourceRegistrations/{registrationId}", "updateRegistration"),
    later(Method::delete_, NGSI "/csourceRegistrations/{registrationId}", "deleteRegistration"),
    later(Method::post, NGSI "/csourceSubscriptions", "createRegistrationSubscription"),
    later(Method::get, NGSI "/csourceSubscriptions", "queryRegistrationSubscriptions"),
    later(Method::get, NGSI "/csourceSubscriptions/{subscriptionId}", "retrieveRegistrationSubscription"),
    later(Method::patch, NGSI "/csourceSubscriptions/{subscriptionId}", "updateRegistrationSubscription"),
    later(Method::delete_, NGSI "/csourceSubscriptions/{subscriptionId}", "deleteRegistrationSubscription"),
};
#undef NGSI

}  // namespace

const ParamInfo& info(Param param) {
  return kParamTable[static_cast<std::size_t>(param)];
}
std::span<const ParamInfo> all_params() {
  return kParamTable;
}
std::span<const Operation> all_operations() {
  return kTable;
}

std::string_view media_name(Media media) {
  switch (media) {
    case kLdJson:
      return "application/ld+json";
    case kGeoJson:
      return "application/geo+json";
    case Media::kText:
      return "text/plain; version=0.0.4";
    case kEvents:
      return "text/event-stream";
    case kLines:
      return "application/x-ndjson";
    case kCsv:
      return "text/csv; charset=utf-8; header=present";
    case kSchema:
      return "application/schema+json";
    case kOpenApi:
      return "application/vnd.oai.openapi+json;version=3.0";
    case kHtml:
      return "text/html; charset=utf-8";
    case kFile:
      return "application/octet-stream";
    default:
      return "application/json";
  }
}

}  // namespace madang::api
