#pragma once
// From bytes to requests (RFC 9112), without sockets: what a connection does with its input buffer.

#include <cstdint>
#include <string_view>

#include "madang/net/http.h"

#include "input_buffer.h"

namespace madang::net {

/// Why a message is refused. After it the connection cannot go on: nobody knows where the next message starts.
struct Refusal {
  int status = 0;
  std::string_view detail;
};

/// What a request head says beyond the request itself.
struct Framing {
  bool http11 = true;
  bool keep_alive = true;
  bool chunked = false;
  bool has_length = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
};

class RequestParser {
 public:
  enum class Step : std::uint8_t { more, complete, refused };
  enum class Phase : std::uint8_t { head, body, complete };

  /// `limits` must outlive the parser.
  explicit RequestParser(const ServerOptions& limits) : limits_(limits) {}

  /// Looks at what has come since the last call. `complete`: request() is whole, its views point into `in`, which must
  /// not change until next(). `more`: `in` may be moved and must grow, up to wanted() bytes.
  Step step(InputBuffer& in);
  /// Drops the complete request from `in` and starts on the one behind it.
  void next(InputBuffer& in);

  Request& request() { return request_; }
  const Request& request() const { return request_; }
  const Framing& framing() const { return framing_; }
  const Refusal& refusal() const { return refusal_; }
  Phase phase() const { return phase_; }
  /// Bytes of this message received so far as body.
  std::size_t body_size() const { return body_size_; }
  /// The bytes this message may still fill the buffer to.
  std::size_t wanted() const;
  /// True once, when the client waits for leave to send its body (RFC 9110, 10.1.1).
  bool take_continue();

 private:
  enum class Chunk : std::uint8_t { size, data, data_end, trailer };

  Step refuse(int status, std::string_view detail);
  Step step_head(InputBuffer& in);
  Step step_body(InputBuffer& in);
  Step step_chunked(InputBuffer& in);
  Step step_chunk_line(std::string_view line);
  Step finish(const InputBuffer& in);
  Step check_partial_head(std::string_view head);
  Step parse_head(std::string_view head);
  Step check_framing();
  void split_target();

  const ServerOptions& limits_;
  Request request_;
  Framing framing_;
  Refusal refusal_;
  Phase phase_ = Phase::head;
  Chunk chunk_ = Chunk::size;
  bool continue_sent_ = false;
  const char* parsed_at_ = nullptr;  // where the head lay when its views were taken
  std::size_t scanned_ = 0;          // bytes of the head known to hold no end
  std::size_t head_size_ = 0;
  std::size_t body_size_ = 0;
  std::size_t raw_ = 0;  // chunked: offset of the first byte not decoded yet
  std::uint64_t chunk_left_ = 0;
  std::size_t trailer_size_ = 0;
};

}  // namespace madang::net
