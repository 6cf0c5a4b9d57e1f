#include "madang/net/floor.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace madang::net {

namespace {

std::string constant_answer(std::size_t body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body) + "\r\n\r\n" +
         std::string(body, 'x');
}

/// Bytes of the first whole request, or 0.
std::size_t request_size(const std::string& in, std::size_t from) {
  const void* end = ::memmem(in.data() + from, in.size() - from, "\r\n\r\n", 4);
  if (end == nullptr) return 0;
  const auto head = static_cast<std::size_t>(static_cast<const char*>(end) - in.data()) + 4 - from;
  const void* length = ::memmem(in.data() + from, head, "Content-Length: ", 16);
  const std::size_t body = length == nullptr ? 0 : std::strtoul(static_cast<const char*>(length) + 16, nullptr, 10);
  return in.size() - from >= head + body ? head + body : 0;
}

/// Answers all whole requests in `in`. False: the connection is over.
bool serve(int fd, std::string& in, const std::string& answer) {
  static char buffer[64 << 10];
  const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  in.append(buffer, static_cast<std::size_t>(n));
  std::string out;
  std::size_t used = 0;
  while (const std::size_t size = request_size(in, used)) {
    out += answer;
    used += size;
  }
  in.erase(0, used);
  return out.empty() || ::send(fd, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
}

int listen_on(std::uint16_t port, int port_out) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1024) != 0) return -1;
  ::getsockname(listener, generic, &size);
  const std::uint16_t bound = ntohs(address.sin_port);
  if (port_out >= 0 && ::write(port_out, &bound, sizeof bound) != sizeof bound) return -1;
  return listener;
}

}  // namespace

int bare_epoll_server(std::uint16_t port, int port_out, std::size_t answer_bytes) {
  const std::string answer = constant_answer(answer_bytes);
  const int listener = listen_on(port, port_out);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (listener < 0 || epoll < 0) return errno;
  const auto watch = [epoll](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener);
  std::unordered_map<int, std::string> input;
  epoll_event events[256];
  while (true) {
    const int n = ::epoll_wait(epoll, events, 256, -1);
    if (n < 0 && errno != EINTR) return errno;
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd != listener) {
        if (!serve(fd, input[fd], answer)) ::close(fd), input.erase(fd);
        continue;
      }
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const int one = 1;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      if (client >= 0) watch(client);
    }
  }
}

double process_cpu_seconds(int pid) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  DIR* tasks = ::opendir(folder.c_str());
  if (tasks == nullptr) return -1;
  double seconds = 0;
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    std::FILE* file = std::fopen((folder + "/" + task->d_name + "/schedstat").c_str(), "r");
    if (file == nullptr) continue;
    unsigned long long ns = 0;
    if (std::fscanf(file, "%llu", &ns) == 1) seconds += static_cast<double>(ns) / 1e9;
    std::fclose(file);
  }
  ::closedir(tasks);
  return seconds;
}

}  // namespace madang::net
