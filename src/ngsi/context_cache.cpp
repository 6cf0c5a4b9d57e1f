#include "context_cache.h"

#include <array>

#include "madang/base/file.h"

namespace madang::ngsi {

using base::Code;
using base::error;

void DocumentCache::set_map(ContextMap map) {
  std::lock_guard lock(mutex_);
  map_ = std::move(map);
  bytes_ = 0;
  boost::unordered::erase_if(entries_, [](const auto& entry) { return !entry.second->under_way; });
  for (auto& [url, entry] : entries_) {  // what comes now was asked for under the old map
    entry->document.reset();
    entry->outdated = true;
  }
}

void DocumentCache::get(const std::string& url, bool wait_for_fresh, Done done) {
  bool must_fetch = false;
  Answer answer;
  {
    std::lock_guard lock(mutex_);
    auto& entry = entries_[url];
    if (!entry) entry = std::make_unique<Entry>();
    answer = look_up(*entry, wait_for_fresh, must_fetch);
    if (!answer) entry->waiting.push_back(std::move(done));
  }
  if (must_fetch) fetch(url);
  if (answer) done(std::move(*answer));
}

/// What can be answered at once; nothing where the asker has to wait.
DocumentCache::Answer DocumentCache::look_up(Entry& entry, bool wait_for_fresh, bool& must_fetch) {
  const Nanoseconds now = clock_.monotonic();
  entry.last_used = now;
  const bool has_old = entry.document != nullptr;
  if (has_old && now < entry.fresh_until) return Got{entry.document, entry.fresh_until, entry.usage};
  if (!entry.under_way) {
    if ((has_old || entry.failure) && now < entry.retry_at) return outcome(entry);
    if (pending_ >= limits_.pending_documents) {
      if (has_old) return Got{entry.document, now + limits_.retry_after, entry.usage};
      return error(Code::context_not_available, "Too many contexts are being fetched; try again.");
    }
    must_fetch = entry.under_way = true;
    ++pending_;
  }
  if (has_old && !wait_for_fresh) return Got{entry.document, now + limits_.retry_after, entry.usage};
  return std::nullopt;
}

base::Result<DocumentCache::Got> DocumentCache::outcome(const Entry& entry) const {
  if (entry.document) return Got{entry.document, std::max(entry.fresh_until, entry.retry_at), entry.usage};
  return *entry.failure;
}

void DocumentCache::fetch(const std::string& url) {
  fetch_text(url, [weak = weak_from_this(), url](base::Result<std::string> text) {
    if (const auto cache = weak.lock()) cache->finish(url, std::move(text));
  });
}

void DocumentCache::fetch_text(const std::string& url, std::function<void(base::Result<std::string>)> done) {
  MappedSource source{false, ""};
  {
    std::lock_guard lock(mutex_);
    if (const auto found = map_.find(url); found != map_.end()) source = found->second;
  }
  if (source.is_file) return done(base::read_file(base::real_files(), source.target, limits_.document_bytes));
  if (source.target.empty()) {
    fetcher_.fetch(url, std::move(done));
  } else {
    fetcher_.fetch_mapped(source.target, std::move(done));
  }
}

base::Result<DocumentPtr> DocumentCache::read(const std::string& url, const base::Result<std::string>& text) const {
  if (text.ok()) return read_remote_context(*text, url, limits_);
  return error(Code::context_not_available, "The context " + url + " could not be had: " + text.error().message);
}

void DocumentCache::take(Entry& entry, DocumentPtr document) {
  if (entry.document) bytes_ -= entry.document->bytes;
  bytes_ += document->bytes;
  entry.document = std::move(document);
  entry.created_at = clock_.now();
  entry.fresh_until = clock_.monotonic() + limits_.fresh_for;
  entry.failure.reset();
}

void DocumentCache::finish(const std::string& url, base::Result<std::string> text) {
  base::Result<DocumentPtr> document = read(url, text);
  std::vector<Done> waiting;
  std::optional<base::Result<Got>> answer;
  {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(url);
    if (found == entries_.end() || !found->second->under_way) return;
    Entry& entry = *found->second;
    const Nanoseconds now = clock_.monotonic();
    entry.under_way = false;
    --pending_;
    if (document.ok()) {
      take(entry, *document);
      if (entry.outdated) entry.fresh_until = now;
    } else {
      entry.failure = std::move(document).error();
      entry.retry_at = now + limits_.retry_after;
    }
    entry.outdated = false;
    answer = outcome(entry);
    waiting.swap(entry.waiting);
    evict_oldest(
        entries_, bytes_, limits_.cached_documents, limits_.cached_bytes,
        [](const auto& e) { return e->last_used.count(); },
        [](const auto& e) { return e->document ? e->document->bytes : 0; }, [](const auto& e) { return e->under_way; });
  }
  for (const Done& done : waiting) done(*answer);
}

// ---- stored contexts ----

StoredContext DocumentCache::describe(const std::string& url, const Entry& entry) const {
  StoredContext context;
  const std::array<std::uint64_t, 2> parts{NameHash()(url), NameHash()(url + '#')};
  constexpr std::string_view kDigits = "0123456789abcdef";
  context.id = "urn:ngsi-ld:JsonldContext:";
  for (const std::uint64_t part : parts)
    for (unsigned shift = 64; shift > 0; shift -= 4) context.id += kDigits[part >> (shift - 4) & 15];
  context.url = url;
  context.created_at = entry.created_at;
  context.expires_at = {clock_.now().ns + (entry.fresh_until - clock_.monotonic()).count()};
  context.hits = entry.usage->hits.load(std::memory_order_relaxed);
  if (const auto last = entry.usage->last.load(std::memory_order_relaxed); last > 0)
    context.last_used = base::Timestamp{last};
  return context;
}

std::vector<StoredContext> DocumentCache::list() const {
  std::vector<StoredContext> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [url, entry] : entries_)
    if (entry->document) out.push_back(describe(url, *entry));
  return out;
}

std::optional<StoredContext> DocumentCache::find(std::string_view url, UsagePtr& usage) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(url);
  if (found == entries_.end() || !found->second->document) return std::nullopt;
  usage = found->second->usage;
  return describe(found->first, *found->second);
}

bool DocumentCache::forget(std::string_view url) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(url);
  if (found == entries_.end() || !found->second->document) return false;
  Entry& entry = *found->second;
  bytes_ -= entry.document->bytes;
  entry.document.reset();
  if (entry.under_way) {
    entry.outdated = true;  // what comes was asked for before
  } else {
    entries_.erase(found);
  }
  return true;
}

void DocumentCache::reload(const std::string& url, Accept accept, std::function<void(base::Status)> done) {
  fetch_text(url, [weak = weak_from_this(), url, accept = std::move(accept),
                   done = std::move(done)](base::Result<std::string> text) {
    const auto cache = weak.lock();
    if (!cache) return;
    auto document = cache->read(url, text);
    base::Status status = document.ok() ? accept(*document) : base::Status(document.error());
    if (!status.ok()) {
      return done(error(Code::context_not_available, std::move(status).error().message));
    }
    {
      const std::lock_guard lock(cache->mutex_);
      auto& entry = cache->entries_[url];
      if (!entry) entry = std::make_unique<Entry>();
      cache->take(*entry, *document);
    }
    done({});
  });
}

void PreparedCache::tell_usage(const base::Clock& clock) const {
  const std::shared_lock lock(mutex_);
  const Nanoseconds now = clock.monotonic();
  const std::int64_t wall = clock.now().ns;
  for (const auto& [key, entry] : entries_)
    entry->tell({wall - now.count() + entry->last_used.load(std::memory_order_relaxed)});
}

void PreparedCache::insert(const std::string& key, std::shared_ptr<PreparedEntry> entry) {
  std::unique_lock lock(mutex_);
  auto& place = entries_[key];
  const auto size_of = [&](const std::shared_ptr<PreparedEntry>& e) { return e->bytes; };
  if (place) bytes_ -= size_of(place);
  bytes_ += size_of(entry);
  place = std::move(entry);
  evict_oldest(
      entries_, bytes_, limits_.cached_contexts, limits_.cached_bytes,
      [](const auto& e) { return e->last_used.load(std::memory_order_relaxed); }, size_of,
      [](const auto&) { return false; });
}

void PreparedCache::clear() {
  std::unique_lock lock(mutex_);
  entries_.clear();
  bytes_ = 0;
}

}  // namespace madang::ngsi
