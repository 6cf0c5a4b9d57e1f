#pragma once
// One thread of the server: its listening socket, its connections, and the work posted to it. Everything here but
// post(), drain(), stop() and the counters belongs to that thread.

#include <atomic>
#include <deque>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "madang/net/http.h"

#include "inbox.h"

namespace madang::net {

class Connection;

/// A clock that moves with the sweep, in milliseconds: deadlines here are seconds, and reading it is free.
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
  EventLoop(Shared& shared, std::size_t index);
  ~EventLoop() override;

  base::Status listen(const boost::asio::ip::tcp::endpoint& endpoint);
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
  void remove(Connection& connection);

 private:
  void accept();
  void on_accept(const boost::system::error_code& failed);
  void watch_inbox();
  void run_posted();
  void run_idle();
  void sweep();
  void set_clock();
  void close_all();

  Shared& shared_;
  const std::size_t index_;
  boost::asio::io_context io_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  boost::asio::posix::stream_descriptor event_;
  boost::asio::steady_timer sweep_timer_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::socket incoming_;
  boost::asio::ip::tcp::endpoint incoming_peer_;
  bool accepting_ = false;
  bool draining_ = false;
  bool posted_scheduled_ = false;
  bool idle_scheduled_ = false;
  Tick now_ = 0;
  std::string date_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::function<void()>> posted_here_, running_;
  std::deque<std::function<void()>> idle_;
  LoopCounters counters_;
};

}  // namespace madang::net
