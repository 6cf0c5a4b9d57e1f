#include "notify/outbox.h"

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "madang/base/log.h"
#include "madang/history/rocks.h"
#include "madang/ngsi/record.h"

namespace madang::hub {

namespace {

using base::Code;
using base::Result;
using base::Status;
using journal::Position;

constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kGapsKept = 16;

// ---- keys: a letter, then numbers with the high byte first, so that they sort as numbers do ----

void append_big(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}
std::uint64_t big(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}
std::string event_key(Position position) {
  std::string key = "E";
  append_big(key, position.value, 8);
  return key;
}
std::string box_key(BoxNumber number) {
  std::string key = "S";
  append_big(key, number, 4);
  return key;
}
std::string dead_key(BoxNumber number, Position position) {
  std::string key = "D";
  append_big(key, number, 4);
  append_big(key, position.value, 8);
  return key;
}

// ---- values: little-endian numbers, texts with their length before them ----

class Pen {
 public:
  template <class T>
  void number(T value) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    text_.append(bytes.data(), bytes.size());
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    text_.append(value);
  }
  void time(const std::optional<base::Timestamp>& value) { number(value ? value->ns : std::int64_t{0}); }
  const std::string& all() const { return text_; }

 private:
  std::string text_;
};

class Eye {
 public:
  explicit Eye(std::string_view text) : rest_(text) {}
  template <class T>
  T number() {
    T value{};
    if (rest_.size() < sizeof(T)) return fine_ = false, value;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) return fine_ = false, std::string_view();
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  std::optional<base::Timestamp> time() {
    const auto ns = number<std::int64_t>();
    if (ns == 0) return std::nullopt;
    return base::Timestamp{ns};
  }
  bool fine() const { return fine_; }

 private:
  std::string_view rest_;
  bool fine_ = true;
};

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Result<BoxState> read_box(std::string_view key, std::string_view value) {
  Eye eye(value);
  BoxState box;
  box.number = static_cast<BoxNumber>(big(key.substr(1)));
  box.tenant = eye.text();
  box.id = eye.text();
  box.delivered.value = eye.number<std::uint64_t>();
  box.status.times_sent = eye.number<std::uint64_t>();
  box.status.times_failed = eye.number<std::uint64_t>();
  box.status.last_notification = eye.time();
  box.status.last_success = eye.time();
  box.status.last_failure = eye.time();
  box.status.failed = eye.number<std::uint8_t>() != 0;
  const auto gaps = eye.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < gaps && eye.fine(); ++i) {
    Gap gap;
    gap.from.value = eye.number<std::uint64_t>();
    gap.to.value = eye.number<std::uint64_t>();
    gap.time = {eye.number<std::int64_t>()};
    gap.matches = eye.number<std::uint64_t>();
    gap.reason = eye.text();
    box.gaps.push_back(std::move(gap));
  }
  if (!eye.fine() || key.size() != 5) return base::error(Code::corrupt, "A subscription's state cannot be read.");
  return box;
}

std::string written(const BoxState& box) {
  Pen pen;
  pen.text(box.tenant);
  pen.text(box.id);
  pen.number(box.delivered.value);
  pen.number(box.status.times_sent);
  pen.number(box.status.times_failed);
  pen.time(box.status.last_notification);
  pen.time(box.status.last_success);
  pen.time(box.status.last_failure);
  pen.number(static_cast<std::uint8_t>(box.status.failed ? 1 : 0));
  const std::size_t first = box.gaps.size() > kGapsKept ? box.gaps.size() - kGapsKept : 0;
  pen.number(static_cast<std::uint32_t>(box.gaps.size() - first));
  for (std::size_t i = first; i < box.gaps.size(); ++i) {
    const Gap& gap = box.gaps[i];
    pen.number(gap.from.value);
    pen.number(gap.to.value);
    pen.number(gap.time.ns);
    pen.number(gap.matches);
    pen.text(gap.reason);
  }
  return pen.all();
}

class RocksOutbox final : public Outbox {
 public:
  RocksOutbox(base::FileSystem& files, std::string folder)
      : folder_(std::move(folder)), env_(history::rocks_env(files)) {}

  Status start(Found& found) {
    MADANG_CHECK(open_database());
    std::string meta;
    const auto got = db_->Get({}, "M", &meta);
    if (got.IsNotFound()) {
      found.fresh = true;
      return {};
    }
    MADANG_CHECK(done(got));
    Eye eye(meta);
    const auto format = eye.number<std::uint32_t>();
    position_.value = eye.number<std::uint64_t>();
    if (!eye.fine()) return corrupt("the matcher's position");
    if (format > kFormat) return base::error(Code::newer_format, "The outbox was written by a newer Madang.", folder_);
    return load(found);
  }

  Position position() const override { return position_; }

  Status write(const std::vector<Owed>& owed, const std::vector<BoxState>& come, const std::vector<BoxNumber>& gone,
               Position position) override {
    batch_.Clear();
    for (const Owed& each : owed) put_event(each);
    for (const BoxState& box : come) batch_.Put(box_key(box.number), written(box));
    for (const BoxNumber number : gone) {
      batch_.Delete(box_key(number));
      batch_.DeleteRange(dead_key(number, {0}), dead_key(number, {UINT64_MAX}));
    }
    Pen pen;
    pen.number(kFormat);
    pen.number(position.value);
    batch_.Put("M", pen.all());
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
    for (const BoxState& box : boxes) batch.Put(box_key(box.number), written(box));
    for (const Position position : positions) batch.Delete(event_key(position));
    return run([&](rocksdb::DB& db) { return db.Write({}, &batch); });
  }

  Status bury(const DeadLetter& letter, const Event& event) override {
    Pen pen;
    append_event(pen, event, true, {}, reader_writer_);
    pen.number(letter.time.ns);
    pen.number(letter.attempts);
    pen.number(static_cast<std::int32_t>(letter.status));
    pen.text(letter.reason);
    return run([&](rocksdb::DB& db) { return db.Put({}, dead_key(letter.number, letter.position), pen.all()); });
  }

  Result<std::vector<DeadLetter>> dead_letters(BoxNumber box, std::size_t most) override {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    std::vector<DeadLetter> letters;
    const std::string end = dead_key(box, {UINT64_MAX});
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek(dead_key(box, {0})); at->Valid() && view(at->key()) < end && letters.size() < most; at->Next()) {
      Eye eye(view(at->value()));
      (void)skip_event(eye);
      DeadLetter letter;
      letter.number = box;
      letter.position.value = big(view(at->key()).substr(5));
      letter.time = {eye.number<std::int64_t>()};
      letter.attempts = eye.number<std::uint32_t>();
      letter.status = eye.number<std::int32_t>();
      letter.reason = eye.text();
      if (!eye.fine()) return corrupt("a dead letter");
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
      Eye eye(view(at->value()));
      const Sides sides = skip_event(eye);
      const std::string_view side = sides.after.empty() ? sides.before : sides.after;
      MADANG_TRY(const std::string_view id, ngsi::record_id(std::as_bytes(std::span(side))));
      const auto tenant = tenants.find(sides.boxes.empty() ? box : sides.boxes.front());
      if (tenant != tenants.end() && which(tenant->second, id, position)) keys.push_back(at->key().ToString());
      return {};
    };
    for (at->Seek("E"); at->Valid() && at->key().starts_with("E"); at->Next())
      MADANG_CHECK(look(0, {big(view(at->key()).substr(1))}));
    for (at->Seek("D"); at->Valid() && at->key().starts_with("D"); at->Next())
      MADANG_CHECK(look(static_cast<BoxNumber>(big(view(at->key()).substr(1, 4))), {big(view(at->key()).substr(5))}));
    return done(at->status());
  }

  base::Error corrupt(std::string_view what) const {
    return base::error(Code::corrupt, "The outbox holds " + std::string(what) + " that cannot be read.", folder_);
  }

  base::Error closed() const { return base::error(Code::unavailable, "The outbox is being opened anew.", folder_); }

  Status open_database() {
    rocksdb::Options options;
    options.create_if_missing = true;
    if (env_) options.env = env_.get();
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

  // ---- events: time, the boxes, the entity before and after as records; docs/formats/outbox.md ----

  static void append_event(Pen& pen, const Event& event, bool with_before, const std::vector<BoxNumber>& boxes,
                           ngsi::RecordWriter& records) {
    pen.number(event.time.ns);
    pen.number(static_cast<std::uint32_t>(boxes.size()));
    for (const BoxNumber number : boxes) pen.number(number);
    const auto side = [&](const std::shared_ptr<const ngsi::EntityBlock>& block, bool wanted) {
      if (!block || !wanted) return pen.text({});
      base::ByteBuffer record;
      records.append(record, ngsi::EntityView(*block), event.tenant->symbols());
      pen.text({reinterpret_cast<const char*>(record.data()), record.size()});
      pen.number(ngsi::EntityView(*block).version());
    };
    side(event.before, with_before || !event.after);
    side(event.after, true);
  }

  void put_event(const Owed& owed) {
    Pen pen;
    append_event(pen, *owed.event, owed.with_before, owed.boxes, writer_);
    batch_.Put(event_key(owed.event->position), pen.all());
  }

  struct Sides {
    base::Timestamp time;
    std::vector<BoxNumber> boxes;
    std::string_view before, after;
    std::uint64_t before_version = 0, after_version = 0;
  };
  static Sides skip_event(Eye& eye) {
    Sides sides;
    sides.time = {eye.number<std::int64_t>()};
    const auto boxes = eye.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < boxes && eye.fine(); ++i) sides.boxes.push_back(eye.number<BoxNumber>());
    sides.before = eye.text();
    if (!sides.before.empty()) sides.before_version = eye.number<std::uint64_t>();
    sides.after = eye.text();
    if (!sides.after.empty()) sides.after_version = eye.number<std::uint64_t>();
    return sides;
  }

  Result<EventPtr> read_event(state::Tenant& tenant, const std::string& key, Position position) {
    MADANG_CHECK(mend());
    const std::shared_lock hold(mutex_);
    if (db_ == nullptr) return closed();
    rocksdb::PinnableSlice value;
    MADANG_CHECK(done(db_->Get({}, db_->DefaultColumnFamily(), key, &value)));
    Eye eye(view(value));
    const Sides sides = skip_event(eye);
    if (!eye.fine()) return corrupt("an event");
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
      Eye eye(view(at->value()));
      Sides sides = skip_event(eye);
      if (!eye.fine() || at->key().size() != 9) return corrupt("an event");
      found.owed.push_back({{big(view(at->key()).substr(1))},
                            static_cast<std::uint32_t>(at->value().size()),
                            sides.time,
                            std::move(sides.boxes)});
    }
    return done(at->status());
  }

  const std::string folder_;
  const std::unique_ptr<rocksdb::Env> env_;  // null: RocksDB's own
  std::shared_mutex mutex_;                  // of db_ itself: alone who opens it anew
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
