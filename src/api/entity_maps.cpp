#include "entity_maps.h"

#include <algorithm>
#include <random>

#include "http/operation.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

constexpr std::string_view kIdPrefix = "urn:ngsi-ld:EntityMap:";
constexpr std::string_view kCollection = "/entityMaps/";

/// Nobody guesses another's.
std::string new_id() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id(kIdPrefix);
  for (int word = 0; word < 4; ++word) {
    const std::uint32_t bits = random();
    for (unsigned shift = 0; shift < 32; shift += 4) id += kDigits[bits >> shift & 15];
  }
  return id;
}

std::uint64_t bytes_of(const std::vector<std::string>& ids) {
  std::uint64_t sum = 512;
  for (const std::string& id : ids) sum += sizeof(std::string) + (id.capacity() > 15 ? id.capacity() + 16 : 0);
  return sum;
}

base::Timestamp later(base::Timestamp time, std::chrono::seconds by) {
  return {time.ns + std::chrono::nanoseconds(by).count()};
}

}  // namespace

std::string EntityMaps::location(const EntityMap& map) {
  return std::string(kBase) + std::string(kCollection) + map.id;
}

base::Result<EntityMap> EntityMaps::make(std::string_view tenant, std::string_view owner, std::uint64_t asked,
                                         std::vector<std::string>&& ids, std::optional<std::chrono::seconds> lifetime) {
  if (ids.size() > limits_.entities) {
    return error(Code::too_many_results,
                 "An entity map holds at most " + std::to_string(limits_.entities) + " entities: narrow the question.",
                 "entityMap");
  }
  std::sort(ids.begin(), ids.end());
  Kept kept;
  kept.bytes = bytes_of(ids);
  EntityMap& map = kept.map;
  map.id = new_id();
  map.owner = owner;
  map.asked = asked;
  map.ids = std::make_shared<const std::vector<std::string>>(std::move(ids));
  map.expires = later(clock_.now(), std::min(lifetime.value_or(limits_.lifetime), limits_.longest));

  const std::lock_guard lock(mutex_);
  forget_expired();
  Maps& maps = tenants_[std::string(tenant)];
  if (maps.size() >= limits_.maps || bytes_ + kept.bytes > limits_.bytes) {
    return error(
        Code::insufficient_storage,
        "There is no room for another entity map: delete those that are done with, or wait until some expire.");
  }
  bytes_ += kept.bytes;
  return maps.emplace(map.id, std::move(kept)).first->second.map;
}

std::optional<EntityMap> EntityMaps::find(std::string_view tenant, std::string_view owner,
                                          std::string_view reference) const {
  if (const auto at = reference.rfind(kCollection); at != reference.npos)
    reference.remove_prefix(at + kCollection.size());
  const std::lock_guard lock(mutex_);
  const auto found = look_up(tenant, owner, reference);
  if (found == Maps::iterator()) return std::nullopt;
  return found->second.map;
}

bool EntityMaps::set_expiry(std::string_view tenant, std::string_view owner, std::string_view id,
                            base::Timestamp expires) {
  const std::lock_guard lock(mutex_);
  const auto found = look_up(tenant, owner, id);
  if (found == Maps::iterator()) return false;
  found->second.map.expires = std::min(expires, later(clock_.now(), limits_.longest));
  return true;
}

bool EntityMaps::drop(std::string_view tenant, std::string_view owner, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = look_up(tenant, owner, id);
  if (found == Maps::iterator()) return false;
  forget(tenants_.find(std::string(tenant))->second, found);
  return true;
}

void EntityMaps::prune(std::string_view tenant, std::string_view owner, std::string_view id,
                       const std::vector<std::string>& unfit) {
  const std::lock_guard lock(mutex_);
  const auto found = look_up(tenant, owner, id);
  if (found == Maps::iterator()) return;
  Kept& kept = found->second;
  auto ids = std::make_shared<std::vector<std::string>>();
  std::set_difference(kept.map.ids->begin(), kept.map.ids->end(), unfit.begin(), unfit.end(), std::back_inserter(*ids));
  bytes_ -= kept.bytes;
  kept.bytes = bytes_of(*ids);
  bytes_ += kept.bytes;
  kept.map.ids = std::move(ids);
}

EntityMaps::Maps::iterator EntityMaps::look_up(std::string_view tenant, std::string_view owner,
                                               std::string_view id) const {
  const auto maps = tenants_.find(std::string(tenant));
  if (maps == tenants_.end()) return {};
  const auto found = maps->second.find(std::string(id));
  if (found == maps->second.end() || found->second.map.owner != owner) return {};
  if (found->second.map.expires > clock_.now()) return found;
  forget(maps->second, found);
  return {};
}

void EntityMaps::forget(Maps& maps, Maps::iterator at) const {
  bytes_ -= at->second.bytes;
  maps.erase(at);
}

void EntityMaps::forget_expired() const {
  const base::Timestamp now = clock_.now();
  for (auto tenant = tenants_.begin(); tenant != tenants_.end();) {
    Maps& maps = tenant->second;
    for (auto at = maps.begin(); at != maps.end();) {
      const auto here = at++;
      if (here->second.map.expires <= now) forget(maps, here);
    }
    tenant = maps.empty() ? tenants_.erase(tenant) : std::next(tenant);
  }
}

}  // namespace madang::api
