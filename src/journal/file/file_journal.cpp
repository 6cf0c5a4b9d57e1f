#include "file/file_journal.h"

#include <algorithm>
#include <utility>

#include "madang/base/log.h"

#include "file/erasing.h"

namespace madang::journal {
namespace {

constexpr std::size_t kLargestGroup = 256u << 10;  // stays in the core's cache between encoding and writing
constexpr std::size_t kSmallestGroup = 4u << 10;
constexpr std::size_t kPooled = 4;

std::size_t capacity_of_groups(const Options& options) {
  return round_to_block(std::clamp<std::uint64_t>(options.segment_bytes / 4, kSmallestGroup, kLargestGroup));
}

Options checked(Options options) {
  options.segment_bytes = round_to_block(std::max<std::uint64_t>(options.segment_bytes, 4 * kSmallestGroup));
  options.record_bytes = std::min<std::uint32_t>(options.record_bytes, 1u << 30);
  return options;
}

std::uint64_t last_size(const std::vector<SegmentFile>& segments) {
  return segments.empty() ? 0 : segments.back().size;
}

}  // namespace

FileJournal::FileJournal(base::FileSystem& files, const std::string& folder, Options options, const base::Clock& clock,
                         std::unique_ptr<base::File> lock, Recovered found)
    : options_(checked(options)),
      clock_(clock),
      group_capacity_(capacity_of_groups(options_)),
      lock_(std::move(lock)),
      recovery_(std::move(found.report)),
      tail_(found.tail),
      catalog_(std::make_shared<Catalog>(files, folder, std::move(found.segments), recovery_.last, tail_.end)),
      spares_(files, folder, options_, SegmentWriter::size_after(last_size(catalog_->segments()), options_)),
      writer_(*catalog_, spares_, clock, options_, [this](Position position) { published(position); }),
      last_(recovery_.last.value),
      last_time_(tail_.time) {}

base::Status FileJournal::start() {
  if (const auto segments = catalog_->segments(); !segments.empty()) {
    MADANG_CHECK(writer_.resume(segments.back(), tail_.end));
  }
  syncer_ = std::thread([this] { run(); });
  return {};
}

FileJournal::~FileJournal() {
  if (!syncer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_one();
  spares_.abandon();
  syncer_.join();
}

base::Status FileJournal::check_append(std::string_view tenant, std::span<const std::byte> payload) const {
  using base::Code;
  if (failed_.load(std::memory_order_relaxed))
    return base::error(Code::unavailable, "the journal has failed; restart to go on");
  if (spares_.full()) return base::error(Code::insufficient_storage, "the journal's disk is full");
  if (payload.size() > options_.record_bytes || tenant.size() > kMaxTenantBytes) {
    return base::error(Code::too_large,
                       "a journal record holds at most " + std::to_string(options_.record_bytes) + " bytes");
  }
  return {};
}

base::Result<Position> FileJournal::append(RecordKind kind, std::string_view tenant, std::uint32_t key_id,
                                           std::span<const std::byte> payload) {
  MADANG_CHECK(check_append(tenant, payload));
  const std::size_t bytes = kRecordHeaderBytes + tenant.size() + payload.size();
  const std::lock_guard lock(mutex_);
  if (gathered_bytes_ > 0 && gathered_bytes_ + bytes > options_.buffer_bytes) {
    return base::error(base::Code::unavailable, "the journal's disk is slower than the changes come; try again");
  }
  open_group(bytes).add(kind, tenant, key_id, payload);
  gathered_bytes_ += bytes;
  const Position position{last().value + 1};
  last_.store(position.value, std::memory_order_relaxed);
  return position;
}

/// The group that takes the next record; a full one is closed.
GroupBuffer& FileJournal::open_group(std::size_t record_bytes) {
  if (open_ && open_->fits(record_bytes)) return *open_;
  if (open_) closed_.push_back(std::move(open_));
  open_ = new_group(record_bytes);
  last_time_ = std::max(last_time_, clock_.now());
  open_->begin({last().value + 1}, last_time_);
  return *open_;
}

std::unique_ptr<GroupBuffer> FileJournal::new_group(std::size_t record_bytes) {
  const std::size_t needed = GroupBuffer::capacity_for(record_bytes);
  if (needed > group_capacity_) return std::make_unique<GroupBuffer>(needed);
  if (pool_.empty()) return std::make_unique<GroupBuffer>(group_capacity_);
  auto group = std::move(pool_.back());
  pool_.pop_back();
  return group;
}

void FileJournal::commit() {
  {
    const std::lock_guard lock(mutex_);
    committed_ = true;
    if (!idle_) return;  // the syncer looks again by itself before it sleeps
    idle_ = false;
  }
  work_.notify_one();
}

void FileJournal::run() {
  while (true) {
    Groups groups = take();
    if (groups.empty()) break;
    auto written = write(groups);
    recycle(std::move(groups));
    if (!written.ok()) return fail(std::move(written).error());
  }
  if (auto closed = writer_.close(); !closed.ok()) {
    base::log::warning("journal not closed in order", {{"reason", closed.error().message}});
  }
}

/// Everything gathered so far; waits for a commit, so that what is on its way to one shares a sync. Empty at the end.
FileJournal::Groups FileJournal::take() {
  std::unique_lock lock(mutex_);
  const auto due = [this] { return !closed_.empty() || (committed_ && open_); };
  while (!due() && !stop_) {
    idle_ = true;
    work_.wait(lock, [this] { return !idle_ || stop_; });
  }
  idle_ = false;
  committed_ = false;
  Groups groups = std::exchange(closed_, {});
  if (open_) groups.push_back(std::move(open_));
  return groups;
}

base::Status FileJournal::write(const Groups& groups) {
  for (const auto& group : groups) MADANG_CHECK(writer_.write(*group));
  return writer_.sync();
}

void FileJournal::recycle(Groups groups) {
  const std::lock_guard lock(mutex_);
  for (auto& group : groups) {
    gathered_bytes_ -= group->record_bytes();
    if (group->capacity() == group_capacity_ && pool_.size() < kPooled) pool_.push_back(std::move(group));
  }
}

void FileJournal::published(Position position) {
  if (on_durable_) on_durable_(position);
  const std::lock_guard lock(mutex_);
  if (waiting_ > 0) progress_.notify_all();
}

void FileJournal::fail(base::Error why) {
  base::log::error("journal failed", {{"reason", why.message}, {"durable", durable().value}, {"last", last().value}});
  failed_ = true;
  if (on_durable_) on_durable_(why);
  const std::lock_guard lock(mutex_);
  failure_ = std::move(why);
  closed_.clear();
  progress_.notify_all();
}

base::Status FileJournal::wait(Position position) {
  if (position > last()) return base::error(base::Code::invalid_request, "the journal does not reach that position");
  commit();
  std::unique_lock lock(mutex_);
  ++waiting_;
  progress_.wait(lock, [&] { return durable() >= position || failure_; });
  --waiting_;
  if (durable() >= position) return {};
  return *failure_;
}

void FileJournal::on_durable(std::function<void(base::Result<Position>)> call) {
  const std::lock_guard lock(mutex_);
  on_durable_ = std::move(call);
}

base::Result<std::unique_ptr<Reader>> FileJournal::read(Position after) {
  if (after > last()) {
    return base::error(base::Code::conflict, "the journal ends at position " + std::to_string(last().value) +
                                                 ", before " + std::to_string(after.value));
  }
  if (after.value + 1 < first().value) {
    return base::error(base::Code::conflict, "the journal begins at position " + std::to_string(first().value) +
                                                 ", after " + std::to_string(after.value + 1));
  }
  return {std::make_unique<FileReader>(catalog_, after)};
}

base::Status FileJournal::drop(Position position) {
  const std::lock_guard dropping(dropping_);
  auto segments = catalog_->segments();
  for (std::size_t i = 0; i + 1 < segments.size() && segments[i + 1].header.first.value <= position.value + 1; ++i) {
    catalog_->remove_oldest();
    MADANG_CHECK(catalog_->files().remove(catalog_->path(segments[i].name)));
    // Each for good before the next: a crash that loses an older removal and keeps a newer one would leave a hole.
    MADANG_CHECK(catalog_->files().sync_folder(catalog_->folder()));
  }
  return {};
}

base::Result<std::uint64_t> FileJournal::erase(Position upto, const std::function<bool(const Record&)>& which) {
  const std::lock_guard dropping(dropping_);
  const auto view = catalog_->view();
  upto = std::min(upto, view.durable);
  std::uint64_t erased = 0;
  for (const SegmentFile& segment : view.segments) {
    if (segment.header.first > upto) break;
    MADANG_TRY(const std::uint64_t here, erase_in(*catalog_, segment, upto, which));
    erased += here;
  }
  return erased;
}

std::vector<Journal::Segment> FileJournal::segments() const {
  const auto view = catalog_->view();
  std::vector<Segment> out;
  for (std::size_t i = 0; i < view.segments.size(); ++i) {
    const SegmentFile& segment = view.segments[i];
    const bool newest = i + 1 == view.segments.size();
    const Position last{newest ? view.durable.value : view.segments[i + 1].header.first.value - 1};
    out.push_back({segment.name, segment.header.first, last, segment.size, newest ? view.end : segment.size,
                   segment.header.begun});
  }
  return out;
}

base::Result<std::unique_ptr<Journal>> Journal::open(base::FileSystem& files, std::string folder, Options options,
                                                     const base::Clock& clock) {
  MADANG_CHECK(files.make_folder(folder));
  MADANG_TRY(auto lock, files.lock(folder + "/" + std::string(kLockName)));
  MADANG_TRY(Recovered found, recover(files, folder, options.begin_after));
  auto journal = std::make_unique<FileJournal>(files, folder, options, clock, std::move(lock), std::move(found));
  MADANG_CHECK(journal->start());
  return std::unique_ptr<Journal>(std::move(journal));
}

base::Result<std::unique_ptr<Reader>> read_folder(base::FileSystem& files, const std::string& folder, Position after,
                                                  Position upto) {
  MADANG_TRY(auto segments, list_segments(files, folder));
  // A segment that was begun since then may be there; nothing of it is wanted.
  while (segments.size() > 1 && segments.back().header.first > upto) segments.pop_back();
  if (after < upto && (segments.empty() || segments.front().header.first.value > after.value + 1))
    return base::error(base::Code::conflict, "records after " + std::to_string(after.value) + " are no longer all kept",
                       folder);
  auto catalog = std::make_shared<Catalog>(files, folder, std::move(segments), upto, 0);
  return {std::make_unique<FileReader>(std::move(catalog), after)};
}

}  // namespace madang::journal
