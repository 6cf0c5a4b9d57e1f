#include <cstring>

#include "madang/base/find.h"

#include "impl.h"

// Where a text stands in all of history: who erases a person looks for what is theirs. What is not on disk yet is in
// the journal, too.

namespace madang::history {

/// One walk.
class Tracing {
 public:
  using See = std::function<bool(const History::Trace&)>;
  Tracing(const Disk& disk, Catalog& catalog, std::mutex& mutex, const Tenant& tenant, std::string_view text,
          const See& see)
      : disk_(disk), catalog_(catalog), mutex_(mutex), tenant_(tenant), text_(text), see_(see) {}

  base::Status look_into_catalog() {
    return disk_.scan(key::entity(tenant_.number, {}), {}, false, [&](std::string_view id, std::string_view value) {
      History::Trace trace;
      trace.beside = base::holds_text(value, text_);
      if (!trace.beside && !base::holds_text(id, text_)) return true;
      trace.id = id;
      return go_on_ = see_(trace);
    });
  }

  base::Status look_into(const Run& run) {
    const auto blocks = disk_.blocks(run.number);
    while (go_on_) {
      MADANG_TRY(auto bytes, blocks->next());
      if (!bytes) break;
      MADANG_CHECK(look_into(std::move(*bytes)));
    }
    return {};
  }

  base::Status look_into(std::string bytes) {
    MADANG_TRY(const auto block, Block::open(std::move(bytes)));
    MADANG_TRY(const bool any, block->holds(text_));
    if (!any) return {};
    std::vector<Row> rows;
    MADANG_CHECK(block->read(0, static_cast<std::uint32_t>(block->rows()), rows));
    for (const Row& row : rows) {
      if (!go_on_) break;
      if (base::holds_text(row.text, text_) || base::holds_text(row.subs, text_) || base::holds_text(row.meta, text_))
        MADANG_CHECK(tell(row));
    }
    return {};
  }

  bool go_on() const { return go_on_; }

 private:
  base::Status tell(const Row& row) {
    if (entity_.number != entity_of(row.series)) MADANG_CHECK(find(entity_of(row.series)));
    if (entity_.id.empty()) return {};  // another tenant's, or nobody's any more
    const std::uint32_t field = field_of(row.series);
    History::Trace trace;
    trace.id = entity_.id;
    for (const Symbol type : entity_.types) trace.types.emplace_back(tenant_.symbols->name(type));
    if (field != kScopeField && field < entity_.shape->size())
      trace.attribute = tenant_.symbols->name((*entity_.shape)[field].name);
    if (const auto meta = read_meta(row.meta)) trace.kind = meta->kind;
    trace.value = row.text;
    trace.beside = base::holds_text(row.subs, text_) || base::holds_text(row.meta, text_);
    trace.position = row.position;
    go_on_ = see_(trace);
    return {};
  }

  base::Status find(std::uint64_t number) {
    entity_ = {};
    entity_.number = number;
    MADANG_TRY(const auto whose, disk_.get(key::number(number)));
    if (!whose) return {};
    std::string_view rest = *whose;
    if (take_key32(rest) != tenant_.number) return {};
    const std::lock_guard lock(mutex_);
    MADANG_TRY(auto found, catalog_.peek(tenant_, rest));
    if (found && found->number == number) entity_ = std::move(*found);
    return {};
  }

  const Disk& disk_;
  Catalog& catalog_;
  std::mutex& mutex_;
  const Tenant& tenant_;
  const std::string_view text_;
  const See& see_;
  Entity entity_;  // of the row before
  bool go_on_ = true;
};

base::Status HistoryImpl::traces(std::string_view tenant_name, std::string_view text,
                                 const std::function<bool(const Trace&)>& see) const {
  const Tenant* tenant = nullptr;
  std::vector<RunPtr> runs;
  std::vector<std::string> edited;
  {
    const std::lock_guard lock(mutex_);
    tenant = catalog_->tenant(tenant_name);
    runs = runs_;
    for (const auto& [at, edit] : edits_)
      if (!edit.block.empty()) edited.push_back(edit.block);
  }
  if (tenant == nullptr) return {};
  Tracing tracing(*disk_, *catalog_, mutex_, *tenant, text, see);
  MADANG_CHECK(tracing.look_into_catalog());
  for (const RunPtr& run : runs)
    if (tracing.go_on()) MADANG_CHECK(tracing.look_into(*run));
  for (std::string& block : edited)
    if (tracing.go_on()) MADANG_CHECK(tracing.look_into(std::move(block)));
  return {};
}

base::Result<std::vector<std::string>> HistoryImpl::types_of(std::string_view tenant_name, std::string_view id) const {
  std::vector<std::string> out;
  const std::lock_guard lock(mutex_);
  const Tenant* const tenant = catalog_->tenant(tenant_name);
  if (tenant == nullptr) return out;
  MADANG_TRY(const auto entity, catalog_->peek(*tenant, id));
  if (!entity) return out;
  for (const Symbol type : entity->types) out.emplace_back(tenant->symbols->name(type));
  return out;
}

}  // namespace madang::history
