// What a connection does once an answer without an end has begun, or another protocol.

#include <cerrno>
#include <exception>

#include <sys/socket.h>

#include "madang/base/log.h"

#include "connection.h"

namespace madang::net {

namespace {

/// What its owner holds.
class StreamHandle final : public Stream {
 public:
  explicit StreamHandle(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  Loop& loop() const override { return connection_->loop(); }
  void write(std::shared_ptr<const std::string> bytes) override { connection_->write_stream(std::move(bytes)); }
  std::size_t unsent() const override { return connection_->unsent_of_stream(); }
  bool open() const override { return connection_->stream_is_open(); }
  void close() override { connection_->end_stream(); }
  void abort() override {
    if (connection_->stream_is_open()) connection_->close();
  }

 private:
  const std::shared_ptr<Connection> connection_;
};

template <class Call>
void guarded(Call call) {
  try {
    call();
  } catch (const std::exception& e) {
    base::log::error("the owner of a stream threw", {{"what", e.what()}});
  }
}

}  // namespace

std::shared_ptr<Stream> Connection::open_stream(std::uint64_t ticket, int status, std::string_view content_type,
                                                std::string_view headers, std::shared_ptr<StreamOwner> owner) {
  if (!awaits(ticket)) return {};
  const bool upgraded = status == 101;
  append_stream_head(output_, status, content_type, headers, head_context());
  const bool chunked = !upgraded && parser_.framing().http11;
  const auto framing = chunked ? StreamOutput::Framing::chunked : StreamOutput::Framing::raw;
  stream_ = std::make_unique<StreamState>(StreamState{StreamOutput(framing), std::move(owner), upgraded});
  ++ticket_;             // the Responder has done its part, and pending_ keeps further requests from being read
  parser_.next(input_);  // its request's bytes go
  const int buffer = loop_.shared().options.stream_buffer;
  if (buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  // What has come behind the request, and the head, have their turn when the caller is done.
  loop_.post([self = shared_from_this()] {
    if (!self->closed_) self->advance();
  });
  return std::make_shared<StreamHandle>(shared_from_this());
}

void Connection::write_stream(std::shared_ptr<const std::string> bytes) {
  if (!stream_is_open()) return;
  stream_->output.add(std::move(bytes));
  if (!advancing_) flush();
}

void Connection::end_stream() {
  if (!stream_is_open()) return;
  stream_->output.add_end();
  refused_ = refused_ || stream_->upgraded;  // the client may be in the middle of a word: linger
  closing_ = true;
  pending_ = false;
  if (!advancing_) flush();
}

/// True: all is out.
bool Connection::flush_stream() {
  while (stream_->output.unsent() > 0) {
    const ssize_t n = stream_->output.send(socket_);
    if (n < 0) {
      if (errno == EINTR) continue;
      errno == EAGAIN ? block() : close();
      return false;
    }
    taken_ += static_cast<std::size_t>(n);
    LoopCounters::add(loop_.counters().bytes_out, static_cast<std::size_t>(n));
  }
  return true;
}

/// After each look at the socket: what came in, and whether somebody is still there.
void Connection::look_after_stream() {
  if (closed_ || closing_) return;
  if (!input_.empty()) {
    const std::shared_ptr<StreamOwner> owner = stream_->owner;
    if (stream_->upgraded) guarded([&] { owner->on_input(input_.view()); });
    if (!closed_) input_.consume(input_.size());  // who only listens has nothing to say
  }
  if (input_ended_ && !closed_) close();
}

/// The connection has closed: its owner learns it, but not in the middle of what it does.
void Connection::leave_stream() {
  if (!stream_) return;
  loop_.post([owner = std::move(stream_->owner)] { guarded([&] { owner->on_end(); }); });
  stream_.reset();
}

}  // namespace madang::net
