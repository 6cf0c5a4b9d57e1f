#include <algorithm>

#include "impl.h"

namespace madang::history {

std::uint64_t Sight::cut_of(std::uint32_t field) const {
  std::uint64_t out = 0;
  for (const std::uint32_t each : {field, kAllFields})
    if (const auto cut = cuts.find(series_of(entity.number, each)); cut != cuts.end()) out = std::max(out, cut->second);
  return out;
}

base::Result<Sight> HistoryImpl::look(std::string_view tenant, std::string_view id) const {
  const auto unknown = [&] {
    return base::error(base::Code::not_found, "History knows no entity " + std::string(id) + ".");
  };
  Sight out;
  const std::lock_guard lock(mutex_);
  Tenant* const found = catalog_->tenant(tenant);
  if (found == nullptr) return unknown();
  MADANG_TRY(auto entity, catalog_->peek(*found, id));
  if (!entity || !entity->visible) return unknown();
  out.tenant = found;
  out.entity = std::move(*entity);
  out.runs = runs_;
  if (frozen_) out.memories[0] = frozen_->memory;
  out.memories[1] = active_;
  for (int i = 0; i < 2; ++i)
    if (out.memories[i]) out.heads[i] = out.entity.head(out.memories[i]->generation());
  const SeriesId first = series_of(out.entity.number, 0), last = series_of(out.entity.number, kAllFields);
  for (auto at = edits_.lower_bound(EditKey{first, 0, 0}); at != edits_.end() && at->first.series <= last; ++at)
    out.edits.emplace(at->first, at->second);
  for (auto at = cuts_.lower_bound(first); at != cuts_.end() && at->first <= last; ++at) out.cuts.emplace(*at);
  const auto decided = decided_.find(found->number);
  if (decided != decided_.end()) out.subject = subject_of(*found, out.entity, decided->second);
  out.rolled = rolled_;
  return out;
}

void HistoryImpl::each_name(const std::function<void(std::string_view tenant, std::string_view name)>& see) const {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t number = 0; number < catalog_->tenants(); ++number) {
    const Tenant& tenant = catalog_->tenant(number);
    const std::uint32_t names = tenant.symbols->size();
    for (std::uint32_t i = 0; i < names; ++i) see(tenant.name, tenant.symbols->name(Symbol{i}));
  }
}

}  // namespace madang::history
