// The memory of blocks. A typical entity is just too large for the allocator's fast lists, so that taking and giving
// back one by one would split and join its free memory each time.

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "madang/ngsi/entity.h"

namespace madang::ngsi {

namespace {

constexpr std::size_t kStep = 16;  // glibc hands out so many bytes, a word of them its own
constexpr std::size_t kOwn = sizeof(void*);
constexpr std::size_t kLargestKept = 4 << 10;
constexpr std::size_t kMostKept = 4 << 20;  // bytes, of one thread

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;  // a sanitizer is to see each block come and go
#elif defined(__has_feature)
constexpr bool kKeeps = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool kKeeps = true;
#endif

/// In steps, with the allocator's own.
constexpr std::size_t rounded(std::size_t size) {
  return (size + kOwn + kStep - 1) / kStep * kStep;
}

/// Blocks that went, by size: each begins with the address of the next.
struct Kept {
  std::array<std::byte*, kLargestKept / kStep + 1> first{};
  std::size_t bytes = 0;
  ~Kept() {
    for (std::byte*& at : first) {
      while (at != nullptr) {
        std::byte* next;
        std::memcpy(&next, at, sizeof(next));
        std::free(at);
        at = next;
      }
    }
    bytes = kMostKept;  // what still comes at the thread's end is freed at once
  }
};
thread_local Kept kept;

}  // namespace

namespace {

/// Entities lie anywhere in a gigabyte, and in pages of four kilobytes each look at one begins with a walk through the
/// page tables. Asks for pages of two megabytes around a new block and ahead of it, before the allocator gets there.
void ask_for_large_pages(const std::byte* block) {
  constexpr std::size_t kStride = 8 << 20;
  static thread_local std::array<std::uintptr_t, 1024> asked;
  const auto place = reinterpret_cast<std::uintptr_t>(block) / kStride;
  std::uintptr_t& last = asked[place % asked.size()];
  if (std::exchange(last, place) == place) return;
  (void)::madvise(reinterpret_cast<void*>(place * kStride), 3 * kStride, MADV_HUGEPAGE);  // no more than a wish
}

}  // namespace

std::byte* EntityBlock::allocate(std::size_t size) {
  const std::size_t needed = rounded(size);
  if (needed <= kLargestKept) {
    std::byte*& first = kept.first[needed / kStep];
    if (std::byte* block = first) {
      std::memcpy(&first, block, sizeof(first));
      kept.bytes -= needed;
      return block;
    }
  }
  auto* block = static_cast<std::byte*>(std::malloc(needed - kOwn));
  if (block == nullptr) throw std::bad_alloc();
  ask_for_large_pages(block);
  return block;
}

void EntityBlock::give_back(std::byte* bytes, std::size_t size) noexcept {
  const std::size_t freed = rounded(size);
  if (!kKeeps || freed > kLargestKept || kept.bytes + freed > kMostKept) return std::free(bytes);
  std::byte*& first = kept.first[freed / kStep];
  std::memcpy(bytes, &first, sizeof(first));
  first = bytes;
  kept.bytes += freed;
}

}  // namespace madang::ngsi
