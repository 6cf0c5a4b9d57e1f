#pragma once
// WebSockets (RFC 6455), the server's side.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/net/http.h"

namespace madang::net {

/// Section 7.4.1.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never sent
  invalid_data = 1007,
  policy = 1008,
  too_big = 1009,
  internal = 1011,
  try_later = 1013,
};

/// The client's frames as messages: in any pieces, fragmented or not, unmasked, checked.
class WebSocketParser {
 public:
  enum class Kind : std::uint8_t { text, binary, ping, pong, close };
  struct Message {
    Kind kind = Kind::text;
    std::string data;                       // text is valid UTF-8
    CloseCode code = CloseCode::no_status;  // of close
  };
  explicit WebSocketParser(std::size_t message_bytes) : limit_(message_bytes) {}

  /// Takes bytes and calls `see` for each message that is whole; where it answers false, the rest is left unread.
  /// `normal`, or why the connection must be failed: nothing may be fed then.
  CloseCode feed(std::string_view bytes, const std::function<bool(Message&&)>& see);

 private:
  struct Frame {
    std::uint8_t opcode = 0;
    bool last = false;
    std::uint64_t size = 0;
    unsigned char mask[4] = {};
    std::size_t header = 0;  // its bytes; 0: not all there yet
  };
  CloseCode read_header(std::string_view bytes, Frame& frame) const;
  CloseCode take(const Frame& frame, std::string_view payload, const std::function<bool(Message&&)>& see, bool& go_on);

  const std::size_t limit_;
  std::string partial_;      // of a frame that is not whole
  std::string message_;      // of a message that is not whole
  std::uint8_t opcode_ = 0;  // of it; 0: none has begun
};

/// A frame of the server: whole, not masked.
void append_text_frame(std::string& out, std::string_view text);
void append_control_frame(std::string& out, WebSocketParser::Kind kind, std::string_view payload);
void append_close_frame(std::string& out, CloseCode code, std::string_view reason);

/// Does the request want a WebSocket?
bool wants_websocket(const Request& request);
/// The value of Sec-WebSocket-Accept. invalid_request, or not_supported where the version is another one (answer 426).
base::Result<std::string> websocket_accept(const Request& request);

/// What an application does with one. On the loop's thread.
class WebSocketOwner {
 public:
  virtual ~WebSocketOwner() = default;
  virtual void on_text(std::string&& text) = 0;
  virtual void on_taken() {}
  virtual void on_drain() = 0;  // close() then
  virtual void on_end() = 0;    // gone, for whatever reason
};

/// A connection that has become a WebSocket: answers pings, and the client's close.
class WebSocket : public std::enable_shared_from_this<WebSocket> {
 public:
  /// Takes the connection over. Null where the client has gone. `message_bytes`: the largest of the client's messages.
  static std::shared_ptr<WebSocket> open(Responder responder, const std::string& accept,
                                         std::shared_ptr<WebSocketOwner> owner, std::size_t message_bytes);
  virtual ~WebSocket() = default;
  virtual void send_text(std::string_view text) = 0;
  /// Frames that were made before, for many connections.
  virtual void send_frames(std::shared_ptr<const std::string> frames) = 0;
  virtual void ping() = 0;
  virtual bool answered_ping() const = 0;  // since the last one; true where there was none
  virtual void close(CloseCode code, std::string_view reason) = 0;
  virtual std::size_t unsent() const = 0;
  virtual bool is_open() const = 0;
};

}  // namespace madang::net
