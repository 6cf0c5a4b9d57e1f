#include <algorithm>

#include "fields.h"
#include "impl.h"

// Gone for good. A record of kind erase hides an entity at once; erase() takes it off the disk.

namespace madang::history {

base::Status HistoryImpl::take_erasure(Tenant& tenant, std::string_view id, Timestamp time, std::uint64_t position) {
  MADANG_TRY(Entity* const entity, catalog_->find(tenant, id));
  if (entity == nullptr) return {};
  settle(*entity);
  cut(series_of(entity->number, kAllFields), position);
  entity->visible = false;
  entity->deleted = time.ns;
  entity->scopes.clear();
  entity->shape = catalog_->shape(Shape(1));
  changed(tenant, *entity);
  return {};
}

/// Its instances up to there are seen no more. The entities that are meant, as they are.
base::Result<std::vector<Entity>> HistoryImpl::cut_away(const Gone& gone) {
  std::vector<Entity> out;
  const std::lock_guard lock(mutex_);
  Tenant* const tenant = catalog_->tenant(gone.tenant);
  if (tenant == nullptr) return out;
  std::vector<std::string> ids{gone.id};
  if (gone.id.empty()) {
    ids.clear();
    for (const auto& [id, entity] : tenant->entities) ids.emplace_back(id);
    MADANG_CHECK(disk_->scan(key::entity(tenant->number, {}), {}, false, [&](std::string_view id, std::string_view) {
      ids.emplace_back(id);
      return true;
    }));
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  for (const std::string& id : ids) {
    MADANG_TRY(auto entity, catalog_->peek(*tenant, id));
    if (!entity) continue;
    const SeriesId all = series_of(entity->number, kAllFields);
    if (const auto now = cuts_.find(all); now == cuts_.end() || now->second < gone.upto.value)
      cut(all, gone.upto.value);
    out.push_back(std::move(*entity));
  }
  return out;
}

/// Writes every run anew that has blocks of these.
base::Status HistoryImpl::rewrite(const std::vector<Entity>& entities) {
  const auto touched_of = [&](const std::vector<RunPtr>& runs) {
    std::vector<RunPtr> out;
    const std::lock_guard lock(mutex_);
    std::copy_if(runs.begin(), runs.end(), std::back_inserter(out), [&](const RunPtr& run) {
      return std::any_of(entities.begin(), entities.end(), [&](const Entity& entity) {
        const auto [first, end] = run->find(series_of(entity.number, 0), series_of(entity.number, kAllFields));
        return first != end;
      });
    });
    return out;
  };
  std::vector<std::uint64_t> touched;
  for (const RunPtr& run : touched_of(runs_)) touched.push_back(run->number);
  for (const std::uint64_t number : touched) {
    std::vector<RunPtr> one;
    {
      const std::lock_guard lock(mutex_);
      for (const RunPtr& run : runs_)
        if (run->number == number) one.push_back(run);
    }
    if (!one.empty()) MADANG_CHECK(merge(one));
  }
  // Behind the rows, which may have left something there.
  for (const RunPtr& run : touched_of(rolled_)) MADANG_CHECK(gather_rolled({run}));
  return {};
}

/// Entities of which nothing came since lose their place in the catalog; the cut is done with.
base::Status HistoryImpl::forget(const std::vector<Entity>& entities) {
  Batch batch;
  const std::lock_guard lock(mutex_);
  for (const Entity& entity : entities) {
    Tenant& tenant = catalog_->tenant(entity.tenant);
    MADANG_TRY(const Entity* const now, catalog_->find(tenant, entity.id));
    if (now == nullptr || now->number != entity.number) continue;
    batch.remove(key::cut(series_of(entity.number, kAllFields)));
    cuts_.erase(series_of(entity.number, kAllFields));
    if (now->visible) continue;
    if (now->changed_in >= (frozen_ ? frozen_->memory->generation() : active_->generation()))
      return base::error(base::Code::unavailable, "An entity that is to be erased is being written.");
    batch.remove(key::entity(entity.tenant, entity.id));
    batch.remove(key::number(entity.number));
    for (const Symbol type : now->types) batch.remove(key::type(entity.tenant, type, entity.id));
    tenant.unlisted.erase(entity.id);
    tenant.entities.erase(std::string_view(entity.id));
    --catalog_->entity_count;
  }
  return disk_->write(batch, true);
}

base::Result<bool> HistoryImpl::erase(const std::vector<Gone>& gone) {
  for (const Gone& each : gone)
    if (each.upto > fed()) return false;
  std::vector<Entity> entities;
  for (const Gone& each : gone) {
    MADANG_TRY(auto some, cut_away(each));
    std::move(some.begin(), some.end(), std::back_inserter(entities));
  }
  if (entities.empty()) return true;
  {
    const std::lock_guard one(merging_);
    MADANG_CHECK(flush());
    MADANG_CHECK(rewrite(entities));
  }
  MADANG_CHECK(forget(entities));
  MADANG_CHECK(disk_->tidy());
  return true;
}

}  // namespace madang::history
