#pragma once
// Where a piece of work goes on: the thread of the connection that asked for it.

#include <functional>

namespace madang::base {

class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` on the executor's thread, later. Callable from any thread.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace madang::base
