#include "file/segment_writer.h"

#include <array>

#include "madang/base/metrics.h"

namespace madang::journal {
namespace {

constexpr std::uint64_t kFirstSegment = 1u << 20;
constexpr std::size_t kKeptWarm = 8;  // segments

}  // namespace

SegmentWriter::SegmentWriter(Catalog& catalog, Spares& spares, const base::Clock& clock, const Options& options,
                             std::function<void(Position)> published)
    : catalog_(catalog),
      spares_(spares),
      clock_(clock),
      options_(options),
      published_(std::move(published)),
      written_(catalog.durable()) {}

std::uint64_t SegmentWriter::size_after(std::uint64_t bytes, const Options& options) {
  return round_to_block(std::min(std::max(kFirstSegment, bytes * 2), options.segment_bytes));
}

base::Status SegmentWriter::resume(const SegmentFile& last, std::uint64_t end) {
  MADANG_TRY(file_, catalog_.files().open(catalog_.path(last.name), base::FileSystem::Open::write));
  segment_ = last;
  end_ = end;
  return {};
}

base::Status SegmentWriter::write(GroupBuffer& group) {
  if (!file_ || end_ + group.span() > segment_.size) MADANG_CHECK(begin_segment(group.first(), group.span()));
  MADANG_CHECK(write_patiently(end_, group.seal(segment_.header.salt, end_, catalog_.durable())));
  end_ += group.span();
  written_ = group.last();
  dirty_ = true;
  return {};
}

base::Status SegmentWriter::sync() {
  if (!dirty_) return {};
  MADANG_CHECK(sync_file());
  dirty_ = false;
  catalog_.set_durable(written_, end_);
  published_(written_);
  return {};
}

base::Status SegmentWriter::close() {
  if (!file_ || end_ + kBlockBytes > segment_.size) return {};
  std::array<std::byte, kBlockBytes> block{};
  GroupHeader mark;
  mark.salt = segment_.header.salt;
  mark.first = {written_.value + 1};
  mark.offset = end_;
  mark.durable = catalog_.durable();
  mark.time = clock_.now();
  store_header(HeaderBytes(block.data(), kHeaderBytes), mark);
  MADANG_CHECK(file_->write_at(end_, block));
  return sync_file();
}

/// The order of the steps is the format's: what has a segment's name has a valid header, and what has a successor is
/// durable.
base::Status SegmentWriter::begin_segment(Position first, std::uint64_t group_bytes) {
  MADANG_CHECK(sync());
  // The next segment is filled in the memory that this one had: pages the machine has at hand cost a fraction of new
  // ones.
  if (file_) file_->drop_cache();
  MADANG_TRY(Spare spare, spares_.take(kBlockBytes + group_bytes));
  segment_.name = segment_name(first);
  segment_.header = {new_salt(), first, segment_.header.first, clock_.now()};
  segment_.size = spare.size;
  file_ = std::move(spare.file);
  std::array<std::byte, kHeaderBytes> header{};
  store_header(header, segment_.header);
  MADANG_CHECK(write_patiently(0, header));
  MADANG_CHECK(sync_file());
  base::FileSystem& files = catalog_.files();
  MADANG_CHECK(files.rename(catalog_.path(kSpareName), catalog_.path(segment_.name)));
  MADANG_CHECK(files.sync_folder(catalog_.folder()));
  spares_.release(size_after(segment_.size, options_));
  end_ = kBlockBytes;
  catalog_.add(segment_);
  forget_old_segment();
  return {};
}

/// What a restart would read stays in the machine's memory. The pages of what is older serve for what is written next,
/// which costs a fraction of what new ones do.
void SegmentWriter::forget_old_segment() {
  const auto segments = catalog_.segments();
  if (segments.size() <= kKeptWarm) return;
  const std::string& name = segments[segments.size() - 1 - kKeptWarm].name;
  if (const auto old = catalog_.files().open(catalog_.path(name), base::FileSystem::Open::read)) (*old)->drop_cache();
}

/// The blocks are there already, so that a full disk is met only on file systems that copy on write. Nothing is lost by
/// waiting: the same bytes go to the same place later.
base::Status SegmentWriter::write_patiently(std::uint64_t offset, std::span<const std::byte> data) {
  while (true) {
    auto written = file_->write_at(offset, data);
    if (written.ok() || written.error().code != base::Code::insufficient_storage) return written;
    if (!spares_.wait_for_room()) return written;
  }
}

base::Status SegmentWriter::sync_file() {
  syncs_.fetch_add(1, std::memory_order_relaxed);
  if (!options_.sync) return {};
  static base::metrics::Histogram& seconds =
      base::metrics::histogram("madang_journal_sync_seconds", "Time of one sync of the journal");
  const auto begin = base::system_clock().monotonic();
  MADANG_CHECK(file_->sync());
  seconds.observe(std::chrono::duration<double>(base::system_clock().monotonic() - begin).count());
  return {};
}

}  // namespace madang::journal
