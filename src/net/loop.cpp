#include "loop.h"

#include <exception>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <unistd.h>

#include "madang/base/log.h"

#include "connection.h"
#include "response_head.h"

namespace madang::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kSweep{250};
constexpr int kBacklog = 1024;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

void run_guarded(std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& e) {
    base::log::error("work on a loop threw", {{"what", e.what()}});
  }
  work = nullptr;  // what it holds goes now, not with the batch
}

}  // namespace

// The loop's thread is the only one that touches its io_context (others go through the inbox), so Asio needs no lock.
EventLoop::EventLoop(Shared& shared, std::size_t index)
    : shared_(shared),
      index_(index),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
      event_(io_, ::dup(inbox_->event())),
      sweep_timer_(io_),
      acceptor_(io_),
      incoming_(io_) {}

EventLoop::~EventLoop() {
  inbox_->close();
}

base::Status EventLoop::listen(const tcp::endpoint& endpoint) {
  error_code failed;
  acceptor_.open(endpoint.protocol(), failed);
  if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor_.set_option(ReusePort(true), failed);
  if (!failed) acceptor_.bind(endpoint, failed);
  if (!failed) acceptor_.listen(kBacklog, failed);
  if (failed) {
    return base::error(base::Code::io, "cannot listen on " + endpoint.address().to_string() + ":" +
                                           std::to_string(endpoint.port()) + ": " + failed.message());
  }
  return {};
}

void EventLoop::run() {
  inbox_->adopt_thread();
  set_clock();
  watch_inbox();
  accept();
  sweep();
  io_.run();
  close_all();
}

void EventLoop::set_clock() {
  using std::chrono::milliseconds;
  now_ = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  date_ = date_line();
}

// ---- connections ----

void EventLoop::accept() {
  if (accepting_ || draining_ || !acceptor_.is_open()) return;
  accepting_ = true;
  acceptor_.async_accept(incoming_, incoming_peer_, [this](const error_code& failed) { on_accept(failed); });
}

void EventLoop::on_accept(const error_code& failed) {
  accepting_ = false;
  if (failed == asio::error::operation_aborted) return;
  if (failed == asio::error::connection_aborted) return accept();
  if (failed) {
    // Out of descriptors or memory: trying at once would spin. The next sweep tries again; clients wait in the backlog.
    base::log::warning("cannot accept connections", {{"reason", failed.message()}});
    return;
  }
  LoopCounters::add(counters_.accepted);
  const std::size_t others = shared_.connections.fetch_add(1, std::memory_order_relaxed);
  connections_.push_back(
      std::make_shared<Connection>(*this, std::move(incoming_), incoming_peer_, connections_.size()));
  const std::shared_ptr<Connection> connection = connections_.back();
  incoming_ = tcp::socket(io_);
  if (others < shared_.options.connections) {
    connection->start();
  } else {
    LoopCounters::add(counters_.refused);
    // Some are told why; when even those are many, the rest is just closed.
    others < shared_.options.connections + shared_.options.connections / 8 + 16 ? connection->turn_away()
                                                                                : connection->close();
  }
  accept();
}

void EventLoop::remove(Connection& connection) {
  const std::size_t slot = connection.slot();
  connections_.back()->set_slot(slot);
  std::swap(connections_[slot], connections_.back());
  connections_.pop_back();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void EventLoop::close_all() {
  while (!connections_.empty()) {
    const std::shared_ptr<Connection> last = connections_.back();
    last->close();
  }
}

/// The one timer of all deadlines. Going backwards, since a connection that closes swaps the last one into its place.
void EventLoop::sweep() {
  set_clock();
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i >= connections_.size()) continue;
    const std::shared_ptr<Connection> connection = connections_[i];
    connection->check_deadline();
  }
  accept();
  sweep_timer_.expires_after(kSweep);
  sweep_timer_.async_wait([this](const error_code& failed) {
    if (!failed) sweep();
  });
}

void EventLoop::drain() {
  post([this] {
    draining_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    for (std::size_t i = connections_.size(); i-- > 0;) {
      if (i < connections_.size() && connections_[i]->idle()) std::shared_ptr(connections_[i])->close();
    }
  });
}

void EventLoop::stop() {
  post([this] { io_.stop(); });
}

// ---- work ----

void EventLoop::post(std::function<void()> work) {
  if (!inbox_->on_thread()) return inbox_->post(std::move(work));
  posted_here_.push_back(std::move(work));
  if (posted_scheduled_) return;
  posted_scheduled_ = true;
  asio::post(io_, [this] {
    posted_scheduled_ = false;
    std::swap(running_, posted_here_);
    run_posted();
  });
}

void EventLoop::watch_inbox() {
  event_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& failed) {
    if (failed) return;
    inbox_->acknowledge();  // before taking: what is posted in between wakes again
    inbox_->take(running_);
    run_posted();
    watch_inbox();
  });
}

void EventLoop::run_posted() {
  for (auto& work : running_) run_guarded(work);
  running_.clear();
}

/// Asio queues the pass over the sockets behind a posted piece, and a piece posted from here behind that pass: so one
/// idle piece runs between two polls.
void EventLoop::post_idle(std::function<void()> work) {
  idle_.push_back(std::move(work));
  if (idle_scheduled_) return;
  idle_scheduled_ = true;
  asio::post(io_, [this] { run_idle(); });
}

void EventLoop::run_idle() {
  std::function<void()> work = std::move(idle_.front());
  idle_.pop_front();
  run_guarded(work);
  idle_scheduled_ = !idle_.empty();
  if (idle_scheduled_) asio::post(io_, [this] { run_idle(); });
}

void EventLoop::after(std::chrono::milliseconds delay, std::function<void()> work) {
  auto timer = std::make_shared<asio::steady_timer>(io_, delay);
  timer->async_wait([timer, kept = std::move(work)](const error_code& failed) mutable {
    if (!failed) run_guarded(kept);
  });
}

}  // namespace madang::net
