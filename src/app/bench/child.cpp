#include "bench/child.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/net/floor.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

constexpr int kStartMilliseconds = 300'000;

/// A line of /proc/<pid>/status in bytes.
std::uint64_t status_bytes(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size(), nullptr, 10) << 10;
  }
  return 0;
}

bool readable(int descriptor, int milliseconds) {
  pollfd wait{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, milliseconds) == 1;
}

/// The port in "... at http://localhost:8080", as soon as the server has said that it is ready.
std::uint16_t read_port(int descriptor) {
  std::string told;
  std::array<char, 512> part{};
  while (readable(descriptor, kStartMilliseconds)) {
    const ssize_t got = ::read(descriptor, part.data(), part.size());
    if (got <= 0) return 0;
    told.append(part.data(), static_cast<std::size_t>(got));
    const auto at = told.find("://localhost:");
    if (at != std::string::npos && told.find('\n', at) != std::string::npos) {
      return static_cast<std::uint16_t>(std::strtoul(told.c_str() + at + 13, nullptr, 10));
    }
  }
  return 0;
}

}  // namespace

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

base::Result<Child> Child::fork(int cpu, const std::function<void(int)>& work) {
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return error(Code::io, "no pipe");
  Child child;
  child.pid_ = ::fork();
  if (child.pid_ < 0) return error(Code::io, "cannot start a process");
  if (child.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu);
    work(pipe_ends[1]);
    ::_exit(1);
  }
  ::close(pipe_ends[1]);
  child.output_ = pipe_ends[0];
  if (!readable(child.output_, 10'000) ||
      ::read(child.output_, &child.port_, sizeof(child.port_)) != sizeof(child.port_)) {
    return error(Code::io, "a bare server of the bench did not start");
  }
  return child;
}

base::Result<Child> Child::serve(int cpu, const std::vector<std::string>& options) {
  std::vector<std::string> words{"madang", "serve"};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return error(Code::io, "no pipe");
  const auto begun = std::chrono::steady_clock::now();
  Child child;
  child.pid_ = ::fork();
  if (child.pid_ < 0) return error(Code::io, "cannot start a process");
  if (child.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu);
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::execv("/proc/self/exe", arguments.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  child.output_ = pipe_ends[0];
  child.port_ = read_port(child.output_);
  child.start_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (child.port_ == 0) return error(Code::io, "the server of the bench did not start; its reason stands above");
  return child;
}

Child::Child(Child&& other) noexcept {
  *this = std::move(other);
}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  end(SIGTERM);
  pid_ = std::exchange(other.pid_, -1);
  port_ = other.port_;
  start_seconds_ = other.start_seconds_;
  output_ = std::exchange(other.output_, -1);
  return *this;
}

Child::~Child() {
  end(SIGTERM);
}

double Child::cpu_seconds() const {
  return pid_ > 0 ? net::process_cpu_seconds(pid_) : 0;
}
std::uint64_t Child::resident() const {
  return status_bytes(pid_, "VmRSS:");
}
std::uint64_t Child::peak_resident() const {
  return status_bytes(pid_, "VmHWM:");
}

double Child::end(int signal) {
  rusage used{};
  if (pid_ > 0) {
    ::kill(pid_, signal);
    ::wait4(pid_, nullptr, 0, &used);
  }
  pid_ = -1;
  if (output_ >= 0) ::close(std::exchange(output_, -1));
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace madang::app
