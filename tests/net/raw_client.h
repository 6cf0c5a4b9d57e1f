#pragma once
// A client that sends exactly the bytes a test says, however wrong, and waits for what comes back.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace madang::net::testing {

/// Waits for a condition; false when it does not come within a generous limit.
inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct RawAnswer {
  int status = 0;  // 0: the connection ended first
  std::string head, body;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Takes some of what has come, where something has.
  void receive_some(std::size_t most) {
    std::string some(most, '\0');
    const ssize_t n = ::recv(socket_, some.data(), some.size(), MSG_DONTWAIT);
    if (n > 0) in_.append(some, 0, static_cast<std::size_t>(n));
  }

  void end_input() const { ::shutdown(socket_, SHUT_WR); }

  /// The next answer, cut at its Content-Length.
  RawAnswer answer(bool to_head = false) {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return answer;
    }
    answer.head = in_.substr(0, end + 4);
    in_.erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    const std::size_t length_at = answer.head.find("Content-Length:");
    const std::size_t length =
        length_at == std::string::npos || to_head ? 0 : std::stoul(answer.head.substr(length_at + 15));
    while (in_.size() < length) {
      if (!receive()) return {};
    }
    answer.body = in_.substr(0, length);
    in_.erase(0, length);
    return answer;
  }

  /// All that comes until the server closes.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(in_, {});
  }

  /// True when the server has closed and nothing is left to read.
  bool closed() { return in_.empty() && !receive() && in_.empty(); }

 private:
  bool receive() {
    char buffer[16384];
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    in_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string in_;
};

}  // namespace madang::net::testing
