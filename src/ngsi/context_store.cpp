#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/context.h"

#include "context_cache.h"
#include "context_prepare.h"

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

/// One context on its way: its documents are fetched round by round, as each tells what it refers to.
struct Job {
  std::string key;
  std::string tenant;
  std::uint64_t generation = 0;  // of the stored contexts when it began
  std::string root_url;          // empty for an inline context
  DocumentPtr root;
  Presentation presentation;
  bool refresh = false;         // an older one serves meanwhile
  bool wait_for_fresh = false;  // outdated documents will not do

  std::mutex mutex;  // guards what follows while fetches are under way
  Documents documents;
  std::vector<UsagePtr> used;
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

bool can_be_asked_for(const std::string& url) {
  return base::parse_url(url).ok() && base::is_absolute_uri(url);
}

}  // namespace

struct ContextStore::Impl : std::enable_shared_from_this<ContextStore::Impl> {
  Impl(ContextFetcher& fetcher, const base::Clock& c, ContextLimits l)
      : clock(c), limits(l), documents(std::make_shared<DocumentCache>(fetcher, c, l)), prepared(l) {}

  void from_url(const std::string& url, Done done, std::string_view tenant);
  void from_json(const std::string& json, Done done, std::string_view tenant);
  /// Contexts may mean different things to tenants that keep some here, so these have entries of their own.
  std::string key_of(std::string_view text, std::string_view tenant) const {
    return shelf.has(tenant) ? std::string(tenant).append(1, '\n').append(text) : std::string(text);
  }
  ContextPtr find_fresh(std::string_view text, std::string_view tenant) const {
    return shelf.has(tenant) ? prepared.find_fresh(key_of(text, tenant), clock) : prepared.find_fresh(text, clock);
  }
  /// After a stored context came, changed or went.
  void start_anew() {
    generation.fetch_add(1, std::memory_order_acq_rel);
    prepared.clear();
  }
  bool answer_from_cache(const std::string& key, const Done& done, bool& must_refresh);
  void join_or_start(JobPtr job, Done done);
  void run(const JobPtr& job);
  void fetch_all(const JobPtr& job, const std::vector<std::string>& urls);
  void arrived(const JobPtr& job, const std::string& url, base::Result<DocumentCache::Got> got);
  void finish(const JobPtr& job, base::Result<std::shared_ptr<const PreparedContext>> outcome);
  void complete(const JobPtr& job, const base::Result<ContextPtr>& result,
                const std::shared_ptr<PreparedEntry>& entry = nullptr);
  void keep_result(const JobPtr& job, std::shared_ptr<PreparedEntry> entry) {
    if (job->generation == generation.load(std::memory_order_acquire)) prepared.insert(job->key, std::move(entry));
  }

  const base::Clock& clock;
  const ContextLimits limits;
  const std::shared_ptr<DocumentCache> documents;
  PreparedCache prepared;
  ContextShelf shelf;
  std::atomic<std::uint64_t> generation{0};
  const base::Timestamp began = clock.now();
  const UsagePtr core_usage = std::make_shared<Usage>();
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
  entry->hits.add();
  done(entry->result);
  return true;
}

void ContextStore::Impl::from_url(const std::string& url, Done done, std::string_view tenant) {
  if (is_core_context_url(url)) return done(core_context());
  bool must_refresh = false;
  auto job = std::make_shared<Job>();
  job->generation = generation.load(std::memory_order_acquire);
  job->tenant = tenant;
  job->key = key_of(url, tenant);
  const bool answered = answer_from_cache(job->key, done, must_refresh);
  if (answered && !must_refresh) return;
  if (!can_be_asked_for(url)) {
    return done(error(Code::bad_request_data, "The @context \"" + url + "\" is not an absolute http or https URL."));
  }
  job->root_url = url;
  job->presentation.link_url = url;
  base::json::append_string(job->presentation.items.emplace_back(), url);
  job->refresh = must_refresh;
  join_or_start(std::move(job), answered ? Done() : std::move(done));
}

void ContextStore::Impl::from_json(const std::string& json, Done done, std::string_view tenant) {
  if (const std::string_view url = plain_string(json); !url.empty())
    return from_url(std::string(url), std::move(done), tenant);
  bool must_refresh = false;
  auto job = std::make_shared<Job>();
  job->generation = generation.load(std::memory_order_acquire);
  job->tenant = tenant;
  job->key = key_of(json, tenant);
  const bool answered = answer_from_cache(job->key, done, must_refresh);
  if (answered && !must_refresh) return;
  auto document = read_inline_context(json, limits);
  if (!document.ok()) {
    if (!answered) done(std::move(document).error());
    return;
  }
  const ContextDocument& root = **document;
  if (root.shown.empty()) return done(core_context());
  if (can_be_asked_for(root.only_url)) {
    // [URL] and [URL, core] are the URL. The text gets an entry of its own, so that ready_json() finds it.
    const auto take = [weak = weak_from_this(), job, url_key = key_of(root.only_url, tenant), answered,
                       done = std::move(done)](base::Result<ContextPtr> result) {
      if (const auto self = weak.lock(); self && result.ok()) {
        if (auto entry = self->prepared.find(url_key, self->clock.monotonic()))
          self->keep_result(job, std::move(entry));
      }
      if (!answered) done(std::move(result));
    };
    return from_url(root.only_url, take, tenant);
  }
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
  if (ready) {
    if (done) ready->hits.add(), done(ready->result);
    return;
  }
  if (job->root) return run(job);
  fetch_all(job, {job->root_url});
}

void ContextStore::Impl::run(const JobPtr& job) {
  auto prepared_now = prepare(*job->root, job->root_url, job->documents, job->presentation, limits);
  if (!prepared_now.ok()) return finish(job, std::move(prepared_now).error());
  if (!prepared_now->missing.empty()) return fetch_all(job, prepared_now->missing);
  finish(job, std::move(prepared_now->context));
}

void ContextStore::Impl::fetch_all(const JobPtr& job, const std::vector<std::string>& urls) {
  {
    std::lock_guard lock(job->mutex);
    job->waiting_for = urls.size();
  }
  for (const std::string& url : urls) {
    if (const auto kept = shelf.find_url(job->tenant, url)) {
      arrived(job, url, DocumentCache::Got{kept->document, Nanoseconds::max(), kept->usage});
      continue;
    }
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
      job->used.push_back(got->usage);
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
      keep_result(job, std::make_shared<PreparedEntry>(outcome.error(), job->key.size() + 512, 0,
                                                       now + limits.retry_after, now));
    }
    return complete(job, std::move(outcome).error());
  }
  const std::uint64_t print = fingerprint(*job);
  if (has_old && old->fingerprint == print) {  // unchanged: the vocabularies made for it stay good
    old->fresh_until.store(job->fresh_until.count(), std::memory_order_relaxed);
    return complete(job, old->result, old);
  }
  const std::size_t bytes = (*outcome)->bytes() + job->key.size();
  const ContextPtr context = std::move(*outcome);
  const auto entry = std::make_shared<PreparedEntry>(context, bytes, print, job->fresh_until, now, job->used);
  keep_result(job, entry);
  complete(job, context, entry);
}

void ContextStore::Impl::complete(const JobPtr& job, const base::Result<ContextPtr>& result,
                                  const std::shared_ptr<PreparedEntry>& entry) {
  std::vector<Done> waiting;
  {
    std::lock_guard lock(jobs_mutex);
    const auto found = jobs.find(job->key);
    if (found == jobs.end()) return;
    waiting.swap(found->second);
    jobs.erase(found);
  }
  if (entry) entry->hits.add(waiting.size());
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

void ContextStore::from_url(const std::string& url, Done done, std::string_view tenant) {
  impl_->from_url(url, std::move(done), tenant);
}
void ContextStore::from_json(std::string_view json, Done done, std::string_view tenant) {
  impl_->from_json(std::string(json), std::move(done), tenant);
}

ContextPtr ContextStore::ready(std::string_view url, std::string_view tenant) const {
  if (is_core_context_url(url)) return core_context();
  return impl_->find_fresh(url, tenant);
}

ContextPtr ContextStore::ready_json(std::string_view json, std::string_view tenant) const {
  if (const std::string_view url = plain_string(json); !url.empty()) return ready(url, tenant);
  return impl_->find_fresh(json, tenant);
}

// ---- stored contexts ----

std::string_view context_kind_name(ContextKind kind) {
  constexpr std::string_view kNames[] = {"Cached", "Hosted", "ImplicitlyCreated"};
  return kNames[static_cast<std::size_t>(kind)];
}

base::Status ContextStore::check(std::string_view document) const {
  auto read = read_remote_context(document, "in the body", impl_->limits);
  if (!read.ok()) {
    base::Error error = std::move(read).error();
    const bool is_other = error.code == Code::too_large || error.code == Code::too_complex;
    return base::error(is_other ? error.code : Code::invalid_request, std::move(error.message));
  }
  const auto as_context = [this](const ContextDocument& root) { return prepare(root, "", {}, {}, impl_->limits); };
  const auto prepared = as_context(**read);
  if (!prepared.ok()) return prepared.error();
  const jsonld::Value& context = (*read)->context();
  if (prepared->context || !context.is_array()) return {};
  // Whether definitions after a reference are right is known with what it refers to; that they are no numbers, now.
  for (std::size_t i = 0; i < context.get_array().size(); ++i) {
    const jsonld::Value& item = context.get_array()[i];
    if (item.is_object()) continue;
    ContextDocument alone;
    alone.tree = jsonld::Object{{"@context", item}};
    if (const auto one = as_context(alone); !one.ok())
      return base::error(one.error().code, one.error().message, one.error().where + "/" + std::to_string(i));
  }
  return {};
}

base::Status ContextStore::keep(std::string_view tenant, StoredContext context) {
  MADANG_TRY(DocumentPtr document, read_remote_context(context.document, context.id, impl_->limits));
  impl_->shelf.put(tenant, {std::move(context), std::move(document)});
  impl_->start_anew();
  return {};
}

bool ContextStore::drop(std::string_view tenant, std::string_view id) {
  if (!impl_->shelf.remove(tenant, id)) return false;
  impl_->start_anew();
  return true;
}

namespace {

StoredContext with_usage(const ContextShelf::Kept& kept) {
  StoredContext context = kept.context;
  context.hits = kept.usage->hits.load(std::memory_order_relaxed);
  if (const auto last = kept.usage->last.load(std::memory_order_relaxed); last > 0)
    context.last_used = base::Timestamp{last};
  return context;
}

StoredContext described_core(base::Timestamp since, const Usage& usage) {
  StoredContext core;
  core.id = "urn:ngsi-ld:JsonldContext:core";
  core.url = kCoreContextUrl;
  core.created_at = since;
  core.hits = usage.hits.load(std::memory_order_relaxed);
  return core;
}

}  // namespace

std::vector<StoredContext> ContextStore::stored(std::string_view tenant) const {
  impl_->prepared.tell_usage(impl_->clock);
  std::vector<StoredContext> all{described_core(impl_->began, *impl_->core_usage)};
  std::vector<StoredContext> cached = impl_->documents->list();
  std::sort(cached.begin(), cached.end(), [](const auto& a, const auto& b) { return a.url < b.url; });
  std::move(cached.begin(), cached.end(), std::back_inserter(all));
  for (const ContextShelf::Kept& kept : impl_->shelf.all(tenant)) all.push_back(with_usage(kept));
  return all;
}

std::optional<StoredContext> ContextStore::find_stored(std::string_view tenant, std::string_view name) const {
  impl_->prepared.tell_usage(impl_->clock);
  const auto count = [&](Usage& usage) { usage.add(1, impl_->clock.now()); };
  auto kept = impl_->shelf.find(tenant, name);
  if (!kept) kept = impl_->shelf.find_url(tenant, name);
  if (kept) {
    StoredContext found = with_usage(*kept);
    count(*kept->usage);
    return found;
  }
  StoredContext core = described_core(impl_->began, *impl_->core_usage);
  if (is_core_context_url(name) || name == core.id) return count(*impl_->core_usage), std::move(core);
  std::string url(name);
  if (name.starts_with("urn:")) {
    for (const StoredContext& each : impl_->documents->list())
      if (each.id == name) url = each.url;
  }
  UsagePtr usage;
  auto found = impl_->documents->find(url, usage);
  if (found) count(*usage);
  return found;
}

bool ContextStore::forget(std::string_view url) {
  if (!impl_->documents->forget(url)) return false;
  impl_->start_anew();
  return true;
}

void ContextStore::reload(const std::string& url, std::function<void(base::Status)> done) {
  if (is_core_context_url(url)) return done({});  // it is built in
  const auto accept = [weak = impl_->weak_from_this(), url](const DocumentPtr& document) -> base::Status {
    const auto self = weak.lock();
    auto prepared = prepare(*document, url, {}, {}, self ? self->limits : ContextLimits());
    if (prepared.ok()) return {};
    return std::move(prepared).error();
  };
  impl_->documents->reload(url, accept, [weak = impl_->weak_from_this(), done = std::move(done)](base::Status status) {
    if (const auto self = weak.lock(); self && status.ok()) self->start_anew();
    done(std::move(status));
  });
}

}  // namespace madang::ngsi
