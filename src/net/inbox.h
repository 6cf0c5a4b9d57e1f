#pragma once
// Work that other threads hand to a loop: many producers, one consumer, one wake-up for each batch.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace madang::net {

class Inbox {
 public:
  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// From any thread. Where the loop has ended, the work is dropped.
  void post(std::function<void()> work);
  /// Takes all that is there, on the loop's thread.
  void take(std::vector<std::function<void()>>& out);
  /// Nothing is taken in any more.
  void close();

  int event() const { return event_; }  // readable when something was posted
  void acknowledge() const;

  void adopt_thread() { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  bool on_thread() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

 private:
  const int event_;
  std::atomic<std::thread::id> thread_{};
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
  bool open_ = true;
};

}  // namespace madang::net
