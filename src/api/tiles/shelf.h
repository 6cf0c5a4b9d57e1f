#pragma once
// Tiles that were made, kept until something of their types changes. One for each loop; of its thread only.

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "madang/base/result.h"
#include "madang/hub/hub.h"

namespace madang::api::tiles {

class Shelf {
 public:
  explicit Shelf(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// How often entities of this type, as this principal sees them, have changed since they were first asked for here:
  /// it rises within moments of a change. Nothing where they cannot be followed: then nothing is kept.
  std::optional<std::uint64_t> version(hub::Hub& hub, const governance::PrincipalPtr& who, const std::string& tenant,
                                       const std::string& type, ngsi::ContextPtr context, base::Executor& home);

  struct Tile {
    std::uint64_t version = 0;
    std::string bytes;
  };
  /// `name`: all that a tile depends on. Null: it is not there, or of another version.
  const Tile* find(const std::string& name, std::uint64_t version);
  void keep(std::string name, Tile tile);

 private:
  struct Watch {
    std::shared_ptr<std::uint64_t> changes = std::make_shared<std::uint64_t>(1);
    std::shared_ptr<void> follower;
    std::list<std::string>::iterator used;
  };
  static constexpr std::size_t kWatches = 100;  // types followed at once; the one not asked for longest goes

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, Watch> watches_;
  std::list<std::string> watched_;  // the last used first
  struct Kept {
    Tile tile;
    std::list<std::string>::iterator used;
  };
  std::unordered_map<std::string, Kept> tiles_;
  std::list<std::string> names_;  // the last used first
};

}  // namespace madang::api::tiles
