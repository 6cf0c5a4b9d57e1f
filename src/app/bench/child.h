#pragma once
// Child processes of the bench: a server that is measured, or a ceiling, pinned to a core of its own.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "madang/base/result.h"

namespace madang::app {

class Child {
 public:
  /// Runs `work` in a forked child; it writes its port (two bytes) into the descriptor it gets. Only while this process
  /// has one thread.
  static base::Result<Child> fork(int cpu, const std::function<void(int port_out)>& work);
  /// Runs `madang serve` with these options and waits until it is ready.
  static base::Result<Child> serve(int cpu, const std::vector<std::string>& options);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  std::uint16_t port() const { return port_; }
  int pid() const { return pid_; }
  double cpu_seconds() const;
  std::uint64_t resident() const;       // bytes now
  std::uint64_t peak_resident() const;  // and at most
  double start_seconds() const { return start_seconds_; }
  /// Ends it and waits. SIGKILL for a crash. The processor time it had in all.
  double end(int signal);

 private:
  Child() = default;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  double start_seconds_ = 0;
  int output_ = -1;
};

/// Pins the calling thread; a negative core does nothing.
void pin(int cpu);

}  // namespace madang::app
