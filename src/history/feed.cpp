#include <algorithm>
#include <array>
#include <utility>

#include "fields.h"
#include "impl.h"
#include "values.h"

namespace madang::history {

namespace {

using base::Code;
using ngsi::AttributeView;
using ngsi::EntityView;
using ngsi::Kind;

// One-byte metas of instances that have a kind and flags and nothing else.
constexpr auto kPlainMetas = [] {
  std::array<char, 64> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i);
  return out;
}();

}  // namespace

base::Status HistoryImpl::feed(const journal::Record& record) {
  Lock lock(mutex_);
  if (record.position.value <= fed_.load(std::memory_order_relaxed)) return {};
  MADANG_CHECK(make_room(lock));
  if (record.kind == journal::RecordKind::past) MADANG_CHECK(make_way(lock, record));
  MADANG_CHECK(take(record));
  begun_ = true;
  fed_.store(record.position.value, std::memory_order_release);
  return {};
}

/// Where memory is full, waits for the disk; where the disk is full, says so.
base::Status HistoryImpl::make_room(Lock& lock) {
  if (active_->bytes() < options_.memory_bytes / 2 && !active_->full()) return {};
  moved_.wait(lock, [this] { return !frozen_ || !trouble_.empty() || stop_; });
  if (stop_) return base::error(Code::unavailable, "History is being closed.");
  if (frozen_) return base::error(Code::insufficient_storage, trouble_);
  freeze();
  return {};
}

base::Status HistoryImpl::take(const journal::Record& record) {
  using journal::RecordKind;
  if (record.key_id != 0) return base::error(Code::newer_format, "The record is encrypted.");
  const std::uint64_t position = record.position.value;
  switch (record.kind) {
    case RecordKind::entity_put:
      return take_entity(catalog_->make_tenant(record.tenant), record.payload, true, position);
    case RecordKind::entity_patch:
      return take_entity(catalog_->make_tenant(record.tenant), record.payload, false, position);
    case RecordKind::entity_delete:
      return take_removal(catalog_->make_tenant(record.tenant),
                          {reinterpret_cast<const char*>(record.payload.data()), record.payload.size()}, record.time,
                          position);
    case RecordKind::erase:
      return take_erasure(catalog_->make_tenant(record.tenant),
                          {reinterpret_cast<const char*>(record.payload.data()), record.payload.size()}, record.time,
                          position);
    case RecordKind::temporal:
      return take_temporal(catalog_->make_tenant(record.tenant), record.payload, record.time, position);
    case RecordKind::past:
      return take_decision(catalog_->make_tenant(record.tenant), record.payload, position);
    default:
      return {};
  }
}

base::Status HistoryImpl::take_entity(Tenant& tenant, std::span<const std::byte> payload, bool whole,
                                      std::uint64_t position) {
  MADANG_TRY(const ngsi::EntityBlock block, reader_.read(payload, *tenant.symbols));
  return take_block(tenant, EntityView(block), whole, position);
}

base::Status HistoryImpl::seed(std::string_view tenant, const ngsi::SymbolTable& symbols, EntityView entity) {
  base::ByteBuffer record;
  record_writer_.append(record, entity, symbols);
  Lock lock(mutex_);
  MADANG_CHECK(make_room(lock));
  return take_entity(catalog_->make_tenant(tenant), record, true, entity.version());
}

/// An entity as a record has it: whole, or what a patch changes.
base::Status HistoryImpl::take_block(Tenant& tenant, EntityView given, bool whole, std::uint64_t position) {
  MADANG_TRY(Entity* const found, catalog_->find_or_make(tenant, given.id()));
  Entity& entity = *found;
  settle(entity);
  bool change = !entity.visible;
  if (whole && (entity.created != given.created_at().ns || entity.deleted != kNoTime)) {
    entity.created = given.created_at().ns;
    entity.deleted = kNoTime;
    change = true;
  }
  entity.visible = true;
  entity.modified = given.modified_at().ns;
  if (given.type_count() > 0) {
    const auto same = [&](std::size_t i) { return entity.types[i] == given.type(i); };
    bool equal = entity.types.size() == given.type_count();
    for (std::size_t i = 0; equal && i < given.type_count(); ++i) equal = same(i);
    if (!equal) {
      entity.types.clear();
      for (std::size_t i = 0; i < given.type_count(); ++i) entity.types.push_back(given.type(i));
      tenant.unlisted.insert(entity.id);
      change = true;
    }
  }

  FieldChanges fields(entity);
  seen_.assign(fields.all().size(), 0);
  std::size_t hint = 1;
  const std::size_t count = given.attribute_count();
  for (std::size_t i = 0; i < count; ++i) {
    const AttributeView instance = given.attribute(i);
    if (instance.kind == Kind::null) continue;  // gone: what is not seen below
    const std::uint32_t field = fields.find_or_add(instance.name, instance.dataset_id, instance.kind, hint);
    if (field >= seen_.size()) seen_.resize(field + 1);
    seen_[field] = 1;
    // A patch brings all instances of an attribute; those that it did not change keep their time.
    if (fields.all()[field].live && instance.modified_at != given.modified_at()) continue;
    fields.set(field, true, true, instance.kind);
    add_instance(entity, field, instance, position, static_cast<std::uint32_t>(i));
  }
  auto index = static_cast<std::uint32_t>(count);
  if (whole || (given.header().flags & ngsi::kScopesGiven) != 0) take_scopes(entity, fields, given, position, index);
  const std::size_t known = seen_.size();
  for (std::uint32_t field = 1; field < known; ++field) {
    const Field& each = fields.all()[field];
    if (!each.live || seen_[field] != 0 || !(whole || given.has_attribute(each.name))) continue;
    add_deletion(entity, field, each.kind, given.modified_at(), position, ++index);
    fields.set(field, false, true, each.kind);
  }
  if (fields.finish(*catalog_) || change) changed(tenant, entity);
  return {};
}

void HistoryImpl::take_scopes(Entity& entity, FieldChanges& fields, EntityView given, std::uint64_t position,
                              std::uint32_t index) {
  std::vector<std::string> scopes;
  given.each_scope([&](std::string_view scope) { scopes.emplace_back(scope); });
  if (scopes == entity.scopes) return;
  const std::int64_t time = given.modified_at().ns;
  if (scopes.empty()) {
    add_deletion(entity, kScopeField, Kind::property, given.modified_at(), position, index);
  } else {
    Row& row = add_row(entity, kScopeField, position, index);
    row.created = row.modified = row.observed = time;  // clause 4.5.6
    row.text = active_->keep(scopes_text(scopes));
    row.meta = {kPlainMetas.data(), 1};
  }
  fields.set(kScopeField, !scopes.empty(), true, Kind::property);
  entity.scopes = std::move(scopes);
}

base::Status HistoryImpl::take_removal(Tenant& tenant, std::string_view id, Timestamp time, std::uint64_t position) {
  MADANG_TRY(Entity* const entity, catalog_->find(tenant, id));
  if (entity == nullptr || entity->deleted != kNoTime) return {};
  settle(*entity);
  FieldChanges fields(*entity);
  std::uint32_t index = 0;
  for (std::uint32_t field = 0; field < fields.all().size(); ++field) {
    const Field& each = fields.all()[field];
    if (!each.live) continue;
    add_deletion(*entity, field, each.kind, time, position, index++);
    fields.set(field, false, true, each.kind);
  }
  (void)fields.finish(*catalog_);
  entity->deleted = time.ns;
  entity->modified = std::max(entity->modified, time.ns);
  entity->scopes.clear();
  changed(tenant, *entity);
  return {};
}

// ---- rows ----

Row& HistoryImpl::add_row(Entity& entity, std::uint32_t field, std::uint64_t position, std::uint32_t index) {
  Row& row = active_->add();
  if (active_->size() == 1) active_since_ = clock_.monotonic();
  Entity::Head& head = entity.heads[active_->generation() % 2];
  row.before = head.generation == active_->generation() ? head.row : 0;
  head = {active_->generation(), active_->size()};
  row.series = series_of(entity.number, field);
  row.position = position;
  row.index = index;
  return row;
}

void HistoryImpl::add_instance(Entity& entity, std::uint32_t field, const AttributeView& instance,
                               std::uint64_t position, std::uint32_t index) {
  fill_row(add_row(entity, field, position, index), instance);
}

void HistoryImpl::fill_row(Row& row, const AttributeView& instance) {
  row.created = instance.created_at.ns;
  row.modified = instance.modified_at.ns;
  if (instance.observed_at) row.observed = instance.observed_at->ns;
  if (instance.expires_at) row.expires = instance.expires_at->ns;
  row.set_value(instance.value);
  if (!row.is_number) row.text = active_->keep(row.text);
  row.meta = meta_of(instance);
  if (instance.sub_count > 0) {
    scratch_.clear();
    append_subs(scratch_, instance);
    row.subs = active_->keep_once(scratch_);
  }
}

std::string_view HistoryImpl::meta_of(const AttributeView& instance) {
  if (instance.unit_code.empty() && instance.value_type.empty() && instance.extras.empty()) {
    const auto flags =
        static_cast<unsigned>(instance.kind) | (instance.nested_keys ? 16u : 0u) | (instance.foreign_keys ? 32u : 0u);
    return {&kPlainMetas[flags], 1};
  }
  scratch_.clear();
  append_meta(scratch_, {instance.kind, instance.nested_keys, instance.foreign_keys, instance.unit_code,
                         instance.value_type, instance.extras});
  return active_->keep_once(scratch_);
}

/// Clause 4.5.7: the deletion of an attribute is an instance, too.
void HistoryImpl::add_deletion(Entity& entity, std::uint32_t field, Kind kind, Timestamp time, std::uint64_t position,
                               std::uint32_t index) {
  Row& row = add_row(entity, field, position, index);
  row.created = row.modified = row.deleted = time.ns;
  row.text = null_of(kind);
  row.meta = {&kPlainMetas[static_cast<std::size_t>(kind)], 1};
}

/// What waits to be written as it was when the memory before was frozen is put aside as that, before it changes.
void HistoryImpl::settle(Entity& entity) {
  if (!std::exchange(entity.waiting, false)) return;
  Catalog::write_entity(frozen_->writes, entity);
}

/// Notes that the entity must be written with the memory at hand.
void HistoryImpl::changed(Tenant& tenant, Entity& entity) {
  if (!entity.on_disk) tenant.unlisted.insert(entity.id);
  if (entity.changed_in == active_->generation()) return;
  entity.changed_in = active_->generation();
  changed_.push_back(&entity);
}

}  // namespace madang::history
