#include "connection.h"

#include <cerrno>
#include <exception>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "madang/base/json.h"
#include "madang/base/log.h"

namespace madang::net {

namespace {

constexpr std::size_t kInput = 16 << 10;        // a connection's first buffer
constexpr std::size_t kSmallRead = 1 << 10;     // less room than this, and the input moves to its buffer's front
constexpr std::size_t kShare = 256 << 10;       // read from one connection before the others have their turn
constexpr std::chrono::milliseconds kTurn{1};   // so long are its pipelined requests answered
constexpr std::size_t kKeptOutput = 256 << 10;  // a larger output buffer is given back once it is out
constexpr std::size_t kFlush = 256 << 10;       // pipelined answers are written when they reach this
constexpr std::size_t kLingerBytes = 1 << 20;   // read and thrown away, so that a refusal is not lost to a reset
constexpr Tick kLinger = 2'000;
constexpr Tick kDoze = 5'000;       // idle for longer: no buffers
constexpr Tick kRateGrace = 5'000;  // before minimum_rate counts

std::string_view retry_after(int status) {
  return status == 503 ? "Retry-After: 1\r\n" : "";
}

}  // namespace

Connection::Connection(EventLoop& loop, int socket, std::string peer, std::size_t slot)
    : loop_(loop),
      inbox_(loop.inbox()),
      socket_(socket),
      slot_(slot),
      peer_(std::move(peer)),
      parser_(loop.shared().options),
      since_(loop.now()) {}

Connection::~Connection() {
  if (!closed_) ::close(socket_);
}

void Connection::turn_away() {
  refuse(503, "too many connections");
  advance();
}

void Connection::on_events(std::uint32_t events) {
  if (closed_) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if ((events & EPOLLRDHUP) != 0) hung_up_ = true;
  share_ = kShare;
  if (blocked_ && (events & EPOLLOUT) != 0) {
    blocked_ = false;
    const std::size_t before = taken_;
    flush();
    if (taken_ != before) progress_ = loop_.now();
    if (!blocked_) {
      advance();
      if (stream_ && !blocked_ && stream_is_open()) stream_->owner->on_taken();
      return;
    }
  }
  if (receive()) advance();
}

void Connection::go_on() {
  waits_turn_ = false;
  share_ = kShare;
  if (!closed_) advance();
}

/// Goes as far as can be gone without waiting.
void Connection::advance() {
  advancing_ = true;
  turn_begun_ = {};
  do {
    handle_requests();
    if (stream_) look_after_stream();
    flush();
  } while (receive());
  advancing_ = false;
  if (!closed_) settle_phase();
}

void Connection::wait_turn() {
  if (!std::exchange(waits_turn_, true)) loop_.again(shared_from_this());
}

/// A pipeline of requests must not hold up the other connections. One request alone never asks the clock.
bool Connection::turn_is_over() {
  if (pending_ || closing_ || input_.empty()) return false;
  const auto now = std::chrono::steady_clock::now();
  if (turn_begun_ == std::chrono::steady_clock::time_point{}) turn_begun_ = now;
  return now - turn_begun_ >= kTurn;
}

// ---- reading ----

/// Reads once. True: there is something new to look at.
bool Connection::receive() {
  static thread_local char discarded[16 << 10];
  if (!readable_ || closed_ || input_ended_) return false;
  char* into = discarded;
  std::size_t room = sizeof discarded;
  if (!lingering_) {
    if (closing_ || unsent() >= loop_.shared().options.output_bytes) return false;
    // While a handler works, its request's views hold the buffer in place: only the room behind is used, mostly to see
    // the client go away.
    if (pending_ ? input_.room() == 0 : !grow_input()) return lingering_;
    into = input_.tail();
    room = input_.room();
  }
  if (waits_turn_) return false;
  if (share_ == 0) return wait_turn(), false;
  return received(::recv(socket_, into, room, 0), room);
}

bool Connection::received(ssize_t result, std::size_t asked) {
  if (result < 0) {
    if (errno == EAGAIN) readable_ = false;
    if (errno != EAGAIN && errno != EINTR) close();
    return errno == EINTR;
  }
  // A client may shut its sending side and still wait: what it sent is answered, then the connection closes.
  if (result == 0) {
    input_ended_ = true;
    if (lingering_) close();
    return !lingering_;
  }
  const auto n = static_cast<std::size_t>(result);
  if (n < asked && !hung_up_) readable_ = false;  // more would be another edge
  share_ -= std::min(n, share_);
  LoopCounters::add(loop_.counters().bytes_in, n);
  if (!lingering_) {
    input_.commit(n);
  } else if (discarded_ += n; discarded_ > kLingerBytes) {
    close();
  }
  return true;
}

/// Room for what the parser still wants. A buffer grows with what has come, never with what was announced.
bool Connection::grow_input() {
  if (input_.capacity() == 0) {
    input_.reserve(kInput);
  } else if (input_.room() < kSmallRead) {
    const std::size_t wanted = std::max(parser_.wanted(), input_.size() + 1);
    const std::size_t doubled = std::max(input_.size() * 2, kInput);
    input_.reserve(std::min(wanted, doubled));
    account();
    const Shared& shared = loop_.shared();
    if (accounted_ > 0 && shared.buffered.load(std::memory_order_relaxed) > shared.options.buffered_bytes) {
      refuse(503, "too much is being received at once");
      flush();
      return false;
    }
  }
  return input_.room() > 0;
}

// ---- requests ----

void Connection::handle_requests() {
  while (!pending_ && !closing_ && !closed_ && unsent() < loop_.shared().options.output_bytes) {
    const RequestParser::Step step = parser_.step(input_);
    if (step == RequestParser::Step::refused) return refuse(parser_.refusal().status, parser_.refusal().detail);
    if (step == RequestParser::Step::more) {
      if (parser_.take_continue()) output_.append("HTTP/1.1 100 Continue\r\n\r\n");
      closing_ = input_ended_;
      return;
    }
    dispatch();
    if (unsent() >= kFlush) flush();
    if (turn_is_over()) return wait_turn();
  }
}

void Connection::dispatch() {
  Request& request = parser_.request();
  request.peer = peer_;
  pending_ = true;
  enter(Phase::idle);  // the next request's time starts anew
  LoopCounters::add(loop_.counters().requests);
  try {
    loop_.shared().handler(request, Responder(shared_from_this(), ++ticket_));
  } catch (const std::exception& e) {
    base::log::error("a request handler threw", {{"what", e.what()}});
  }
}

void Connection::refuse(int status, std::string_view detail) {
  closing_ = refused_ = true;
  append_refusal(status, detail, true);
}

void Connection::append_refusal(int status, std::string_view detail, bool with_body) {
  Response response;
  if (loop_.shared().options.refusal) {
    response = loop_.shared().options.refusal(status, reason_of(status), detail);
  } else {
    response.status = status;
    response.content_type = "application/problem+json";
    response.body = "{\"type\":\"about:blank\",\"title\":";
    base::json::append_string(response.body, reason_of(status));
    response.body += ",\"status\":" + std::to_string(status) + ",\"detail\":";
    base::json::append_string(response.body, detail);
    response.body += "}";
  }
  std::string headers(retry_after(status));
  for (const auto& [name, value] : response.headers) append_header(headers, name, value);
  const OpenAnswer answer = open_answer(output_, response.status, response.content_type, headers, head_context());
  output_.append(response.body);
  close_answer(output_, answer, with_body);
}

// ---- answers ----

const Request& Connection::request(std::uint64_t ticket) const {
  static const Request kNone;
  return awaits(ticket) ? parser_.request() : kNone;
}

HeadContext Connection::head_context() const {
  const Framing& framing = parser_.framing();
  const bool keep = framing.keep_alive && !closing_ && !loop_.draining();
  return {.http11 = framing.http11, .keep_alive = keep, .date = loop_.date()};
}

std::string* Connection::begin(std::uint64_t ticket, int status, std::string_view content_type,
                               std::string_view headers) {
  if (!awaits(ticket)) return nullptr;
  const HeadContext context = head_context();
  if (!context.keep_alive) closing_ = true;
  answering_ = true;
  status_ = status;
  answer_ = open_answer(output_, status, content_type, headers, context);
  return &output_;
}

void Connection::end(std::uint64_t ticket) {
  if (!awaits(ticket) || !answering_) return;
  const bool with_body = parser_.request().method != Method::head;
  if (finds_room()) {
    close_answer(output_, answer_, with_body);
  } else {
    output_.resize(answer_.start);
    output_.shrink_to_fit();
    closing_ = true;  // what it has in the pipeline would be worked on in vain, too
    append_refusal(503, "too much is waiting to be sent at once", with_body);
  }
  answered();
}

/// Large answers of all clients that do not take them share a limit. What tells of something done (201, 204, 207) is
/// never taken back; what only shows something can be asked for again.
bool Connection::finds_room() const {
  const std::size_t size = output_.size() - answer_.start;
  if (status_ != 200 || size < kKeptOutput) return true;
  const Shared& shared = loop_.shared();
  const std::uint64_t of_others = shared.buffered.load(std::memory_order_relaxed) - accounted_;
  return of_others + size <= shared.options.buffered_bytes;
}

void Connection::dropped(std::uint64_t ticket) {
  if (!awaits(ticket)) return;
  if (answering_) output_.resize(answer_.start);  // its writer threw half-way
  append_refusal(500, "the request was not answered", parser_.request().method != Method::head);
  if (!head_context().keep_alive) closing_ = true;
  answered();
}

void Connection::answered() {
  answering_ = pending_ = false;
  parser_.next(input_);
  if (!advancing_) advance();
}

// ---- writing ----

void Connection::flush() {
  if (closed_ || blocked_ || answering_) return;
  while (unsent() > 0) {
    const ssize_t n = ::send(socket_, output_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? block() : close();
    }
    sent_ += static_cast<std::size_t>(n);
    taken_ += static_cast<std::size_t>(n);
    LoopCounters::add(loop_.counters().bytes_out, static_cast<std::size_t>(n));
  }
  if (output_.capacity() > kKeptOutput) {
    output_ = std::string();
  } else {
    output_.clear();
  }
  sent_ = 0;
  if (accounted_ != 0) account();
  if (stream_ && !flush_stream()) return;
  if (closing_ && !pending_) linger();
}

/// The socket is full: what is left goes when epoll says that there is room.
void Connection::block() {
  blocked_ = true;
  account();
  enter(Phase::write);
}

/// Closing a socket with unread input resets the connection, and the client may lose the answer: shut the sending
/// side, read on for a bounded while, then close (RFC 9112, 9.6).
void Connection::linger() {
  if (lingering_) return;
  if (input_ended_ || (!refused_ && input_.empty())) return close();
  ::shutdown(socket_, SHUT_WR);
  lingering_ = true;
  input_.release();
  account();
  enter(Phase::linger);
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  ::close(socket_);
  loop_.shared().buffered.fetch_sub(accounted_, std::memory_order_relaxed);
  accounted_ = 0;
  leave_stream();
  loop_.remove(*this);
}

/// What never reads would keep its answer in the system's buffers for minutes after an ordinary close.
void Connection::abort() {
  const struct ::linger at_once { .l_onoff = 1, .l_linger = 0 };
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

/// Leaves at the server's end, but not before what the client sent by then is answered.
void Connection::drain() {
  on_events(EPOLLIN);
  if (stream_ && stream_is_open()) stream_->owner->on_drain();
  if (!closed_ && idle()) close();
}

/// Counts what is more than a connection's ordinary buffers.
void Connection::account() {
  const std::uint64_t mine =
      (input_.capacity() > kInput ? input_.capacity() : 0) + (unsent() > kKeptOutput ? output_.capacity() : unsent());
  if (mine > accounted_) {
    loop_.shared().buffered.fetch_add(mine - accounted_, std::memory_order_relaxed);
  } else {
    loop_.shared().buffered.fetch_sub(accounted_ - mine, std::memory_order_relaxed);
  }
  accounted_ = mine;
}

// ---- time ----

void Connection::enter(Phase phase) {
  if (phase == phase_ && phase != Phase::idle) return;
  phase_ = phase;
  since_ = progress_ = loop_.now();
  taken_ = 0;
}

void Connection::settle_phase() {
  if (blocked_ || lingering_) return;
  if (pending_) return enter(Phase::handler);
  if (parser_.phase() == RequestParser::Phase::body) return enter(Phase::body);
  if (!input_.empty()) return enter(Phase::head);
  // A big body's buffer is not kept for the next small request.
  if (input_.capacity() > kInput) {
    input_.release();
    account();
  }
  if (phase_ != Phase::first_byte && phase_ != Phase::idle) enter(Phase::idle);
}

bool Connection::too_slow(std::size_t bytes) const {
  const Tick elapsed = loop_.now() - since_;
  return elapsed > kRateGrace && bytes < loop_.shared().options.minimum_rate * static_cast<std::size_t>(elapsed) / 1000;
}

bool Connection::overdue() const {
  const ServerOptions& options = loop_.shared().options;
  const auto passed = [now = loop_.now()](Tick since, std::chrono::milliseconds limit) {
    return now - since >= limit.count();
  };
  switch (phase_) {
    case Phase::handler:
      return false;
    case Phase::first_byte:
    case Phase::head:
      return passed(since_, options.header_timeout);
    case Phase::idle:
      return passed(since_, options.idle_timeout);
    case Phase::body:
      return passed(since_, options.body_timeout) || too_slow(parser_.body_size());
    case Phase::write:
      return passed(progress_, options.write_timeout) || too_slow(taken_);
    case Phase::linger:
      return loop_.now() - since_ >= kLinger;
  }
  return false;
}

void Connection::check_deadline() {
  if (overdue()) {
    // A busy loop may be what is late: first see what the client did in time.
    if (!lingering_) on_events(EPOLLIN | EPOLLOUT);
    if (!closed_ && overdue()) time_out();
  } else if (phase_ == Phase::idle && loop_.now() - since_ >= kDoze && input_.empty()) {
    input_.release();
    if (unsent() == 0) output_ = std::string();
  }
}

void Connection::time_out() {
  if (phase_ == Phase::linger) return close();
  LoopCounters::add(loop_.counters().timeouts);
  if (phase_ == Phase::write) return abort();
  if (phase_ != Phase::head && phase_ != Phase::body) return close();
  refuse(408, phase_ == Phase::head ? "the header took too long" : "the body took too long");
  advance();
}

}  // namespace madang::net
