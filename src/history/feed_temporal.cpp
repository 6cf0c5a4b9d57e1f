#include <algorithm>

#include "madang/base/bytes.h"

#include "fields.h"
#include "impl.h"
#include "values.h"

// Clauses 5.6.11 to 5.6.16: what the temporal API does to the past.

namespace madang::history {

namespace {

using ngsi::EntityView;
using ngsi::Kind;
using ngsi::TemporalChange;

}  // namespace

base::Status HistoryImpl::take_temporal(Tenant& tenant, std::span<const std::byte> payload, Timestamp time,
                                        std::uint64_t position) {
  MADANG_TRY(const TemporalChange change, read_temporal_change(payload, *tenant.symbols));
  if (change.operation == TemporalChange::Operation::append) return append_past(tenant, change, position);
  MADANG_TRY(Entity* const found, catalog_->find(tenant, change.id));
  if (found == nullptr || !found->visible) return {};  // taken out since it was asked for
  Entity& entity = *found;
  settle(entity);
  // Not what its rows say: of those that are gone it depends on when runs are joined.
  entity.modified = std::max(entity.modified, time.ns);
  FieldChanges fields(entity);
  const bool scope = change.attribute == Symbol::none;
  const auto is_meant = [&](std::uint32_t field) {
    if (scope || field == kScopeField) return scope && field == kScopeField;
    const Field& each = fields.all()[field];
    if (each.name != change.attribute) return false;
    return change.operation != TemporalChange::Operation::delete_attribute || change.all_datasets ||
           each.dataset == change.dataset_id;
  };
  if (change.operation == TemporalChange::Operation::delete_entity) {
    cut(series_of(entity.number, kAllFields), position);
    for (std::uint32_t field = 0; field < fields.all().size(); ++field)
      fields.set(field, fields.all()[field].live, false, fields.all()[field].kind);
    entity.visible = false;
  } else {
    for (std::uint32_t field = 0; field < fields.all().size(); ++field) {
      if (!is_meant(field)) continue;
      if (change.operation == TemporalChange::Operation::delete_attribute) {
        cut(series_of(entity.number, field), position);
        fields.set(field, fields.all()[field].live, false, fields.all()[field].kind);
      } else {
        edit(entity, field, change, position);
      }
    }
  }
  (void)fields.finish(*catalog_);
  changed(tenant, entity);
  return {};
}

base::Status HistoryImpl::append_past(Tenant& tenant, const TemporalChange& change, std::uint64_t position) {
  MADANG_TRY(Entity* const found, catalog_->find_or_make(tenant, change.id));
  Entity& entity = *found;
  settle(entity);
  const EntityView given = change.block ? EntityView(change.block) : EntityView();
  const bool fresh = !entity.on_disk && entity.changed_in == 0;
  if (fresh && given) entity.created = given.created_at().ns;
  entity.visible = true;
  if (given) {
    entity.modified = std::max(entity.modified, given.modified_at().ns);
    for (std::size_t i = 0; i < given.type_count(); ++i) {
      if (std::find(entity.types.begin(), entity.types.end(), given.type(i)) != entity.types.end()) continue;
      entity.types.push_back(given.type(i));
      tenant.unlisted.insert(entity.id);
    }
  }
  FieldChanges fields(entity);
  std::size_t hint = 1;
  const std::size_t count = given ? given.attribute_count() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const ngsi::AttributeView instance = given.attribute(i);
    const std::uint32_t field = fields.find_or_add(instance.name, instance.dataset_id, instance.kind, hint);
    const Field& now = fields.all()[field];
    fields.set(field, now.live, true, now.live ? now.kind : instance.kind);
    Row& row = add_row(entity, field, position, static_cast<std::uint32_t>(i));
    fill_row(row, instance);
    const auto deleted =
        std::find_if(change.deleted.begin(), change.deleted.end(), [i](const auto& each) { return each.first == i; });
    if (deleted == change.deleted.end()) continue;
    row.deleted = deleted->second.ns;
    row.is_number = false;
    row.text = null_of(instance.kind);
  }
  auto index = static_cast<std::uint32_t>(count);
  for (const ngsi::ScopeInstance& scope : change.scopes) {
    Row& row = add_row(entity, kScopeField, position, index++);
    row.created = scope.created_at.ns;
    row.modified = scope.modified_at.ns;
    row.observed = scope.observed_at ? scope.observed_at->ns : kNoTime;
    row.deleted = scope.deleted_at ? scope.deleted_at->ns : kNoTime;
    row.text = scope.deleted_at ? null_of(Kind::property) : active_->keep(scopes_text(scope.scopes));
    row.meta = active_->keep_once(std::string_view("\0", 1));
    fields.set(kScopeField, fields.all()[kScopeField].live, true, Kind::property);
  }
  (void)fields.finish(*catalog_);
  changed(tenant, entity);
  return {};
}

/// The row stays as it is where it is; what takes its place is kept beside until its run is joined with another.
void HistoryImpl::edit(const Entity& entity, std::uint32_t field, const TemporalChange& change,
                       std::uint64_t position) {
  const EditKey at{series_of(entity.number, field), change.instance.position, change.instance.index};
  Edit edit{position, {}};
  if (change.operation == TemporalChange::Operation::modify_instance) {
    const ngsi::AttributeView instance = EntityView(change.block).attribute(0);
    // Of several datasets only one has the instance: the others find nothing to replace.
    Row row;
    row.series = at.series;
    row.position = at.position;
    row.index = at.index;
    fill_row(row, instance);
    (void)encode_block(std::span(&row, 1), edit.block);
  }
  std::string value;
  base::append_varint(value, position);
  edits_to_write_.emplace_back(key::edit(at.series, at.position, at.index), value + edit.block);
  edits_[at] = std::move(edit);
}

void HistoryImpl::cut(SeriesId series, std::uint64_t position) {
  cuts_[series] = position;
  std::string value;
  base::append_varint(value, position);
  edits_to_write_.emplace_back(key::cut(series), std::move(value));
}

}  // namespace madang::history
