#pragma once
// One thread of the server: its listening socket, its connections, and the work posted to it. Everything here but
// post(), drain(), stop() and the counters belongs to that thread.
//
// The loop is epoll itself, edge-triggered, each socket registered once. Asio (1.81) pays for every request a recv that
// finds nothing, or an epoll_ctl where it only waits: a tenth of what a small request costs in all.

#include <atomic>
#include <deque>
#include <map>

#include "madang/net/http.h"

#include "inbox.h"

namespace madang::net {

class Connection;

/// Milliseconds of a clock that moves once a round: limits here are seconds, and reading it is free.
using Tick = std::int64_t;

/// What all loops of a server share.
struct Shared {
  ServerOptions options;
  Handler handler;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> buffered{0};
};

/// Counters of one loop: one writer, so that no add needs to be atomic as a whole.
struct LoopCounters {
  std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0}, timeouts{0}, bytes_in{0}, bytes_out{0};
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

class EventLoop final : public Loop {
 public:
  /// Takes the listening socket over.
  EventLoop(Shared& shared, std::size_t index, int listener);
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();    // until stop()
  void drain();  // no new connections; the idle ones close
  void stop();

  void post(std::function<void()> work) override;
  void post_idle(std::function<void()> work) override;
  void after(std::chrono::milliseconds delay, std::function<void()> work) override;
  std::size_t index() const override { return index_; }

  Shared& shared() { return shared_; }
  LoopCounters& counters() { return counters_; }
  const LoopCounters& counters() const { return counters_; }
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  Tick now() const { return now_; }
  const std::string& date() const { return date_; }
  bool draining() const { return draining_; }

  /// A connection that used up its share of this round and has more to read: it goes on in the next.
  void again(std::shared_ptr<Connection> connection) { again_.push_back(std::move(connection)); }
  /// Forgets a closed connection; it lives until this round's events are dealt with.
  void remove(Connection& connection);

 private:
  using Clock = std::chrono::steady_clock;

  bool watch(int descriptor, void* who, std::uint32_t events) const;
  int wait_ms() const;
  void poll();
  void accept();
  bool accept_one();
  void pause_accepting();
  void run_work();
  void run_timers();
  void sweep();
  void close_all();

  Shared& shared_;
  const std::size_t index_;
  const int epoll_;
  int listener_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  bool accepting_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  Tick now_ = 0;
  Clock::time_point next_sweep_{};
  std::string date_;
  std::vector<std::shared_ptr<Connection>> connections_, again_, removed_;
  std::vector<std::function<void()>> posted_here_, running_;
  std::deque<std::function<void()>> idle_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  LoopCounters counters_;
};

}  // namespace madang::net
