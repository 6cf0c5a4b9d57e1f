#include <array>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/context.h"

#include "context_cache.h"
#include "context_flatten.h"
#include "context_prepare.h"

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

/// One context on its way: its documents are fetched round by round, as each tells what it refers to.
struct Job {
  std::string key;
  std::string root_url;  // empty for an inline context
  DocumentPtr root;
  Presentation presentation;
  bool refresh = false;         // an older one serves meanwhile
  bool wait_for_fresh = false;  // outdated documents will not do

  std::mutex mutex;  // guards what follows while fetches are under way
  Documents documents;
  Nanoseconds fresh_until = Nanoseconds::max();
  std::size_t waiting_for = 0;
  std::optional<base::Error> failure;
};
using JobPtr = std::shared_ptr<Job>;

/// Of all documents that went into a context: the same again means that nothing changed.
std::uint64_t fingerprint(const Job& job) {
  std::uint64_t sum = job.root->text_hash;
  for (const auto& [url, document] : job.documents) {
    const std::array<std::uint64_t, 2> pair{NameHash()(url), document->text_hash};
    sum += NameHash()({reinterpret_cast<const char*>(pair.data()), sizeof pair});
  }
  return sum;
}

/// The URL in a JSON string without escapes; empty where `json` is anything else.
std::string_view plain_string(std::string_view json) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return {};
  json = json.substr(1, json.size() - 2);
  return json.find_first_of("\"\\") == std::string_view::npos ? json : std::string_view();
}

}  // namespace

struct ContextStore::Impl : std::enable_shared_from_this<ContextStore::Impl> {
  Impl(ContextFetcher& fetcher, const base::Clock& c, ContextLimits l)
      : clock(c), limits(l), documents(std::make_shared<DocumentCache>(fetcher, c, l)), prepared(l) {}

  void from_url(const std::string& url, Done done);
  void from_json(const std::string& json, Done done);
  bool answer_from_cache(const std::string& key, const Done& done, bool& must_refresh);
  void join_or_start(JobPtr job, Done done);
  void run(const JobPtr& job);
  void fetch_all(const JobPtr& job, const std::vector<std::string>& urls);
  void arrived(const JobPtr& job, const std::string& url, base::Result<DocumentCache::Got> got);
  void finish(const JobPtr& job, base::Result<std::shared_ptr<const PreparedContext>> outcome);
  void complete(const JobPtr& job, const base::Result<ContextPtr>& result);

  const base::Clock& clock;
  const ContextLimits limits;
  const std::shared_ptr<DocumentCache> documents;
  PreparedCache prepared;
  std::mutex jobs_mutex;
  boost::unordered_flat_map<std::string, std::vector<Done>, NameHash, NameEqual> jobs;  // who waits for which key
};

/// True where `done` was called. An outdated context still serves; one caller in `retry_after` is told to refresh it.
bool ContextStore::Impl::answer_from_cache(const std::string& key, const Done& done, bool& must_refresh) {
  const Nanoseconds now = clock.monotonic();
  const auto entry = prepared.find(key, now);
  if (!entry) return false;
  if (!entry->is_fresh(now)) {
    if (!entry->result.ok()) return false;
    std::int64_t until = entry->fresh_until.load(std::memory_order_relaxed);
    must_refresh = until <= now.count() && entry->fresh_until.compare_exchange_strong(
                                               until, (now + limits.retry_after).count(), std::memory_order_relaxed);
  }
  done(entry->result);
  return true;
}

void ContextStore::Impl::from_url(const std::string& url, Done done) {
  if (is_core_context_url(url)) return done(core_context());
  bool must_refresh = false;
  const bool answered = answer_from_cache(url, done, must_refresh);
  if (answered && !must_refresh) return;
  if (const auto parsed = base::parse_url(url); !parsed.ok() || !base::is_absolute_uri(url)) {
    return done(error(Code::bad_request_data, "The @context \"" + url + "\" is not an absolute http or https URL."));
  }
  auto job = std::make_shared<Job>();
  job->key = job->root_url = url;
  job->presentation.link_url = url;
  base::json::append_string(job->presentation.items.emplace_back(), url);
  job->refresh = must_refresh;
  join_or_start(std::move(job), answered ? Done() : std::move(done));
}

void ContextStore::Impl::from_json(const std::string& json, Done done) {
  if (const std::string_view url = plain_string(json); !url.empty()) return from_url(std::string(url), std::move(done));
  bool must_refresh = false;
  const bool answered = answer_from_cache(json, done, must_refresh);
  if (answered && !must_refresh) return;
  auto document = read_inline_context(json, limits);
  if (!document.ok()) {
    if (!answered) done(std::move(document).error());
    return;
  }
  const ContextDocument& root = **document;
  if (root.items.empty()) return done(core_context());
  if (const auto* only = std::get_if<RemoteReference>(&root.items.front()); only != nullptr && root.items.size() == 1) {
    // [URL] and [URL, core] are the URL. The text gets an entry of its own, so that ready_json() finds it.
    return from_url(only->url, [weak = weak_from_this(), json, url = only->url, answered,
                                done = std::move(done)](base::Result<ContextPtr> result) {
      if (const auto self = weak.lock(); self && result.ok()) {
        if (auto entry = self->prepared.find(url, self->clock.monotonic()))
          self->prepared.insert(json, std::move(entry));
      }
      if (!answered) done(std::move(result));
    });
  }
  auto job = std::make_shared<Job>();
  job->key = json;
  job->root = *document;
  job->presentation.items = root.shown;
  job->presentation.core_url = root.core_url;
  job->refresh = must_refresh;
  join_or_start(std::move(job), answered ? Done() : std::move(done));
}

void ContextStore::Impl::join_or_start(JobPtr job, Done done) {
  std::shared_ptr<PreparedEntry> ready;
  {
    std::lock_guard lock(jobs_mutex);
    // Whoever finished since the first look has left its result before leaving the list.
    ready = job->refresh ? nullptr : prepared.find(job->key, clock.monotonic());
    if (ready && !ready->is_fresh(clock.monotonic())) {
      job->wait_for_fresh = !ready->result.ok();  // the old documents were no good
      ready = nullptr;
    }
    job->wait_for_fresh |= job->refresh;
    if (!ready) {
      const auto [place, fresh] = jobs.try_emplace(job->key);
      if (done) place->second.push_back(std::move(done));
      if (!fresh) return;
    }
  }
  if (ready) return done ? done(ready->result) : void();
  if (job->root) return run(job);
  fetch_all(job, {job->root_url});
}

void ContextStore::Impl::run(const JobPtr& job) {
  auto flat = flatten(*job->root, job->root_url, job->documents, limits);
  if (!flat.ok()) return finish(job, std::move(flat).error());
  if (!flat->missing.empty()) return fetch_all(job, flat->missing);
  finish(job, prepare(flat->objects, job->presentation, limits));
}

void ContextStore::Impl::fetch_all(const JobPtr& job, const std::vector<std::string>& urls) {
  {
    std::lock_guard lock(job->mutex);
    job->waiting_for = urls.size();
  }
  for (const std::string& url : urls) {
    documents->get(url, job->wait_for_fresh, [weak = weak_from_this(), job, url](base::Result<DocumentCache::Got> got) {
      if (const auto self = weak.lock()) self->arrived(job, url, std::move(got));
    });
  }
}

void ContextStore::Impl::arrived(const JobPtr& job, const std::string& url, base::Result<DocumentCache::Got> got) {
  {
    std::lock_guard lock(job->mutex);
    if (got.ok()) {
      job->fresh_until = std::min(job->fresh_until, got->fresh_until);
      (url == job->root_url ? job->root : job->documents[url]) = got->document;
    } else if (!job->failure) {
      job->failure = std::move(got).error();
    }
    if (--job->waiting_for > 0) return;
  }
  if (job->failure) return complete(job, *job->failure);
  run(job);
}

/// Keeps what came out. What is wrong with the documents themselves stands as long as a failure does, so that a
/// broken context is not worked through for every request.
void ContextStore::Impl::finish(const JobPtr& job, base::Result<std::shared_ptr<const PreparedContext>> outcome) {
  const Nanoseconds now = clock.monotonic();
  const auto old = prepared.find(job->key, now);
  const bool has_old = old && old->result.ok();
  if (!outcome.ok()) {
    if (!has_old) {
      prepared.insert(job->key, std::make_shared<PreparedEntry>(outcome.error(), job->key.size() + 512, 0,
                                                                now + limits.retry_after, now));
    }
    return complete(job, std::move(outcome).error());
  }
  const std::uint64_t print = fingerprint(*job);
  if (has_old && old->fingerprint == print) {  // unchanged: the vocabularies made for it stay good
    old->fresh_until.store(job->fresh_until.count(), std::memory_order_relaxed);
    return complete(job, old->result);
  }
  const std::size_t bytes = (*outcome)->bytes() + job->key.size();
  const ContextPtr context = std::move(*outcome);
  prepared.insert(job->key, std::make_shared<PreparedEntry>(context, bytes, print, job->fresh_until, now));
  complete(job, context);
}

void ContextStore::Impl::complete(const JobPtr& job, const base::Result<ContextPtr>& result) {
  std::vector<Done> waiting;
  {
    std::lock_guard lock(jobs_mutex);
    const auto found = jobs.find(job->key);
    if (found == jobs.end()) return;
    waiting.swap(found->second);
    jobs.erase(found);
  }
  for (const Done& done : waiting) done(result);
}

ContextStore::ContextStore(ContextFetcher& fetcher, const base::Clock& clock, ContextLimits limits)
    : impl_(std::make_shared<Impl>(fetcher, clock, limits)) {}
ContextStore::~ContextStore() = default;

base::Status ContextStore::load_map(const std::string& map_file) {
  MADANG_TRY(ContextMap map, read_context_map(map_file));
  impl_->documents->set_map(std::move(map));
  impl_->prepared.clear();
  return {};
}

void ContextStore::from_url(const std::string& url, Done done) {
  impl_->from_url(url, std::move(done));
}
void ContextStore::from_json(std::string_view json, Done done) {
  impl_->from_json(std::string(json), std::move(done));
}

ContextPtr ContextStore::ready(std::string_view url) const {
  if (is_core_context_url(url)) return core_context();
  return impl_->prepared.find_fresh(url, impl_->clock);
}

ContextPtr ContextStore::ready_json(std::string_view json) const {
  if (const std::string_view url = plain_string(json); !url.empty()) return ready(url);
  return impl_->prepared.find_fresh(json, impl_->clock);
}

}  // namespace madang::ngsi
