#pragma once
// What the server offers, in one table: the router, the check of parameters, the roles and /openapi.json all come
// from it.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "madang/governance/principal.h"
#include "madang/net/http.h"

namespace madang::api {

/// Every query parameter that some operation takes (tables of clause 6) and those it names but that are not offered
/// yet.
enum class Param : std::uint8_t {
  id,
  type,
  id_pattern,
  attrs,
  pick,
  omit,
  q,
  georel,
  geometry,
  coordinates,
  geoproperty,
  geometry_property,
  scope_q,
  count,
  limit,
  offset,
  after,
  options,
  format,
  lang,
  dataset_id,
  local,
  csf,
  observed_at,
  delete_all,
  details,
  kind,
  reload,
  drop,
  keep,
  join,
  join_level,
  contained_by,
  expand_values,
  json_keys,
  split_entities,
  order_by,
  collation,
  order_from,
  order_geometry,
  entity_map,
  entity_map_lifetime,
  in_tenant,
  in_context,
  accept,
  wait,
  timerel,
  time_at,
  end_time_at,
  timeproperty,
  last_n,
  aggr_methods,
  aggr_period_duration,
  bbox,
  bbox_crs,
  crs,
  datetime,
  filter,
  filter_crs,
  filter_lang,
  f,
  sta_filter,
  sta_expand,
  sta_select,
  sta_order_by,
  sta_top,
  sta_skip,
  sta_count,
  result_format,
  end_
};
inline constexpr std::size_t kParams = static_cast<std::size_t>(Param::end_);

enum class ParamKind : std::uint8_t { text, words, uris, uri, unsigned_, positive, boolean, date_time, duration };

struct ParamInfo {
  Param id;
  std::string_view name;
  ParamKind kind;
  std::uint32_t bytes;  // longest value
  std::string_view about;
  bool offered = true;
};
const ParamInfo& info(Param param);
std::span<const ParamInfo> all_params();

/// Media types of answers, as bits in the order of preference of clause 6.3.4.
enum Media : std::uint16_t {
  kNoMedia = 0,
  kJson = 1,
  kLdJson = 2,
  kGeoJson = 4,
  kText = 8,
  kHtml = 16,
  kEvents = 32,
  kLines = 64,
  kFile = 128,  // of any type
  kCsv = 256,
  kOpenApi = 512,
  kSchema = 1024
};
/// All, the preferred ones first: of what a client likes as much, it gets the first.
inline constexpr std::array kAllMedia{kCsv,    kJson,  kLdJson, kGeoJson, kText,  kHtml,
                                      kEvents, kLines, kFile,   kOpenApi, kSchema};
std::string_view media_name(Media media);

enum class Body : std::uint8_t {
  none,
  entity,
  fragment,
  attribute,
  evolution,
  evolution_fragment,
  instance,
  entities,
  ids,
  query,
  past_query,
  entity_map,
  snapshot,
  index,
  erasure,
  retention,
  context,
  subscription,
  observation,
  any,
  bytes  // of any media type
};

enum class Op : std::uint8_t {
  entity_retrieve,
  entity_merge,
  entity_replace,
  entity_delete,
  entity_query,
  entity_purge,
  entity_create,
  attrs_append,
  attrs_update,
  attribute_update,
  attribute_replace,
  attribute_delete,
  batch_upsert,
  batch_create,
  batch_update,
  batch_merge,
  batch_delete,
  batch_query,
  map_create,
  map_create_batch,
  map_show,
  map_update,
  map_delete,
  past_retrieve,
  past_query,
  past_query_batch,
  past_upsert,
  past_delete,
  past_append,
  past_attribute_delete,
  past_instance_update,
  past_instance_delete,
  past_map_create,
  past_map_create_batch,
  types_list,
  type_show,
  attributes_list,
  attribute_show,
  snapshot_create,
  snapshots_purge,
  snapshot_show,
  snapshot_update,
  snapshot_delete,
  snapshot_clone,
  tenants_list,
  context_add,
  contexts_list,
  context_serve,
  context_delete,
  subscription_create,
  subscriptions_query,
  subscription_retrieve,
  subscription_update,
  subscription_delete,
  live,
  changes,
  tile,
  tiles_describe,
  download,
  ogc_landing,
  ogc_conformance,
  ogc_api,
  ogc_collections,
  ogc_collection,
  ogc_queryables,
  ogc_items,
  ogc_item,
  sta_root,
  sta_read,
  sta_create,
  source_identity,
  health,
  ready,
  metrics,
  openapi,
  indexes_list,
  index_declare,
  index_drop,
  backup_begin,
  backup_end,
  erasure_ask,
  erasures_list,
  retention_list,
  retention_set,
  retention_drop,
  retention_passes,
  retention_run,
  deliveries_list,
  delivery_show,
  dead_list,
  dead_replay,
  dead_replay_one,
  dead_drop,
  dead_drop_one,
  portal,
  portal_file,
  surface,  // of another room: hub/surface.h
  not_offered,
  end_
};
inline constexpr std::size_t kOps = static_cast<std::size_t>(Op::end_);

struct Operation {
  Op op;
  net::Method method;
  std::string_view path;  // "/a/{b}": whole segments in braces are captured, by a last one "{b...}" all that is left
  std::string_view name;  // operationId and the label in metrics
  std::string_view summary;
  std::span<const Param> params;
  std::string_view options;  // values that its `options` takes, comma-separated
  std::string_view formats;  // the same for `format`
  Body body = Body::none;
  std::uint16_t media = kJson;  // of the answer
  governance::Role role = governance::Role::read;
  bool uses_context = false;  // names are expanded or compacted: @context by Link header or body
  bool makes_tenant = false;  // clause 5.5.10: creating operations make their tenant
  bool names_tenant = false;  // it is of a tenant, which a parameter may name: for clients that cannot send headers
  bool takes_others = false;  // further parameters are names of attributes
  std::span<const int> statuses = {};
  std::uint16_t offer = 0;  // of a surface: its place among all offers
};
std::span<const Operation> all_operations();

inline constexpr std::string_view kBase = "/ngsi-ld/v1";

}  // namespace madang::api
