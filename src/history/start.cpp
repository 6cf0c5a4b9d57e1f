#include <algorithm>

#include "madang/base/bytes.h"

#include "impl.h"

// Opening, closing, and what stands under the main key.

namespace madang::history {

namespace {

using base::Code;

constexpr std::uint64_t kFormat = 1;

}  // namespace

std::string encode_main(const Main& main) {
  std::string out;
  for (const std::uint64_t each : {kFormat, main.position, main.next_entity, main.next_run, main.entities})
    base::append_varint(out, each);
  return out;
}

base::Result<Main> read_main(std::string_view bytes) {
  base::ByteReader in(bytes);
  const std::uint64_t format = in.varint();
  if (in.ok() && format > kFormat)
    return base::error(Code::newer_format, "History was written by a newer Madang. Install the newer version again.");
  Main main;
  main.position = in.varint();
  main.next_entity = in.varint();
  main.next_run = in.varint();
  main.entities = in.varint();
  if (!in.ok()) return base::error(Code::corrupt, "History's main entry cannot be read.");
  return main;
}

base::Result<std::unique_ptr<History>> History::open(Options options, const base::Clock& clock) {
  auto history = std::make_unique<HistoryImpl>(std::move(options), clock);
  MADANG_CHECK(history->start());
  return std::unique_ptr<History>(std::move(history));
}

base::Status HistoryImpl::start() {
  MADANG_TRY(disk_, Disk::open(*options_.files, options_.folder, options_.cache_bytes / 2, options_.read_only));
  MADANG_TRY(const auto bytes, disk_->get(key::kMain));
  if (!bytes && !options_.read_only) {  // a first filling that was cut short, if anything: it begins anew
    disk_.reset();
    MADANG_CHECK(Disk::destroy(*options_.files, options_.folder));
    MADANG_TRY(disk_, Disk::open(*options_.files, options_.folder, options_.cache_bytes / 2));
  }
  catalog_ = std::make_unique<Catalog>(*disk_);
  MADANG_CHECK(catalog_->load());
  if (bytes) {
    MADANG_TRY(const Main main, read_main(*bytes));
    begun_ = true;
    fed_ = main.position;
    durable_ = main.position;
    catalog_->next_entity = main.next_entity;
    catalog_->entity_count = main.entities;
    next_run_ = main.next_run;
  }
  MADANG_CHECK(load_runs());
  MADANG_CHECK(read_changes(*disk_, edits_, cuts_));
  MADANG_CHECK(load_decisions());
  active_ = std::make_shared<Memory>(1);
  active_since_ = clock_.monotonic();
  if (options_.read_only) return {};
  writer_ = std::thread([this] { run_writer(); });
  if (options_.merge) merger_ = std::thread([this] { run_merger(); });
  return {};
}

base::Result<std::vector<RunPtr>> read_runs(const Disk& disk, std::string_view prefix) {
  std::vector<RunPtr> runs;
  base::Status status;
  MADANG_CHECK(disk.scan(prefix, {}, false, [&](std::string_view rest, std::string_view value) {
    auto run = read_run(take_key64(rest), value);
    if (run.ok())
      runs.push_back(std::move(*run));
    else
      status = run.error();
    return status.ok();
  }));
  MADANG_CHECK(status);
  std::sort(runs.begin(), runs.end(),
            [](const RunPtr& a, const RunPtr& b) { return a->first_position < b->first_position; });
  return runs;
}

base::Status HistoryImpl::load_runs() {
  MADANG_TRY(runs_, read_runs(*disk_, key::kRuns));
  MADANG_TRY(rolled_, read_runs(*disk_, key::kRolled));
  // Blocks of a join that a crash cut short belong to no run.
  std::vector<std::uint64_t> known;
  for (const RunPtr& run : runs_) {
    known.push_back(run->number);
    rows_on_disk_ += run->rows;
  }
  for (const RunPtr& run : rolled_) known.push_back(run->number);
  for (const std::uint64_t number : known) next_run_ = std::max(next_run_, number + 1);
  for (const std::uint64_t number : disk_->runs()) {
    next_run_ = std::max(next_run_, number + 1);
    if (!options_.read_only && std::find(known.begin(), known.end(), number) == known.end()) disk_->drop_run(number);
  }
  return {};
}

base::Status read_changes(const Disk& disk, std::map<EditKey, Edit>& edits, std::map<SeriesId, std::uint64_t>& cuts) {
  MADANG_CHECK(disk.scan(key::kEdits, {}, false, [&](std::string_view rest, std::string_view value) {
    const SeriesId series = take_key64(rest);
    const std::uint64_t position = take_key64(rest);
    const std::uint32_t index = take_key32(rest);
    base::ByteReader in(value);
    Edit edit{in.varint(), {}};
    edit.block = in.text(in.left());
    edits.emplace(EditKey{series, position, index}, std::move(edit));
    return true;
  }));
  return disk.scan(key::kCuts, {}, false, [&](std::string_view rest, std::string_view value) {
    base::ByteReader in(value);
    cuts[take_key64(rest)] = in.varint();
    return true;
  });
}

HistoryImpl::~HistoryImpl() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  moved_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (merger_.joinable()) merger_.join();
  runs_.clear();  // what was joined into others goes while the disk is there
  rolled_.clear();
}

bool HistoryImpl::is_new() const {
  const std::lock_guard lock(mutex_);
  return !begun_;
}

base::Status HistoryImpl::begin(Position position) {
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
    fed_.store(position.value, std::memory_order_release);
  }
  return flush();
}

base::Result<std::uint64_t> HistoryImpl::verify() const {
  std::vector<RunPtr> runs, rolled;
  {
    const std::lock_guard lock(mutex_);
    runs = runs_;
    rolled = rolled_;
  }
  for (const RunPtr& run : rolled) {
    const auto blocks = disk_->blocks(run->number);
    std::size_t found = 0;
    for (;; ++found) {
      MADANG_TRY(const auto bytes, blocks->next());
      if (!bytes) break;
      MADANG_CHECK(read_rolled(*bytes));
    }
    if (found != run->blocks.size()) return base::error(Code::corrupt, "Roll-ups of history are missing.");
  }
  std::uint64_t points = 0;
  for (const RunPtr& run : runs) {
    const auto blocks = disk_->blocks(run->number);
    std::size_t found = 0;
    for (;; ++found) {
      MADANG_TRY(auto bytes, blocks->next());
      if (!bytes) break;
      MADANG_TRY(const auto block, Block::open(std::move(*bytes)));
      std::vector<Row> rows;
      MADANG_CHECK(block->read(0, static_cast<std::uint32_t>(block->rows()), rows));
      for (const Row& row : rows)
        if (!read_meta(row.meta) || (!row.subs.empty() && !check_subs(row.subs)))
          return base::error(Code::corrupt, "An instance in history cannot be read.");
      points += rows.size();
    }
    if (found != run->blocks.size()) return base::error(Code::corrupt, "Blocks of history are missing.");
  }
  return points;
}

Health HistoryImpl::health() const {
  Health out;
  {
    const std::lock_guard lock(mutex_);
    out.points = rows_on_disk_ + active_->size() + (frozen_ ? frozen_->memory->size() : 0);
    out.entities = catalog_->entity_count;
    out.runs = runs_.size();
    for (const RunPtr& run : rolled_) out.buckets += run->rows;
    out.memory_bytes = active_->bytes() + (frozen_ ? frozen_->memory->bytes() : 0);
    out.trouble = trouble_;
  }
  out.fed = fed().value;
  out.durable = durable().value;
  out.bytes = disk_->bytes();
  return out;
}

base::Result<Position> HistoryImpl::copy_to(const std::string& folder) {
  const std::lock_guard one(merging_);  // so that no run is half joined
  MADANG_CHECK(flush());
  MADANG_CHECK(disk_->copy_to(folder));
  MADANG_TRY(const auto copy, Disk::open(*options_.files, folder, 8 << 20));
  MADANG_TRY(const auto bytes, copy->get(key::kMain));
  if (!bytes) return base::error(Code::internal, "The copy of history has no main entry.");
  MADANG_TRY(const Main main, read_main(*bytes));
  return Position{main.position};
}

}  // namespace madang::history
