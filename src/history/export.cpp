#include <deque>

#include "madang/base/bytes.h"
#include "madang/history/transfer.h"

#include "join.h"
#include "rollup.h"

namespace madang::history {

namespace {

using base::Code;

constexpr std::size_t kNamesBytes = 64 << 10;  // of a part
constexpr std::size_t kEntitiesAtOnce = 1'000;

void append_text(std::string& out, std::string_view text) {
  base::append_varint(out, text.size());
  out.append(text);
}

/// Rows that come sorted by entity, as parts of these. What history knows of entities that have no rows goes in its
/// turn.
class PartWriter {
 public:
  using Give = std::function<base::Status(const Part&)>;
  PartWriter(const Disk& disk, Catalog& catalog, std::uint32_t tenants, const Give& give)
      : disk_(disk), catalog_(catalog), tenants_(tenants), give_(give), writer_(run_, [this](auto, auto bytes) {
          return tell(bytes);
        }) {}

  bool accepts(const BlockInfo& info) const { return writer_.accepts(info); }
  base::Status add_block(std::string_view bytes, const BlockInfo& info) {
    MADANG_CHECK(turn_to(entity_of(info.first)));
    return entity_.number == 0 ? base::Status() : writer_.add_block(bytes, info);
  }
  base::Status add(const Row& row) {
    MADANG_CHECK(turn_to(entity_of(row.series)));
    return entity_.number == 0 ? base::Status() : writer_.add(row);
  }
  std::uint64_t taken() const { return writer_.taken(); }
  std::uint64_t written() const { return writer_.written(); }
  base::Status finish() { return turn_to(UINT64_MAX); }

 private:
  struct Known {
    std::uint64_t number = 0;  // 0: none
    std::uint32_t tenant = 0;
    std::string id;
    std::string catalog;  // its entry; empty once it was told
  };

  base::Status turn_to(std::uint64_t number) {
    if (number == last_) return {};
    last_ = number;
    MADANG_CHECK(end_entity());
    for (;;) {
      MADANG_CHECK(fill());
      if (next_.empty() || next_.front().number > number) return {};
      entity_ = std::move(next_.front());
      next_.pop_front();
      MADANG_TRY(auto entry, disk_.get(key::entity(entity_.tenant, entity_.id)));
      if (!entry) {  // forgotten
        entity_ = {};
        continue;
      }
      entity_.catalog = std::move(*entry);
      if (entity_.number == number) return {};
      MADANG_CHECK(end_entity());
    }
  }

  base::Status end_entity() {
    if (entity_.number == 0) return {};
    MADANG_CHECK(writer_.finish());
    run_.blocks.clear();
    if (!entity_.catalog.empty()) MADANG_CHECK(tell({}));
    entity_ = {};
    return {};
  }

  base::Status tell(std::string_view block) {
    part_.clear();
    append_text(part_, entity_.id);
    append_text(part_, entity_.catalog);
    part_.append(block);
    entity_.catalog.clear();
    return give_({PartKind::instances, catalog_.tenant(entity_.tenant).name, entity_.id, part_});
  }

  /// The next entities in the order of their numbers.
  base::Status fill() {
    if (!next_.empty() || at_end_) return {};
    at_end_ = true;
    base::Status status;
    MADANG_CHECK(disk_.scan(key::kNumbers, after_, false, [&](std::string_view rest, std::string_view value) {
      after_ = rest;
      Known known;
      known.number = take_key64(rest);
      known.tenant = take_key32(value);
      known.id = value;
      if (known.tenant >= tenants_) status = base::error(Code::corrupt, "An entity in history is of no tenant.");
      next_.push_back(std::move(known));
      at_end_ = next_.size() < kEntitiesAtOnce;
      return at_end_ && status.ok();
    }));
    return status;
  }

  const Disk& disk_;
  Catalog& catalog_;
  const std::uint32_t tenants_;
  const Give& give_;
  std::deque<Known> next_;
  std::string after_;
  bool at_end_ = false;
  std::uint64_t last_ = 0;
  Known entity_;  // at hand
  Run run_;
  RunWriter writer_;
  std::string part_;
};

class ExportImpl final : public Export {
 public:
  base::Status open(const std::string& folder) {
    MADANG_TRY(disk_, Disk::open(base::real_files(), folder, 8 << 20, true));
    MADANG_TRY(const auto bytes, disk_->get(key::kMain));
    if (!bytes) return base::error(Code::not_found, "There is no history here, or its first filling was cut short.");
    MADANG_TRY(main_, read_main(*bytes));
    catalog_ = std::make_unique<Catalog>(*disk_);
    MADANG_CHECK(catalog_->load());
    MADANG_TRY(runs_, read_runs(*disk_, key::kRuns));
    MADANG_TRY(rolled_, read_runs(*disk_, key::kRolled));
    return read_changes(*disk_, changes_.edits, changes_.cuts);
  }

  journal::Position position() const override { return {main_.position}; }
  std::uint64_t entities() const override { return main_.entities; }

  base::Status run(const std::function<base::Status(const Part&)>& give) override {
    MADANG_CHECK(give_names(give));
    PartWriter writer(*disk_, *catalog_, catalog_->tenants(), give);
    MADANG_CHECK(Joining(*disk_, runs_, changes_, writer).run([] { return true; }));
    for (const RunPtr& run : rolled_) MADANG_CHECK(give_rolled(*run, give));
    return {};
  }

 private:
  /// First name, how many, the names.
  base::Status give_names(const std::function<base::Status(const Part&)>& give) {
    for (std::uint32_t number = 0; number < catalog_->tenants(); ++number) {
      const Tenant& tenant = catalog_->tenant(number);
      const std::uint32_t all = tenant.symbols->size();
      std::string bytes, names;
      for (std::uint32_t at = 0, first = 0; at <= all; ++at) {
        if (at == all || names.size() >= kNamesBytes) {
          bytes.clear();
          base::append_varint(bytes, first);
          base::append_varint(bytes, at - first);
          bytes.append(names);
          MADANG_CHECK(give({PartKind::names, tenant.name, {}, bytes}));
          names.clear();
          first = at;
        }
        if (at < all) append_text(names, tenant.symbols->name(Symbol{at}));
      }
      MADANG_CHECK(give_decisions(number, tenant.name, give));
    }
    return {};
  }

  base::Status give_decisions(std::uint32_t number, std::string_view tenant,
                              const std::function<base::Status(const Part&)>& give) {
    MADANG_TRY(const auto decided, disk_->get(key::decision(number)));
    if (decided) MADANG_CHECK(give({PartKind::decision, tenant, {}, *decided}));
    std::string prefix = key::retained(number, 0);
    prefix.resize(prefix.size() - sizeof(std::uint64_t));
    base::Status told;
    MADANG_CHECK(disk_->scan(prefix, {}, false, [&](std::string_view rest, std::string_view value) {
      std::string bytes(rest);  // where it stands, then what it says
      told = give({PartKind::report, tenant, {}, bytes.append(value)});
      return told.ok();
    }));
    return told;
  }

  /// Up to which record deletions have taken effect, then a block of roll-ups, of one entity.
  base::Status give_rolled(const Run& run, const std::function<base::Status(const Part&)>& give) {
    const auto blocks = disk_->blocks(run.number);
    std::uint64_t entity = 0;
    std::string part;
    base::Status told;
    Run scratch;
    const auto emit = [&](std::uint32_t, std::string_view bytes) -> base::Status {
      MADANG_TRY(const auto known, disk_->get(key::number(entity)));
      if (!known) return {};  // forgotten
      std::string_view name = *known;
      const std::uint32_t tenant = take_key32(name);
      if (tenant >= catalog_->tenants()) return base::error(Code::corrupt, "An entity in history is of no tenant.");
      part.clear();
      base::append_varint(part, run.last_position);
      part.append(bytes);
      return give({PartKind::rollups, catalog_->tenant(tenant).name, name, part});
    };
    auto writer = std::make_unique<RollupWriter>(scratch, emit);
    for (;;) {
      MADANG_TRY(const auto bytes, blocks->next());
      if (!bytes) return writer->finish();
      MADANG_TRY(auto all, read_rolled(*bytes));
      for (RolledSeries& series : all) {
        if (changes_.cuts_rolled(series.series, run.last_position)) continue;
        if (entity_of(series.series) != entity) {
          MADANG_CHECK(writer->finish());
          scratch = {};
          writer = std::make_unique<RollupWriter>(scratch, emit);
          entity = entity_of(series.series);
        }
        Buckets buckets;
        for (auto& [at, sums] : series.buckets) buckets.emplace(at, std::move(sums));
        MADANG_CHECK(writer->add(series.series, series.newest, std::move(buckets)));
      }
    }
  }

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Catalog> catalog_;
  Main main_;
  std::vector<RunPtr> runs_, rolled_;
  Changes changes_;
};

}  // namespace

base::Result<std::unique_ptr<Export>> Export::open(const std::string& folder) {
  auto out = std::make_unique<ExportImpl>();
  MADANG_CHECK(out->open(folder));
  return std::unique_ptr<Export>(std::move(out));
}

}  // namespace madang::history
