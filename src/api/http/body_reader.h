#pragma once
// What the edge itself must know of a JSON body: its @context, the items of a batch, a list of ids, a query.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::api {

/// The Query data type (5.2.23) as text, not yet parsed.
struct QueryBody {
  struct Selector {  // 5.2.33
    std::optional<std::string> type, id_pattern;
    std::vector<std::string> ids;
  };
  std::vector<Selector> entities;
  std::optional<std::string> q, scope_q, georel, geometry, coordinates, geoproperty, lang, csf, join, expand_values,
      json_keys, geometry_property;
  std::optional<std::string> order_by, collation, order_from, order_geometry;  // 5.2.43
  std::optional<bool> entity_map, split_entities;
  std::optional<std::string> entity_map_lifetime;
  std::optional<std::vector<std::string>> attrs, pick, omit, dataset_ids, contained_by;
  std::optional<std::uint64_t> join_level;

  struct Temporal {  // 5.2.21 and 5.2.44
    std::optional<std::string> timerel, time_at, end_time_at, timeproperty, last_n, aggr_period_duration;
    std::optional<std::vector<std::string>> aggr_methods;
  } temporal;
  bool has_temporal = false;  // temporalQ
};

/// The Snapshot data type (5.2.41), as far as clients say it.
struct SnapshotBody {
  std::optional<std::string> id, lifetime;
  std::optional<std::uint64_t> priority;
  std::vector<QueryBody> queries, temporal_queries;
  std::string queries_json, temporal_queries_json;  // empty: not given
};

struct IndexBody {
  std::string tenant, type, attribute;
};

struct RetentionBody {
  std::string tenant, type, attribute, raw;
  std::vector<std::pair<std::string, std::string>> rollups;  // period, keep
};

/// A new Observation of SensorThings.
struct ObservationBody {
  std::string datastream;  // its id; empty: not said
  std::string result;      // JSON
  std::optional<std::string> phenomenon_time, result_time;
};

struct ErasureBody {
  std::string tenant;
  std::vector<std::string> entities;
  bool everything = false;
  std::string person;                       // the id; empty: none
  std::vector<std::string> through, types;  // of a person; names as given
  bool dry_run = false;                     // the same
};

/// One a loop: keeps its buffers. All bodies need net::kBodyPadding readable bytes behind them. Views point into the
/// body. Errors name the place by JSON pointer.
class BodyReader {
 public:
  BodyReader();
  ~BodyReader();

  /// Cheap: false where no member can be called @context.
  static bool may_have_context(std::string_view body);
  /// The JSON text of the top-level member @context of an object; nothing where there is none, or the body is no
  /// object.
  base::Result<std::optional<std::string_view>> context(std::string_view body);

  /// invalid_request unless the body is a JSON object.
  base::Status check_object(std::string_view body);

  struct Item {
    std::string_view json;
    std::optional<std::string_view> context;
  };
  /// The elements of an array, each with its own @context (clause 5.6.7 and its kin).
  base::Result<std::vector<Item>> items(std::string_view body, std::size_t most);
  /// The `id` of an entity that could not be read, for the report; empty where it has none.
  std::string id_of(std::string_view json);
  /// The object without its @context, with padding behind it (the string is longer by net::kBodyPadding).
  base::Result<std::string> without_context(std::string_view body);

  /// An array of URIs, broken ones kept: each is judged alone.
  base::Result<std::vector<std::string>> strings(std::string_view body, std::size_t most);
  /// `ld_json`: the body may have an @context; `temporal`: it may have temporalQ and aggrParams.
  base::Result<QueryBody> query(std::string_view body, bool ld_json, bool temporal = false);
  /// `fragment`: of an update, where a type need not be given.
  base::Result<SnapshotBody> snapshot(std::string_view body, bool fragment);
  base::Result<IndexBody> index(std::string_view body);
  base::Result<RetentionBody> retention(std::string_view body);
  base::Result<ObservationBody> observation(std::string_view body);
  base::Result<ErasureBody> erasure(std::string_view body, std::size_t most);
  /// The `expiresAt` of an EntityMap (5.2.39); its other members are the server's and passed over.
  base::Result<std::optional<std::string>> entity_map_expiry(std::string_view body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::api
