#pragma once
// The current entities of all tenants, in memory, with their indexes; snapshots of them on disk.
//
// Who may touch it (docs/decisions/0002): readers hold their own thread's lock (Reading), which nobody else ever takes
// but the one who shows changes, so readers never wait for one another. The writer stages outcomes under the hub's
// sequencer lock and shows them, in short batches, while it holds every reader's lock: what a Reading sees is one
// consistent state, entities and indexes together, and replaced blocks are freed at once.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/journal/journal.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/expiry.h"
#include "madang/ngsi/order.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/symbols.h"

namespace madang::state {

using journal::Position;

struct Limits {
  std::uint64_t memory_bytes = 0;  // of everything held; 0: three quarters of the machine's memory
  std::uint64_t tenant_entities = 50'000'000;
  std::uint64_t tenant_bytes = 0;  // 0: memory_bytes
  std::size_t tenants = 1'000;
  std::size_t declared_indexes = 64;                                  // a tenant
  std::size_t documents = 2'000;                                      // a tenant, of each collection
  std::map<std::string, std::size_t, std::less<>> documents_of = {};  // the same, of collections that differ
  std::uint64_t document_bytes = 64ull << 20;                         // a tenant, of all together
  std::uint64_t query_cost = 50'000'000;  // entities looked at by one question; beyond: too_complex
  ngsi::SymbolLimits symbols = {};
};

/// A place of an entity in its tenant's table. Questions answer in the order of places; an entity keeps its place for
/// life.
using Place = std::uint32_t;

/// An index on the values of an attribute of a type. Names are expanded.
struct DeclaredIndex {
  std::string type, attribute;
  bool operator==(const DeclaredIndex&) const = default;
};
struct IndexState {
  DeclaredIndex index;
  bool ready = false;  // false while it is being built; queries use it only when ready
  std::uint64_t entries = 0;
};

/// What a tenant keeps beside its entities, of a few kilobytes each: a hosted @context and its kin. The store knows
/// nothing of what is in it.
struct Document {
  std::string collection, id;
  std::string text;
};

class Store;
class Tenant;

/// A change of a tenant that is watched, as it was shown: the entity before and after it. Null: there was none, there
/// is none.
struct Shown {
  Tenant* tenant = nullptr;
  Position position;
  base::Timestamp time;  // of the change
  std::shared_ptr<const ngsi::EntityBlock> before, after;
};

/// Holds this thread's reader lock: keep it for less than a millisecond, and never call show() or change indexes
/// within. Views got under it die with it. One within another costs nothing.
class Reading {
 public:
  explicit Reading(Store& store);  // registers the thread at its first use
  ~Reading();
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  void* lock_;
};

struct TypeCount {
  ngsi::Symbol type;
  std::uint64_t entities;
};
struct AttributeCount {
  ngsi::Symbol attribute;
  ngsi::Symbol type;  // the entity type it was seen in
  ngsi::Kind kind;    // one row for each kind seen
  std::uint64_t entities;
  bool observations = false;  // a row of those of them whose default instance is one: EntityView::is_observation()
};

/// One tenant's entities. Everything const needs a Reading; the rest is the writer's.
class Tenant {
 public:
  struct Impl;
  explicit Tenant(std::unique_ptr<Impl> impl);
  ~Tenant();
  const std::string& name() const;
  ngsi::SymbolTable& symbols() const;

  // -- readers --
  ngsi::EntityView find(std::string_view id) const;  // shown version; null view where there is none
  /// Some entity has an expiresAt (clause 4.22). To take away what has expired is the writer's; until that is shown,
  /// readers look at entities through ngsi::AsOf.
  bool has_expiring() const;
  std::uint64_t size() const;
  std::uint64_t bytes() const;
  std::vector<TypeCount> types() const;
  std::vector<AttributeCount> attributes() const;
  std::vector<IndexState> indexes() const;
  /// Any thread, no Reading needed: those of one collection, all where it is empty.
  std::vector<Document> documents(std::string_view collection) const;
  std::size_t document_count(std::string_view collection) const;
  std::optional<std::string> document(std::string_view collection, std::string_view id) const;
  /// From now on the changes that are shown are told to who shows them (no longer). Any thread.
  void watch(bool watched);

  Impl& impl() const { return *impl_; }  // the room's own

 private:
  std::unique_ptr<Impl> impl_;
};

struct Staged;

class Store {
 public:
  explicit Store(Limits limits);
  ~Store();

  // -- tenants: any thread --
  Tenant* tenant(std::string_view name) const;               // null: unknown. "" always exists.
  base::Result<Tenant*> make_tenant(std::string_view name);  // the existing one where there is
  std::vector<std::string> tenant_names() const;

  // -- the writer, under the hub's sequencer lock --
  /// The tip: the newest staged version of the entity, else the shown one. Valid until the next stage() or show().
  ngsi::EntityView tip(Tenant& tenant, std::string_view id) const { return look_up(tenant, id).entity; }
  /// The tip and where it was found, so that stage() need not look again. Valid as long.
  struct Found {
    ngsi::EntityView entity;
    std::uint64_t hash = 0;  // of the id
    Place place = 0;         // of the shown version
    Staged* staged = nullptr;
  };
  Found look_up(Tenant& tenant, std::string_view id) const;
  /// Has the processor fetch what look_up() and the change after it will read of these entities (up to 32): entities
  /// lie anywhere in memory, and many fetched at once take little longer than one.
  void look_ahead(Tenant& tenant, std::span<const std::string_view> ids) const;
  /// insufficient_storage where `bytes` more (or one more entity) would pass a limit.
  base::Status admit(const Tenant& tenant, std::uint64_t bytes, bool new_entity) const;
  /// Positions must rise from call to call. The outcome of the change at `position`: the entity's new block (its
  /// version is `position`) or, where null, its removal. `time`: of the change. `only`: the one attribute in which the
  /// block differs from the tip, so that nothing else needs to be compared when it is shown; none: not known.
  void stage(Tenant& tenant, Position position, const Found& found, std::string_view id, ngsi::EntityBlock block,
             base::Timestamp time = {}, ngsi::Symbol only = ngsi::Symbol::none);
  void stage(Tenant& tenant, Position position, std::string_view id, ngsi::EntityBlock block) {
    stage(tenant, position, look_up(tenant, id), id, std::move(block));
  }
  /// The next shown entity of which something has expired by `now`, in the order of time and place after `last`; moves
  /// `last` to it. Null where there is none.
  struct Due {
    base::Timestamp time{INT64_MIN};
    Place place = 0;
  };
  ngsi::EntityView next_due(const Tenant& tenant, base::Timestamp now, Due& last) const;
  std::optional<base::Timestamp> next_expiry() const;  // of all tenants

  /// Shows what was staged up to `durable`, at most `most` changes at a time. True: there is more to show. Appends the
  /// changes of watched tenants to `seen`, in order.
  bool show(Position durable, std::size_t most, std::vector<Shown>* seen = nullptr);
  Position shown() const;  // any thread
  /// Same as stage and show in one, without locks: for loading, before anybody reads. Does nothing where the entity is
  /// there already with a version at or above `position` (replay over a fuzzy snapshot, docs/formats/snapshot.md).
  /// Gives back what it replaced.
  ngsi::EntityBlock load(Tenant& tenant, Position position, std::string_view id, ngsi::EntityBlock block);
  /// Builds what loading put off (default indexes and the indexes declared so far, in bulk, on `threads` threads). Call
  /// it before the first Reading.
  void finish_loading(std::size_t threads);

  // -- declared indexes: the writer --
  /// Fine where it is declared already. insufficient_storage at the limit.
  base::Status declare_index(Tenant& tenant, const DeclaredIndex& index);
  base::Status drop_index(Tenant& tenant, const DeclaredIndex& index);
  /// Does a slice of at most `entities` of pending index building. True: more to do.
  bool build_indexes(std::size_t entities);

  // -- documents: the writer; seen at once --
  /// Makes or replaces one. insufficient_storage at a limit.
  base::Status put_document(Tenant& tenant, Document document);
  /// Gives back what was there; nothing where there was none.
  std::optional<Document> remove_document(Tenant& tenant, std::string_view collection, std::string_view id);

  std::uint64_t memory_bytes() const;  // any thread; what limits are counted against
  std::uint64_t memory_limit() const;

  struct Impl;
  Impl& impl() const { return *impl_; }  // the room's own

 private:
  std::unique_ptr<Impl> impl_;
};

/// A tenant's entities as a filter shows them, without what has expired, and how much looking for them was done. Use it
/// under a Reading.
class Surroundings final : public ngsi::Neighbours {
 public:
  Surroundings(const Tenant& tenant, const ngsi::Filter* filter, base::Timestamp now = {INT64_MIN})
      : tenant_(tenant), filter_(filter), now_(now) {}
  ngsi::EntityView find(std::string_view id) const override;
  void set_time(base::Timestamp now) { now_ = now, cut_.clear(); }

  /// From now on so many are looked for, at most.
  void allow(std::uint64_t most) { until_ = spent_ + most, refused_ = false; }
  bool refused() const { return refused_; }  // one more was wanted
  std::uint64_t spent() const { return spent_; }
  void charge(std::uint64_t work) { spent_ += work; }

 private:
  const Tenant& tenant_;
  const ngsi::Filter* filter_;
  base::Timestamp now_;
  mutable std::vector<ngsi::AsOf> cut_;  // what lost a part by now
  mutable std::uint64_t spent_ = 0;
  mutable bool refused_ = false;
  std::uint64_t until_ = ~std::uint64_t{0};
};

/// Where an entity stands in an order: the values that decide and, among equals, its id.
struct Ranked {
  std::vector<ngsi::OrderKey> keys;
  std::string id;
};

/// Where a page starts and ends.
struct Page {
  std::optional<Place> after = {};    // cursor: only places above
  std::optional<Ranked> behind = {};  // cursor of a question with an order, or of `listed`: only what comes behind
  /// Only these entities, in the order of their ids, which is the order here. Null: all.
  std::shared_ptr<const std::vector<std::string>> listed = {};
  std::uint64_t offset = 0;
  std::uint32_t limit = 20;  // 0 with count: only count
  bool count = false;        // find all matches, not only the page's
};

/// A question being answered in slices. Plans by the indexes (ids, declared values, relationships, space, scope, type,
/// else all places), with an order also by what is next in it; always checks the whole question against the entity, so
/// an index can only make it faster. `query` and `filter` must outlive it.
class Search {
 public:
  Search(const Store& store, const Tenant& tenant, const ngsi::Query& query, const ngsi::Filter* filter, Page page);
  ~Search();

  using Emit = std::function<void(ngsi::EntityView)>;
  /// Goes on until the page is complete or about `budget` of work is done (one unit: one entity looked at, or 256 bytes
  /// of one emitted). Call under a Reading; `emit` sees the page's entities in order, as they are at that moment,
  /// without what has expired by `now`. True: finished.
  base::Result<bool> run(std::uint64_t budget, const Emit& emit, base::Timestamp now = {INT64_MIN});
  /// For emit: it did so much beside, in entities looked at. The turn ends when its budget is used up.
  void charge(std::uint64_t work);

  std::uint64_t matched() const;      // so far; the whole count once finished with count
  bool more() const;                  // finished, and at least one match lies beyond the page
  std::optional<Place> last() const;  // place of the last entity of the page: the next page's cursor
  const Ranked* last_ranked() const;  // the same of a question with an order or `listed`; null: the page is empty
  const std::vector<std::string>& unfit() const;  // ids of `listed` that were looked at and match no more
  std::string_view plan() const;  // "ids", "value index", "space", "type", "scan", ...: for the log and tests

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// The place of an entity (for a cursor that names one).
std::optional<Place> place_of(const Tenant& tenant, std::string_view id);

}  // namespace madang::state
