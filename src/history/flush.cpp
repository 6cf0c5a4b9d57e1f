#include <algorithm>

#include "madang/base/log.h"

#include "impl.h"

// What is in memory goes to disk: sorted, as one run, in one write with everything else that changed and the position.

namespace madang::history {

namespace {

using base::Code;

constexpr std::size_t kFillAtOnce = 256;  // entities encoded under one hold of the lock
constexpr auto kLook = std::chrono::milliseconds(500);

}  // namespace

/// The memory at hand becomes what is written next. The lock is held and nothing is being written.
void HistoryImpl::freeze() {
  frozen_ = std::make_unique<Frozen>();
  frozen_->memory = std::exchange(active_, std::make_shared<Memory>(active_->generation() + 1));
  frozen_->position = fed_.load(std::memory_order_relaxed);
  frozen_->begun = begun_;
  frozen_->next_entity = catalog_->next_entity;
  frozen_->entity_count = catalog_->entity_count;
  frozen_->entities = std::move(changed_);
  frozen_->writes = std::move(edits_to_write_);
  changed_.clear();
  edits_to_write_.clear();
  for (Entity* const entity : frozen_->entities) entity->waiting = true;
  catalog_->write_names(frozen_->writes);
  active_since_ = clock_.monotonic();
  wants_flush_ = false;
  moved_.notify_all();
}

bool HistoryImpl::is_due() const {
  if (wants_flush_) return true;
  const bool any =
      active_->size() > 0 || fed_.load(std::memory_order_relaxed) != durable_.load(std::memory_order_relaxed);
  return begun_ && any && clock_.monotonic() - active_since_ >= options_.flush_age;
}

void HistoryImpl::run_writer() {
  Lock lock(mutex_);
  for (;;) {
    moved_.wait_for(lock, kLook, [this] { return stop_ || (frozen_ && trouble_.empty()) || is_due(); });
    if (!frozen_ && is_due()) freeze();
    if (frozen_) {
      lock.unlock();
      base::Status written = write_frozen();
      lock.lock();
      if (!written.ok()) {
        if (trouble_ != written.error().message)
          base::log::error("history cannot be written", {{"reason", written.error().message}});
        trouble_ = written.error().message;
        moved_.notify_all();
        if (!stop_) (void)moved_.wait_for(lock, kLook, [this] { return stop_; });
      } else {
        if (!trouble_.empty()) base::log::info("history is written again", {});
        trouble_.clear();
        frozen_.reset();
        moved_.notify_all();
        continue;
      }
    }
    if (stop_) return;
  }
}

base::Status HistoryImpl::flush() {
  Lock lock(mutex_);
  moved_.wait(lock, [this] { return !frozen_ || !trouble_.empty() || stop_; });
  if (!frozen_ && !stop_) freeze();
  moved_.notify_all();
  moved_.wait(lock, [this] { return !frozen_ || !trouble_.empty() || stop_; });
  if (!frozen_) return {};
  return base::error(Code::insufficient_storage, trouble_.empty() ? "History is being closed." : trouble_);
}

/// Puts the entities into the write as they were, a slice at a time.
base::Status HistoryImpl::fill_frozen() {
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    const std::size_t end = std::min(frozen_->entities.size(), frozen_->filled + kFillAtOnce);
    for (; frozen_->filled < end; ++frozen_->filled) settle(*frozen_->entities[frozen_->filled]);
    more = frozen_->filled < frozen_->entities.size();
  }
  return {};
}

base::Status HistoryImpl::encode_rows() {
  const Memory& memory = *frozen_->memory;
  if (memory.size() == 0) return {};
  auto run = std::make_shared<Run>();
  run->number = next_run_;
  run->last_position = frozen_->position;
  {
    const std::lock_guard lock(mutex_);
    run->number = next_run_++;
    run->first_position = runs_.empty() ? 0 : runs_.back()->last_position + 1;
  }
  // Rows of one series are in the order they came; that is the order of positions.
  std::vector<std::pair<SeriesId, std::uint32_t>> order;
  order.reserve(memory.size());
  for (std::uint32_t number = 1; number <= memory.size(); ++number)
    order.emplace_back(memory.row(number).series, number);
  std::sort(order.begin(), order.end());
  RunWriter writer(*run, [&](std::uint32_t block, std::string_view bytes) -> base::Status {
    frozen_->batch.put_block(run->number, block, bytes);
    return {};
  });
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + kAhead < order.size()) {
      const auto* const next = reinterpret_cast<const char*>(&memory.row(order[i + kAhead].second));
      __builtin_prefetch(next);
      __builtin_prefetch(next + 64);
    }
    MADANG_CHECK(writer.add(memory.row(order[i].second)));
  }
  MADANG_CHECK(writer.finish());
  frozen_->batch.put(key::run(run->number), encode_run(*run));
  frozen_->run = std::move(run);
  return {};
}

base::Status HistoryImpl::write_frozen() {
  if (!frozen_->encoded) {
    MADANG_CHECK(fill_frozen());
    MADANG_CHECK(encode_rows());
    Main main{frozen_->position, frozen_->next_entity, 0, frozen_->entity_count};
    {
      const std::lock_guard lock(mutex_);
      main.next_run = next_run_;
    }
    for (const auto& [name, value] : frozen_->writes) frozen_->batch.put(name, value);
    // Without its main entry what is there counts for nothing: see start().
    if (frozen_->begun) frozen_->batch.put(key::kMain, encode_main(main));
    frozen_->encoded = true;
  }
  MADANG_CHECK(disk_->write(frozen_->batch, true));
  const std::lock_guard lock(mutex_);
  if (frozen_->run) {
    rows_on_disk_ += frozen_->run->rows;
    runs_.push_back(frozen_->run);
  }
  for (Entity* const entity : frozen_->entities) {
    if (entity->changed_in > frozen_->memory->generation()) continue;  // its types may have changed again
    entity->on_disk = true;
    catalog_->tenant(entity->tenant).unlisted.erase(entity->id);
  }
  durable_.store(frozen_->position, std::memory_order_release);
  constexpr std::uint64_t kEntityBytes = 400;  // about
  catalog_->forget(frozen_->memory->generation() + 1, options_.cache_bytes / 2 / kEntityBytes);
  return {};
}

}  // namespace madang::history
