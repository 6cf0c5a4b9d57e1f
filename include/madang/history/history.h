#pragma once
// Past values of attributes, of all tenants, on disk as columns (docs/formats/history.md). Fed from the journal, in
// order; the position it has reached is in the same write as its effect, so that after any crash history is what the
// journal up to that position says, exactly.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/byte_buffer.h"
#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/history/decision.h"
#include "madang/journal/journal.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/evolution.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/symbols.h"

namespace madang::history {

using base::Timestamp;
using journal::Position;

struct Options {
  std::string folder;
  base::FileSystem* files = &base::real_files();
  bool read_only = false;                     // nothing is written, made or mended, and nothing can be fed
  std::uint64_t memory_bytes = 256ull << 20;  // points that are not on disk yet; beyond, feeding waits for the disk
  std::uint64_t cache_bytes = 128ull << 20;   // blocks and entities read back
  std::chrono::seconds flush_age{30};         // what came is on disk after so long at most
  bool merge = true;                          // in the background; false: only by merge_all (tests, benches)
};

struct Health {
  std::uint64_t fed = 0;      // readers see everything up to here
  std::uint64_t durable = 0;  // the journal may drop what is at or below
  std::uint64_t points = 0, entities = 0, bytes = 0, runs = 0, memory_bytes = 0;
  std::uint64_t buckets = 0;  // of roll-ups; the same one may stand in several places
  std::string trouble;        // why nothing reaches the disk now; empty: all is well
};

/// One feeder; any number of readers, which never wait for the disk that the feeder writes to.
class History {
 public:
  /// Opens or makes the folder. newer_format; corrupt.
  static base::Result<std::unique_ptr<History>> open(Options options, const base::Clock& clock);
  virtual ~History() = default;

  // ---- feeding: one thread ----

  /// Takes one record. Those at or below fed() are passed over, so that reading may begin anywhere before it; kinds
  /// that history does not know, too. Returns at once but where memory is full: then it waits for the disk.
  /// insufficient_storage while the disk is full: the record was not taken, feed it again.
  virtual base::Status feed(const journal::Record& record) = 0;
  /// A folder from before history: what there is, as of now, each entity with the position of its last change as its
  /// version. Then begin() once; until then open() finds an empty history again.
  virtual base::Status seed(std::string_view tenant, const ngsi::SymbolTable& symbols, ngsi::EntityView entity) = 0;
  virtual base::Status begin(Position position) = 0;
  /// Nothing was ever fed or begun.
  virtual bool is_new() const = 0;

  virtual Position fed() const = 0;      // any thread
  virtual Position durable() const = 0;  // any thread
  /// Writes what is in memory; waits for it. insufficient_storage where the disk is full.
  virtual base::Status flush() = 0;
  /// Joins all runs into one; waits for it (benches, tests, tools).
  virtual base::Status merge_all() = 0;

  // ---- reading: any thread ----
  // Names come and go as symbols of the caller's table. A tenant or entity that was never fed is not_found.

  virtual base::Result<ngsi::Evolution> retrieve(std::string_view tenant, std::string_view id,
                                                 const ngsi::EvolutionQuery& query,
                                                 ngsi::SymbolTable& symbols) const = 0;
  virtual base::Result<ngsi::Aggregation> aggregate(std::string_view tenant, std::string_view id,
                                                    const ngsi::AggregationQuery& query,
                                                    ngsi::SymbolTable& symbols) const = 0;

  /// Entities ever fed and not taken out of history, deleted ones too, by id: those that ids, id_pattern, type,
  /// selectors and attributes of `query` let through (the rest of it is not looked at). `see` gets the entity as it
  /// last was, its attributes (all it ever had) without values; false ends it. Behind `after` (or before it).
  virtual base::Status candidates(std::string_view tenant, const ngsi::Query& query,
                                  const std::optional<std::string>& after, bool descending, ngsi::SymbolTable& symbols,
                                  const std::function<bool(ngsi::EntityView)>& see) const = 0;
  /// The attribute (none: the scope) has this instance.
  virtual base::Result<bool> has_instance(std::string_view tenant, std::string_view id, ngsi::Symbol attribute,
                                          ngsi::InstanceId instance, ngsi::SymbolTable& symbols) const = 0;

  /// An instance on disk in which a text stands, as it was written, whatever was edited or cut since.
  struct Trace {
    std::string id;
    std::vector<std::string> types;  // of the entity as it last was; names as they are
    std::string attribute;           // empty: the scope, or (with position 0) something that the catalog has of it
    ngsi::Kind kind = ngsi::Kind::property;
    std::string_view value;  // JSON
    bool beside = false;     // it stands in what goes with the value: sub-attributes, datasetId, unitCode
    std::uint64_t position = 0;
  };
  /// Reads all there is; `see` says no to stop. What the journal must keep for history is not looked at.
  virtual base::Status traces(std::string_view tenant, std::string_view text,
                              const std::function<bool(const Trace&)>& see) const = 0;
  /// The types that the entity last had; nothing where history does not know it.
  virtual base::Result<std::vector<std::string>> types_of(std::string_view tenant, std::string_view id) const = 0;

  /// The tenants, and each name that a tenant's entities ever had (types, attributes, sub-attributes).
  virtual void each_name(const std::function<void(std::string_view tenant, std::string_view name)>& see) const = 0;

  /// What is to be gone for good: the instances of an entity up to a position, its name too where nothing came since.
  struct Gone {
    std::string tenant, id;  // id empty: of all entities of the tenant
    Position upto;
  };
  /// Takes it out of memory and off the disk; waits for that. False: history has not come so far yet, ask again.
  virtual base::Result<bool> erase(const std::vector<Gone>& gone) = 0;

  /// What records of kind `past` decided is in force for readers at once. This makes it so on the disk, a run at a
  /// time: what no decision keeps is gone from it, and roll-ups stand instead. Not where little in a run is concerned:
  /// it waits until that is an eighth of the time that it was kept, a week at most, but with `all`. Where a decision
  /// follows other rules than the one before, feed() does this first: who calls it before is not held up there.
  virtual base::Status retain(bool all) = 0;
  /// Before the end: joining runs and retain() stop where they are, with unavailable, and begin anew the next time.
  virtual void give_up() = 0;
  /// The last decision about a tenant.
  virtual std::optional<Decision> decided(std::string_view tenant) const = 0;
  /// What decisions did, the newest first.
  virtual base::Result<std::vector<Retained>> retained(std::string_view tenant, std::size_t most) const = 0;

  /// Reads every block and takes every row apart; corrupt where that cannot be. How many there are on disk.
  virtual base::Result<std::uint64_t> verify() const = 0;
  virtual Health health() const = 0;
  /// Writes a copy that opens as a history of its own, into `folder`, which must not exist: hard links where the disk
  /// allows. Returns its position.
  virtual base::Result<Position> copy_to(const std::string& folder) = 0;
};

// ---- what journal records of kind `temporal` hold ----

/// Names are written out: `symbols` is the tenant's table.
void append_temporal_change(base::ByteBuffer& out, const ngsi::TemporalChange& change,
                            const ngsi::SymbolTable& symbols);
/// The entity that such a payload is about, without the rest.
base::Result<std::string_view> temporal_change_id(std::span<const std::byte> payload);
/// corrupt where the bytes are none; never reads outside.
base::Result<ngsi::TemporalChange> read_temporal_change(std::span<const std::byte> payload, ngsi::SymbolTable& symbols);

}  // namespace madang::history
