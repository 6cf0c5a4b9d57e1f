#include "past.h"

#include <algorithm>
#include <chrono>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

#include "erasing.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;

constexpr std::size_t kFeedAtOnce = 256;                 // records between two looks at what else there is
constexpr auto kGather = std::chrono::milliseconds(20);  // what comes so soon after something is taken with it
constexpr auto kIdle = std::chrono::milliseconds(200);
constexpr auto kAfterTrouble = std::chrono::milliseconds(500);
constexpr auto kLongestWait = std::chrono::seconds(10);  // of a reader for history to come to where it wants it
constexpr std::size_t kMostTasks = 1'000;
constexpr std::uint64_t kWorthTelling = 1'000'000;   // records behind
constexpr std::int64_t kTellEvery = 60'000'000'000;  // ns

base::metrics::Counter& fed_records() {
  static auto& counter = base::metrics::counter("madang_history_records_total", "Journal records taken into history");
  return counter;
}

}  // namespace

base::Result<std::unique_ptr<Past>> Past::open(const Options& options, base::FileSystem& files,
                                               const std::string& folder, journal::Journal& journal,
                                               state::Store& store, const base::Clock& clock) {
  std::unique_ptr<Past> past(new Past(options, journal, clock));
  history::Options how;
  how.folder = folder;
  how.files = &files;
  how.memory_bytes = options.history_memory;
  how.cache_bytes = options.history_cache;
  MADANG_TRY(past->history_, history::History::open(how, clock));
  history::History& history = *past->history_;
  const std::uint64_t fed = history.fed().value;
  if (!history.is_new() && fed > journal.last().value)
    return base::error(Code::corrupt,
                       "History is ahead of the journal: the folder `history` belongs to other data. Put back the one "
                       "that belongs here, or remove it to begin a new one.",
                       folder);
  if (history.is_new() || journal.first().value > fed + 1) {
    if (!history.is_new())
      base::log::warning("the journal no longer reaches back to where history ends; what happened between is not in it",
                         {{"history", fed}, {"journal", journal.first().value}});
    MADANG_CHECK(past->begin_with(store));
  }
  // A question names types and attributes in the tenant's words. Those of which there is nothing now are known again.
  history.each_name([&](std::string_view tenant, std::string_view name) {
    if (state::Tenant* const found = store.tenant(tenant)) (void)found->symbols().intern(name);
  });
  return past;
}

/// History begins with what there is now, each entity as of its last change.
base::Status Past::begin_with(state::Store& store) {
  const std::uint64_t fed = history_->is_new() ? 0 : history_->fed().value;
  const ngsi::Query everything;
  for (const std::string& name : store.tenant_names()) {
    const state::Tenant& tenant = *store.tenant(name);
    state::Page page;
    page.limit = 1'000;
    for (bool more = true; more;) {
      state::Search search(store, tenant, everything, nullptr, page);
      base::Status seeded;
      for (bool finished = false; !finished;) {
        const state::Reading reading(store);
        MADANG_TRY(finished, search.run(10'000, [&](ngsi::EntityView entity) {
          if (seeded.ok() && entity.version() > fed) seeded = history_->seed(name, tenant.symbols(), entity);
        }));
      }
      MADANG_CHECK(seeded);
      more = search.more();
      page.after = search.last();
    }
  }
  return history_->begin(journal_.durable());
}

Past::~Past() {
  stop();
}

void Past::start() {
  threads_.emplace_back([this] { feed(); });
  show_gauges();
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.history_threads, 1); ++i)
    threads_.emplace_back([this] { run_reader(); });
}

void Past::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stop_.exchange(true)) return;
  }
  come_.notify_all();
  arrived_.notify_all();
  asked_.notify_all();
  for (const char* const name :
       {"madang_history_lag_records", "madang_history_stalled", "madang_history_points", "madang_history_bytes"})
    base::metrics::remove_gauge(name, {});
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (Task& task : tasks_) task.work(base::error(Code::unavailable, "The server is stopping."));
  tasks_.clear();
  if (auto flushed = history_->flush(); !flushed.ok())
    base::log::warning("history could not be written at the end; it goes on from the journal at the next start",
                       {{"reason", flushed.error().message}});
}

void Past::wake() {
  if (poked_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  come_.notify_one();
}

std::uint64_t Past::lag() const {
  const std::uint64_t there = journal_.durable().value, here = history_->fed().value;
  return there > here ? there - here : 0;
}

base::Result<bool> Past::erase(const ToBeGone& gone) {
  std::vector<history::History::Gone> all;
  gone.each([&](std::string_view tenant, std::string_view id, Position upto) {
    all.push_back({std::string(tenant), std::string(id), upto});
  });
  return history_->erase(all);
}

void Past::feed() {
  std::unique_ptr<journal::Reader> reader;
  while (!stop_) {
    poked_ = false;
    auto taken = feed_some(reader);
    if (taken.ok() && *taken > 0) {
      fed_records().add(*taken);
      const std::lock_guard lock(mutex_);
      arrived_.notify_all();
      if (*taken == kFeedAtOnce) continue;
    }
    if (!taken.ok()) {
      base::log::error("history does not go on", {{"reason", taken.error().message}, {"where", taken.error().where}});
      reader.reset();
    }
    tell_lag();
    std::unique_lock lock(mutex_);
    come_.wait_for(lock, taken.ok() ? kIdle : kAfterTrouble,
                   [&] { return stop_ || (taken.ok() && poked_.load(std::memory_order_relaxed)); });
    // A batch costs some switches between threads and a look at the journal, however little is in it.
    if (poked_.load(std::memory_order_relaxed))
      come_.wait_for(lock, kGather, [this] { return stop_ || wanted_ > history_->fed().value; });
  }
}

base::Result<std::size_t> Past::feed_some(std::unique_ptr<journal::Reader>& reader) {
  if (!reader) {
    MADANG_TRY(reader, journal_.read(history_->fed()));
  }
  journal::Record record;
  for (std::size_t taken = 0; taken < kFeedAtOnce; ++taken) {
    if (stop_) return taken;
    MADANG_TRY(const bool found, reader->next(record));
    if (!found) return taken;
    MADANG_CHECK(history_->feed(record));
  }
  return kFeedAtOnce;
}

void Past::show_gauges() {
  base::metrics::gauge("madang_history_lag_records", "Durable records that history has yet to take", {},
                       [this] { return static_cast<double>(lag()); });
  base::metrics::gauge("madang_history_stalled", "1 while the disk takes nothing of history; /health says why", {},
                       [this] { return health().trouble.empty() ? 0.0 : 1.0; });
  base::metrics::gauge("madang_history_points", "Instances of attributes in history", {},
                       [this] { return static_cast<double>(health().points); });
  base::metrics::gauge("madang_history_bytes", "Bytes of history on disk", {},
                       [this] { return static_cast<double>(health().bytes); });
}

void Past::tell_lag() {
  const std::uint64_t now_behind = lag();
  const history::Health health = history_->health();
  const auto now = static_cast<std::uint64_t>(clock_.monotonic().count());
  if ((now_behind < kWorthTelling && health.trouble.empty()) ||
      now - last_told_ < static_cast<std::uint64_t>(kTellEvery))
    return;
  last_told_ = now;
  base::log::warning(
      "history lags",
      {{"records_behind", now_behind},
       {"reason", health.trouble.empty() ? "it takes less than is written" : health.trouble},
       {"what_to_do", health.trouble.empty() ? "give the server another core or a faster disk, or write less"
                                             : "make room on the disk: history goes on by itself, and until then the "
                                               "journal is kept"}});
}

// ---- readers ----

void Past::read(Position position, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_ && tasks_.size() < kMostTasks) {
      tasks_.push_back({position, std::move(work)});
      asked_.notify_one();
      return;
    }
  }
  work(base::error(stop_ ? Code::unavailable : Code::too_many_requests,
                   "Too many questions about the past wait for their turn; try again in a moment."));
}

void Past::run_reader() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
      if (stop_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task.work(wait_for(task.position));
  }
}

base::Status Past::wait_for(Position position) {
  if (history_->fed() >= position) return {};
  std::unique_lock lock(mutex_);
  wanted_ = std::max(wanted_, position.value);
  poked_ = true;
  come_.notify_one();
  (void)arrived_.wait_for(lock, kLongestWait, [&] { return stop_ || history_->fed() >= position; });
  if (history_->fed() >= position) return {};
  return base::error(Code::unavailable, "History lags behind the current state; try again in a moment.");
}

}  // namespace madang::hub
