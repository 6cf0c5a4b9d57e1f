#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <unistd.h>

namespace madang::app {

namespace {

constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::seconds kLineEvery{5};
constexpr std::chrono::milliseconds every(bool terminal) {
  return terminal ? kBarEvery : kLineEvery;
}
constexpr std::uint64_t kBarWidth = 30;

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(std::string label)
    : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) == 1), next_(Clock::now() + every(terminal_)) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::uint64_t done, std::uint64_t total, std::string_view note) {
  const std::scoped_lock guard(mutex_);
  const auto now = Clock::now();
  if (finished_ || now < next_) return;
  next_ = now + every(terminal_);
  draw(done, total, note);
}

void Progress::draw(std::uint64_t done, std::uint64_t total, std::string_view note) {
  std::string line = label_ + " ";
  if (total != 0) {
    const std::uint64_t filled = std::min(done, total) * kBarWidth / total;
    if (terminal_) {
      line += "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
    }
    line += std::to_string(std::min(done, total) * 100 / total) + " %";
  } else {
    line += std::to_string(done);
  }
  if (!note.empty()) line += "  " + std::string(note);
  if (terminal_) {
    put("\r\x1b[K" + line);
    shown_ = true;
  } else {
    put(line + "\n");
  }
}

void Progress::wipe() {
  if (std::exchange(shown_, false)) put("\r\x1b[K");
}

void Progress::print(std::string_view line) {
  const std::scoped_lock guard(mutex_);
  wipe();
  put(std::string(line) + "\n");
}

void Progress::finish(std::string_view line) {
  const std::scoped_lock guard(mutex_);
  if (std::exchange(finished_, true)) return;
  wipe();
  if (!line.empty()) put(std::string(line) + "\n");
}

}  // namespace madang::app
