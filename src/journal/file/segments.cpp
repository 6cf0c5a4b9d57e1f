#include "file/segments.h"

#include <algorithm>
#include <array>

namespace madang::journal {

base::Result<std::vector<SegmentFile>> list_segments(base::FileSystem& files, const std::string& folder) {
  MADANG_TRY(const std::vector<std::string> names, files.list(folder));
  std::vector<SegmentFile> segments;
  for (const std::string& name : names) {  // sorted, and twenty digits sort by value
    const auto first = parse_segment_name(name);
    if (!first) continue;
    const std::string path = folder + "/" + name;
    MADANG_TRY(const auto file, files.open(path, base::FileSystem::Open::read));
    std::array<std::byte, kHeaderBytes> bytes{};
    MADANG_TRY(const std::size_t got, file->read_at(0, bytes));
    if (got < bytes.size()) return corrupt(path, 0, "it is shorter than a segment's header");
    MADANG_TRY(const SegmentHeader header, load_segment_header(bytes, path));
    MADANG_TRY(const std::uint64_t size, file->size());
    if (header.first != *first) return corrupt(path, 0, "its name and its header name different positions");
    if (!segments.empty() && header.previous != segments.back().header.first) {
      return corrupt(path, 0,
                     "the segment before it (" +
                         segment_name(Position{std::max<std::uint64_t>(header.previous.value, 1)}) + ") is missing");
    }
    segments.push_back({name, header, size});
  }
  return segments;
}

void Window::forget() {
  filled_ = 0;
  ahead_ = kSmallest;
}

base::Result<std::span<const std::byte>> Window::get(std::uint64_t offset, std::size_t bytes) {
  if (offset < start_ || offset + bytes > start_ + filled_) {
    const bool goes_on = filled_ > 0 && offset >= start_ && offset <= start_ + filled_;
    ahead_ = goes_on ? std::min(ahead_ * 2, kLargest) : kSmallest;
    const std::size_t wanted = std::max(bytes, ahead_);
    if (wanted > capacity_) {
      buffer_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
      capacity_ = wanted;
    }
    filled_ = 0;
    MADANG_TRY(filled_, file_->read_at(offset, {buffer_.get(), wanted}));
    start_ = offset;
  }
  const auto skipped = static_cast<std::size_t>(offset - start_);
  if (skipped >= filled_) return std::span<const std::byte>{};
  return std::span<const std::byte>(buffer_.get() + skipped, std::min(bytes, filled_ - skipped));
}

base::Result<std::optional<GroupHeader>> GroupReader::header_at(std::uint64_t offset) {
  MADANG_TRY(const auto bytes, window_.get(offset, kHeaderBytes));
  if (bytes.size() < kHeaderBytes) return std::optional<GroupHeader>{};
  auto header = load_group_header(ConstHeaderBytes(bytes));
  if (header && (header->salt != salt_ || header->offset != offset)) header.reset();
  return header;
}

base::Result<std::optional<GroupHeader>> GroupReader::header() {
  MADANG_TRY(auto header, header_at(offset_));
  // A copy may end with the last record, short of the block.
  if (header && (header->first != next_ || header->offset + kHeaderBytes + header->bytes > size_)) header.reset();
  return header;
}

base::Result<std::span<const std::byte>> GroupReader::body(const GroupHeader& header) {
  // With its header, so that the window need not move when both fit.
  const auto bytes = static_cast<std::size_t>(header.bytes);
  MADANG_TRY(const auto whole, window_.get(header.offset, kHeaderBytes + bytes));
  return whole.size() < kHeaderBytes ? std::span<const std::byte>{} : whole.subspan(kHeaderBytes);
}

}  // namespace madang::journal
