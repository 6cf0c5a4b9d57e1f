#include "inbox.h"

#include <cstdint>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace madang::net {

Inbox::Inbox() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Inbox::~Inbox() {
  ::close(event_);
}

void Inbox::post(std::function<void()> work) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (open_) {
      first = work_.empty();
      work_.push_back(std::move(work));
    }
  }
  if (!first) return;  // whoever posted first since the last take has woken the loop
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void Inbox::take(std::vector<std::function<void()>>& out) {
  const std::lock_guard lock(mutex_);
  std::swap(out, work_);
}

void Inbox::close() {
  std::vector<std::function<void()>> dropped;  // destroyed outside the lock: it may post
  const std::lock_guard lock(mutex_);
  open_ = false;
  std::swap(dropped, work_);
}

void Inbox::acknowledge() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(event_, &count, sizeof count);
}

}  // namespace madang::net
