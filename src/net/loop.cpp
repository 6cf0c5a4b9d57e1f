#include "loop.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "madang/base/log.h"

#include "connection.h"
#include "listener.h"
#include "response_head.h"

namespace madang::net {

namespace {

constexpr std::chrono::milliseconds kSweep{250};
constexpr int kEvents = 256;
constexpr int kAccepts = 64;  // at once, before the others have their turn
constexpr int kLastAccepts = 10'000;

void run_guarded(std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& e) {
    base::log::error("work on a loop threw", {{"what", e.what()}});
  }
  work = nullptr;  // what it holds goes now, not with the batch
}

}  // namespace

EventLoop::EventLoop(Shared& shared, std::size_t index, int listener)
    : shared_(shared), index_(index), epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(listener) {}

EventLoop::~EventLoop() {
  inbox_->close();
  if (listener_ >= 0) ::close(listener_);
  ::close(epoll_);
}

bool EventLoop::watch(int descriptor, void* who, std::uint32_t events) const {
  epoll_event event{.events = events, .data = {.ptr = who}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void EventLoop::run() {
  inbox_->adopt_thread();
  run_timers();
  watch(inbox_->event(), inbox_.get(), EPOLLIN);
  accepting_ = watch(listener_, &listener_, EPOLLIN);
  while (!stopped_) {
    poll();
    run_work();
    run_timers();
    removed_.clear();
  }
  close_all();
}

int EventLoop::wait_ms() const {
  if (!posted_here_.empty() || !idle_.empty() || !again_.empty()) return 0;
  auto next = next_sweep_;
  if (!timers_.empty()) next = std::min(next, timers_.begin()->first);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kSweep.count()));
}

void EventLoop::poll() {
  epoll_event events[kEvents];
  const int n = ::epoll_wait(epoll_, events, kEvents, wait_ms());
  for (int i = 0; i < n; ++i) {
    void* who = events[i].data.ptr;
    if (who == &listener_) {
      accept();
    } else if (who == inbox_.get()) {
      inbox_->acknowledge();  // before taking: what is posted in between wakes again
      inbox_->take(running_);
      for (auto& work : running_) run_guarded(work);
      running_.clear();
    } else {
      static_cast<Connection*>(who)->on_events(events[i].events);
    }
  }
}

// ---- connections ----

void EventLoop::accept() {
  for (int i = 0; i < kAccepts && accept_one(); ++i) {
  }
}

bool EventLoop::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int client = ::accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting();
    return errno == EINTR || errno == ECONNABORTED;
  }
  const int one = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  LoopCounters::add(counters_.accepted);
  const std::size_t others = shared_.connections.fetch_add(1, std::memory_order_relaxed);
  const auto connection = std::make_shared<Connection>(*this, client, peer_text(peer), connections_.size());
  connections_.push_back(connection);
  if (!watch(client, connection.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
    connection->close();
    return true;
  }
  const std::size_t limit = shared_.options.connections;
  if (others < limit) return true;
  LoopCounters::add(counters_.refused);
  // Some are told why; when even those are many, the rest is just closed.
  others < limit + limit / 8 + 16 ? connection->turn_away() : connection->close();
  return true;
}

/// Out of descriptors or memory: being told again and again of clients that cannot be let in would spin. They wait in
/// the backlog until the next sweep.
void EventLoop::pause_accepting() {
  base::log::warning("cannot accept connections", {{"reason", std::strerror(errno)}});
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
  accepting_ = false;
}

void EventLoop::remove(Connection& connection) {
  const std::size_t slot = connection.slot();
  connections_.back()->set_slot(slot);
  std::swap(connections_[slot], connections_.back());
  removed_.push_back(std::move(connections_.back()));
  connections_.pop_back();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void EventLoop::close_all() {
  while (!connections_.empty()) connections_.back()->close();
  for (auto& work : std::exchange(posted_here_, {})) run_guarded(work);  // owners of streams are told
  again_.clear();
  removed_.clear();
}

/// The one timer of all connections' limits. Backwards, since one that closes gets the last one swapped into its place.
void EventLoop::sweep() {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->check_deadline();
  }
  if (!accepting_ && !draining_) accepting_ = watch(listener_, &listener_, EPOLLIN);
}

/// Who has connected by now is still let in: what waits in the backlog of a socket that closes is reset.
void EventLoop::drain() {
  post([this] {
    if (draining_) return;
    for (int i = 0; i < kLastAccepts && accept_one(); ++i) {
    }
    ::close(std::exchange(listener_, -1));
    draining_ = true;
    for (std::size_t i = connections_.size(); i-- > 0;) {
      if (i < connections_.size()) connections_[i]->drain();
    }
  });
}

void EventLoop::stop() {
  post([this] { stopped_ = true; });
}

// ---- work ----

void EventLoop::post(std::function<void()> work) {
  if (!inbox_->on_thread()) return inbox_->post(std::move(work));
  posted_here_.push_back(std::move(work));
}

void EventLoop::post_idle(std::function<void()> work) {
  idle_.push_back(std::move(work));
}

void EventLoop::after(std::chrono::milliseconds delay, std::function<void()> work) {
  timers_.emplace(Clock::now() + delay, std::move(work));
}

/// What was posted before this round, and one idle piece: what they post in turn waits for the next look at the
/// sockets.
void EventLoop::run_work() {
  if (!again_.empty()) {
    const auto connections = std::exchange(again_, {});
    for (const auto& connection : connections) connection->go_on();
  }
  if (!posted_here_.empty()) {
    std::swap(running_, posted_here_);
    for (auto& work : running_) run_guarded(work);
    running_.clear();
  }
  if (!idle_.empty()) {
    std::function<void()> work = std::move(idle_.front());
    idle_.pop_front();
    run_guarded(work);
  }
}

void EventLoop::run_timers() {
  const auto now = Clock::now();
  now_ = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (now >= next_sweep_) {
    date_ = date_line();
    sweep();
    next_sweep_ = now + kSweep;
  }
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto due = timers_.extract(timers_.begin());
    run_guarded(due.mapped());
  }
}

}  // namespace madang::net
