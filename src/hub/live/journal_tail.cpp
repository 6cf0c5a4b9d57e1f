#include "live/journal_tail.h"

#include <algorithm>
#include <unordered_map>

#include "madang/base/log.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;
using journal::RecordKind;

constexpr std::size_t kKeptReaders = 16;
constexpr std::chrono::milliseconds kLook{25};  // how soon those who wait see what has come

bool is_of_entity(RecordKind kind) {
  return kind == RecordKind::entity_put || kind == RecordKind::entity_patch || kind == RecordKind::entity_delete;
}

base::Error no_longer_kept(std::uint64_t after) {
  return base::error(Code::conflict, "The journal is no longer kept after position " + std::to_string(after) + ".");
}

base::Error stopping() {
  return base::error(Code::unavailable, "The server is stopping.");
}

}  // namespace

JournalTail::JournalTail(state::Store& store, journal::Journal& journal, const base::Clock& clock, LiveOptions options)
    : store_(store), journal_(journal), clock_(clock), options_(options) {}

JournalTail::~JournalTail() {
  stop();
}

void JournalTail::start() {
  thread_ = std::thread([this] { run(); });
}

void JournalTail::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wakeup_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (Job& job : submitted_) refuse(job, stopping());
  for (Job& job : waiting_) refuse(job, stopping());
  submitted_.clear();
  waiting_.clear();
  kept_.clear();
}

void JournalTail::refuse(Job& job, base::Error error) {
  if (job.missed) job.home->post([done = std::move(job.missed), error] { done(error); });
  if (job.changes) job.home->post([done = std::move(job.changes), error] { done(error); });
}

void JournalTail::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    const bool full = jobs_ >= options_.waiting_reads;
    if (!full && !stop_) {
      ++jobs_;
      submitted_.push_back(std::move(job));
      wakeup_.notify_one();
      return;
    }
    if (stop_) return refuse(job, stopping());
  }
  refuse(job, base::error(Code::too_many_requests, "Too many others read the journal; try again in a moment."));
}

void JournalTail::missed(state::Tenant& tenant, std::uint64_t after, base::Executor& home,
                         std::function<void(base::Result<Live::MissedPage>)> done) {
  Job job;
  job.tenant = &tenant;
  job.after = after;
  job.home = &home;
  job.missed = std::move(done);
  submit(std::move(job));
}

void JournalTail::changes(state::Tenant& tenant, std::uint64_t after, std::size_t limit, std::size_t bytes,
                          std::chrono::milliseconds wait, base::Executor& home,
                          std::function<void(base::Result<Live::Changes>)> done) {
  Job job;
  job.tenant = &tenant;
  job.after = after;
  job.home = &home;
  job.changes = std::move(done);
  job.limit = limit;
  job.bytes = bytes;
  job.deadline = clock_.monotonic() + wait;
  submit(std::move(job));
}

// ---- the thread ----

void JournalTail::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (waiting_.empty()) {
      wakeup_.wait(lock, [this] { return stop_ || !submitted_.empty(); });
    } else {
      wakeup_.wait_for(lock, kLook, [this] { return stop_ || !submitted_.empty(); });
    }
    if (stop_) return;
    for (Job& job : submitted_) waiting_.push_back(std::move(job));
    submitted_.clear();
    lock.unlock();
    const auto now = clock_.monotonic();
    std::size_t done = 0;
    for (auto job = waiting_.begin(); job != waiting_.end();) {
      if (!go(*job, now >= job->deadline)) {
        ++job;
        continue;
      }
      job = waiting_.erase(job);
      ++done;
    }
    lock.lock();
    jobs_ -= done;
  }
}

/// True: it is done.
bool JournalTail::go(Job& job, bool last_try) {
  if (job.missed) {
    auto page = std::make_shared<base::Result<Live::MissedPage>>(find_missed(job));
    job.home->post([done = std::move(job.missed), page] { done(std::move(*page)); });
    return true;
  }
  auto page = std::make_shared<base::Result<Live::Changes>>(read_changes(job));
  if (page->ok()) {
    job.after = (*page)->next;
    if ((*page)->entries.empty() && !last_try) return false;
    keep(job.after, std::move(job.reader));
  }
  job.home->post([done = std::move(job.changes), page] { done(std::move(*page)); });
  return true;
}

base::Result<JournalTail::ReaderPtr> JournalTail::reader_at(std::uint64_t after) {
  for (auto entry = kept_.begin(); entry != kept_.end(); ++entry) {
    if (entry->first != after) continue;
    ReaderPtr reader = std::move(entry->second);
    kept_.erase(entry);
    return reader;
  }
  auto made = journal_.read(Position{after});
  if (!made.ok() && made.error().code == Code::conflict) return no_longer_kept(after);
  return made;
}

void JournalTail::keep(std::uint64_t position, ReaderPtr reader) {
  if (!reader) return;
  kept_.emplace_front(position, std::move(reader));
  if (kept_.size() > kKeptReaders) kept_.pop_back();
}

base::Result<Live::MissedPage> JournalTail::find_missed(Job& job) {
  MADANG_TRY(const ReaderPtr reader, reader_at(job.after));
  Live::MissedPage page;
  page.until = store_.shown().value;
  std::unordered_map<std::string, std::uint64_t> last;
  journal::Record record;
  for (;;) {
    auto found = reader->next(record);
    if (!found.ok()) return found.error().code == Code::conflict ? no_longer_kept(job.after) : std::move(found).error();
    if (!*found || record.position.value > page.until) break;
    if (!is_of_entity(record.kind) || record.tenant != job.tenant->name()) continue;
    std::string id;
    if (record.kind == RecordKind::entity_delete) {
      id.assign(reinterpret_cast<const char*>(record.payload.data()), record.payload.size());
    } else {
      MADANG_TRY(const ngsi::EntityBlock block, records_.read(record.payload, job.tenant->symbols()));
      id = ngsi::EntityView(block).id();
    }
    last[std::move(id)] = record.position.value;
    if (last.size() > options_.catch_up_entities) {
      return base::error(Code::conflict, "More than " + std::to_string(options_.catch_up_entities) +
                                             " entities have changed since then.");
    }
  }
  page.entities.reserve(last.size());
  for (auto& [id, position] : last) page.entities.push_back({position, id});
  std::sort(page.entities.begin(), page.entities.end(),
            [](const auto& a, const auto& b) { return a.position < b.position; });
  return page;
}

base::Result<Live::Changes> JournalTail::read_changes(Job& job) {
  if (!job.reader) {
    MADANG_TRY(job.reader, reader_at(job.after));
  }
  Live::Changes page;
  page.next = job.after;
  const std::uint64_t until = store_.shown().value;  // nobody learns here what queries do not show yet
  std::size_t size = 0;
  journal::Record record;
  while (page.entries.size() < job.limit && size < job.bytes && page.next < until) {
    auto found = job.reader->next(record);
    if (!found.ok()) return found.error().code == Code::conflict ? no_longer_kept(page.next) : std::move(found).error();
    if (!*found) break;
    page.next = record.position.value;
    if (!is_of_entity(record.kind) || record.tenant != job.tenant->name()) continue;
    JournalEntry entry;
    entry.position = record.position.value;
    entry.time = record.time;
    size += record.payload.size();
    if (record.kind == RecordKind::entity_delete) {
      entry.kind = JournalEntry::Kind::remove;
      entry.id.assign(reinterpret_cast<const char*>(record.payload.data()), record.payload.size());
    } else {
      entry.kind = record.kind == RecordKind::entity_put ? JournalEntry::Kind::put : JournalEntry::Kind::patch;
      MADANG_TRY(entry.block, records_.read(record.payload, job.tenant->symbols()));
      entry.id = ngsi::EntityView(entry.block).id();
    }
    page.entries.push_back(std::move(entry));
  }
  return page;
}

}  // namespace madang::hub
