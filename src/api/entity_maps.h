#pragma once
// Entity maps (clauses 4.5.25, 5.14): which entities a question was about when it was first asked, so that its pages
// stay the same. Kept in memory, for a while: a map that is gone is made anew (5.5.14).

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "madang/api/api.h"
#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::api {

struct EntityMap {
  using Ids = std::shared_ptr<const std::vector<std::string>>;
  std::string id;
  std::string owner;        // the principal who asked; others do not see it
  std::uint64_t asked = 0;  // a hash of the question
  Ids ids;                  // sorted
  base::Timestamp expires;
};

/// Safe from any thread. Tenants are separate systems (4.14), and so are principals.
class EntityMaps {
 public:
  EntityMaps(const base::Clock& clock, const EntityMapLimits& limits) : clock_(clock), limits_(limits) {}

  /// too_many_results for more entities than a map holds, insufficient_storage where there are too many maps.
  base::Result<EntityMap> make(std::string_view tenant, std::string_view owner, std::uint64_t asked,
                               std::vector<std::string>&& ids, std::optional<std::chrono::seconds> lifetime);
  /// `reference`: a map's id, or its address.
  std::optional<EntityMap> find(std::string_view tenant, std::string_view owner, std::string_view reference) const;
  /// The expiry is cut to what is allowed. False: there is no such map.
  bool set_expiry(std::string_view tenant, std::string_view owner, std::string_view id, base::Timestamp expires);
  bool drop(std::string_view tenant, std::string_view owner, std::string_view id);
  /// Takes out entities that no longer fit (5.5.9.3).
  void prune(std::string_view tenant, std::string_view owner, std::string_view id,
             const std::vector<std::string>& unfit);

  const EntityMapLimits& limits() const { return limits_; }
  static std::string location(const EntityMap& map);

 private:
  struct Kept {
    EntityMap map;
    std::uint64_t bytes = 0;
  };
  using Maps = std::unordered_map<std::string, Kept>;  // by id

  Maps::iterator look_up(std::string_view tenant, std::string_view owner, std::string_view id) const;
  void forget(Maps& maps, Maps::iterator at) const;
  void forget_expired() const;

  const base::Clock& clock_;
  const EntityMapLimits limits_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, Maps> tenants_;
  mutable std::uint64_t bytes_ = 0;
};

}  // namespace madang::api
