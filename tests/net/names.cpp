#include "net/names.h"

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace {

struct Names {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::string> address_of;
  bool released = false;
};

Names& names() {
  static auto* all = new Names;  // look-ups may outlive main()
  return *all;
}

/// The address of a name of ours; what is no such name stays as it is.
std::string look_up(std::string host) {
  std::unique_lock lock(names().mutex);
  const auto found = names().address_of.find(host);
  if (found == names().address_of.end()) return host;
  if (!found->second.empty()) return found->second;
  names().changed.wait(lock, [] { return names().released; });
  return "127.0.0.1";
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  static auto* const system = real<decltype(getaddrinfo)>("getaddrinfo");
  const std::string host = node == nullptr ? "" : look_up(node);
  return system(node == nullptr ? nullptr : host.c_str(), service, hints, result);
}

extern "C" int connect(int socket, const sockaddr* address, socklen_t size) {
  static auto* const system = real<int(int, const sockaddr*, socklen_t)>("connect");
  sockaddr_in changed{};
  if (address->sa_family != AF_INET || size < sizeof changed) return system(socket, address, size);
  std::memcpy(&changed, address, sizeof changed);
  if (changed.sin_addr.s_addr == ::inet_addr(madang::net::testing::kPublicAddress))
    changed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return system(socket, reinterpret_cast<const sockaddr*>(&changed), sizeof changed);
}

namespace madang::net::testing {

void set_name(const std::string& name, const std::string& address) {
  const std::lock_guard lock(names().mutex);
  names().address_of[name] = address;
  if (address.empty()) names().released = false;  // those of an earlier test have been let go
}

void release_names() {
  const std::lock_guard lock(names().mutex);
  names().released = true;
  names().changed.notify_all();
}

}  // namespace madang::net::testing
