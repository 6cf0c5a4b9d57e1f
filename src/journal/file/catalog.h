#pragma once
// What the journal, its readers and its syncer share: which segments there are, and how far they are durable.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "file/segments.h"

namespace madang::journal {

class Catalog {
 public:
  Catalog(base::FileSystem& files, std::string folder, std::vector<SegmentFile> segments, Position durable,
          std::uint64_t end)
      : files_(files), folder_(std::move(folder)), segments_(std::move(segments)), durable_(durable.value), end_(end) {}

  Position durable() const { return {durable_.load(std::memory_order_acquire)}; }
  void set_durable(Position position, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    end_ = end;
    durable_.store(position.value, std::memory_order_release);
  }

  std::vector<SegmentFile> segments() const {
    const std::lock_guard lock(mutex_);
    return segments_;
  }
  /// Segments, durable position and the durable end of the last segment, from one moment.
  struct View {
    std::vector<SegmentFile> segments;
    Position durable;
    std::uint64_t end;
  };
  View view() const {
    const std::lock_guard lock(mutex_);
    return {segments_, durable(), end_};
  }
  Position first() const {
    const std::lock_guard lock(mutex_);
    return segments_.empty() ? Position{durable().value + 1} : segments_.front().header.first;
  }
  /// The segment that holds `position`, or will: the last that does not begin above it.
  std::optional<SegmentFile> find(Position position) const {
    const std::lock_guard lock(mutex_);
    const auto above =
        std::upper_bound(segments_.begin(), segments_.end(), position,
                         [](Position p, const SegmentFile& segment) { return p < segment.header.first; });
    return above == segments_.begin() ? std::nullopt : std::optional(*std::prev(above));
  }
  void add(SegmentFile segment) {
    const std::lock_guard lock(mutex_);
    segments_.push_back(std::move(segment));
    end_ = kBlockBytes;
  }
  void remove_oldest() {
    const std::lock_guard lock(mutex_);
    segments_.erase(segments_.begin());
  }

  /// Held while durable records are being overwritten: who meets a broken one waits for it and looks again.
  std::mutex& overwriting() const { return overwriting_; }

  base::FileSystem& files() const { return files_; }
  const std::string& folder() const { return folder_; }
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

 private:
  base::FileSystem& files_;
  const std::string folder_;
  mutable std::mutex mutex_;
  mutable std::mutex overwriting_;
  std::vector<SegmentFile> segments_;
  std::atomic<std::uint64_t> durable_;
  std::uint64_t end_;  // of what is durable in the last segment
};

}  // namespace madang::journal
