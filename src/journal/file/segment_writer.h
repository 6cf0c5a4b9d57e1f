#pragma once
// Puts groups into segments: the syncer's hands. Used by one thread.

#include <functional>

#include "file/catalog.h"
#include "file/group_buffer.h"
#include "file/spares.h"

namespace madang::journal {

class SegmentWriter {
 public:
  /// `published` hears of every position that became durable.
  SegmentWriter(Catalog& catalog, Spares& spares, const base::Clock& clock, const Options& options,
                std::function<void(Position)> published);

  /// Goes on in the last segment of a journal that was found.
  base::Status resume(const SegmentFile& last, std::uint64_t end);

  /// Writes a group, into a new segment where it does not fit. Waits while the disk is full.
  base::Status write(GroupBuffer& group);
  /// Makes everything written durable and says so.
  base::Status sync();
  /// Writes down that everything is durable, for an orderly end: then damage to the last group does not look like a
  /// torn one.
  base::Status close();

  std::uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }

  /// The size of the segment to make after one of `bytes`.
  static std::uint64_t size_after(std::uint64_t bytes, const Options& options);

 private:
  base::Status begin_segment(Position first, std::uint64_t group_bytes);
  base::Status write_patiently(std::uint64_t offset, std::span<const std::byte> data);
  base::Status sync_file();
  void forget_old_segment();

  Catalog& catalog_;
  Spares& spares_;
  const base::Clock& clock_;
  const Options options_;
  const std::function<void(Position)> published_;

  std::unique_ptr<base::File> file_;
  SegmentFile segment_;
  std::uint64_t end_ = 0;
  Position written_;  // the last position in the file, durable or not
  bool dirty_ = false;
  std::atomic<std::uint64_t> syncs_{0};
};

}  // namespace madang::journal
