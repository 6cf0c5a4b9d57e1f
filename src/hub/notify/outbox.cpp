#include "notify/outbox.h"

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "madang/base/bytes.h"
#include "madang/base/log.h"
#include "madang/history/rocks.h"
#include "madang/ngsi/record.h"

#include "notify/outbox_record.h"

namespace madang::hub {

namespace {

using base::Code;
using base::Result;
using base::Status;
using journal::Position;

constexpr std::uint32_t kFormat = 1;

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class RocksOutbox final : public Outbox {
 public:
  RocksOutbox(base::FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  Status start(Found& found) {
    MADANG_CHECK(open_database());
    std::string meta;
    const auto got = db_->Get({}, "M", &meta);
    if (got.IsNotFound()) {
      found.fresh = true;
      return {};
    }
    MADANG_CHECK(done(got));
    base::ByteReader in(meta);
    const auto format = in.le<std::uint32_t>();
    position_.value = in.le<std::uint64_t>();
    if (!in.ok()) return corrupt("the matcher's position");
    if (format > kFormat) return base::error(Code::newer_format, "The outbox was written by a newer Madang.", folder_);
    return load(found);
  }

  Position position() const override { return position_; }

  Status write(const std::vector<Owed>& owed, const std::vector<BoxState>& come, const std::vector<BoxNumber>& gone,
               Position position) override {
    batch_.Clear();
    for (const Owed& each : owed) put_event(each);
    for (const BoxState& box : come) batch_.Put(box_key(box.number), write_box(box));
    for (const BoxNumber number : gone) {
      batch_.Delete(box_key(number));
      MADANG_CHECK(forget_all_dead(number));
    }
    std::string meta;
    base::append_le(meta, kFormat);
    base::append_le(meta, position.value);
    batch_.Put("M", meta);
    MADANG_CHECK(run([&](rocksdb::DB& db) { return db.Write({}, &batch_); }));
    position_ = position;
    return {};
  }

  Status sync() override {
    return run([](rocksdb::DB& db) { return db.SyncWAL(); });
  }

  Result<EventPtr> event(state::Tenant& tenant, Position position) override {
    return read_event(tenant, event_key(position), position);
  }

  Status settle(const std::vector<BoxState>& boxes, const std::vector<Position>& positions) override {
    rocksdb::WriteBatch batch;
    for (const BoxState& box : boxes) batch.Put(box_key(box.number), write_box(box));
    for (const Position position : positions) batch.Delete(event_key(position));
    return run([&](rocksdb::DB& db) { return db.Write({}, &batch); });
  }

  Status bury(const DeadLetter& letter, const Event& event) override {
    std::string value;
    append_event(value, event, true, {}, reader_writer_);
    append_dead(value, letter);
    return run([&](rocksdb::DB& db) { return db.Put({}, dead_key(letter.number, letter.position), value); });
  }

  Result<std::vector<DeadLetter>> dead_letters(BoxNumber box, std::size_t most) override {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    std::vector<DeadLetter> letters;
    const std::string end = dead_key(box, {UINT64_MAX});
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek(dead_key(box, {0})); at->Valid() && view(at->key()) < end && letters.size() < most; at->Next()) {
      MADANG_TRY(DeadLetter letter, read_dead(view(at->value())));
      letter.number = box;
      letter.position = position_of(view(at->key()));
      letters.push_back(std::move(letter));
    }
    MADANG_CHECK(done(at->status()));
    return letters;
  }

  Result<EventPtr> dead_event(state::Tenant& tenant, BoxNumber box, Position position) override {
    return read_event(tenant, dead_key(box, position), position);
  }

  Status forget_dead(BoxNumber box, Position position) override {
    return run([&](rocksdb::DB& db) { return db.Delete({}, dead_key(box, position)); });
  }

  Status erase(const Which& which) override {
    std::vector<std::string> keys;
    MADANG_CHECK(find(which, keys));
    if (keys.empty()) return {};
    rocksdb::WriteBatch batch;
    for (const std::string& key : keys) batch.Delete(key);
    return run([&](rocksdb::DB& db) {
      rocksdb::Status status = db.Write({}, &batch);
      if (status.ok()) status = db.Flush({});  // the log that has them goes with it
      rocksdb::CompactRangeOptions all;
      all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      return status.ok() ? db.CompactRange(all, nullptr, nullptr) : status;
    });
  }

 private:
  Status find(const Which& which, std::vector<std::string>& keys) {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    std::map<BoxNumber, std::string> tenants;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek("S"); at->Valid() && at->key().starts_with("S"); at->Next()) {
      MADANG_TRY(BoxState box, read_box(view(at->key()), view(at->value())));
      tenants.emplace(box.number, std::move(box.tenant));
    }
    const auto look = [&](BoxNumber box, Position position) -> Status {
      MADANG_TRY(const EventRecord sides, read_event_record(view(at->value())));
      const std::string_view side = sides.after.empty() ? sides.before : sides.after;
      MADANG_TRY(const std::string_view id, ngsi::record_id(std::as_bytes(std::span(side))));
      const auto tenant = tenants.find(sides.boxes.empty() ? box : sides.boxes.front());
      if (tenant != tenants.end() && which(tenant->second, id, position)) keys.push_back(at->key().ToString());
      return {};
    };
    for (at->Seek("E"); at->Valid() && at->key().starts_with("E"); at->Next())
      MADANG_CHECK(look(0, position_of(view(at->key()))));
    for (at->Seek("D"); at->Valid() && at->key().starts_with("D"); at->Next())
      MADANG_CHECK(look(box_of(view(at->key())), position_of(view(at->key()))));
    return done(at->status());
  }

  /// One by one: RocksDB 7.8 does not survive every failure where a range was deleted (see history/disk.cpp).
  Status forget_all_dead(BoxNumber box) {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    const std::string end = dead_key(box, {UINT64_MAX});
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek(dead_key(box, {0})); at->Valid() && view(at->key()) < end; at->Next()) batch_.Delete(at->key());
    return done(at->status());
  }

  base::Error corrupt(std::string_view what) const {
    return base::error(Code::corrupt, "The outbox holds " + std::string(what) + " that cannot be read.", folder_);
  }

  base::Error closed() const { return base::error(Code::unavailable, "The outbox is being opened anew.", folder_); }

  Status open_database() {
    rocksdb::Options options;
    options.create_if_missing = true;
    env_ = history::rocks_env(files_, folder_);
    options.env = env_.get();
    options.write_buffer_size = 32 << 20;
    options.max_background_jobs = 1;
    options.info_log = history::rocks_log();
    options.max_open_files = 256;
    // A torn end is what a power cut leaves; what was synced before it is kept whole.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(8 << 20);
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* opened = nullptr;
    MADANG_CHECK(done(rocksdb::DB::Open(options, folder_, &opened)));
    db_.reset(opened);
    return {};
  }

  /// After a write that failed RocksDB takes no more: it is opened anew, once the disk lets it.
  Status mend() {
    if (!broken_.load(std::memory_order_acquire)) return {};
    const std::unique_lock hold(mutex_);
    if (!broken_.load(std::memory_order_acquire)) return {};
    db_.reset();
    auto opened = open_database();
    if (opened.ok()) broken_.store(false, std::memory_order_release);
    return opened;
  }

  template <class Work>  // work(db) writes
  Status run(Work&& work) {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    const rocksdb::Status status = work(*db_);
    if (!status.ok()) broken_.store(true, std::memory_order_release);
    return done(status);
  }

  Status done(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return base::error(history::code_of(status), "The outbox: " + status.ToString(), folder_);
  }

  void put_event(const Owed& owed) {
    std::string value;
    append_event(value, *owed.event, owed.with_before, owed.boxes, writer_);
    batch_.Put(event_key(owed.event->position), value);
  }

  Result<EventPtr> read_event(state::Tenant& tenant, const std::string& key, Position position) {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    rocksdb::PinnableSlice value;
    MADANG_CHECK(done(db_->Get({}, db_->DefaultColumnFamily(), key, &value)));
    MADANG_TRY(const EventRecord sides, read_event_record(view(value)));
    auto event = std::make_shared<Event>();
    event->tenant = &tenant;
    event->position = position;
    event->time = sides.time;
    MADANG_TRY(event->before, block_of(sides.before, sides.before_version, tenant));
    MADANG_TRY(event->after, block_of(sides.after, sides.after_version, tenant));
    return EventPtr(std::move(event));
  }

  Result<std::shared_ptr<const ngsi::EntityBlock>> block_of(std::string_view record, std::uint64_t version,
                                                            state::Tenant& tenant) {
    if (record.empty()) return std::shared_ptr<const ngsi::EntityBlock>();
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(record.data()), record.size());
    MADANG_TRY(ngsi::EntityBlock block, reader_.read(bytes, tenant.symbols()));
    reinterpret_cast<ngsi::EntityHeader*>(block.data())->version = version;
    return std::make_shared<const ngsi::EntityBlock>(std::move(block));
  }

  Status load(Found& found) {
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek("S"); at->Valid() && at->key().starts_with("S"); at->Next()) {
      MADANG_TRY(BoxState box, read_box(view(at->key()), view(at->value())));
      found.boxes.push_back(std::move(box));
    }
    for (at->Seek("E"); at->Valid() && at->key().starts_with("E"); at->Next()) {
      MADANG_TRY(EventRecord sides, read_event_record(view(at->value())));
      found.owed.push_back({position_of(view(at->key())), static_cast<std::uint32_t>(at->value().size()), sides.time,
                            std::move(sides.boxes)});
    }
    return done(at->status());
  }

  base::FileSystem& files_;
  const std::string folder_;
  std::unique_ptr<rocksdb::Env> env_;  // of this opening
  std::shared_mutex mutex_;            // of db_ itself: alone who opens it anew
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> broken_{false};  // a write failed
  Position position_;
  rocksdb::WriteBatch batch_;         // the matcher's
  ngsi::RecordWriter writer_;         // the matcher's
  ngsi::RecordWriter reader_writer_;  // delivery's
  ngsi::RecordReader reader_;         // delivery's
};

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(base::FileSystem& files, const std::string& folder, Found& found) {
  MADANG_CHECK(files.make_folder(folder));
  auto outbox = std::make_unique<RocksOutbox>(files, folder);
  MADANG_CHECK(outbox->start(found));
  return std::unique_ptr<Outbox>(std::move(outbox));
}

}  // namespace madang::hub
