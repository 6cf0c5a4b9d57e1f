#include "connection.h"

#include <exception>

#include <boost/asio/buffer.hpp>
#include <sys/socket.h>

#include "madang/base/json.h"
#include "madang/base/log.h"

namespace madang::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kInput = 8 << 10;         // a connection's first buffer
constexpr std::size_t kSmallRead = 1 << 10;     // less room than this and the input moves to its buffer's front
constexpr std::size_t kKeptOutput = 256 << 10;  // a larger output buffer is given back once it is out
constexpr std::size_t kFlush = 256 << 10;       // pipelined answers are written when they reach this
constexpr std::size_t kLingerBytes = 1 << 20;   // read and thrown away, so that a refusal is not lost to a reset
constexpr Tick kLinger = 2'000;
constexpr Tick kDoze = 5'000;       // idle for longer: no buffer
constexpr Tick kRateGrace = 5'000;  // before minimum_rate counts

std::string text_of(const tcp::endpoint& peer) {
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

std::string_view retry_after(int status) {
  return status == 503 ? "Retry-After: 1\r\n" : "";
}

}  // namespace

Connection::Connection(EventLoop& loop, tcp::socket socket, const tcp::endpoint& peer, std::size_t slot)
    : loop_(loop),
      inbox_(loop.inbox()),
      socket_(std::move(socket)),
      descriptor_(socket_->native_handle()),
      slot_(slot),
      peer_(text_of(peer)),
      parser_(loop.shared().options),
      since_(loop.now()) {
  error_code ignored;
  socket_->set_option(tcp::no_delay(true), ignored);
}

Connection::~Connection() = default;

void Connection::start() {
  arm_read();
}

void Connection::turn_away() {
  refuse(503, "too many connections");
  flush();
  arm_read();
}

// ---- reading ----

void Connection::arm_read() {
  if (reading_ || closed_ || input_ended_) return;
  if (lingering_) {
    if (input_.room() == 0) input_.release();
    if (input_.capacity() == 0) input_.reserve(kInput);
  } else {
    if (closing_ || unsent() >= loop_.shared().options.output_bytes) return;
    // While a handler works, its request's views hold the buffer in place: only the room behind is used, mostly to see
    // the client go away.
    if (pending_ ? input_.room() == 0 : !grow_input()) return;
  }
  reading_ = true;
  read_into_ = input_.tail();
  socket_->async_read_some(
      asio::mutable_buffer(read_into_, input_.room()),
      [self = shared_from_this()](const error_code& failed, std::size_t n) { self->on_read(failed, n); });
}

/// Room for what the parser still wants. A buffer grows with what has come, never with what was announced.
bool Connection::grow_input() {
  if (input_.capacity() == 0) {
    input_.reserve(kInput);
  } else if (input_.room() < kSmallRead) {
    const std::size_t wanted = std::max(parser_.wanted(), input_.size() + 1);
    const std::size_t doubled = std::max(input_.size() * 2, kInput);
    input_.reserve(std::max(std::min(wanted, doubled), std::min(input_.size() + kSmallRead, wanted)));
    account();
    if (accounted_ > 0 &&
        loop_.shared().buffered.load(std::memory_order_relaxed) > loop_.shared().options.buffered_bytes) {
      refuse(503, "too much is being received at once");
      flush();
      return false;
    }
  }
  return input_.room() > 0;
}

void Connection::on_read(const error_code& failed, std::size_t n) {
  reading_ = false;
  if (closed_) return;
  if (failed == asio::error::operation_aborted && dozing_) return hibernate();
  dozing_ = false;
  if (failed == asio::error::eof) {
    // A client may shut its sending side and still wait: what it sent is answered, then the connection closes.
    input_ended_ = true;
    return pending_ ? void() : process();
  }
  if (failed) return close();
  LoopCounters::add(loop_.counters().bytes_in, n);
  if (lingering_) return discard(n);
  input_.commit(read_into_, n);
  if (pending_) return arm_read();
  process();
}

void Connection::discard(std::size_t n) {
  discarded_ += n;
  discarded_ > kLingerBytes ? close() : arm_read();
}

/// An idle client costs no buffer: waits for readiness without one.
void Connection::hibernate() {
  dozing_ = false;
  input_.release();
  if (output_.capacity() > 1024) output_ = std::string();
  reading_ = true;
  socket_->async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code&) {
    self->reading_ = false;
    self->arm_read();
  });
}

// ---- requests ----

void Connection::process() {
  processing_ = true;
  while (!pending_ && !closing_ && !closed_ && unsent() < loop_.shared().options.output_bytes) {
    const RequestParser::Step step = parser_.step(input_);
    if (step == RequestParser::Step::more) {
      if (parser_.take_continue()) output_.append("HTTP/1.1 100 Continue\r\n\r\n");
      closing_ = input_ended_;
      break;
    }
    if (step == RequestParser::Step::refused) {
      refuse(parser_.refusal().status, parser_.refusal().detail);
      break;
    }
    dispatch();
    if (unsent() >= kFlush && !pending_) flush();
  }
  processing_ = false;
  flush();
  if (closed_) return;
  settle_phase();
  arm_read();
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

HeadContext Connection::head_context() {
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
  answer_ = open_answer(output_, status, content_type, headers, context);
  return &output_;
}

void Connection::end(std::uint64_t ticket) {
  if (!awaits(ticket) || !answering_) return;
  close_answer(output_, answer_, parser_.request().method != Method::head);
  answering_ = pending_ = false;
  parser_.next(input_);
  if (!processing_) process();
}

void Connection::dropped(std::uint64_t ticket) {
  if (!awaits(ticket)) return;
  if (answering_) output_.resize(answer_.start);  // its writer threw half-way
  answering_ = pending_ = false;
  append_refusal(500, "the request was not answered", parser_.request().method != Method::head);
  if (!head_context().keep_alive) closing_ = true;
  parser_.next(input_);
  if (!processing_) process();
}

// ---- writing ----

void Connection::flush() {
  if (closed_ || writing_) return;
  while (unsent() > 0) {
    const ssize_t n = ::send(descriptor_, output_.data() + sent_, unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return wait_writable();
      return close();
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
  if (closing_ && !pending_ && !processing_) linger();
}

void Connection::wait_writable() {
  account();
  enter(Phase::write);
  writing_ = true;
  socket_->async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& failed) {
    self->writing_ = false;
    if (self->closed_) return;
    if (failed) return self->close();
    const std::size_t before = self->taken_;
    self->flush();
    if (self->taken_ != before) self->progress_ = self->loop_.now();
    if (self->closed_ || self->writing_) return;
    self->pending_ ? self->settle_phase() : self->process();
  });
}

/// Closing a socket with unread input resets the connection, and the client may lose the answer: shut the sending
/// side, read on for a bounded while, then close (RFC 9112, 9.6).
void Connection::linger() {
  if (lingering_) return;
  if (input_ended_ || (!refused_ && input_.empty())) return close();
  ::shutdown(descriptor_, SHUT_WR);
  lingering_ = true;
  enter(Phase::linger);
  arm_read();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_->close(ignored);
  socket_.reset();
  loop_.shared().buffered.fetch_sub(accounted_, std::memory_order_relaxed);
  accounted_ = 0;
  loop_.remove(*this);  // the last reference may be a Responder's, or the caller's
}

/// Counts what is more than a connection's ordinary buffers.
void Connection::account() {
  const std::uint64_t mine = (input_.capacity() > kInput ? input_.capacity() : 0) + unsent();
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
  if (writing_ || lingering_) return;
  if (pending_) return enter(Phase::handler);
  if (parser_.phase() == RequestParser::Phase::body) return enter(Phase::body);
  if (!input_.empty()) return enter(Phase::head);
  // A big body's buffer is not kept for the next small request.
  if (input_.capacity() > kInput && !reading_) {
    input_.release();
    account();
  }
  if (phase_ != Phase::first_byte && phase_ != Phase::idle) enter(Phase::idle);
}

bool Connection::too_slow(std::size_t bytes) const {
  const Tick elapsed = loop_.now() - since_;
  return elapsed > kRateGrace && bytes < loop_.shared().options.minimum_rate * static_cast<std::size_t>(elapsed) / 1000;
}

void Connection::check_deadline() {
  using std::chrono::milliseconds;
  const ServerOptions& options = loop_.shared().options;
  const Tick elapsed = loop_.now() - since_;
  switch (phase_) {
    case Phase::handler:
      return;
    case Phase::first_byte:
      if (elapsed >= milliseconds(options.header_timeout).count()) time_out(false);
      return;
    case Phase::idle:
      if (elapsed >= milliseconds(options.idle_timeout).count()) return time_out(false);
      if (elapsed >= kDoze && reading_ && !dozing_ && input_.capacity() > 0 && input_.empty()) {
        dozing_ = true;
        error_code ignored;
        socket_->cancel(ignored);
      }
      return;
    case Phase::head:
      if (elapsed >= milliseconds(options.header_timeout).count()) time_out(true);
      return;
    case Phase::body:
      if (elapsed >= milliseconds(options.body_timeout).count() || too_slow(parser_.body_size())) time_out(true);
      return;
    case Phase::write:
      if (loop_.now() - progress_ >= milliseconds(options.write_timeout).count() || too_slow(taken_)) time_out(false);
      return;
    case Phase::linger:
      if (elapsed >= kLinger) close();
      return;
  }
}

void Connection::time_out(bool tell) {
  LoopCounters::add(loop_.counters().timeouts);
  if (!tell) return close();
  refuse(408, phase_ == Phase::head ? "the header took too long" : "the body took too long");
  flush();
}

}  // namespace madang::net
