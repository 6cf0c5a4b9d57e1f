#include "madang/net/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "../ascii.h"

namespace madang::net {

namespace {

/// RFC 9110, 5.6.1: a list of tokens parted by commas.
bool lists(std::string_view header, std::string_view token) {
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    if (same_ignoring_case(trim(header.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    header.remove_prefix(comma + 1);
  }
  return false;
}

/// RFC 6455, 4.1: the base64 form of 16 bytes.
bool is_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return key.substr(0, 22).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
         std::string_view::npos;
}

class OpenWebSocket final : public WebSocket, public StreamOwner {
 public:
  OpenWebSocket(std::shared_ptr<WebSocketOwner> owner, std::size_t message_bytes)
      : owner_(std::move(owner)), parser_(message_bytes) {}

  bool take_over(Responder responder, const std::string& accept) {
    const std::string headers = "Upgrade: websocket\r\nSec-WebSocket-Accept: " + accept + "\r\n";
    stream_ = responder.upgrade(headers, std::static_pointer_cast<OpenWebSocket>(shared_from_this()));
    return stream_ != nullptr;
  }

  // WebSocket
  void send_text(std::string_view text) override {
    std::string frame;
    append_text_frame(frame, text);
    send(std::move(frame));
  }
  void send_frames(std::shared_ptr<const std::string> frames) override {
    if (is_open()) stream_->write(std::move(frames));
  }
  void ping() override {
    std::string frame;
    append_control_frame(frame, WebSocketParser::Kind::ping, "madang");
    pinged_ = true;
    send(std::move(frame));
  }
  bool answered_ping() const override { return !pinged_; }
  void close(CloseCode code, std::string_view reason) override {
    if (!is_open()) return;
    std::string frame;
    append_close_frame(frame, code, reason);
    send(std::move(frame));
    closing_ = true;
    stream_->close();
  }
  std::size_t unsent() const override { return stream_ ? stream_->unsent() : 0; }
  bool is_open() const override { return stream_ && !closing_ && stream_->open(); }

  // StreamOwner
  void on_taken() override {
    if (is_open()) owner_->on_taken();
  }
  void on_input(std::string_view bytes) override {
    if (!is_open()) return;
    const CloseCode wrong = parser_.feed(bytes, [this](WebSocketParser::Message&& message) {
      see(std::move(message));
      return is_open();
    });
    if (wrong != CloseCode::normal) close(wrong, {});
  }
  void on_drain() override { owner_->on_drain(); }
  void on_end() override {
    stream_.reset();
    const auto owner = std::move(owner_);
    owner->on_end();
  }

 private:
  void send(std::string frame) { send_frames(std::make_shared<const std::string>(std::move(frame))); }

  void see(WebSocketParser::Message&& message) {
    switch (message.kind) {
      case WebSocketParser::Kind::text:
        return owner_->on_text(std::move(message.data));
      case WebSocketParser::Kind::binary:
        return close(CloseCode::unsupported_data, "text is understood here");
      case WebSocketParser::Kind::ping: {
        if (unsent() > kMostPongs) return;  // 5.5.3: only the latest needs an answer; one who does not read gets none
        std::string frame;
        append_control_frame(frame, WebSocketParser::Kind::pong, message.data);
        return send(std::move(frame));
      }
      case WebSocketParser::Kind::pong:
        pinged_ = false;
        return;
      case WebSocketParser::Kind::close:
        return close(message.code, {});
    }
  }

  static constexpr std::size_t kMostPongs = 64 << 10;
  std::shared_ptr<WebSocketOwner> owner_;
  std::shared_ptr<Stream> stream_;
  WebSocketParser parser_;
  bool closing_ = false, pinged_ = false;
};

}  // namespace

bool wants_websocket(const Request& request) {
  return lists(request.header("Upgrade"), "websocket");
}

base::Result<std::string> websocket_accept(const Request& request) {
  if (request.method != Method::get || !wants_websocket(request) || !lists(request.header("Connection"), "upgrade")) {
    return base::error(base::Code::invalid_request,
                       "a WebSocket begins with GET, Upgrade: websocket and Connection: "
                       "Upgrade");
  }
  if (request.header("Sec-WebSocket-Version") != "13") {
    return base::error(base::Code::not_supported, "the version of WebSocket is 13");
  }
  const std::string_view key = request.header("Sec-WebSocket-Key");
  if (!is_key(key)) return base::error(base::Code::invalid_request, "Sec-WebSocket-Key is 16 bytes in base64");
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // 1.3
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char out[32];
  const int size = EVP_EncodeBlock(out, digest, sizeof digest);
  return std::string(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
}

std::shared_ptr<WebSocket> WebSocket::open(Responder responder, const std::string& accept,
                                           std::shared_ptr<WebSocketOwner> owner, std::size_t message_bytes) {
  const auto socket = std::make_shared<OpenWebSocket>(std::move(owner), message_bytes);
  return socket->take_over(std::move(responder), accept) ? socket : nullptr;
}

}  // namespace madang::net
