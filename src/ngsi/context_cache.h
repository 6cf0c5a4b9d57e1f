#pragma once
// The two caches of the context store: documents as they were fetched, and contexts that were prepared from them.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/time.h"

#include "context_document.h"
#include "context_map.h"
#include "context_shelf.h"
#include "name_hash.h"

namespace madang::ngsi {

using Nanoseconds = std::chrono::nanoseconds;

/// Removes the entries that were used longest ago once there are more than `max_count` of them or more than
/// `max_bytes`, a tenth of the limit at a time so that the search is seldom. `use_of(entry)` is when it was last used,
/// `bytes_of(entry)` its size, `is_held(entry)` whether it must stay.
template <class Map, class UseOf, class BytesOf, class IsHeld>
void evict_oldest(Map& map, std::size_t& bytes, std::size_t max_count, std::size_t max_bytes, UseOf use_of,
                  BytesOf bytes_of, IsHeld is_held) {
  if (map.size() <= max_count && bytes <= max_bytes) return;
  std::vector<std::pair<std::int64_t, std::string>> by_use;
  for (const auto& [key, entry] : map) {
    if (!is_held(entry)) by_use.emplace_back(use_of(entry), key);
  }
  std::sort(by_use.begin(), by_use.end());
  for (const auto& victim : by_use) {
    if (map.size() <= max_count - max_count / 10 && bytes <= max_bytes - max_bytes / 10) return;
    const auto at = map.find(victim.second);
    bytes -= bytes_of(at->second);
    map.erase(at);
  }
}

/// Remote documents by URL. One fetch at a time for a URL, whoever asks; a host that does not answer holds up only
/// those who wait for it.
class DocumentCache : public std::enable_shared_from_this<DocumentCache> {
 public:
  struct Got {
    DocumentPtr document;
    Nanoseconds fresh_until;  // monotonic; then it should be asked for again
    UsagePtr usage;
  };
  using Done = std::function<void(base::Result<Got>)>;

  DocumentCache(ContextFetcher& fetcher, const base::Clock& clock, ContextLimits limits)
      : fetcher_(fetcher), clock_(clock), limits_(limits) {}

  /// Calls `done` at once where the document is there, else when it was fetched. An outdated document is given out at
  /// once while a new one is fetched, unless `wait_for_fresh`; and still if that fetch fails.
  void get(const std::string& url, bool wait_for_fresh, Done done);
  void set_map(ContextMap map);

  std::vector<StoredContext> list() const;
  std::optional<StoredContext> find(std::string_view url, UsagePtr& usage) const;
  bool forget(std::string_view url);
  /// Fetches whatever is there; `accept` says what is wrong with a document that came. Only a good one takes the place
  /// of what there was.
  using Accept = std::function<base::Status(const DocumentPtr&)>;
  void reload(const std::string& url, Accept accept, std::function<void(base::Status)> done);

 private:
  struct Entry {
    DocumentPtr document;
    Nanoseconds fresh_until{};
    std::optional<base::Error> failure;  // of the last attempt
    Nanoseconds retry_at{};
    bool under_way = false;
    bool outdated = false;  // what is under way is good for those who wait, not longer
    std::vector<Done> waiting;
    Nanoseconds last_used{};
    base::Timestamp created_at;
    UsagePtr usage = std::make_shared<Usage>();
  };
  using Answer = std::optional<base::Result<Got>>;

  Answer look_up(Entry& entry, bool wait_for_fresh, bool& must_fetch);
  void fetch(const std::string& url);
  void fetch_text(const std::string& url, std::function<void(base::Result<std::string>)> done);
  base::Result<DocumentPtr> read(const std::string& url, const base::Result<std::string>& text) const;
  void take(Entry& entry, DocumentPtr document);
  StoredContext describe(const std::string& url, const Entry& entry) const;
  void finish(const std::string& url, base::Result<std::string> text);
  base::Result<Got> outcome(const Entry& entry) const;

  ContextFetcher& fetcher_;
  const base::Clock& clock_;
  const ContextLimits limits_;
  mutable std::mutex mutex_;
  ContextMap map_;
  boost::unordered_flat_map<std::string, std::unique_ptr<Entry>, NameHash, NameEqual> entries_;
  std::size_t bytes_ = 0;
  std::size_t pending_ = 0;
};

/// A prepared context or the reason why there is none, with the time until which it stands.
struct PreparedEntry {
  PreparedEntry(base::Result<ContextPtr> r, std::size_t b, std::uint64_t f, Nanoseconds until, Nanoseconds now,
                std::vector<UsagePtr> u = {})
      : result(std::move(r)),
        bytes(b),
        fingerprint(f),
        used(std::move(u)),
        fresh_until(until.count()),
        last_used(now.count()) {}
  ~PreparedEntry() { tell({}); }

  /// The stored contexts that it is made of hear how often it was used.
  void tell(base::Timestamp when) {
    if (const std::uint64_t count = hits.take(); count > 0)
      for (const UsagePtr& usage : used) usage->add(count, when);
  }

  const base::Result<ContextPtr> result;
  const std::size_t bytes;
  const std::uint64_t fingerprint;  // of the documents it was made from
  const std::vector<UsagePtr> used;
  HitCounter hits;
  std::atomic<std::int64_t> fresh_until;
  std::atomic<std::int64_t> last_used;

  bool is_fresh(Nanoseconds now) const { return now.count() < fresh_until.load(std::memory_order_relaxed); }
};

/// Prepared contexts by URL, or by the text of an inline context.
class PreparedCache {
 public:
  explicit PreparedCache(ContextLimits limits) : limits_(limits) {}

  /// The hot path of every request: one hash look-up under a shared lock. nullptr unless fresh and a success.
  ContextPtr find_fresh(std::string_view key, const base::Clock& clock) const {
    std::shared_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    const Nanoseconds now = clock.monotonic();
    PreparedEntry& entry = *found->second;
    if (!entry.is_fresh(now) || !entry.result.ok()) return nullptr;
    touch(entry, now);
    entry.hits.add();
    return entry.result.value();
  }

  std::shared_ptr<PreparedEntry> find(std::string_view key, Nanoseconds now) const {
    std::shared_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    touch(*found->second, now);
    return found->second;
  }

  void insert(const std::string& key, std::shared_ptr<PreparedEntry> entry);
  void clear();
  /// All that was counted so far.
  void tell_usage(const base::Clock& clock) const;

 private:
  /// Written once a second at most: cores that share a context must not fight for its cache line.
  static void touch(PreparedEntry& entry, Nanoseconds now) {
    constexpr std::int64_t kResolution = 1'000'000'000;
    if (now.count() - entry.last_used.load(std::memory_order_relaxed) >= kResolution) {
      entry.last_used.store(now.count(), std::memory_order_relaxed);
    }
  }

  const ContextLimits limits_;
  mutable std::shared_mutex mutex_;
  boost::unordered_flat_map<std::string, std::shared_ptr<PreparedEntry>, NameHash, NameEqual> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace madang::ngsi
