#include "maintenance.h"

#include <algorithm>

#include "madang/base/log.h"

#include "past.h"
#include "sealed.h"

namespace madang::hub {

namespace {

using journal::Position;

constexpr auto kPeriod = std::chrono::milliseconds(500);
constexpr auto kShortest = std::chrono::milliseconds(20);
constexpr std::size_t kExpirySlice = 128;  // entities expired while the sequencer's lock is held
constexpr std::size_t kIndexSlice = 128;   // entities indexed while the sequencer's lock is held
constexpr std::uint64_t kLadderSteps = 4;  // snapshots kept over the span the journal is kept, for restoring to a point
constexpr std::uint64_t kSnapshotRate = 200ull << 20;  // bytes a second

/// A folder of files without folders in it.
base::Status remove_folder(base::FileSystem& files, const std::string& folder) {
  if (!files.exists(folder)) return {};
  MADANG_TRY(const auto names, files.list(folder));
  for (const std::string& name : names) MADANG_CHECK(files.remove(folder + "/" + name));
  return files.remove(folder);
}

}  // namespace

Maintenance::Maintenance(state::Store& store, journal::Journal& journal, Sequencer& sequencer, base::FileSystem& files,
                         const base::Clock& clock, const Options& options, const state::SnapshotInfo& newest,
                         std::function<base::Status(journal::Position)> may_finish, Past* past)
    : store_(store),
      journal_(journal),
      sequencer_(sequencer),
      files_(files),
      clock_(clock),
      options_(options),
      past_(past),
      folder_{options.folder},
      erasing_(store, journal, sequencer, files, clock, options),
      may_finish_(std::move(may_finish)),
      snapshot_position_(newest.begun.value) {}

Maintenance::~Maintenance() {
  stop();
}

void Maintenance::start() {
  erasing_.start();
  thread_ = std::thread([this] { run(); });
}

void Maintenance::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_ = true;
  wakeup_.notify_all();
  if (thread_.joinable()) thread_.join();
  erasing_.answer_finds([] { return false; });
}

void Maintenance::wake() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  wakeup_.notify_all();
}

void Maintenance::run() {
  for (;;) {
    {
      const auto at_most = pause();
      std::unique_lock lock(mutex_);
      wakeup_.wait_for(lock, at_most, [this] { return stop_ || poked_; });
      if (stop_) return;
      poked_ = false;
    }
    while (!stopping_ && sequencer_.exclusively([this] { return store_.build_indexes(kIndexSlice); }))
      std::this_thread::yield();
    if (sequencer_.failed()) continue;
    expire();
    erase();
    if (due()) {
      if (auto taken = snapshot(); !taken.ok() && !stopping_)
        base::log::error("snapshot failed", {{"reason", taken.error().message}, {"file", taken.error().where}});
    }
    if (auto tidied = tidy(); !tidied.ok())
      base::log::warning("old journal segments could not be dropped", {{"reason", tidied.error().message}});
  }
}

/// Until the next thing expires; readers are not shown it from then on, so that a later record does no harm.
std::chrono::milliseconds Maintenance::pause() {
  const auto next = sequencer_.exclusively([this] { return store_.next_expiry(); });
  if (!next) return kPeriod;
  const base::Timestamp now = clock_.now();
  if (*next <= now) return kShortest;
  const auto left = std::chrono::nanoseconds(next->ns - now.ns);
  return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), kShortest, kPeriod);
}

void Maintenance::expire() {
  const base::Timestamp now = clock_.now();
  const auto next = sequencer_.exclusively([this] { return store_.next_expiry(); });
  if (!next || *next > now) return;
  for (const std::string& name : store_.tenant_names()) {
    state::Store::Due last;
    while (!stopping_ && sequencer_.expire(*store_.tenant(name), last, kExpirySlice)) std::this_thread::yield();
  }
}

void Maintenance::erase() {
  const auto go_on = [this] { return !stopping_.load(std::memory_order_relaxed); };
  erasing_.remove(go_on);
  erasing_.answer_finds(go_on);
  if (!erasing_.due()) return;
  const std::lock_guard one(snapshotting_);
  if (!pins_.empty()) return;  // a backup is being copied: files must stay as they are
  if (auto erased = erasing_.overwrite(); !erased.ok())
    base::log::warning("erasing goes on later", {{"reason", erased.error().message}, {"place", erased.error().where}});
}

std::uint64_t Maintenance::journal_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : journal_.segments()) bytes += segment.bytes;
  return bytes;
}

/// A restart replays what came after the newest snapshot: once that is as long as `tail_bytes` (or half of what is in
/// memory, where that is more: a snapshot of everything must not be written for every little change), the next one is
/// due.
bool Maintenance::due() const {
  const Position from{snapshot_position()};
  std::uint64_t tail = 0;
  for (const auto& segment : journal_.segments())
    if (segment.last > from) tail += segment.used;
  return tail >= std::max(options_.tail_bytes, store_.memory_bytes() / 4);
}

base::Result<state::SnapshotInfo> Maintenance::snapshot() {
  const std::lock_guard one(snapshotting_);
  const auto go_on = [this](std::uint64_t, std::uint64_t) { return !stopping_.load(std::memory_order_relaxed); };
  MADANG_CHECK(files_.make_folder(folder_.snapshots()));
  MADANG_TRY(const state::SnapshotInfo info,
             state::write_snapshot(store_, files_, folder_.snapshots(), clock_, kSnapshotRate, go_on, may_finish_));
  // Until it was read back whole, the previous one is the one that counts.
  MADANG_CHECK(state::verify_snapshot(files_, info.file, false));
  snapshot_position_ = info.begun.value;
  base::log::info("snapshot taken",
                  {{"entities", info.entities}, {"bytes", info.bytes}, {"position", info.begun.value}});
  return info;
}

/// Drops segments beyond the age and size the journal is kept for, and the snapshots that only they could be put on. A
/// point in time can be restored from the newest snapshot before it, so a ladder of snapshots stays over the span that
/// is kept.
base::Status Maintenance::tidy() {
  const std::lock_guard one(snapshotting_);
  if (!pins_.empty()) return {};
  auto snapshots = state::list_snapshots(files_, folder_.snapshots());  // newest first
  if (snapshots.empty()) return {};
  const base::Timestamp oldest_time{clock_.now().ns - std::chrono::nanoseconds(options_.keep_age).count()};
  const auto segments = journal_.segments();  // oldest first
  Position keep_after;                        // records above this one are within the limits
  std::uint64_t bytes = 0;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    bytes += segment->bytes;
    // A segment is as old as its last record: as the beginning of the next one.
    const bool too_old = segment != segments.rbegin() && std::prev(segment)->begun < oldest_time;
    if (too_old || bytes > options_.keep_bytes) {
      keep_after = segment->last;
      break;
    }
  }
  // The base of everything that stays: the newest snapshot complete at or before the limit.
  const auto base = std::find_if(snapshots.begin(), snapshots.end(),
                                 [&](const state::SnapshotInfo& info) { return info.complete <= keep_after; });
  if (base != snapshots.end()) {
    for (auto old = std::next(base); old != snapshots.end(); ++old) MADANG_CHECK(files_.remove(old->file));
    snapshots.erase(std::next(base), snapshots.end());
    // What history has yet to take stays, whatever the limits say.
    MADANG_CHECK(journal_.drop(past_ ? std::min(base->begun, past_->position()) : base->begun));
  }
  // Thin the ladder: of two neighbours nearer than a step the newer goes, the newest two and the base stay.
  const std::uint64_t records = journal_.last().value - journal_.first().value + 1;
  const std::uint64_t step = records / kLadderSteps;
  for (std::size_t i = snapshots.size(); i-- > 2;) {
    if (i + 1 >= snapshots.size()) continue;
    const std::uint64_t position = snapshots[i].begun.value;
    if (position - snapshots[i + 1].begun.value < step) {
      MADANG_CHECK(files_.remove(snapshots[i].file));
      snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return {};
}

base::Result<Hub::BackupPlan> Maintenance::pin() {
  MADANG_CHECK(snapshot());
  const std::lock_guard one(snapshotting_);
  {
    const bool first = !files_.exists(folder_.keys());
    MADANG_TRY(const auto keys, load_keys(files_, folder_.keys(), true));
    if (first && !options_.keys_copy.empty())
      MADANG_CHECK(store_keys(files_, keys, folder_.keys(), options_.keys_copy));
  }
  Hub::BackupPlan plan;
  plan.ticket = next_ticket_++;
  pins_.emplace(plan.ticket, std::string());
  const auto relative = [this](const std::string& path) {
    return path.starts_with(folder_.root + "/") ? path.substr(folder_.root.size() + 1) : path;
  };
  // Everything kept, so that the copy too can be restored to any point since the oldest segment.
  plan.files.push_back("format");
  for (const auto& info : state::list_snapshots(files_, folder_.snapshots())) plan.files.push_back(relative(info.file));
  for (const auto& segment : journal_.segments())
    plan.files.push_back(relative(folder_.journal() + "/" + segment.file));
  if (past_) {
    const std::string copy = folder_.history_copy(plan.ticket);
    if (auto copied = copy_history(copy, plan, relative(copy)); !copied.ok()) {
      pins_.erase(plan.ticket);
      return std::move(copied).error();
    }
    pins_[plan.ticket] = copy;
  }
  plan.position = journal_.durable().value;
  return plan;
}

base::Status Maintenance::copy_history(const std::string& copy, Hub::BackupPlan& plan, const std::string& name) {
  MADANG_CHECK(remove_folder(files_, copy));
  MADANG_CHECK(past_->history().copy_to(copy));
  MADANG_TRY(const auto files, files_.list(copy));
  for (const std::string& file : files) plan.files.push_back(name + "/" + file);
  return {};
}

void Maintenance::unpin(std::uint64_t ticket) {
  const std::lock_guard one(snapshotting_);
  const auto pin = pins_.find(ticket);
  if (pin == pins_.end()) return;
  if (!pin->second.empty()) {
    if (auto removed = remove_folder(files_, pin->second); !removed.ok())
      base::log::warning("the copy of history for a backup could not be removed", {{"folder", pin->second}});
  }
  pins_.erase(pin);
}

}  // namespace madang::hub
