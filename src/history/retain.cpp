#include <algorithm>
#include <queue>
#include <utility>

#include "madang/base/bytes.h"

#include "impl.h"
#include "reading.h"

// What is kept of the past (docs/decisions/0014-retention.md). A decision is in force for readers as soon as it is fed;
// runs are brought in line with it when they are joined, and by retain().

namespace madang::history {

namespace {

using base::Code;

constexpr std::size_t kJoin = 4;              // runs of roll-ups of about one size
constexpr std::uint64_t kSmallest = 1 << 14;  // buckets: below, all are of one size
constexpr std::size_t kBatchBytes = 8 << 20;
constexpr std::size_t kKeptReports = 1'000;                 // of a tenant
constexpr std::int64_t kCalendar = 4 * 86'400'000'000'000;  // months and years are not all of one length

int size_class(std::uint64_t buckets) {
  int out = 0;
  for (std::uint64_t size = kSmallest; buckets > size; size *= kJoin) ++out;
  return out;
}

std::string encode_decided(const Decided& decided) {
  std::string out;
  base::append_varint(out, decided.position);
  base::ByteBuffer payload;
  append_decision(payload, decided.decision);
  return out.append(reinterpret_cast<const char*>(payload.data()), payload.size());
}

/// A run of roll-ups being read from its first series to its last.
class Input {
 public:
  Input(const Disk& disk, RunPtr run) : run_(std::move(run)), blocks_(disk.blocks(run_->number)) {}
  base::Result<bool> fill() {
    if (at_ < series_.size()) return true;
    MADANG_TRY(const auto bytes, blocks_->next());
    if (!bytes) return false;
    MADANG_TRY(series_, read_rolled(*bytes));
    at_ = 0;
    return true;
  }
  RolledSeries& now() { return series_[at_]; }
  void next() { ++at_; }
  std::uint64_t position() const { return run_->last_position; }

 private:
  RunPtr run_;
  std::unique_ptr<Disk::Blocks> blocks_;
  std::vector<RolledSeries> series_;
  std::size_t at_ = 0;
};

std::string encode_report(const Retained& report) {
  std::string out;
  for (const std::uint64_t each : {report.removed, report.buckets, report.expired}) base::append_varint(out, each);
  return out + encode_decided({report.position, report.decision});
}

base::Result<Retained> read_report(std::string_view bytes) {
  base::ByteReader in(bytes);
  Retained out;
  out.removed = in.varint();
  out.buckets = in.varint();
  out.expired = in.varint();
  out.position = in.varint();
  MADANG_TRY(out.decision, read_decision(in.bytes(in.left())));
  return out;
}

}  // namespace

// ---- what was decided ----

/// Another decision than one that goes on with the last one: what the last one takes away must be gone first, or it
/// would be back. Feeding waits for that; the lock is held before and after.
base::Status HistoryImpl::make_way(Lock& lock, const journal::Record& record) {
  const Tenant* const tenant = catalog_->tenant(record.tenant);
  if (tenant == nullptr) return {};
  const auto before = decided_.find(tenant->number);
  if (before == decided_.end()) return {};
  MADANG_TRY(const Decision decision, read_decision(record.payload));
  if (decision.continues(before->second->decision)) return {};
  lock.unlock();
  auto done = flush();
  if (done.ok()) done = retain(true);
  lock.lock();
  return done;
}

base::Status HistoryImpl::take_decision(Tenant& tenant, std::span<const std::byte> payload, std::uint64_t position) {
  auto decided = std::make_shared<Decided>();
  decided->position = position;
  MADANG_TRY(decided->decision, read_decision(payload));
  edits_to_write_.emplace_back(key::decision(tenant.number), encode_decided(*decided));
  decided_[tenant.number] = std::move(decided);
  return {};
}

base::Status HistoryImpl::load_decisions() {
  base::Status status;
  MADANG_CHECK(disk_->scan(key::kDecisions, {}, false, [&](std::string_view rest, std::string_view value) {
    auto decided = std::make_shared<Decided>();
    base::ByteReader in(value);
    decided->position = in.varint();
    auto decision = read_decision(in.bytes(in.left()));
    if (decision.ok())
      decided->decision = std::move(*decision);
    else
      status = decision.error();
    decided_[take_key32(rest)] = std::move(decided);
    return status.ok();
  }));
  MADANG_CHECK(status);
  std::map<std::uint64_t, Outlook> outlooks;
  MADANG_CHECK(disk_->scan(key::kOutlooks, {}, false, [&](std::string_view rest, std::string_view value) {
    if (auto outlook = read_outlook(value)) outlooks.emplace(take_key64(rest), std::move(*outlook));
    return true;
  }));
  for (const auto* const runs : {&runs_, &rolled_})
    for (const RunPtr& run : *runs)
      if (const auto found = outlooks.find(run->number); found != outlooks.end()) run->outlook = found->second;
  return {};
}

std::optional<Decision> HistoryImpl::decided(std::string_view tenant) const {
  const std::lock_guard lock(mutex_);
  const Tenant* const found = catalog_->tenant(tenant);
  if (found == nullptr) return std::nullopt;
  const auto decided = decided_.find(found->number);
  if (decided == decided_.end()) return std::nullopt;
  return decided->second->decision;
}

/// The scope is no attribute: rules do not speak of it.
Subject HistoryImpl::subject_of(const Tenant& tenant, const Entity& entity, DecidedPtr decided) {
  Subject out;
  out.tenant = tenant.number;
  if (!decided || decided->decision.rules.empty()) {
    out.decided = std::move(decided);
    return out;
  }
  const auto has_type = [&](std::string_view type) {
    return std::any_of(entity.types.begin(), entity.types.end(),
                       [&](Symbol each) { return tenant.symbols->name(each) == type; });
  };
  std::vector<const Decision::Rule*> of_entity;
  for (const Decision::Rule& rule : decided->decision.rules)
    if (rule.type.empty() || has_type(rule.type)) of_entity.push_back(&rule);
  const Shape& shape = *entity.shape;
  out.rules.resize(shape.size());
  out.relationships.resize(shape.size());
  for (std::size_t field = 1; field < shape.size(); ++field) {
    const std::string_view name = tenant.symbols->name(shape[field].name);
    const auto rule = std::find_if(of_entity.begin(), of_entity.end(), [&](const Decision::Rule* each) {
      return each->attribute.empty() || each->attribute == name;
    });
    if (rule != of_entity.end()) out.rules[field] = *rule;
    out.relationships[field] =
        shape[field].kind == ngsi::Kind::relationship || shape[field].kind == ngsi::Kind::list_relationship;
  }
  out.decided = std::move(decided);
  return out;
}

/// For who writes runs: what is not on disk yet must not take effect on disk either.
base::Result<Subject> HistoryImpl::subject_of(std::uint64_t number) const {
  MADANG_TRY(const auto bytes, disk_->get(key::number(number)));
  if (!bytes) return Subject();
  std::string_view id = *bytes;
  const std::uint32_t of = take_key32(id);
  const std::lock_guard lock(mutex_);
  const Tenant& tenant = catalog_->tenant(of);
  const auto decided = decided_.find(of);
  if (decided == decided_.end() || decided->second->position > durable_.load(std::memory_order_relaxed)) {
    Subject nothing;
    nothing.tenant = of;
    return nothing;
  }
  MADANG_TRY(const auto entity, catalog_->peek(tenant, id));
  if (!entity || entity->number != number) return Subject();
  return subject_of(tenant, *entity, decided->second);
}

// ---- making it so ----

/// An edit gave a row of the run a time that is kept no longer; what the run knows of its rows does not tell. The lock
/// is held.
bool HistoryImpl::edits_lapse(const Run& run, std::int64_t raw) const {
  return std::any_of(edits_.begin(), edits_.end(), [&](const auto& each) {
    const auto& [at, edit] = each;
    if (edit.block.empty() || at.position < run.first_position || at.position > run.last_position) return false;
    const auto block = Block::open(edit.block);
    std::vector<Row> rows;
    return block.ok() && (*block)->read(0, 1, rows).ok() && age_time(rows[0]) < raw;
  });
}

/// The lock is held.
bool HistoryImpl::wants_writing(const Run& run, bool rolled, bool all) const {
  std::int64_t time = INT64_MIN, raw = INT64_MIN;
  for (const auto& [tenant, decided] : decided_) {
    time = std::max(time, decided->decision.time.ns);
    for (const Decision::Rule& rule : decided->decision.rules) raw = std::max(raw, rule.raw);
  }
  if (decided_.empty()) return false;
  if (!rolled && edits_lapse(run, raw)) return true;
  const auto same_rules = [&](const auto& each) {
    const auto decided = decided_.find(each.first);
    return (decided == decided_.end() ? 0 : decided->second->decision.rules_hash) == each.second;
  };
  if (run.outlook && std::all_of(run.outlook->rules.begin(), run.outlook->rules.end(), same_rules)) {
    if (!all) return run.outlook->due <= time;
    return run.outlook->lapse != INT64_MAX && run.outlook->lapse - kCalendar <= time;
  }
  return rolled || std::any_of(run.blocks.begin(), run.blocks.end(), [&](const BlockInfo& info) {
           return std::min(info.observed.first, info.modified.first) < raw;
         });
}

base::Status HistoryImpl::write_anew(std::uint64_t number, bool rolled, bool all) {
  const std::lock_guard one(merging_);
  std::vector<RunPtr> run;
  {
    const std::lock_guard lock(mutex_);
    for (const RunPtr& each : rolled ? rolled_ : runs_)
      if (each->number == number && wants_writing(*each, rolled, all)) run.push_back(each);
  }
  if (run.empty()) return {};
  return rolled ? gather_rolled(run) : merge(run);
}

base::Status HistoryImpl::retain(bool all) {
  const auto numbers_of = [this](const std::vector<RunPtr>& runs) {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> out;
    for (const RunPtr& run : runs) out.push_back(run->number);
    return out;
  };
  std::uint64_t decided = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, each] : decided_) decided = std::max(decided, each->position);
  }
  if (decided > durable().value) MADANG_CHECK(flush());
  for (const std::uint64_t number : numbers_of(runs_)) MADANG_CHECK(write_anew(number, false, all));
  for (const std::uint64_t number : numbers_of(rolled_)) MADANG_CHECK(write_anew(number, true, all));
  return {};
}

/// The record that it was done: how much each decision took away. Nothing else holds it.
base::Status HistoryImpl::note_done(Batch& batch, const Fold& fold, bool of_rows) {
  for (const auto& [tenant, done] : fold.done()) {
    if (!done.decided || (done.removed == 0 && done.expired == 0)) continue;
    const std::string name = key::retained(tenant, done.decided->position);
    MADANG_TRY(const auto bytes, disk_->get(name));
    Retained report;
    if (bytes) {
      MADANG_TRY(report, read_report(*bytes));
    }
    report.position = done.decided->position;
    report.decision = done.decided->decision;
    report.removed += done.removed;
    report.buckets += of_rows ? done.buckets : 0;
    report.expired += done.expired;
    batch.put(name, encode_report(report));
    if (bytes) continue;
    std::size_t kept = 0;
    const std::string all = name.substr(0, name.size() - sizeof(std::uint64_t));
    MADANG_CHECK(disk_->scan(all, {}, true, [&](std::string_view rest, std::string_view) {
      if (++kept >= kKeptReports) batch.remove(all + std::string(rest));
      return true;
    }));
  }
  return {};
}

base::Result<std::vector<Retained>> HistoryImpl::retained(std::string_view tenant, std::size_t most) const {
  std::vector<Retained> out;
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const Tenant* const found = catalog_->tenant(tenant);
    if (found == nullptr) return out;
    number = found->number;
  }
  std::string prefix = key::retained(number, 0);
  prefix.resize(prefix.size() - sizeof(std::uint64_t));
  base::Status status;
  MADANG_CHECK(disk_->scan(prefix, {}, true, [&](std::string_view, std::string_view value) {
    auto report = read_report(value);
    if (report.ok())
      out.push_back(std::move(*report));
    else
      status = report.error();
    return status.ok() && out.size() < most;
  }));
  MADANG_CHECK(status);
  return out;
}

// ---- runs of roll-ups ----

/// Any that are of one size, where there are enough: in which order they are joined does not matter.
std::vector<RunPtr> HistoryImpl::next_gathering() const {
  std::map<int, std::vector<RunPtr>> by_size;
  for (const RunPtr& run : rolled_) {
    auto& same = by_size[size_class(run->rows)];
    same.push_back(run);
    if (same.size() == kJoin) return same;
  }
  return {};
}

base::Status HistoryImpl::gather_rolled(const std::vector<RunPtr>& from) {
  auto to = std::make_shared<Run>();
  std::map<SeriesId, std::uint64_t> cuts;
  {
    const std::lock_guard lock(mutex_);
    to->number = next_run_++;
    const std::uint64_t durable = durable_.load(std::memory_order_relaxed);
    for (const auto& [series, position] : cuts_)
      if (position <= durable) cuts.emplace(series, position);
  }
  for (const RunPtr& run : from) to->last_position = std::max(to->last_position, run->last_position);
  Batch batch;
  Fold fold(
      *to,
      [&](std::uint32_t block, std::string_view bytes) -> base::Status {
        batch.put_block(to->number, block, bytes);
        if (batch.bytes() < kBatchBytes) return {};
        return disk_->write(batch, false);
      },
      [this](std::uint64_t entity) { return subject_of(entity); });
  const auto is_cut = [&](SeriesId series, std::uint64_t position) {
    for (const SeriesId each : {series, series_of(entity_of(series), kAllFields)})
      if (const auto cut = cuts.find(each); cut != cuts.end() && position <= cut->second) return true;
    return false;
  };
  const auto join = [&]() -> base::Status {
    std::vector<Input> inputs;
    for (const RunPtr& run : from) inputs.emplace_back(*disk_, run);
    using Next = std::pair<SeriesId, std::size_t>;
    std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
    const auto enter = [&](std::size_t i) -> base::Status {
      MADANG_TRY(const bool more, inputs[i].fill());
      if (more) queue.emplace(inputs[i].now().series, i);
      return {};
    };
    for (std::size_t i = 0; i < inputs.size(); ++i) MADANG_CHECK(enter(i));
    while (!queue.empty()) {
      if (stopping_.load(std::memory_order_relaxed)) return base::error(Code::unavailable, "History is being closed.");
      const auto [series, i] = queue.top();
      queue.pop();
      if (!is_cut(series, inputs[i].position())) MADANG_CHECK(fold.put(std::move(inputs[i].now())));
      inputs[i].next();
      MADANG_CHECK(enter(i));
    }
    return fold.finish();
  };
  if (auto joined = join(); !joined.ok()) {
    disk_->drop_run(to->number);
    return joined;
  }
  to->outlook = fold.rolled_outlook();
  MADANG_CHECK(note_done(batch, fold, false));
  return replace_rolled(from, to, batch);
}

base::Status HistoryImpl::replace_rolled(const std::vector<RunPtr>& from, const RunPtr& to, Batch& batch) {
  if (!to->blocks.empty()) {
    batch.put(key::rolled(to->number), encode_run(*to));
    batch.put(key::outlook(to->number), encode_outlook(*to->outlook));
  }
  for (const RunPtr& run : from) {
    batch.remove(key::rolled(run->number));
    batch.remove(key::outlook(run->number));
  }
  MADANG_CHECK(disk_->write(batch, true));
  const std::lock_guard lock(mutex_);
  std::erase_if(rolled_, [&](const RunPtr& run) { return std::find(from.begin(), from.end(), run) != from.end(); });
  if (!to->blocks.empty()) rolled_.push_back(to);
  for (const RunPtr& run : from) run->dropped_from = disk_.get();
  moved_.notify_all();
  return {};
}

// ---- reading ----

base::Status each_rolled(const Disk& disk, const Sight& sight, const std::function<bool(const BlockInfo&)>& reads,
                         const std::function<void(const RolledSeries&)>& see) {
  const SeriesId from = series_of(sight.entity.number, 0), to = series_of(sight.entity.number, kAllFields);
  for (const RunPtr& run : sight.rolled) {
    const auto [first, end] = run->find(from, to);
    for (std::size_t i = first; i < end; ++i) {
      if (!reads(run->blocks[i])) continue;
      MADANG_TRY(const auto bytes, disk.block(run->number, static_cast<std::uint32_t>(i)));
      MADANG_TRY(const auto all, read_rolled(bytes));
      for (const RolledSeries& series : all)
        if (series.series >= from && series.series <= to && run->last_position > sight.cut_of(field_of(series.series)))
          see(series);
    }
  }
  return {};
}

}  // namespace madang::history
