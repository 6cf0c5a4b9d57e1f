#pragma once
// The segments of a folder, and reading the groups of one.

#include <memory>
#include <string>
#include <vector>

#include "file/format.h"

namespace madang::journal {

struct SegmentFile {
  std::string name;
  SegmentHeader header;
  std::uint64_t size = 0;
};

/// The segments of `folder`, oldest first, each with its header read. corrupt where a header is damaged or a segment is
/// missing.
base::Result<std::vector<SegmentFile>> list_segments(base::FileSystem& files, const std::string& folder);

/// A part of a file in memory that follows the reader: small after a jump, larger as the reading goes on.
class Window {
 public:
  explicit Window(std::shared_ptr<const base::File> file) : file_(std::move(file)) {}
  /// Bytes from `offset`: `bytes` of them, fewer only at the end of the file. Valid until the next call.
  base::Result<std::span<const std::byte>> get(std::uint64_t offset, std::size_t bytes);
  /// Forgets what was read, because the file has changed since.
  void forget();

 private:
  static constexpr std::size_t kSmallest = 16u << 10;
  static constexpr std::size_t kLargest = 256u << 10;

  std::shared_ptr<const base::File> file_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0, filled_ = 0;
  std::size_t ahead_ = kSmallest;
  std::uint64_t start_ = 0;
};

/// Walks through the groups of one segment.
class GroupReader {
 public:
  GroupReader(std::shared_ptr<const base::File> file, const SegmentFile& segment)
      : window_(std::move(file)), salt_(segment.header.salt), size_(segment.size), next_(segment.header.first) {}

  /// The header at offset(), where a group that belongs there is.
  base::Result<std::optional<GroupHeader>> header();
  /// The records of that group.
  base::Result<std::span<const std::byte>> body(const GroupHeader& header);
  void advance(const GroupHeader& header) { offset_ = header.end(), next_ = header.next(); }
  void forget() { window_.forget(); }

  /// Any header of this segment at `offset`, whatever its position (for the search behind a damaged group).
  base::Result<std::optional<GroupHeader>> header_at(std::uint64_t offset);
  Window& window() { return window_; }

  std::uint64_t offset() const { return offset_; }
  Position next() const { return next_; }
  std::uint64_t size() const { return size_; }

 private:
  Window window_;
  std::uint64_t salt_, size_;
  std::uint64_t offset_ = kBlockBytes;
  Position next_;
};

/// Walks through the records of a group.
class RecordReader {
 public:
  RecordReader() = default;
  RecordReader(const GroupHeader& header, std::span<const std::byte> body)
      : rest_(body),
        next_(header.first),
        left_(header.count),
        time_(header.time),
        end_(header.offset + kHeaderBytes + header.bytes) {}

  bool at_end() const { return left_ == 0; }
  /// False where the record is not whole, or bytes are left over behind the last one.
  bool next(Record& out) {
    const std::size_t size = load_record(rest_, next_, out);
    if (size == 0 || (left_ == 1 && size != rest_.size())) return false;
    out.time = time_;
    rest_ = rest_.subspan(size);
    ++next_.value;
    --left_;
    return true;
  }
  std::uint64_t offset() const { return end_ - rest_.size(); }  // in the file

 private:
  std::span<const std::byte> rest_;
  Position next_;
  std::uint32_t left_ = 0;
  base::Timestamp time_;
  std::uint64_t end_ = 0;
};

}  // namespace madang::journal
