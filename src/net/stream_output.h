#pragma once
// What a stream has still to send: pieces that many streams share, each with its own few bytes of framing around.

#include <deque>
#include <memory>
#include <string>

#include <sys/types.h>

namespace madang::net {

class StreamOutput {
 public:
  enum class Framing : std::uint8_t { raw, chunked };
  explicit StreamOutput(Framing framing) : framing_(framing) {}

  void add(std::shared_ptr<const std::string> bytes);
  /// What ends a chunked body.
  void add_end();
  /// Sends as much as goes. Bytes, or -1 with errno; call it until unsent() is 0 or it fails.
  ssize_t send(int socket);
  std::size_t unsent() const { return unsent_; }

 private:
  struct Piece {
    std::string head;  // a chunk's size
    std::shared_ptr<const std::string> body;
    bool ends_line = false;  // a chunk's end
    std::size_t size() const { return head.size() + (body ? body->size() : 0) + (ends_line ? 2 : 0); }
  };
  void taken(std::size_t bytes);

  const Framing framing_;
  std::deque<Piece> pieces_;
  std::size_t sent_ = 0;  // of the first piece
  std::size_t unsent_ = 0;
};

}  // namespace madang::net
