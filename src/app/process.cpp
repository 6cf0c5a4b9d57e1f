#include "process.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <linux/close_range.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace madang::app {

namespace {

constexpr const char* kRestartVariable = "MADANG_RESTART";  // "<count>:<port>"
constexpr int kFailureSignal = SIGUSR2;

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kFailureSignal}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void catch_signals() {
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow (ulimit -f) is an error of its write, not our end
}

Event wait_event(std::chrono::milliseconds limit) {
  const sigset_t set = our_signals();
  const timespec wait{.tv_sec = limit.count() / 1'000, .tv_nsec = (limit.count() % 1'000) * 1'000'000};
  const int signal = limit.count() < 0 ? sigwaitinfo(&set, nullptr) : sigtimedwait(&set, nullptr, &wait);
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      return Event::stop;
    case SIGHUP:
      return Event::reopen;
    case kFailureSignal:
      return Event::failed;
    default:
      return Event::none;
  }
}

void wake_failed() {
  kill(getpid(), kFailureSignal);
}

bool interrupted() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void tune_memory(char** arguments) {
  // A thread of glibc keeps seven freed pieces of each size at hand, and what comes beyond goes a way that is ten times
  // as long: requests come and go by the hundred. Only the environment can say otherwise, before the process starts.
  constexpr const char* kVariable = "GLIBC_TUNABLES";
  if (arguments != nullptr && std::getenv(kVariable) == nullptr) {
    setenv(kVariable, "glibc.malloc.tcache_count=256", 1);
    execv("/proc/self/exe", arguments);  // where that fails, it goes on as it was
  }
  mallopt(M_ARENA_MAX, 4);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  // A heap of 64 MiB is made usable as a whole: page by page would lock the address space against the page faults of
  // all threads each time, and leave no room for large pages.
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 8 << 20);  // setting any of these ends glibc's own choice of it
}

void notify_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path, size);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const int socket_fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  static_cast<void>(::sendto(socket_fd, state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length));
  ::close(socket_fd);
}

Restart restarted() {
  Restart was;
  const char* text = std::getenv(kRestartVariable);
  if (text == nullptr) return was;
  const std::string_view value(text);
  const char* end = value.data() + value.size();
  const auto first = std::from_chars(value.data(), end, was.count);
  if (first.ec == std::errc{} && first.ptr != end) std::from_chars(first.ptr + 1, end, was.port);
  return was;
}

std::chrono::seconds restart_delay(std::uint32_t count) {
  return std::chrono::seconds(std::min(60u, 1u << std::min(count, 6u)));
}

void start_again(char** arguments, const Restart& next) {
  const std::string value = std::to_string(next.count) + ":" + std::to_string(next.port);
  setenv(kRestartVariable, value.c_str(), 1);
  close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);  // nothing of the failed one stays open, locks included
  execv("/proc/self/exe", arguments);
}

}  // namespace madang::app
