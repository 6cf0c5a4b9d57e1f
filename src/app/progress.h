#pragma once
// How far a long command is: a bar on a terminal, a plain line now and then elsewhere. Writes to standard error.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace madang::app {

class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `total` 0: unknown. `note` follows the bar. Cheap when called often; from any thread.
  void update(std::uint64_t done, std::uint64_t total, std::string_view note = {});
  /// A line of its own that stays, above the bar.
  void print(std::string_view line);
  /// Ends the bar, and leaves `line` where there is one.
  void finish(std::string_view line = {});

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::uint64_t done, std::uint64_t total, std::string_view note);
  void wipe();

  std::mutex mutex_;
  std::string label_;
  bool terminal_;
  bool shown_ = false;
  bool finished_ = false;
  Clock::time_point next_;
};

}  // namespace madang::app
