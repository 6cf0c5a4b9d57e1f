#include "listener.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace madang::net {

namespace {

constexpr int kBacklog = 1024;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
};

bool parse(const std::string& text, std::uint16_t port, Address& out) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
    return true;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  out.size = sizeof *v6;
  return true;
}

/// -1 with errno where it cannot be had.
int listen_on(Address& address, bool shared) {
  const int socket = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  const int one = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shared) ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (::bind(socket, address.generic(), address.size) == 0 && ::listen(socket, kBacklog) == 0) {
    ::getsockname(socket, address.generic(), &address.size);
    return socket;
  }
  const int why = errno;
  ::close(socket);
  errno = why;
  return -1;
}

}  // namespace

base::Result<Listeners> open_listeners(const std::string& address, std::uint16_t port, std::size_t count) {
  Address endpoint;
  if (!parse(address, port, endpoint)) {
    return base::error(base::Code::bad_request_data, "not an IP address to listen on: " + address);
  }
  const auto failure = [&] {
    return base::error(base::Code::io,
                       "cannot listen on " + address + ":" + std::to_string(port) + ": " + std::strerror(errno));
  };
  // Sockets that share a port would share it with another server of the same user, too: first see that nobody has it.
  int socket = listen_on(endpoint, false);
  if (socket < 0) return failure();
  Listeners listeners;
  listeners.port = ntohs(reinterpret_cast<sockaddr_in*>(&endpoint.storage)->sin_port);  // at the same place in IPv6
  if (count > 1) {
    ::close(socket);
    socket = listen_on(endpoint, true);
  }
  while (socket >= 0) {
    listeners.sockets.push_back(socket);
    if (listeners.sockets.size() >= count) return listeners;
    socket = listen_on(endpoint, true);
  }
  base::Error failed = failure();
  for (const int open : listeners.sockets) ::close(open);
  return failed;
}

std::string peer_text(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
}

}  // namespace madang::net
