#pragma once
// A thread that keeps one segment full of zeros ready, and an eye on the free disk.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "file/format.h"

namespace madang::journal {

struct Spare {
  std::unique_ptr<base::File> file;
  std::uint64_t size = 0;
};

class Spares {
 public:
  Spares(base::FileSystem& files, std::string folder, const Options& options, std::uint64_t first_size);
  ~Spares();

  /// The spare, with at least `bytes`; waits until it is made, and while the disk is full until there is room again.
  /// io where it cannot be made, unavailable or insufficient_storage after abandon(). It keeps its name, and no
  /// other is made, until release().
  base::Result<Spare> take(std::uint64_t bytes);
  /// The spare taken last has another name now: makes the next one ready, of size `next`.
  void release(std::uint64_t next);
  /// A write hit a full disk: waits for the next look at it. False after abandon().
  bool wait_for_room();
  /// Waiting for room ends, because nobody wants it any more.
  void abandon();

  /// True while there is less free disk than the reserve, or no room for a spare.
  bool full() const { return full_.load(std::memory_order_relaxed); }

 private:
  void run();
  std::uint64_t missing() const;  // bytes of the spare to make; 0 where there is nothing to do
  base::Result<Spare> make(std::uint64_t size);
  base::Status check_room(std::uint64_t size);
  void finish(base::Result<Spare> made);
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

  base::FileSystem& files_;
  const std::string folder_;
  const bool sync_;
  const std::uint64_t reserve_;
  const std::chrono::milliseconds recheck_;
  std::atomic<bool> full_{false};

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::uint64_t size_;          // of the next one
  std::uint64_t demanded_ = 0;  // by whoever waits in take()
  std::optional<Spare> ready_;
  std::optional<base::Error> failure_;  // of the last attempt
  bool retry_ = false;                  // try again although it failed a moment ago
  std::uint64_t looks_ = 0;             // at the free disk
  bool lent_ = false;
  bool abandoned_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace madang::journal
