#pragma once
// Memory for objects of one type that come and go with every request and are too large for the allocator's fast lists.

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace madang::api {

/// An allocator of single objects for std::allocate_shared. What was given back is kept, a bounded number by each
/// thread, for the next one.
template <class T>
class Recycled {
 public:
  using value_type = T;
  Recycled() = default;
  template <class Other>
  explicit Recycled(const Recycled<Other>&) {}

  T* allocate(std::size_t count) {
    if (count == 1 && kept.count > 0) return static_cast<T*>(kept.memory[--kept.count]);
    return static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    if (count == 1 && kept.count < kept.most) {
      kept.memory[kept.count++] = memory;
    } else {
      ::operator delete(memory);
    }
  }
  template <class Other>
  bool operator==(const Recycled<Other>&) const {
    return true;
  }

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr std::size_t kMost = 0;  // a sanitizer is to see each one come and go
#else
  static constexpr std::size_t kMost = 128;
#endif
  struct Kept {
    std::array<void*, kMost> memory;
    std::size_t count = 0, most = kMost;
    ~Kept() {
      most = 0;  // what still comes at the thread's end goes at once
      while (count > 0) ::operator delete(memory[--count]);
    }
  };
  static inline thread_local Kept kept;
};

template <class T, class... Args>
std::shared_ptr<T> make_recycled(Args&&... args) {
  return std::allocate_shared<T>(Recycled<T>(), std::forward<Args>(args)...);
}

}  // namespace madang::api
