#include "file/spares.h"

#include <algorithm>
#include <vector>

#include "madang/base/log.h"

namespace madang::journal {
namespace {

// Small enough that a group's sync, which waits behind these on the same disk, does not wait long.
constexpr std::size_t kChunk = 1u << 20;
constexpr std::uint64_t kSyncEvery = 4u << 20;

}  // namespace

Spares::Spares(base::FileSystem& files, std::string folder, const Options& options, std::uint64_t first_size)
    : files_(files),
      folder_(std::move(folder)),
      sync_(options.sync),
      reserve_(options.reserve_bytes),
      recheck_(options.recheck),
      size_(first_size) {
  full_ = !check_room(0).ok();
  thread_ = std::thread([this] { run(); });
}

Spares::~Spares() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

base::Result<Spare> Spares::take(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  demanded_ = bytes;
  failure_.reset();
  retry_ = true;
  wake_.notify_all();
  const auto settled = [&] {
    if (ready_ && ready_->size >= bytes) return true;
    return failure_ && (failure_->code != base::Code::insufficient_storage || abandoned_);
  };
  done_.wait(lock, settled);
  demanded_ = 0;
  if (!ready_ || ready_->size < bytes) return *failure_;
  Spare spare = std::move(*ready_);
  ready_.reset();
  lent_ = true;
  return spare;
}

void Spares::release(std::uint64_t next) {
  const bool tight = !check_room(2 * next).ok();
  std::unique_lock lock(mutex_);
  lent_ = false;
  size_ = next;
  failure_.reset();
  wake_.notify_all();
  // Where room is short it is known at once whether there is any for the next: what is taken in before would wait for
  // it.
  if (tight) done_.wait(lock, [&] { return ready_ || failure_ || abandoned_ || stop_; });
}

bool Spares::wait_for_room() {
  std::unique_lock lock(mutex_);
  full_ = true;
  const std::uint64_t seen = looks_;
  done_.wait(lock, [&] { return looks_ > seen || abandoned_; });
  return !abandoned_;
}

void Spares::abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  done_.notify_all();
}

std::uint64_t Spares::missing() const {
  if (lent_) return 0;
  if (!ready_) return std::max(size_, demanded_);
  return ready_->size < demanded_ ? demanded_ : 0;
}

void Spares::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (const std::uint64_t size = missing(); size > 0) {
      ready_.reset();  // one that is too small goes
      lock.unlock();
      auto made = make(size);
      lock.lock();
      finish(std::move(made));
    } else {
      lock.unlock();
      const auto room = check_room(0);
      lock.lock();
      full_ = !room.ok();
    }
    ++looks_;
    done_.notify_all();
    wake_.wait_for(lock, recheck_, [&] { return stop_ || (missing() > 0 && (!failure_ || retry_)); });
  }
}

void Spares::finish(base::Result<Spare> made) {
  retry_ = false;
  if (made.ok()) {
    ready_ = std::move(*made);
    failure_.reset();
    full_ = false;
    return;
  }
  failure_ = std::move(made).error();
  const bool no_room = failure_->code == base::Code::insufficient_storage;
  if (no_room) full_ = true;
  if (stop_) return;
  base::log::warning(no_room ? "journal waits for disk space" : "journal cannot prepare a segment",
                     {{"reason", failure_->message}});
}

base::Status Spares::check_room(std::uint64_t size) {
  MADANG_TRY(const std::uint64_t free, files_.free_bytes(folder_));
  if (free >= size && free - size >= reserve_) return {};
  return base::error(base::Code::insufficient_storage,
                     "the disk of " + folder_ + " has " + std::to_string(free) +
                         " bytes left, fewer than the reserve of " + std::to_string(reserve_) + " and " +
                         std::to_string(size) + " for the next segment",
                     folder_);
}

base::Result<Spare> Spares::make(std::uint64_t size) {
  using Open = base::FileSystem::Open;
  if (files_.exists(path(kSpareName))) {
    MADANG_TRY(auto file, files_.open(path(kSpareName), Open::write));
    MADANG_TRY(const std::uint64_t found, file->size());
    if (found == size) {
      MADANG_CHECK(check_room(0));
      return Spare{std::move(file), size};  // its name says that it was written and synced
    }
    MADANG_CHECK(files_.remove(path(kSpareName)));
  }
  MADANG_CHECK(check_room(size));
  if (files_.exists(path(kFreshSpareName))) MADANG_CHECK(files_.remove(path(kFreshSpareName)));
  MADANG_TRY(auto file, files_.open(path(kFreshSpareName), Open::create));
  const auto fill = [&]() -> base::Status {
    const std::vector<std::byte> zeros(std::min<std::uint64_t>(kChunk, size));
    for (std::uint64_t offset = 0; offset < size; offset += zeros.size()) {
      if (stop_) return base::error(base::Code::unavailable, "the journal closes");
      const auto bytes = std::min<std::uint64_t>(zeros.size(), size - offset);
      MADANG_CHECK(file->write_at(offset, std::span(zeros).first(bytes)));
      if (sync_ && (offset + bytes == size || (offset + bytes) % kSyncEvery == 0)) MADANG_CHECK(file->sync());
    }
    MADANG_CHECK(files_.rename(path(kFreshSpareName), path(kSpareName)));
    return files_.sync_folder(folder_);
  };
  if (auto filled = fill(); !filled.ok()) {
    file.reset();
    (void)files_.remove(path(kFreshSpareName));  // gives the room back; where even that fails, opening does it
    return std::move(filled).error();
  }
  return Spare{std::move(file), size};
}

}  // namespace madang::journal
