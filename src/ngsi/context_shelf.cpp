#include "context_shelf.h"

#include <mutex>

#include "madang/base/uri.h"

namespace madang::ngsi {

bool ContextShelf::has(std::string_view tenant) const {
  if (count_.load(std::memory_order_relaxed) == 0) return false;
  const std::shared_lock lock(mutex_);
  return tenants_.find(tenant) != tenants_.end();
}

std::optional<ContextShelf::Kept> ContextShelf::find_url(std::string_view tenant, std::string_view url) const {
  if (count_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const auto at = url.find(kStoredContextsPath);
  if (at == url.npos) return std::nullopt;
  // Ids are made of random bits: who names one of ours means ours.
  const auto id = base::percent_decode(url.substr(at + kStoredContextsPath.size()));
  return id.ok() ? find(tenant, *id) : std::nullopt;
}

std::optional<ContextShelf::Kept> ContextShelf::find(std::string_view tenant, std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const auto shelf = tenants_.find(tenant);
  if (shelf == tenants_.end()) return std::nullopt;
  const auto found = shelf->second.find(id);
  return found == shelf->second.end() ? std::nullopt : std::optional(found->second);
}

std::vector<ContextShelf::Kept> ContextShelf::all(std::string_view tenant) const {
  std::vector<Kept> out;
  const std::shared_lock lock(mutex_);
  if (const auto shelf = tenants_.find(tenant); shelf != tenants_.end())
    for (const auto& [id, kept] : shelf->second) out.push_back(kept);
  return out;
}

void ContextShelf::put(std::string_view tenant, Kept kept) {
  const std::lock_guard lock(mutex_);
  std::string id = kept.context.id;
  if (tenants_[std::string(tenant)].insert_or_assign(std::move(id), std::move(kept)).second)
    count_.fetch_add(1, std::memory_order_relaxed);
}

bool ContextShelf::remove(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto shelf = tenants_.find(tenant);
  if (shelf == tenants_.end()) return false;
  const auto found = shelf->second.find(id);
  if (found == shelf->second.end()) return false;
  shelf->second.erase(found);
  if (shelf->second.empty()) tenants_.erase(shelf);
  count_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

}  // namespace madang::ngsi
