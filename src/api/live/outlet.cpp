#include "live/outlet.h"

#include <algorithm>

#include "madang/net/websocket.h"

namespace madang::api::live {

namespace {

constexpr std::size_t kClientMessage = 4 << 10;  // clients have nothing to say yet

class SseOutlet final : public Outlet, public net::StreamOwner {
 public:
  explicit SseOutlet(std::shared_ptr<OutletOwner> owner) : owner_(std::move(owner)) {}
  void begin(std::shared_ptr<net::Stream> stream) { stream_ = std::move(stream); }

  void write(std::shared_ptr<const std::string> bytes) override {
    quiet_ = false;
    if (open()) stream_->write(std::move(bytes));
  }
  std::size_t unsent() const override { return stream_ ? stream_->unsent() : 0; }
  bool open() const override { return stream_ && stream_->open(); }
  bool keep_alive() override {
    static const auto comment = std::make_shared<const std::string>(":\n\n");
    const bool quiet = std::exchange(quiet_, true);
    if (quiet && unsent() == 0 && open()) stream_->write(comment);
    return true;
  }
  void close(std::string_view) override {
    if (stream_) stream_->close();
  }

  void on_taken() override { owner_->on_taken(); }
  void on_drain() override { owner_->on_drain(); }
  void on_end() override {
    stream_.reset();
    owner_->on_end();
  }

 private:
  const std::shared_ptr<OutletOwner> owner_;
  std::shared_ptr<net::Stream> stream_;
  bool quiet_ = true;  // nothing was written since the last look
};

class SocketOutlet final : public Outlet, public net::WebSocketOwner {
 public:
  explicit SocketOutlet(std::shared_ptr<OutletOwner> owner) : owner_(std::move(owner)) {}
  void begin(std::shared_ptr<net::WebSocket> socket) { socket_ = std::move(socket); }

  void write(std::shared_ptr<const std::string> bytes) override {
    if (open()) socket_->send_frames(std::move(bytes));
  }
  std::size_t unsent() const override { return socket_ ? socket_->unsent() : 0; }
  bool open() const override { return socket_ && socket_->is_open(); }
  bool keep_alive() override {
    if (!open()) return true;
    if (!socket_->answered_ping()) return unsent() > 0;  // it still has our ping before it, perhaps
    socket_->ping();
    return true;
  }
  void close(std::string_view why) override {
    if (socket_) socket_->close(why.empty() ? net::CloseCode::going_away : net::CloseCode::try_later, why);
  }

  void on_text(std::string&&) override {
    if (socket_) socket_->close(net::CloseCode::policy, "there is nothing to say here; the question is in the address");
  }
  void on_taken() override { owner_->on_taken(); }
  void on_drain() override { owner_->on_drain(); }
  void on_end() override {
    socket_.reset();
    owner_->on_end();
  }

 private:
  const std::shared_ptr<OutletOwner> owner_;
  std::shared_ptr<net::WebSocket> socket_;
};

/// CORS does not hold for WebSockets: a page from anywhere may open one. Those that may not read, may not.
bool origin_may_read(const Call& call) {
  if (call.headers.origin.empty()) return true;
  const auto& read = call.environment.options.cors_read;
  return std::any_of(read.begin(), read.end(),
                     [&](const std::string& origin) { return origin == "*" || origin == call.headers.origin; });
}

}  // namespace

std::shared_ptr<Outlet> open_outlet(Call& call, Transport transport, std::shared_ptr<OutletOwner> owner) {
  if (transport == Transport::websocket) {
    if (!origin_may_read(call)) {
      call.fail(base::error(base::Code::forbidden, "Pages of this origin may not read here.", "Origin"));
      return {};
    }
    const auto accept = net::websocket_accept(call.request());
    if (!accept.ok() && accept.error().code == base::Code::not_supported) {
      call.answer(426, {}, call.begin_headers() += "Sec-WebSocket-Version: 13\r\n", [](std::string&) {});
      return {};
    }
    if (!accept.ok()) return call.fail(accept.error()), nullptr;
    const auto outlet = std::make_shared<SocketOutlet>(std::move(owner));
    call.count_stream(101);
    auto socket = net::WebSocket::open(std::move(call.responder), *accept, outlet, kClientMessage);
    if (!socket) return {};
    outlet->begin(std::move(socket));
    return outlet;
  }
  std::string& block = call.begin_headers();
  // Proxies that gather answers would hold events back.
  block += "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
  if (call.shown) block += call.shown->link_line;
  const auto outlet = std::make_shared<SseOutlet>(std::move(owner));
  call.count_stream(200);
  auto stream = call.responder.stream(200, "text/event-stream", block, outlet);
  if (!stream) return {};
  outlet->begin(std::move(stream));
  return outlet;
}

}  // namespace madang::api::live
