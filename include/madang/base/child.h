#pragma once
// A program of the system as a child with little leave: bounded memory, processor time and files, no network where the
// kernel allows that, an environment of its own, nothing of ours open. What it prints is read in pieces.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::base {

struct ChildLimits {
  std::uint64_t memory = 2ull << 30;    // bytes of address space
  std::chrono::seconds processor{600};  // time on processors
  std::chrono::seconds silence{60};     // without a byte of output while it is waited for
  std::uint64_t file_bytes = 16 << 20;  // the largest file it may write
  std::uint64_t files = 64;             // open at once
};

struct ChildCall {
  std::string program;                   // a path; find_program
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // "NAME=value"; nothing else is handed down
  ChildLimits limits{};
  /// Files and folders that it may read, beside the system's programs and libraries; where the kernel can (Landlock),
  /// no others, and it writes none. Empty: what we may.
  std::vector<std::string> readable{};
  std::function<bool()> stopping{};  // asked several times a second while it is waited for; true: it is ended
};

/// The path of a program as PATH finds it; empty: there is none.
std::string find_program(std::string_view name);

/// A running child, in a process group of its own, with nothing as its input. It ends with its group when this goes.
/// Not safe for use from several threads at once.
class Child {
 public:
  /// not_found where there is no such program; unavailable where it cannot be started now.
  static Result<Child> start(const ChildCall& call);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  /// The next bytes it printed, valid until the next call; empty: it ended well. unprocessable: it failed, with what it
  /// said (its first 2,000 bytes); too_complex, where it needed more than the limits; timeout; unavailable, where
  /// `stopping` said so.
  Result<std::string_view> read();
  /// The kernel keeps it from the network.
  bool cut_off() const;
  /// The kernel keeps it from files that are not `readable`.
  bool fenced_in() const;

 private:
  struct Impl;
  explicit Child(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::base
