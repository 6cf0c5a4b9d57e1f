#pragma once
// One lock a reading thread, all of them for the writer (docs/decisions/0002-reader-locks.md).

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace madang::state {

class ReaderLocks : public std::enable_shared_from_this<ReaderLocks> {
 public:
  /// Two cache lines: the second is what the hardware fetches along with the first.
  struct alignas(128) Lock {
    std::mutex mutex;
    unsigned depth = 0;  // of nested Readings; only the owning thread touches it
  };

  static std::shared_ptr<ReaderLocks> make() { return std::shared_ptr<ReaderLocks>(new ReaderLocks); }

  /// The calling thread's lock, registered at its first use and given back when the thread ends.
  Lock& mine();
  void enter(Lock& lock);
  static void leave(Lock& lock) {
    if (--lock.depth == 0) lock.mutex.unlock();
  }

  /// Holds every reader's lock. The thread must not be within a Reading of its own.
  class Exclusive {
   public:
    explicit Exclusive(ReaderLocks& locks);
    ~Exclusive();
    Exclusive(const Exclusive&) = delete;
    Exclusive& operator=(const Exclusive&) = delete;

   private:
    ReaderLocks& locks_;
    std::unique_lock<std::mutex> list_;
  };

 private:
  friend struct ThreadLocks;
  ReaderLocks();
  Lock& take_free();
  void give_back(Lock& lock);

  const std::uint64_t serial_;  // of this object: a thread's cache must not take a new store for an old one
  std::atomic<bool> writer_waits_{false};
  std::mutex list_mutex_;
  std::vector<std::unique_ptr<Lock>> locks_;
  std::vector<Lock*> free_;
};

}  // namespace madang::state
