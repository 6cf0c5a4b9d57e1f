#include "reader_locks.h"

#include <algorithm>
#include <cassert>

#include "madang/base/spinning.h"
#include "madang/state/store.h"

#include "store_impl.h"

namespace madang::state {

namespace {

std::atomic<std::uint64_t> next_serial{1};

}  // namespace

/// The locks a thread holds in all stores, given back when it ends.
struct ThreadLocks {
  struct Entry {
    std::uint64_t serial;
    ReaderLocks::Lock* lock;
    std::weak_ptr<ReaderLocks> owner;
  };
  std::vector<Entry> entries;
  ~ThreadLocks() {
    for (const Entry& entry : entries)
      if (const auto owner = entry.owner.lock()) owner->give_back(*entry.lock);
  }
};

namespace {

thread_local ThreadLocks thread_locks;
thread_local std::uint64_t last_serial = 0;  // the fast way: nearly every process has one store
thread_local ReaderLocks::Lock* last_lock = nullptr;

}  // namespace

ReaderLocks::ReaderLocks() : serial_(next_serial.fetch_add(1)) {}

ReaderLocks::Lock& ReaderLocks::mine() {
  if (last_serial == serial_) return *last_lock;
  auto& entries = thread_locks.entries;
  auto found = std::find_if(entries.begin(), entries.end(), [this](const auto& e) { return e.serial == serial_; });
  if (found == entries.end()) {
    std::erase_if(entries, [](const auto& e) { return e.owner.expired(); });
    entries.push_back({serial_, &take_free(), weak_from_this()});
    found = std::prev(entries.end());
  }
  last_serial = serial_;
  last_lock = found->lock;
  return *last_lock;
}

ReaderLocks::Lock& ReaderLocks::take_free() {
  const std::lock_guard hold(list_mutex_);
  if (!free_.empty()) {
    Lock& lock = *free_.back();
    free_.pop_back();
    return lock;
  }
  locks_.push_back(std::make_unique<Lock>());
  return *locks_.back();
}

void ReaderLocks::give_back(Lock& lock) {
  const std::lock_guard hold(list_mutex_);
  assert(lock.depth == 0);
  free_.push_back(&lock);
}

void ReaderLocks::enter(Lock& lock) {
  if (lock.depth++ > 0) return;
  // A mutex is not fair: without this door a reader of many slices in a row would keep the writer out for long.
  if (writer_waits_.load(std::memory_order_acquire)) writer_waits_.wait(true, std::memory_order_acquire);
  base::lock_spinning(lock.mutex);
}

ReaderLocks::Exclusive::Exclusive(ReaderLocks& locks) : locks_(locks), list_(locks.list_mutex_) {
  locks_.writer_waits_.store(true, std::memory_order_release);
  for (const auto& lock : locks_.locks_) base::lock_spinning(lock->mutex);
}

ReaderLocks::Exclusive::~Exclusive() {
  for (const auto& lock : locks_.locks_) lock->mutex.unlock();
  locks_.writer_waits_.store(false, std::memory_order_release);
  locks_.writer_waits_.notify_all();
}

Reading::Reading(Store& store) {
  ReaderLocks& locks = *store.impl().locks;
  ReaderLocks::Lock& lock = locks.mine();
  locks.enter(lock);
  lock_ = &lock;
}

Reading::~Reading() {
  ReaderLocks::leave(*static_cast<ReaderLocks::Lock*>(lock_));
}

}  // namespace madang::state
