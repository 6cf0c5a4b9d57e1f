// Many readers of a live stream on one core: does each get every change, and how soon? Starts a server pinned to one
// core; the readers and the writer share another.
//
//   bench_live_readers MADANG [readers] [changes a second] [seconds]

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/net/floor.h"
#include "madang/net/http.h"
#include "madang/net/load.h"

namespace {

using namespace madang;

constexpr std::uint64_t kEntities = 1'000;

std::uint64_t now_us() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(cpu), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

struct Child {
  pid_t pid = 0;
  std::uint16_t port = 0;
  std::filesystem::path folder;
  ~Child() {
    if (pid > 0) {
      ::kill(pid, SIGTERM);
      ::waitpid(pid, nullptr, 0);
    }
    std::filesystem::remove_all(folder);
  }
};

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool start_server(Child& child, const char* program, std::size_t readers) {
  child.folder = std::filesystem::temp_directory_path() / ("madang-bench-live-" + std::to_string(::getpid()));
  child.port = static_cast<std::uint16_t>(20'000 + ::getpid() % 20'000);
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0);
    std::freopen("/dev/null", "w", stdout);
    const std::string port = std::to_string(child.port), folder = child.folder / "data";
    const std::string connections = "server.connections=" + std::to_string(readers + 1'000);
    ::execl(program, program, "serve", "--data", folder.c_str(), "--port", port.c_str(), "--no-sample", "--threads",
            "1", "--set", connections.c_str(), nullptr);
    std::_Exit(127);
  }
  for (int i = 0; i < 600; ++i) {
    if (const int fd = connect_to(child.port); fd >= 0) {
      ::close(fd);
      return true;
    }
    ::usleep(100'000);
  }
  return false;
}

std::string entity(std::uint64_t n) {
  return R"({"id":"urn:ngsi-ld:Bus:)" + std::to_string(n) +
         R"(","type":"Bus","speed":{"type":"Property","value":1},"line":{"type":"Property","value":"7016"},)"
         R"("location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.978,37.5665]}}})";
}

/// Reads all streams; what one change took is the time from its value, a moment, to its arrival.
class Readers {
 public:
  Readers(std::uint16_t port, std::size_t count) : epoll_(::epoll_create1(0)), fds_(count), tails_(count) {
    const std::string request = "GET /live?type=Bus&options=keyValues HTTP/1.1\r\nHost: h\r\n\r\n";
    for (std::size_t i = 0; i < count; ++i) {
      fds_[i] = connect_to(port);
      if (fds_[i] < 0) std::abort();
      if (::send(fds_[i], request.data(), request.size(), 0) < 0) std::abort();
      ::fcntl(fds_[i], F_SETFL, O_NONBLOCK);
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[i], &event);
    }
  }

  void run(const std::atomic<bool>& stop) {
    std::vector<epoll_event> events(512);
    std::vector<char> buffer(256 << 10);
    while (!stop) {
      const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < n; ++i) read(events[static_cast<std::size_t>(i)].data.u64, buffer);
    }
  }

  std::atomic<std::uint64_t> begun = 0, changes = 0, coalesced = 0, ended = 0, bytes = 0;
  net::LatencyHistogram latency;

 private:
  void read(std::size_t index, std::vector<char>& buffer) {
    const ssize_t n = ::recv(fds_[index], buffer.data(), buffer.size(), 0);
    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) {
        ++ended;
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fds_[index], nullptr);
      }
      return;
    }
    bytes += static_cast<std::uint64_t>(n);
    std::string& tail = tails_[index];
    tail.append(buffer.data(), static_cast<std::size_t>(n));
    const std::uint64_t now = now_us();
    std::size_t at = 0;
    for (std::size_t end = 0; (end = tail.find("\n\n", at)) != std::string::npos; at = end + 2) {
      see(std::string_view(tail).substr(at, end - at), now);
    }
    tail.erase(0, at);
  }

  void see(std::string_view event, std::uint64_t now) {
    if (event.find("event: current") != event.npos) return void(++begun);
    if (event.find("event: coalesced") != event.npos) return void(++coalesced);
    const std::size_t at = event.find("\"speed\":");
    if (at == event.npos) return;
    std::uint64_t sent = 0;
    std::from_chars(event.data() + at + 8, event.data() + event.size(), sent);
    if (sent < 1'000) return;  // of the beginning
    ++changes;
    latency.add((now - sent) * 1'000);
  }

  const int epoll_;
  std::vector<int> fds_;
  std::vector<std::string> tails_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::puts("usage: bench_live_readers MADANG [readers] [changes/s] [seconds]"), 2;
  const auto number = [&](int at, std::uint64_t otherwise) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
  };
  const std::uint64_t readers = number(2, 1'000), rate = number(3, 1'000), seconds = number(4, 10);
  const rlimit files{65'536, 65'536};
  ::setrlimit(RLIMIT_NOFILE, &files);
  Child server;
  if (!start_server(server, argv[1], readers)) return std::puts("the server does not start"), 1;
  pin(1);
  net::LoadOptions fill;
  fill.port = server.port;
  fill.requests = kEntities;
  std::string made;
  fill.request = [&](std::uint64_t n) {
    made = net::raw_request("POST", "/ngsi-ld/v1/entities", "Content-Type: application/json\r\n", entity(n));
    return std::string_view(made);
  };
  if (!net::run_load(fill).ok()) return std::puts("the server takes nothing"), 1;

  Readers all(server.port, readers);
  std::atomic<bool> stop = false;
  std::thread reading([&] { all.run(stop); });
  while (all.begun < readers) ::usleep(10'000);
  const double cpu = net::process_cpu_seconds(server.pid);
  net::LoadOptions load;
  load.port = server.port;
  load.connections = 16;
  load.rate = static_cast<double>(rate);
  load.requests = rate * seconds;
  load.request = [&](std::uint64_t n) {
    const std::string target = "/ngsi-ld/v1/entities/urn:ngsi-ld:Bus:" + std::to_string(n % kEntities) + "/attrs/speed";
    made = net::raw_request("PATCH", target, "Content-Type: application/json\r\n",
                            "{\"value\":" + std::to_string(now_us()) + "}");
    return std::string_view(made);
  };
  const auto report = net::run_load(load);
  const std::uint64_t expected = load.requests * readers;
  for (int i = 0; i < 500 && all.changes < expected; ++i) ::usleep(10'000);
  const double used = net::process_cpu_seconds(server.pid) - cpu;
  stop = true;
  reading.join();
  std::printf(
      "%llu readers, %llu changes/s for %llu s: %llu of %llu told (%.3f %%), coalesced %llu times, %llu ended\n",
      static_cast<unsigned long long>(readers), static_cast<unsigned long long>(rate),
      static_cast<unsigned long long>(seconds), static_cast<unsigned long long>(all.changes),
      static_cast<unsigned long long>(expected),
      100.0 * static_cast<double>(all.changes) / static_cast<double>(expected),
      static_cast<unsigned long long>(all.coalesced), static_cast<unsigned long long>(all.ended));
  std::printf("from a change's sending to its arrival: p50 %.0f ms, p99 %.0f ms, most %.0f ms\n",
              all.latency.quantile(0.5) * 1e3, all.latency.quantile(0.99) * 1e3, all.latency.max() * 1e3);
  std::printf("server: %.2f CPU seconds, %.2f us a change and reader; %.1f MB/s to readers\n", used,
              used / static_cast<double>(std::max<std::uint64_t>(all.changes, 1)) * 1e6,
              static_cast<double>(all.bytes) / 1e6 / static_cast<double>(seconds));
  if (report.ok())
    std::printf("writer: p99 %.1f ms, %llu failed\n", report->latency.quantile(0.99) * 1e3,
                static_cast<unsigned long long>(report->requests - report->by_class[2]));
  return all.changes == expected ? 0 : 1;
}
