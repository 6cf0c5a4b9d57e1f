#include "disk.h"

#include <mutex>
#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "madang/history/rocks.h"

namespace madang::history {

namespace {

using base::Code;

base::Error error_of(const rocksdb::Status& status) {
  const Code code = code_of(status);
  if (code != Code::insufficient_storage) return base::error(code, "History: " + status.ToString() + ".");
  return base::error(
      code, "The disk has no room for history. Make room: it goes on by itself, and until then the journal is kept (" +
                status.ToString() + ").");
}

base::Status status_of(const rocksdb::Status& status) {
  if (status.ok()) return {};
  return error_of(status);
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

std::string block_key(std::uint64_t run, std::uint32_t block) {
  std::string key;
  append_key(key, run);
  append_key(key, block);
  return key;
}

template <class Number>
void append_big_endian(std::string& out, Number number) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift & 0xff));
}
template <class Number>
Number take_big_endian(std::string_view& key) {
  Number number = 0;
  if (key.size() < sizeof number) return key = {}, number;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(key[i]));
  key.remove_prefix(sizeof number);
  return number;
}

rocksdb::WriteOptions without_log() {
  rocksdb::WriteOptions how;
  how.disableWAL = true;
  return how;
}

rocksdb::ColumnFamilyOptions catalog_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 16 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kZSTD;
  return options;
}

/// Blocks are packed already, come in the order of their keys and go a run at a time: there is nothing to compact.
rocksdb::ColumnFamilyOptions blocks_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 32 << 20;
  options.target_file_size_base = 64 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 32 << 10;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  return options;
}

constexpr std::uint64_t kRoom = 8 << 20;  // on the disk, beside what is to be written, before that is tried again

/// RocksDB's own way out of a full disk may wait for itself for ever (7.8, with atomic flush).
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override {
    *automatic = false;
  }
};

}  // namespace

void append_key(std::string& out, std::uint32_t number) {
  append_big_endian(out, number);
}
void append_key(std::string& out, std::uint64_t number) {
  append_big_endian(out, number);
}
std::uint32_t take_key32(std::string_view& key) {
  return take_big_endian<std::uint32_t>(key);
}
std::uint64_t take_key64(std::string_view& key) {
  return take_big_endian<std::uint64_t>(key);
}

struct Batch::Impl {
  rocksdb::WriteBatch writes;
  rocksdb::WriteBatch blocks;  // told apart until the column families are known
  std::uint64_t begun_in = 0;  // the opening that has earlier parts of it in its memory alone
};

/// One opening of the database. Readers keep the one they have; it is closed behind the last of them.
struct Database {
  std::unique_ptr<rocksdb::Env> env;
  std::uint64_t number = 0;  // of this opening
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* catalog = nullptr;
  rocksdb::ColumnFamilyHandle* blocks = nullptr;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (!db) return;
    for (auto* const handle : {catalog, blocks})
      if (handle != nullptr) (void)db->DestroyColumnFamilyHandle(handle);
    (void)db->Close();
  }
  rocksdb::Status flush() { return db->Flush(rocksdb::FlushOptions(), std::vector{catalog, blocks}); }
};
using DatabasePtr = std::shared_ptr<Database>;

struct Disk::Impl {
  Impl(base::FileSystem& f, std::string path, std::uint64_t cache_bytes, bool reads)
      : files(f), folder(std::move(path)), read_only(reads), cache(rocksdb::NewLRUCache(cache_bytes)) {}

  base::Result<DatabasePtr> open_database() const;
  /// Null while it is being opened anew: `error` says why.
  DatabasePtr at_hand() const {
    const std::lock_guard lock(mutex);
    return database;
  }
  base::Result<DatabasePtr> reading() const {
    const std::lock_guard lock(mutex);
    if (!database) return *error;
    return database;
  }
  base::Result<DatabasePtr> writing(std::uint64_t bytes);
  base::Error failed(const rocksdb::Status& status) {
    const std::lock_guard lock(mutex);
    return *(error = error_of(status));
  }

  base::FileSystem& files;
  const std::string folder;
  const bool read_only;
  const std::shared_ptr<rocksdb::Cache> cache;
  mutable std::mutex mutex;
  DatabasePtr database;
  std::weak_ptr<Database> closing;
  std::optional<base::Error> error;  // a write failed: it is to be opened anew
  mutable std::uint64_t openings = 0;
};

Batch::Batch() : impl_(std::make_unique<Impl>()) {}
Batch::~Batch() = default;
void Batch::put(std::string_view key, std::string_view value) {
  (void)impl_->writes.Put(slice(key), slice(value));
}
void Batch::remove(std::string_view key) {
  (void)impl_->writes.Delete(slice(key));
}
void Batch::put_block(std::uint64_t run, std::uint32_t block, std::string_view bytes) {
  (void)impl_->blocks.Put(slice(block_key(run, block)), slice(bytes));
}
std::size_t Batch::bytes() const {
  return impl_->writes.GetDataSize() + impl_->blocks.GetDataSize();
}
void Batch::clear() {
  impl_->writes.Clear();
  impl_->blocks.Clear();
}

Disk::Disk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Disk::~Disk() = default;

base::Result<DatabasePtr> Disk::Impl::open_database() const {
  const auto made = std::make_shared<Database>();
  made->env = rocks_env(files, folder);
  made->number = ++openings;
  rocksdb::DBOptions options;
  options.env = made->env.get();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.max_open_files = 500;
  options.info_log = rocks_log();
  options.listeners.push_back(std::make_shared<NoRecovery>());
  // There is no log of writes: the journal is one. What is written reaches files of both families at once.
  options.atomic_flush = true;
  // The list of files names the first and last key of each, ids of entities among them: it is written anew each time,
  // so that none stays there longer than in the files.
  options.max_manifest_file_size = 1;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, catalog_options(cache)}, {"blocks", blocks_options(cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  // Where it is missing, that would be logged as a fault.
  if (!read_only && !files.exists(folder)) MADANG_CHECK(files.make_folder(folder));
  const rocksdb::Status opened = read_only ? rocksdb::DB::OpenForReadOnly(options, folder, families, &handles, &db)
                                           : rocksdb::DB::Open(options, folder, families, &handles, &db);
  if (!opened.ok()) {
    base::Error fault = error_of(opened);
    fault.where = folder;
    return fault;
  }
  made->db.reset(db);
  made->catalog = handles[0];
  made->blocks = handles[1];
  return made;
}

/// Where a write failed, what RocksDB holds in memory and not on disk is thrown away with it: nothing but parts of
/// batches whose last part was not reported as written. See Batch::Impl::begun_in.
base::Result<DatabasePtr> Disk::Impl::writing(std::uint64_t bytes) {
  const std::lock_guard lock(mutex);
  if (!error) return database;
  if (error->code == Code::insufficient_storage) {  // until there is room, what is there is read as it is
    MADANG_TRY(const std::uint64_t free, files.free_bytes(folder));
    if (free < bytes + kRoom) return *error;
  }
  if (database) {
    (void)database->db->SetDBOptions({{"avoid_flush_during_shutdown", "true"}});
    closing = std::exchange(database, nullptr);
  }
  if (!closing.expired()) return *error;  // somebody reads in it
  MADANG_TRY(database, open_database());
  error.reset();
  return database;
}

base::Result<std::unique_ptr<Disk>> Disk::open(base::FileSystem& files, const std::string& folder,
                                               std::uint64_t cache_bytes, bool read_only) {
  auto impl = std::make_unique<Impl>(files, folder, cache_bytes, read_only);
  MADANG_TRY(impl->database, impl->open_database());
  return std::unique_ptr<Disk>(new Disk(std::move(impl)));
}

base::Status Disk::write(Batch& batch, bool durable) {
  MADANG_TRY(const DatabasePtr database, impl_->writing(batch.bytes()));
  std::uint64_t& begun_in = batch.impl().begun_in;
  if (begun_in != 0 && begun_in != database->number)
    return base::error(Code::unavailable, "Something that was being written to history was lost with a full disk.");
  // One batch of both families: RocksDB applies it as one.
  struct Joiner : rocksdb::WriteBatch::Handler {
    rocksdb::WriteBatch* to = nullptr;
    rocksdb::ColumnFamilyHandle* family = nullptr;
    rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
      return to->Put(family, key, value);
    }
  } joiner;
  joiner.to = &batch.impl().writes;
  joiner.family = database->blocks;
  MADANG_CHECK(status_of(batch.impl().blocks.Iterate(&joiner)));
  batch.impl().blocks.Clear();
  rocksdb::Status written = database->db->Write(without_log(), &batch.impl().writes);
  if (written.ok() && durable) written = database->flush();
  if (!written.ok()) return impl_->failed(written);
  batch.clear();
  begun_in = durable ? 0 : database->number;
  return {};
}

base::Result<std::optional<std::string>> Disk::get(std::string_view key) const {
  MADANG_TRY(const DatabasePtr database, impl_->reading());
  std::string value;
  const rocksdb::Status found = database->db->Get(rocksdb::ReadOptions(), database->catalog, slice(key), &value);
  if (found.IsNotFound()) return std::optional<std::string>();
  if (!found.ok()) return error_of(found);
  return std::optional<std::string>(std::move(value));
}

base::Status Disk::scan(std::string_view prefix, std::string_view after, bool backwards, const See& see) const {
  MADANG_TRY(const DatabasePtr database, impl_->reading());
  const std::unique_ptr<rocksdb::Iterator> at(database->db->NewIterator(rocksdb::ReadOptions(), database->catalog));
  const std::string from = std::string(prefix) + std::string(after);
  if (!backwards) {
    at->Seek(from);
    if (!after.empty() && at->Valid() && view(at->key()) == from) at->Next();
  } else if (!after.empty()) {
    at->SeekForPrev(from);
    if (at->Valid() && view(at->key()) == from) at->Prev();
  } else {
    std::string end(prefix);
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
    if (end.empty()) {
      at->SeekToLast();
    } else {
      end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
      at->SeekForPrev(end);
      if (at->Valid() && view(at->key()) == end) at->Prev();
    }
  }
  for (; at->Valid() && view(at->key()).starts_with(prefix); backwards ? at->Prev() : at->Next())
    if (!see(view(at->key()).substr(prefix.size()), view(at->value()))) return {};
  return status_of(at->status());
}

base::Result<std::string> Disk::block(std::uint64_t run, std::uint32_t block) const {
  MADANG_TRY(const DatabasePtr database, impl_->reading());
  std::string value;
  const rocksdb::Status found =
      database->db->Get(rocksdb::ReadOptions(), database->blocks, slice(block_key(run, block)), &value);
  if (found.IsNotFound()) return base::error(Code::corrupt, "A block of history is missing.");
  if (!found.ok()) return error_of(found);
  return value;
}

std::unique_ptr<Disk::Blocks> Disk::blocks(std::uint64_t run) const {
  class Reading final : public Blocks {
   public:
    Reading(base::Result<DatabasePtr> database, std::uint64_t wanted) : database_(std::move(database)) {
      if (!database_.ok()) return;
      rocksdb::ReadOptions how;
      how.fill_cache = false;
      how.readahead_size = 1 << 20;
      at_.reset((*database_)->db->NewIterator(how, (*database_)->blocks));
      append_key(prefix_, wanted);
      at_->Seek(prefix_);
    }
    base::Result<std::optional<std::string>> next() override {
      if (!database_.ok()) return database_.error();
      if (!at_->Valid() || !view(at_->key()).starts_with(prefix_)) {
        MADANG_CHECK(status_of(at_->status()));
        return std::optional<std::string>();
      }
      std::optional<std::string> value(at_->value().ToString());
      at_->Next();
      return value;
    }

   private:
    const base::Result<DatabasePtr> database_;
    std::unique_ptr<rocksdb::Iterator> at_;
    std::string prefix_;
  };
  return std::make_unique<Reading>(impl_->reading(), run);
}

std::vector<std::uint64_t> Disk::runs() const {
  std::vector<std::uint64_t> out;
  const DatabasePtr database = impl_->at_hand();
  if (!database) return out;
  const std::unique_ptr<rocksdb::Iterator> at(database->db->NewIterator(rocksdb::ReadOptions(), database->blocks));
  for (at->SeekToFirst(); at->Valid(); at->Seek(block_key(out.back() + 1, 0))) {
    std::string_view key = view(at->key());
    out.push_back(take_key64(key));
  }
  return out;
}

base::Status Disk::destroy(base::FileSystem& files, const std::string& folder) {
  rocksdb::Options options;
  const std::unique_ptr<rocksdb::Env> env = rocks_env(files, folder);
  options.env = env.get();
  return status_of(rocksdb::DestroyDB(folder, options));
}

void Disk::drop_run(std::uint64_t run) {
  const DatabasePtr database = impl_->at_hand();
  if (!database) return;  // the next start does it
  const std::string begin = block_key(run, 0), end = block_key(run + 1, 0);
  const rocksdb::Slice from(begin), to(end);
  // Whole files go at once, what stays at their edges key by key: where a compaction that has nothing but a deleted
  // range fails, RocksDB 7.8 ends the process (an assertion of Debian's build, in SubcompactionState::SmallestUserKey).
  (void)rocksdb::DeleteFilesInRange(database->db.get(), database->blocks, &from, &to, false);
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.iterate_upper_bound = &to;
  const std::unique_ptr<rocksdb::Iterator> at(database->db->NewIterator(how, database->blocks));
  rocksdb::WriteBatch gone;
  for (at->Seek(from); at->Valid(); at->Next()) (void)gone.Delete(database->blocks, at->key());
  if (gone.Count() > 0) (void)database->db->Write(without_log(), &gone);
}

std::uint64_t Disk::bytes() const {
  std::uint64_t all = 0;
  const DatabasePtr database = impl_->at_hand();
  if (!database) return all;
  for (auto* const family : {database->catalog, database->blocks}) {
    std::uint64_t one = 0;
    if (database->db->GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &one)) all += one;
  }
  return all;
}

base::Status Disk::copy_to(const std::string& folder) {
  MADANG_TRY(const DatabasePtr database, impl_->reading());
  rocksdb::Checkpoint* made = nullptr;
  MADANG_CHECK(status_of(rocksdb::Checkpoint::Create(database->db.get(), &made)));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return status_of(checkpoint->CreateCheckpoint(folder));
}

base::Status Disk::tidy() {
  MADANG_TRY(const DatabasePtr database, impl_->writing(0));
  if (const auto flushed = database->flush(); !flushed.ok()) return impl_->failed(flushed);
  for (auto* const family : {database->catalog, database->blocks}) {
    rocksdb::CompactRangeOptions how;
    how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    MADANG_CHECK(status_of(database->db->CompactRange(how, family, nullptr, nullptr)));
  }
  return {};
}

}  // namespace madang::history
