#pragma once
// History as it runs: who feeds it, who writes what was fed to disk, who joins runs, who reads.

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "madang/history/history.h"

#include "catalog.h"
#include "disk.h"
#include "fold.h"
#include "memory.h"
#include "run.h"

namespace madang::history {

/// A cut of a whole entity is kept as one of this field.
inline constexpr std::uint32_t kAllFields = (1u << kFieldBits) - 1;

/// One instance that the temporal API replaced or took away and that stands as it was in its run still.
struct EditKey {
  SeriesId series = 0;
  std::uint64_t position = 0;
  std::uint32_t index = 0;
  auto operator<=>(const EditKey&) const = default;
};
struct Edit {
  std::uint64_t position = 0;  // of the record that says so
  std::string block;           // of the one row that takes its place; empty: it is gone
};

/// Everything a reader needs of one entity, as of one moment.
struct Sight {
  const Tenant* tenant = nullptr;
  Entity entity;
  std::vector<RunPtr> runs;  // oldest first
  std::shared_ptr<const Memory> memories[2];
  std::uint32_t heads[2] = {0, 0};
  std::map<EditKey, Edit> edits;
  std::map<SeriesId, std::uint64_t> cuts;
  Subject subject;             // what of it is kept
  std::vector<RunPtr> rolled;  // runs of roll-ups

  /// Instances up to here are gone.
  std::uint64_t cut_of(std::uint32_t field) const;
};

class HistoryImpl final : public History {
 public:
  HistoryImpl(Options options, const base::Clock& clock) : options_(std::move(options)), clock_(clock) {}
  ~HistoryImpl() override;
  base::Status start();

  base::Status feed(const journal::Record& record) override;
  base::Status seed(std::string_view tenant, const ngsi::SymbolTable& symbols, ngsi::EntityView entity) override;
  base::Status begin(Position position) override;
  bool is_new() const override;
  Position fed() const override { return {fed_.load(std::memory_order_acquire)}; }
  Position durable() const override { return {durable_.load(std::memory_order_acquire)}; }
  base::Status flush() override;
  base::Status merge_all() override;

  base::Result<ngsi::Evolution> retrieve(std::string_view tenant, std::string_view id,
                                         const ngsi::EvolutionQuery& query, ngsi::SymbolTable& symbols) const override;
  base::Result<ngsi::Aggregation> aggregate(std::string_view tenant, std::string_view id,
                                            const ngsi::AggregationQuery& query,
                                            ngsi::SymbolTable& symbols) const override;
  base::Status candidates(std::string_view tenant, const ngsi::Query& query, const std::optional<std::string>& after,
                          bool descending, ngsi::SymbolTable& symbols,
                          const std::function<bool(ngsi::EntityView)>& see) const override;
  base::Result<bool> has_instance(std::string_view tenant, std::string_view id, ngsi::Symbol attribute,
                                  ngsi::InstanceId instance, ngsi::SymbolTable& symbols) const override;
  base::Status traces(std::string_view tenant, std::string_view text,
                      const std::function<bool(const Trace&)>& see) const override;
  base::Result<std::vector<std::string>> types_of(std::string_view tenant, std::string_view id) const override;
  void each_name(const std::function<void(std::string_view tenant, std::string_view name)>& see) const override;
  base::Result<bool> erase(const std::vector<Gone>& gone) override;
  base::Status retain(bool all) override;
  void give_up() override { stopping_ = true; }
  std::optional<Decision> decided(std::string_view tenant) const override;
  base::Result<std::vector<Retained>> retained(std::string_view tenant, std::size_t most) const override;
  base::Result<std::uint64_t> verify() const override;
  Health health() const override;
  base::Result<Position> copy_to(const std::string& folder) override;

 private:
  struct Frozen;
  using Lock = std::unique_lock<std::mutex>;

  // feeding (feed.cpp, feed_temporal.cpp); the lock is held
  base::Status make_room(Lock& lock);
  base::Status take(const journal::Record& record);
  base::Status take_entity(Tenant& tenant, std::span<const std::byte> payload, bool whole, std::uint64_t position);
  base::Status take_block(Tenant& tenant, ngsi::EntityView entity, bool whole, std::uint64_t position);
  base::Status take_removal(Tenant& tenant, std::string_view id, Timestamp time, std::uint64_t position);
  base::Status take_erasure(Tenant& tenant, std::string_view id, Timestamp time, std::uint64_t position);
  base::Status take_temporal(Tenant& tenant, std::span<const std::byte> payload, Timestamp time,
                             std::uint64_t position);
  base::Status append_past(Tenant& tenant, const ngsi::TemporalChange& change, std::uint64_t position);
  void edit(const Entity& entity, std::uint32_t field, const ngsi::TemporalChange& change, std::uint64_t position);
  void take_scopes(Entity& entity, class FieldChanges& fields, ngsi::EntityView given, std::uint64_t position,
                   std::uint32_t index);
  Row& add_row(Entity& entity, std::uint32_t field, std::uint64_t position, std::uint32_t index);
  void add_instance(Entity& entity, std::uint32_t field, const ngsi::AttributeView& instance, std::uint64_t position,
                    std::uint32_t index);
  void add_deletion(Entity& entity, std::uint32_t field, ngsi::Kind kind, Timestamp time, std::uint64_t position,
                    std::uint32_t index);
  void fill_row(Row& row, const ngsi::AttributeView& instance);
  std::string_view meta_of(const ngsi::AttributeView& instance);
  void cut(SeriesId series, std::uint64_t position);
  void settle(Entity& entity);
  void changed(Tenant& tenant, Entity& entity);

  // opening (start.cpp)
  base::Status load_runs();

  // erasing (erase.cpp)
  base::Result<std::vector<Entity>> cut_away(const Gone& gone);
  base::Status rewrite(const std::vector<Entity>& entities);
  base::Status forget(const std::vector<Entity>& entities);

  // what is kept (retain.cpp)
  base::Status make_way(Lock& lock, const journal::Record& record);
  base::Status take_decision(Tenant& tenant, std::span<const std::byte> payload, std::uint64_t position);
  base::Status load_decisions();
  static Subject subject_of(const Tenant& tenant, const Entity& entity, DecidedPtr decided);
  base::Result<Subject> subject_of(std::uint64_t entity) const;
  bool edits_lapse(const Run& run, std::int64_t raw) const;
  bool wants_writing(const Run& run, bool rolled, bool all) const;
  base::Status write_anew(std::uint64_t run, bool rolled, bool all);
  base::Status note_done(Batch& batch, const Fold& fold, bool of_rows);
  std::vector<RunPtr> next_gathering() const;  // runs of roll-ups to be joined
  base::Status gather_rolled(const std::vector<RunPtr>& from);
  base::Status replace_rolled(const std::vector<RunPtr>& from, const RunPtr& to, Batch& batch);

  // writing (flush.cpp)
  void freeze();
  bool is_due() const;
  void run_writer();
  base::Status write_frozen();
  base::Status fill_frozen();
  base::Status encode_rows();

  // joining (merge.cpp)
  void run_merger();
  std::vector<RunPtr> next_merge() const;  // empty: nothing to join
  struct Merging;
  base::Status merge(const std::vector<RunPtr>& from);
  RunWriter::Emit blocks_of(Merging& work, std::uint64_t run);
  base::Status join(Merging& work);
  base::Status replace(Merging& work);

  // reading (look.cpp)
  base::Result<Sight> look(std::string_view tenant, std::string_view id) const;
  base::Result<std::vector<std::string>> next_ids(const Tenant& tenant, Symbol type, const std::string& after,
                                                  bool descending) const;

  const Options options_;
  const base::Clock& clock_;
  std::unique_ptr<Disk> disk_;

  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  std::unique_ptr<Catalog> catalog_;
  std::shared_ptr<Memory> active_;
  std::unique_ptr<Frozen> frozen_;
  std::chrono::nanoseconds active_since_{};
  std::vector<Entity*> changed_;  // since the last freeze
  Writes edits_to_write_;         // the same: edits and cuts
  std::vector<RunPtr> runs_;      // oldest first
  std::uint64_t next_run_ = 1;
  std::map<EditKey, Edit> edits_;
  std::map<SeriesId, std::uint64_t> cuts_;
  std::vector<RunPtr> rolled_;                   // of roll-ups
  std::map<std::uint32_t, DecidedPtr> decided_;  // by tenant
  bool begun_ = false;
  bool stop_ = false;
  bool wants_flush_ = false;
  std::string trouble_;
  std::uint64_t rows_on_disk_ = 0;
  ngsi::RecordReader reader_;
  ngsi::RecordWriter record_writer_;
  std::string scratch_;
  std::vector<char> seen_;

  std::atomic<std::uint64_t> fed_{0}, durable_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex merging_;  // one merge at a time
  std::thread writer_, merger_;
};

/// What is being written: a memory and what changed with it, as of its end.
struct HistoryImpl::Frozen {
  std::shared_ptr<Memory> memory;
  std::uint64_t position = 0;
  std::uint64_t next_entity = 0, entity_count = 0;
  bool begun = false;
  std::vector<Entity*> entities;
  Writes writes;
  std::size_t filled = 0;  // entities that are in `writes`
  Batch batch;
  RunPtr run;  // made
  bool encoded = false;
};

/// What the main key holds.
struct Main {
  std::uint64_t position = 0, next_entity = 1, next_run = 1, entities = 0;
};
/// The runs that are on disk, oldest first; edits and cuts.
base::Result<std::vector<RunPtr>> read_runs(const Disk& disk, std::string_view prefix);
base::Status read_changes(const Disk& disk, std::map<EditKey, Edit>& edits, std::map<SeriesId, std::uint64_t>& cuts);

std::string encode_main(const Main& main);
base::Result<Main> read_main(std::string_view bytes);

}  // namespace madang::history
