#include "stream_output.h"

#include <charconv>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace madang::net {

namespace {

constexpr std::size_t kPieces = 20;  // in one system call

}  // namespace

void StreamOutput::add(std::shared_ptr<const std::string> bytes) {
  if (!bytes || bytes->empty()) return;  // an empty chunk would be the last one
  Piece piece;
  if (framing_ == Framing::chunked) {
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, bytes->size(), 16).ptr;
    piece.head.assign(size, end).append("\r\n");
    piece.ends_line = true;
  }
  piece.body = std::move(bytes);
  unsent_ += piece.size();
  pieces_.push_back(std::move(piece));
}

void StreamOutput::add_end() {
  if (framing_ != Framing::chunked) return;
  pieces_.push_back({"0\r\n\r\n", nullptr, false});
  unsent_ += pieces_.back().size();
}

ssize_t StreamOutput::send(int socket) {
  static char line_end[] = {'\r', '\n'};
  iovec parts[3 * kPieces];
  std::size_t count = 0, skip = sent_;
  const auto put = [&](const char* data, std::size_t size) {
    const std::size_t skipped = std::min(skip, size);
    skip -= skipped;
    if (skipped < size) parts[count++] = {const_cast<char*>(data) + skipped, size - skipped};
  };
  for (std::size_t i = 0; i < pieces_.size() && i < kPieces; ++i) {
    const Piece& piece = pieces_[i];
    put(piece.head.data(), piece.head.size());
    if (piece.body) put(piece.body->data(), piece.body->size());
    if (piece.ends_line) put(line_end, sizeof line_end);
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  const ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  if (n > 0) taken(static_cast<std::size_t>(n));
  return n;
}

void StreamOutput::taken(std::size_t bytes) {
  unsent_ -= bytes;
  sent_ += bytes;
  while (!pieces_.empty() && sent_ >= pieces_.front().size()) {
    sent_ -= pieces_.front().size();
    pieces_.pop_front();
  }
}

}  // namespace madang::net
