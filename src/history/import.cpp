#include <map>

#include "madang/base/bytes.h"
#include "madang/history/transfer.h"

#include "join.h"
#include "rollup.h"

namespace madang::history {

namespace {

using base::Code;

constexpr std::size_t kBatchBytes = 8 << 20;
constexpr std::uint64_t kRun = 1;  // all rows are one run

base::Error corrupt(std::string_view what) {
  return base::error(Code::corrupt, "A part of history cannot be put back: " + std::string(what) + ".");
}

class ImportImpl final : public Import {
 public:
  base::Status begin(const std::string& folder, journal::Position position) {
    MADANG_TRY(disk_, Disk::open(base::real_files(), folder, 8 << 20));
    MADANG_TRY(const auto there, disk_->get(key::kMain));
    if (there) return base::error(Code::already_exists, "There is a history here already.", folder);
    catalog_.emplace(*disk_);
    run_.number = rolled_.number = kRun;
    run_.last_position = position.value;
    writer_.emplace(run_, [this](std::uint32_t block, std::string_view bytes) {
      batch_.put_block(kRun, block, bytes);
      return base::Status();
    });
    return {};
  }

  base::Status take(const Part& part) override {
    switch (part.kind) {
      case PartKind::names:
        return take_names(part);
      case PartKind::instances:
        return take_instances(part);
      case PartKind::decision:
      case PartKind::report:
        return take_decision(part);
      case PartKind::rollups:
        return take_rollups(part);
    }
    return base::error(Code::newer_format, "The backup holds parts of history that a newer version of Madang made.");
  }

  base::Status finish() override {
    MADANG_CHECK(writer_->finish());
    if (run_.rows > 0) batch_.put(key::run(kRun), encode_run(run_));
    MADANG_CHECK(end_rolled());
    batch_.put(key::kMain, encode_main({run_.last_position, last_entity_ + 1, rolled_.number + 1, entities_}));
    return disk_->write(batch_, true);
  }

 private:
  base::Status take_names(const Part& part) {
    Tenant* tenant = catalog_->tenant(part.tenant);
    if (tenant == nullptr) {
      tenant = &catalog_->make_tenant(part.tenant);
      batch_.put(key::tenant(tenant->number), part.tenant);
    }
    base::ByteReader in(part.bytes);
    const std::uint64_t first = in.varint(), count = in.varint();
    if (!in.ok() || first != tenant->symbols->size()) return corrupt("names are missing");
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      const std::string_view name = in.text(static_cast<std::size_t>(in.varint()));
      if (!in.ok()) break;
      MADANG_TRY(const Symbol symbol, tenant->symbols->intern(name));
      if (static_cast<std::uint64_t>(symbol) != first + i) return corrupt("a name is there twice");
      batch_.put(key::name(tenant->number, symbol), name);
    }
    return in.ok() && in.left() == 0 ? write_some() : corrupt("names are broken off");
  }

  base::Status take_instances(const Part& part) {
    base::ByteReader in(part.bytes);
    const std::string_view id = in.text(static_cast<std::size_t>(in.varint()));
    const std::string_view entry = in.text(static_cast<std::size_t>(in.varint()));
    if (!in.ok()) return corrupt("it is broken off");
    if (!entry.empty()) MADANG_CHECK(take_entity(part.tenant, id, entry));
    if (in.left() > 0) MADANG_CHECK(take_block(std::string(in.text(in.left()))));
    return write_some();
  }

  /// The number stays what it was; those of tenants may move up, where one was erased.
  base::Status take_entity(std::string_view tenant_name, std::string_view id, std::string_view entry) {
    Tenant* const tenant = catalog_->tenant(tenant_name);
    if (tenant == nullptr) return corrupt("it is of no tenant");
    MADANG_TRY(const auto entity, catalog_->read(*tenant, id, entry));
    if (entity->number <= last_entity_) return corrupt("entities are out of their order");
    const std::uint32_t names = tenant->symbols->size();
    for (const Symbol type : entity->types)
      if (static_cast<std::uint32_t>(type) >= names) return corrupt("a type has no name");
    for (std::size_t field = 1; field < entity->shape->size(); ++field)
      if (static_cast<std::uint32_t>((*entity->shape)[field].name) >= names) return corrupt("a field has no name");
    last_entity_ = entity->number;
    fields_ = entity->shape->size();
    ++entities_;
    Writes writes;
    Catalog::write_entity(writes, *entity);
    for (const auto& [name, value] : writes) batch_.put(name, value);
    return {};
  }

  base::Status take_block(std::string bytes) {
    MADANG_TRY(const auto block, Block::open(std::move(bytes)));
    for (const Block::Part& each : block->parts())
      if (entity_of(each.series) != last_entity_ || field_of(each.series) >= fields_)
        return corrupt("an instance is of another entity");
    rows_.clear();
    MADANG_CHECK(block->read(0, static_cast<std::uint32_t>(block->rows()), rows_));
    for (const Row& row : rows_) {
      if (!read_meta(row.meta) || (!row.subs.empty() && !check_subs(row.subs))) return corrupt("an instance is broken");
      MADANG_CHECK(writer_->add(row));
    }
    spent_.hold(block, *writer_);
    return {};
  }

  base::Status take_decision(const Part& part) {
    const Tenant* tenant = catalog_->tenant(part.tenant);
    if (tenant == nullptr) return corrupt("it is of no tenant");
    std::string_view bytes = part.bytes;
    if (part.kind == PartKind::decision) {
      batch_.put(key::decision(tenant->number), bytes);
    } else {
      if (bytes.size() < sizeof(std::uint64_t)) return corrupt("it is broken off");
      const std::uint64_t position = take_key64(bytes);
      batch_.put(key::retained(tenant->number, position), bytes);
    }
    return write_some();
  }

  base::Status take_rollups(const Part& part) {
    base::ByteReader in(part.bytes);
    const std::uint64_t position = in.varint();
    if (!in.ok()) return corrupt("it is broken off");
    MADANG_TRY(auto all, read_rolled(in.text(in.left())));
    if (all.empty()) return {};
    // They come as they were in their runs: where the order begins anew, or another position, another run begins.
    if (!rolled_writer_ || position != rolled_.last_position || all.front().series <= last_rolled_) {
      MADANG_CHECK(end_rolled());
      const std::uint64_t number = rolled_.number + 1;
      rolled_ = {};
      rolled_.number = number;
      rolled_.last_position = position;
      rolled_writer_.emplace(rolled_, [this, number](std::uint32_t block, std::string_view bytes) {
        batch_.put_block(number, block, bytes);
        return base::Status();
      });
      last_rolled_ = 0;
    }
    const std::uint64_t entity = entity_of(all.front().series);
    for (RolledSeries& series : all) {
      if (entity_of(series.series) != entity || entity == 0 || entity > last_entity_ || series.series <= last_rolled_)
        return corrupt("a roll-up is of another entity");
      last_rolled_ = series.series;
      Buckets buckets;
      for (auto& [at, sums] : series.buckets) buckets.emplace(at, std::move(sums));
      MADANG_CHECK(rolled_writer_->add(series.series, series.newest, std::move(buckets)));
    }
    return write_some();
  }

  base::Status end_rolled() {
    if (!rolled_writer_) return {};
    MADANG_CHECK(rolled_writer_->finish());
    rolled_writer_.reset();
    if (!rolled_.blocks.empty()) batch_.put(key::rolled(rolled_.number), encode_run(rolled_));
    return {};
  }

  base::Status write_some() {
    if (batch_.bytes() < kBatchBytes) return {};
    return disk_->write(batch_, false);
  }

  std::unique_ptr<Disk> disk_;
  std::optional<Catalog> catalog_;
  Run run_;
  std::optional<RunWriter> writer_;
  Run rolled_;  // the run of roll-ups at hand; before the first: the number of the one before
  std::optional<RollupWriter> rolled_writer_;
  SeriesId last_rolled_ = 0;
  Batch batch_;
  Spent spent_;
  std::vector<Row> rows_;
  std::uint64_t last_entity_ = 0, entities_ = 0;
  std::size_t fields_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<Import>> Import::begin(const std::string& folder, journal::Position position) {
  auto out = std::make_unique<ImportImpl>();
  MADANG_CHECK(out->begin(folder, position));
  return std::unique_ptr<Import>(std::move(out));
}

}  // namespace madang::history
