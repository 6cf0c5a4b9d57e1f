#pragma once
// Listening sockets and addresses as text.

#include <cstdint>
#include <string>
#include <vector>

#include "madang/base/result.h"

struct sockaddr_storage;

namespace madang::net {

struct Listeners {
  std::uint16_t port = 0;
  std::vector<int> sockets;
};

/// `count` non-blocking sockets that share one port (0: any free one): the kernel spreads new connections over them.
/// io where another server has the port.
base::Result<Listeners> open_listeners(const std::string& address, std::uint16_t port, std::size_t count);

/// "127.0.0.1:54321", "[::1]:54321".
std::string peer_text(const sockaddr_storage& peer);

}  // namespace madang::net
