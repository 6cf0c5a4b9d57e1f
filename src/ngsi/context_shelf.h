#pragma once
// The contexts that tenants keep here (clause 5.13): hosted ones and those the server made itself. And how often a
// stored context, of whatever kind, was of use.

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "context_document.h"

namespace madang::ngsi {

/// Of one stored context. Any thread.
struct Usage {
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::int64_t> last{0};  // nanoseconds since 1970; 0: never

  void add(std::uint64_t count, base::Timestamp at) {
    hits.fetch_add(count, std::memory_order_relaxed);
    std::int64_t before = last.load(std::memory_order_relaxed);
    while (before < at.ns && !last.compare_exchange_weak(before, at.ns, std::memory_order_relaxed)) {
    }
  }
};
using UsagePtr = std::shared_ptr<Usage>;

/// Counts what happens with every request: each thread its own line of the cache.
class HitCounter {
 public:
  void add(std::uint64_t count = 1) { lines_[line()].count.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t take() {
    std::uint64_t sum = 0;
    for (Line& each : lines_) sum += each.count.exchange(0, std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Line {
    std::atomic<std::uint64_t> count{0};
  };
  static std::size_t line() {
    static std::atomic<std::size_t> next{0};
    thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % 8;
    return mine;
  }
  std::array<Line, 8> lines_;
};

class ContextShelf {
 public:
  struct Kept {
    StoredContext context;
    DocumentPtr document;
    UsagePtr usage = std::make_shared<Usage>();
  };

  /// Where nobody keeps any, nothing needs to be looked up: the usual case costs one load.
  bool has(std::string_view tenant) const;
  /// The one that an address of this server names, whatever host it is reached by.
  std::optional<Kept> find_url(std::string_view tenant, std::string_view url) const;
  std::optional<Kept> find(std::string_view tenant, std::string_view id) const;
  std::vector<Kept> all(std::string_view tenant) const;
  void put(std::string_view tenant, Kept kept);
  bool remove(std::string_view tenant, std::string_view id);

 private:
  mutable std::shared_mutex mutex_;
  std::atomic<std::size_t> count_{0};
  std::map<std::string, std::map<std::string, Kept, std::less<>>, std::less<>> tenants_;
};

}  // namespace madang::ngsi
