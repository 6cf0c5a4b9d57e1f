#pragma once
// For locks that are held for microseconds.

#include <mutex>
#include <thread>

namespace madang::base {

/// Takes the lock. Most waits for such locks last a few microseconds: a trip through the kernel would cost more than
/// all of them, so that it comes last.
inline void lock_spinning(std::mutex& mutex) {
  for (int spin = 0; spin < 200; ++spin) {
    if (mutex.try_lock()) return;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }
  mutex.lock();
}

}  // namespace madang::base
