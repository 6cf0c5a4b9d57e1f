#pragma once
// The one path: everything enters through Hub::apply and leaves through Hub::retrieve and Hub::query, with a principal
// in hand. Applies, appends, syncs, shows; recovers after a crash; keeps snapshots and segments in order.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/governance/principal.h"
#include "madang/hub/courier.h"
#include "madang/hub/live.h"
#include "madang/hub/retention.h"
#include "madang/hub/subscriptions.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/evolution.h"
#include "madang/ngsi/query.h"

namespace madang::hub {

using governance::Principal;
using governance::PrincipalPtr;

struct IndexDeclaration {
  std::string tenant, type, attribute;  // names expanded
  bool operator==(const IndexDeclaration&) const = default;
};

struct Options {
  std::string folder = "data";
  std::uint64_t memory_bytes = 0;                // cap; 0: three quarters of the machine's
  std::chrono::seconds keep_age{7 * 24 * 3600};  // journal and the snapshots that go with it
  std::uint64_t keep_bytes = 10ull << 30;
  std::uint64_t segment_bytes = 64ull << 20;
  std::uint64_t tail_bytes = 256ull << 20;    // journal since the last snapshot that makes the next one due
  std::uint64_t reserve_bytes = 64ull << 20;  // free disk below which changes are refused
  std::uint64_t in_flight = 20'000;           // changes waiting for the disk; beyond: too_many_requests
  std::uint64_t in_flight_bytes = 256ull << 20;
  std::size_t concurrent_scans = 16;  // long questions at once; further ones wait, then too_many_requests
  std::size_t waiting_scans = 256;
  std::uint64_t tenant_entities = 50'000'000;
  std::size_t tenants = 1'000;
  std::uint64_t query_cost = 50'000'000;
  bool auto_tenants = true;  // a write to an unknown tenant makes it (clause 4.14)
  bool sync = true;          // false loses data in a power cut: benches and the crash test's mutation
  bool history = true;       // what was is kept (only where the files are the operating system's)
  std::uint64_t history_memory = 256ull << 20;  // of it not on disk yet
  std::uint64_t history_cache = 128ull << 20;
  std::size_t history_threads = 2;       // that read it
  std::vector<RetentionRule> retention;  // of the config; names expanded
  std::chrono::seconds retention_every{3600};
  std::chrono::seconds erase_within{3600};  // what was asked to be erased is gone from the disk by then
  std::string keys_copy;                    // a second place for the keys of sealed backups, always kept in step
  std::size_t threads = 2;                  // for loading
  ngsi::EntityLimits entity;
  ngsi::SubscriptionLimits subscription;
  DeliveryOptions delivery;
  LiveOptions live;
  /// Who a subscription belongs to, by name, after a restart; null where nobody has the name any more. Empty: everybody
  /// may read everything.
  std::function<PrincipalPtr(std::string_view name)> find_principal;
  std::vector<IndexDeclaration> indexes;  // of the config; more by declare_index
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress;
};

/// What happened to one change. `error` where it was refused.
struct ChangeResult {
  std::optional<base::Error> error;
  bool created = false;
  std::uint64_t version = 0;  // of the entity now
  std::vector<ngsi::Symbol> updated;
  std::vector<ngsi::Outcome::Unchanged> not_updated;
};

struct QueryPage {
  std::optional<std::string> after;  // an opaque cursor of QueryAnswer::next
  std::uint64_t offset = 0;
  std::uint32_t limit = 20;
  bool count = false;
  std::shared_ptr<const std::vector<std::string>> listed;  // only these entities (an entity map's, sorted); null: all
  /// How many entities `see` has looked up or noted besides, so far: they count as work of the question. Null: none.
  const std::size_t* besides = nullptr;
};
struct QueryAnswer {
  std::uint64_t count = 0;          // with page.count
  std::optional<std::string> next;  // there is a next page, and this is its cursor
  std::string plan;                 // which index answered
  std::vector<std::string> unfit;   // of page.listed: looked at, and not or no longer what was asked for
};

struct TypeInfo {
  std::string type;  // expanded
  std::uint64_t entities = 0;
  struct Attribute {
    std::string name;
    std::vector<ngsi::Kind> kinds;
    std::uint64_t entities = 0;
    std::uint64_t observed = 0;  // those of them where it is an observation: EntityView::is_observation()
  };
  std::vector<Attribute> attributes;
};
struct AttributeInfo {
  std::string name;
  std::vector<std::string> types;  // entity types it was seen in
  std::vector<ngsi::Kind> kinds;
  std::uint64_t entities = 0;
};

struct Health {
  bool accepting = true;  // changes are taken
  std::string reason;     // why not
  std::uint64_t appended = 0, durable = 0, shown = 0, oldest_kept = 0;
  std::uint64_t entities = 0, tenants = 0, memory_bytes = 0, memory_limit = 0, journal_bytes = 0;
  std::uint64_t snapshot_position = 0;
  std::uint64_t recovered_records = 0;
  bool history = false;                                                 // is kept; then:
  std::uint64_t history_fed = 0, history_durable = 0, history_lag = 0;  // positions; records it is behind
  std::uint64_t history_points = 0, history_entities = 0, history_bytes = 0;
  std::string history_trouble;  // why it does not reach the disk; empty: it does
};

class Hub {
 public:
  /// Opens or makes the folder, recovers, is ready to serve. conflict: another server has it; newer_format; corrupt
  /// with file and offset.
  static base::Result<std::unique_ptr<Hub>> open(base::FileSystem& files, const base::Clock& clock, Options options);
  virtual ~Hub() = default;

  /// The names of a tenant; nonexistent_tenant where there is none (make: made where allowed, for writing). A tenant
  /// may have places beside it, "tenant~1" and so on (governance::tenant_of), which are tenants to all that follows.
  virtual base::Result<ngsi::SymbolTable*> symbols(std::string_view tenant, bool make = false) = 0;

  using Applied = std::function<void(std::vector<ChangeResult>&&)>;
  /// Applies each change wholly or not at all, in order, and calls `done` on `home` once all of it is durable and
  /// shown. The order among callers is that of their entities' journal positions. With `all_or_nothing` no: batches
  /// answer each for itself.
  virtual void apply(const PrincipalPtr& who, std::string_view tenant, std::vector<ngsi::Change>&& changes,
                     base::Executor& home, Applied done) = 0;

  /// Shows the entity as it is (durable) to `see` during the call. not_found also where the principal may not see it.
  using See = std::function<void(ngsi::EntityView, const ngsi::Filter*)>;
  virtual base::Status retrieve(const Principal& who, std::string_view tenant, std::string_view id, const See& see) = 0;

  /// Answers a question in slices on `home`: `see` for each entity of the page in order, then `done`. `see` may be
  /// called in several turns of the loop; views are valid during the call only. `idle` runs the next slice
  /// (net::Loop::post_idle). Returns at once where one slice was enough (done was called already).
  using Answered = std::function<void(base::Result<QueryAnswer>)>;
  using Idle = std::function<void(std::function<void()>)>;
  virtual void query(const PrincipalPtr& who, std::string_view tenant, ngsi::Query query, QueryPage page, See see,
                     Answered done, Idle idle) = 0;

  /// What is around an entity that is being shown, as far as the principal may see it (clause 4.5.23). Its find() is
  /// for within See only.
  virtual base::Result<std::unique_ptr<const ngsi::Neighbours>> neighbours(const Principal& who,
                                                                           std::string_view tenant) = 0;

  virtual base::Result<std::vector<TypeInfo>> types(const Principal& who, std::string_view tenant) = 0;
  virtual base::Result<std::vector<AttributeInfo>> attributes(const Principal& who, std::string_view tenant) = 0;

  virtual base::Status declare_index(const Principal& who, const IndexDeclaration& index) = 0;
  virtual base::Status drop_index(const Principal& who, const IndexDeclaration& index) = 0;
  struct IndexInfo {
    IndexDeclaration index;
    bool ready = false;
    std::uint64_t entries = 0;
  };
  virtual base::Result<std::vector<IndexInfo>> indexes(const Principal& who) = 0;
  virtual base::Result<std::vector<std::string>> tenants(const Principal& who) = 0;

  // Documents: what a tenant keeps beside its entities, such as hosted contexts. The hub knows nothing of what is in
  // them.
  struct Document {
    std::string collection, id, text;
  };
  using Kept = std::function<void(base::Status)>;
  /// Makes or replaces one, and calls `done` on `home` once that is durable. insufficient_storage at a limit.
  virtual void put_document(const Principal& who, std::string_view tenant, Document document, base::Executor& home,
                            Kept done) = 0;
  virtual void remove_document(const Principal& who, std::string_view tenant, std::string_view collection,
                               std::string_view id, base::Executor& home, Kept done) = 0;
  /// Those of one collection; it may be that the newest are not durable yet.
  virtual base::Result<std::vector<Document>> documents(const Principal& who, std::string_view tenant,
                                                        std::string_view collection) = 0;

  // The past (ngsi/evolution.h). Work is done on threads of the hub's own and `done` called on `home`, always later.
  // One sees what was shown when the call was made: history follows within moments, and is waited for; unavailable
  // where it lags too far. What a policy hides now is hidden in the past. not_supported where history is off.
  template <class Value>
  using Told = std::function<void(base::Result<Value>)>;
  /// not_found where there never was such an entity; an evolution without instances where none are in the interval.
  virtual void retrieve_past(const PrincipalPtr& who, std::string_view tenant, std::string id,
                             ngsi::EvolutionQuery query, base::Executor& home, Told<ngsi::Evolution> done) = 0;
  /// Only entities that have instances in the interval.
  virtual void query_past(const PrincipalPtr& who, std::string_view tenant, ngsi::EvolutionsQuery query,
                          ngsi::EvolutionsPage page, base::Executor& home, Told<ngsi::EvolutionsAnswer> done) = 0;
  virtual void aggregate_past(const PrincipalPtr& who, std::string_view tenant, std::string id,
                              ngsi::AggregationQuery query, base::Executor& home, Told<ngsi::Aggregation> done) = 0;
  /// The same of each entity of a page: `which` chooses as in query_past.
  struct Aggregations {
    std::vector<ngsi::Aggregation> entities;
    std::uint64_t count = 0;
    bool more = false;
  };
  virtual void query_aggregates(const PrincipalPtr& who, std::string_view tenant, ngsi::EvolutionsQuery which,
                                ngsi::AggregationQuery query, ngsi::EvolutionsPage page, base::Executor& home,
                                Told<Aggregations> done) = 0;
  /// What was there when the past was changed: the evolution, and in it what the change names.
  struct PastKnows {
    bool entity = false, attribute = false, instance = false;
  };
  /// Changes the past (clauses 5.6.11 to 5.6.16; the current entity stays as it is), and tells `done` on `home`, once
  /// that is durable, what was there before; of changes at the same moment, in their order. Where what it names is not
  /// there (the evolution too, but with `may_be_new`) nothing is changed. The times that are the hub's to say are set
  /// here: createdAt, modifiedAt, and kNullTime of what was deleted.
  virtual void change_past(const PrincipalPtr& who, std::string_view tenant, ngsi::TemporalChange change,
                           bool may_be_new, base::Executor& home, Told<PastKnows> done) = 0;
  /// The same for a copy: what it names is not looked for, and its times stand.
  virtual void put_past(const PrincipalPtr& who, std::string_view tenant, ngsi::TemporalChange change,
                        base::Executor& home, Kept done) = 0;

  // What is kept of the past. For administrators of the tenant; not_supported where history is off.

  /// In the order in which they are tried: the first that fits an attribute counts.
  virtual base::Result<std::vector<RetentionInForce>> retention(const Principal& who, std::string_view tenant) = 0;
  /// Makes a rule of the API, or puts it in the place of that with the same type and attribute; it takes effect with
  /// the next pass. `done` on `home` once it is durable.
  virtual void set_retention(const Principal& who, std::string_view tenant, RetentionRule rule, base::Executor& home,
                             Kept done) = 0;
  /// not_found where there is none by the API.
  virtual void drop_retention(const Principal& who, std::string_view tenant, std::string_view type,
                              std::string_view attribute, base::Executor& home, Kept done) = 0;
  /// What passes did, the newest first.
  virtual base::Result<std::vector<RetentionPass>> retention_passes(const Principal& who, std::string_view tenant,
                                                                    std::size_t most) = 0;
  /// Begins one, of all tenants, which does everything on the disk at once. For administrators of the default tenant.
  virtual base::Status run_retention(const Principal& who) = 0;

  // Erasing: to be gone for good, from the journal, snapshots and whatever else keeps the past, not only from now on.
  /// A person: the entity, and what is the person's by a Relationship of one of these names (any datasetId) that points
  /// at it now or did once. One that was the person's and now points at somebody else was handed on: what it is now
  /// stays, its past goes.
  struct Person {
    std::string id;
    std::vector<std::string> through;  // names expanded
    std::vector<std::string> types;    // only entities that have one of them are the person's; empty: any
  };
  struct Erasure {
    std::vector<std::string> ids;  // entities, whether there are such now or were once
    bool everything = false;       // all that the tenant has and had
    std::optional<Person> person = {};
  };
  struct Listed {
    std::uint64_t count = 0;
    std::vector<std::string> ids;  // the first of them
  };
  /// What erasing a person would take, and what else speaks of the person and would stay: other entities, now or in
  /// their past, and the tenant's documents.
  struct Theirs {
    Listed entities, handed_on, mentions;
  };
  struct ErasureState {
    std::string id, by;
    std::uint64_t entities = 0;  // asked for; with everything: that were there
    bool everything = false;
    base::Timestamp asked;
    bool removed = false;                 // nobody is shown them any more
    std::optional<base::Timestamp> done;  // they are gone from the disk
    std::uint64_t records = 0;            // of the journal, overwritten
    // Of a person:
    std::vector<std::string> through;  // empty: it is none of a person
    std::uint64_t handed_on = 0;       // of `entities`, those of which only the past went
    Listed mentions;
    bool more = false;  // there was more than one erasure takes: ask again
  };
  using Asked = std::function<void(base::Result<std::string>)>;  // the erasure's id
  /// For administrators of the tenant. `done` is called on `home` once it is durable that it was asked for; a thread of
  /// the hub does it within Options::erase_within, also after a restart.
  virtual void erase(const Principal& who, std::string_view tenant, Erasure what, base::Executor& home, Asked done) = 0;
  /// For administrators: what erase() of a person would do now. Reads everything there is, so it takes its time; only a
  /// few may be under way at once (too_many_requests).
  virtual void find_person(const Principal& who, std::string_view tenant, Person person, base::Executor& home,
                           Told<Theirs> done) = 0;
  /// The tenant's, oldest first: what was asked for stays on record when it is done, the ids do not.
  virtual base::Result<std::vector<ErasureState>> erasures(const Principal& who, std::string_view tenant) = 0;

  virtual Subscriptions& subscriptions() = 0;
  /// Notifications are sent from now on; until then they are owed. Both must live until close(), and the courier must
  /// have let go of the hub (as an executor) before the hub goes.
  virtual void start_delivery(Courier& courier, ngsi::ContextStore& contexts) = 0;

  virtual Live& live() = 0;

  virtual Health health() const = 0;
  /// Every durable entity of a tenant, in slices, for `export`: `see` returns false to stop. Blocks the caller's
  /// thread.
  virtual base::Status each(const Principal& who, std::string_view tenant,
                            const std::function<bool(ngsi::EntityView)>& see) = 0;
  /// Takes a snapshot now (blocks the caller's thread) and names what a backup must copy; the files stay until
  /// `release`.
  struct BackupPlan {
    std::vector<std::string> files;  // relative to the folder; the last segment up to `last_bytes`
    std::uint64_t position = 0;
    std::uint64_t ticket = 0;
  };
  virtual base::Result<BackupPlan> begin_backup(const Principal& who) = 0;
  virtual void end_backup(std::uint64_t ticket) = 0;

  /// Called once where a sync failed: nothing more is accepted, the process must restart from disk.
  virtual void on_failure(std::function<void(base::Error)> call) = 0;
  /// Waits until everything accepted is durable, takes a snapshot if due, stops the threads.
  virtual void close() = 0;
};

/// Offline tools on a folder that no server has open.
base::Status check_folder(base::FileSystem& files, const std::string& folder,
                          const std::function<void(std::string_view line)>& report);
/// Makes `target` (empty or missing) from a backup or a stopped folder, as of `position` or `time` (the latest where
/// neither is given). A sealed backup needs the file of keys; gives how many of its pieces were erased since.
base::Result<std::uint64_t> restore_folder(base::FileSystem& files, const std::string& source,
                                           const std::string& target, std::optional<std::uint64_t> position,
                                           std::optional<base::Timestamp> time, const std::string& keys = {});
/// Writes what is in `folder`, whose server (or who has it open) holds the plan, up to its position as a sealed backup
/// into `target`, with the keys of the folder (docs/formats/backup.md). `progress` says no to stop.
base::Status seal_folder(base::FileSystem& files, const std::string& folder, const std::string& target,
                         const Hub::BackupPlan& plan,
                         const std::function<bool(std::uint64_t, std::uint64_t)>& progress);
/// Where the keys of a folder are; a backup must not hold them.
std::string keys_of(const std::string& folder);

}  // namespace madang::hub
