#pragma once
// The temporal evolution of an entity as values (clauses 4.5.6 to 4.5.8, 4.5.19, 4.11): what is asked for, what comes
// back, and the changes that are made to the past. Who keeps it is the room `history`; this is what it, the hub and the
// surfaces speak of.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/symbols.h"

namespace madang::ngsi {

/// Names one instance of an attribute for ever: the journal position of the record that brought it and its number
/// there.
struct InstanceId {
  std::uint64_t position = 0;
  std::uint32_t index = 0;
  auto operator<=>(const InstanceId&) const = default;
};
/// `urn:ngsi-ld:attribute-instance:…`. Those outside take it as opaque.
void append_instance_id(std::string& out, InstanceId id);
std::string to_string(InstanceId id);
/// Nothing where it is no id of ours: then nobody has such an instance.
std::optional<InstanceId> read_instance_id(std::string_view text);

/// Clause 4.8: by which of its times an instance is chosen and put in order. Stored nowhere.
enum class TimeProperty : std::uint8_t { observed_at, created_at, modified_at, deleted_at };

/// Clause 4.11 as one half-open interval: `before` gives `until` alone, `after` gives `from` alone, `between` both. An
/// instance without the time asked for is never in it. Both empty: any instance that has that time.
struct Interval {
  TimeProperty property = TimeProperty::observed_at;
  std::optional<Timestamp> from;   // inclusive
  std::optional<Timestamp> until;  // exclusive
  bool contains(Timestamp time) const { return (!from || time >= *from) && (!until || time < *until); }
};

/// Which instances of one entity.
struct EvolutionQuery {
  /// Nothing: all instances, those without any observedAt too, in the order of `order`.
  std::optional<Interval> interval;
  TimeProperty order = TimeProperty::observed_at;  // where there is no interval. Without that time: by modifiedAt
  bool names_given = false;
  std::vector<Symbol> names;  // only these attributes, where names_given
  bool datasets_given = false;
  std::vector<std::string> datasets;  // only these, where datasets_given; "": the default instances
  /// Instances that have expired by then (clause 4.22) were to be kept so long and no longer; nothing: all are seen.
  std::optional<Timestamp> now;
  std::uint32_t last = 0;  // lastN: of each attribute and datasetId so many, the latest; 0: all
  /// Of all attributes together about so many, cut at one time for all: the earliest, or with `last` the latest.
  /// Instances of one time stay together, so there may be a few more. At most kMostInstances.
  std::uint32_t most = 20'000;
};
/// An entity's block holds no more (docs/formats/entity.md).
inline constexpr std::uint32_t kMostInstances = 60'000;

/// One time that the entity's scope was set (clause 4.18), or taken away.
struct ScopeInstance {
  InstanceId id;
  std::vector<std::string> scopes;  // empty: taken away
  Timestamp created_at, modified_at;
  std::optional<Timestamp> observed_at;  // as given through the temporal API, else modifiedAt (clause 4.5.6)
  std::optional<Timestamp> deleted_at;
};

/// The evolution of one entity, as far as it was asked for.
struct Evolution {
  /// What stands beside an instance of the block.
  struct Beside {
    InstanceId id;
    /// The attribute was deleted then; the instance's value is the NGSI-LD null of its kind (clause 4.5.0).
    std::optional<Timestamp> deleted_at;
  };
  /// The entity with its id, types and scopes as they are, or last were, its createdAt and modifiedAt, and as its
  /// attributes every chosen instance: those of one name side by side, the default ones first, then by datasetId, of
  /// one datasetId in the order of time. So matches() and filters take it as an entity with many instances: a `q` is
  /// met where one of them meets it, as clause 5.7.4.4 wants.
  EntityBlock block;
  std::vector<Beside> beside;  // by the number of the attribute in the block
  /// In the order of time; under the interval, the order and `last` too. First the one that was set before the interval
  /// and holds at its beginning (annex C.5.16).
  std::vector<ScopeInstance> scopes;
  /// The scopes in force within the interval (clause 4.18: from when it is set until it is taken away or replaced),
  /// whether they were set in it or before. What a scopeQ is asked of: one after another.
  std::vector<std::vector<std::string>> scopes_in_force;
  std::optional<Timestamp> deleted_at;  // of the entity, where it is gone now
  /// There are more instances, all beyond `last_time` (with EvolutionQuery::last: before `first_time`).
  bool cut = false;
  std::optional<Timestamp> first_time, last_time;  // of the time property, over the instances given

  EntityView view() const { return EntityView(block); }
};
/// The time of an instance that a query chooses and orders by; nothing where it has none.
std::optional<Timestamp> time_of(const AttributeView& instance, const Evolution::Beside& beside, TimeProperty property);

// ---- many entities ----

/// Clause 5.7.4. `query` says which: ids, id_pattern, type, selectors, attributes; q and geo against the instances that
/// `evolution` chooses by time; scope against what was in force. Its order is always by id; `order` of it is ignored
/// here.
struct EvolutionsQuery {
  Query query;
  EvolutionQuery evolution;  // its names are what is shown; q and geo see others too
  bool descending = false;   // by id
};
struct EvolutionsPage {
  std::optional<std::string> after;  // the id that the page before ended with
  std::uint64_t offset = 0;
  std::uint32_t limit = 20;  // 0 with count: only count
  bool count = false;
};
struct EvolutionsAnswer {
  std::vector<Evolution> entities;
  std::uint64_t count = 0;  // with page.count
  bool more = false;        // there is a next page
};

// ---- aggregation ----

/// Clause 4.5.19.
enum class AggregateMethod : std::uint8_t {
  total_count,
  distinct_count,
  sum,
  avg,
  min,
  max,
  stddev,  // of the whole population
  sumsq,
};
inline constexpr std::size_t kAggregateMethods = 8;

/// An ISO 8601 duration: calendar months (years are twelve) and an exact rest (a day is 24 hours of UTC). Both 0: the
/// whole time that was asked for.
struct Period {
  std::int32_t months = 0;
  std::int64_t ns = 0;
  bool whole() const { return months == 0 && ns == 0; }
  bool operator==(const Period&) const = default;
};
/// `time` and `count` periods: the months by the calendar (a day that the month has not: its last), then the rest.
/// Nothing where that is no time we can count.
std::optional<Timestamp> add(Timestamp time, const Period& period, std::int64_t count);

struct AggregationQuery {
  EvolutionQuery evolution;  // its last, order and most do not count
  std::vector<AggregateMethod> methods;
  Period period;
  std::size_t most_periods = 100'000;  // of one series; beyond: too_complex
};
struct Aggregation {
  struct Row {
    Timestamp begin, end;  // of the period
    /// By AggregateMethod: JSON text, empty where it was not asked for or does not apply to the values (Table
    /// 4.5.19.1-1).
    std::array<std::string, kAggregateMethods> values;
  };
  struct Series {
    Symbol name = Symbol::none;
    std::string dataset_id;
    Kind kind = Kind::property;
    std::vector<Row> rows;  // periods with at least one instance, in the order of time
    bool applies = false;   // at least one of the methods does, to at least one value
  };
  EntityBlock entity;          // id, types, scopes and times, no attributes
  std::vector<Series> series;  // as in Evolution::block
  std::optional<Timestamp> deleted_at;
  // Where instances are kept no longer, and what was kept of them counts:
  bool rolled = false;            // some numbers are made of means of hours, days, …
  bool coarse = false;            // of longer ones than the periods asked for, or of ones that lie across their borders
  bool left_out = false;          // some are not known by the time asked for, and do not count
  bool distinct_unknown = false;  // distinctCount is left out where such are
};

// ---- changes of the past ----

/// What the temporal API does to history: clauses 5.6.11 to 5.6.16. It does not touch the current entity.
struct TemporalChange {
  enum class Operation : std::uint8_t {  // stored on disk: never renumber
    append = 1,            // 5.6.11, 5.6.12: adds instances and types; the evolution is made where there is none
    modify_instance = 2,   // 5.6.14
    delete_instance = 3,   // 5.6.15
    delete_attribute = 4,  // 5.6.13
    delete_entity = 5,     // 5.6.16
  };
  Operation operation{};
  std::string id;
  /// append: the types given and every instance, times set (createdAt, modifiedAt); an entity of attributes that may
  /// stand many times each. modify_instance: the one instance as it is to be; its createdAt stays what it was.
  /// Otherwise empty.
  EntityBlock block;
  std::vector<std::pair<std::uint32_t, Timestamp>> deleted;  // append: attributes of the block that say deletedAt
  std::vector<ScopeInstance> scopes;                         // append; ids are ignored
  Symbol attribute = Symbol::none;  // modify_instance, delete_*: which; none with delete_attribute: the scope
  InstanceId instance;              // modify_instance, delete_instance
  std::string dataset_id;           // delete_attribute: which instances ("": the default ones)
  bool all_datasets = false;        // delete_attribute: all
};

}  // namespace madang::ngsi
