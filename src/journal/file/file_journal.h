#pragma once
// The journal in a folder: appends gather in memory while one thread writes and syncs what was gathered before.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "file/file_reader.h"
#include "file/recovery.h"
#include "file/segment_writer.h"

namespace madang::journal {

class FileJournal final : public Journal {
 public:
  FileJournal(base::FileSystem& files, const std::string& folder, Options options, const base::Clock& clock,
              std::unique_ptr<base::File> lock, Recovered found);
  ~FileJournal() override;

  /// Begins to take appends; until then nothing runs.
  base::Status start();

  base::Result<Position> append(RecordKind kind, std::string_view tenant, std::uint32_t key_id,
                                std::span<const std::byte> payload) override;
  void commit() override;
  Position last() const override { return {last_.load(std::memory_order_relaxed)}; }
  Position durable() const override { return catalog_->durable(); }
  Position first() const override { return catalog_->first(); }
  base::Status wait(Position position) override;
  void on_durable(std::function<void(base::Result<Position>)> call) override;
  base::Result<std::unique_ptr<Reader>> read(Position after) override;
  base::Status drop(Position position) override;
  base::Result<std::uint64_t> erase(Position upto, const std::function<bool(const Record&)>& which) override;
  std::vector<Segment> segments() const override;
  const Recovery& recovery() const override { return recovery_; }
  std::uint64_t syncs() const override { return writer_.syncs(); }

 private:
  using Groups = std::vector<std::unique_ptr<GroupBuffer>>;

  base::Status check_append(std::string_view tenant, std::span<const std::byte> payload) const;
  GroupBuffer& open_group(std::size_t record_bytes);
  std::unique_ptr<GroupBuffer> new_group(std::size_t record_bytes);

  void run();
  Groups take();
  base::Status write(const Groups& groups);
  void recycle(Groups groups);
  void published(Position position);
  void fail(base::Error why);

  const Options options_;
  const base::Clock& clock_;
  const std::size_t group_capacity_;
  const std::unique_ptr<base::File> lock_;
  const Recovery recovery_;
  const Tail tail_;
  const std::shared_ptr<Catalog> catalog_;
  Spares spares_;
  SegmentWriter writer_;

  std::atomic<std::uint64_t> last_;
  std::atomic<bool> failed_{false};

  std::mutex mutex_;  // of what follows; held for as long as a record takes to encode, or a list to swap
  std::condition_variable work_, progress_;
  Groups closed_;                      // full, waiting for the syncer
  std::unique_ptr<GroupBuffer> open_;  // being filled; may be null
  Groups pool_;                        // of standard size, empty
  std::size_t gathered_bytes_ = 0;     // appended and not yet written and synced
  base::Timestamp last_time_;
  bool idle_ = false;       // the syncer sleeps
  bool committed_ = false;  // what was gathered is to become durable
  bool stop_ = false;
  unsigned waiting_ = 0;
  std::optional<base::Error> failure_;
  std::function<void(base::Result<Position>)> on_durable_;

  std::mutex dropping_;  // segments go, or what is in them
  std::thread syncer_;
};

}  // namespace madang::journal
