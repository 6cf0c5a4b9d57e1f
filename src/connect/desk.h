#pragma once
// Where a thread that reads feeds takes what the hub answers: it works while it waits.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "madang/base/executor.h"

namespace madang::connect {

class Desk final : public base::Executor {
 public:
  void post(std::function<void()> work) override {
    const std::scoped_lock guard(mutex_);
    work_.push_back(std::move(work));
    there_.notify_one();
  }

  /// Runs what was posted until done() says yes. Of the desk's own thread.
  template <class Done>
  void run_until(Done&& done) {
    while (!done()) {
      std::unique_lock guard(mutex_);
      there_.wait(guard, [&] { return !work_.empty(); });
      const std::function<void()> next = std::move(work_.front());
      work_.pop_front();
      guard.unlock();
      next();
    }
  }

  /// Starts something that calls back on this desk with a value, and waits for that.
  template <class Value, class Start>  // start(std::function<void(Value)>)
  Value await(Start&& start) {
    std::optional<Value> value;
    start([&](Value given) { value = std::move(given); });
    run_until([&] { return value.has_value(); });
    return std::move(*value);
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_;
  std::deque<std::function<void()>> work_;
};

}  // namespace madang::connect
