#pragma once
// What a change did to an entity, attribute by attribute (clauses 5.2.12 and 5.8.6).

#include <cstdint>
#include <vector>

#include "madang/ngsi/entity.h"
#include "madang/ngsi/subscription.h"

namespace madang::hub {

struct ChangeOf {
  std::uint8_t entity = 0;  // ngsi::kEntityCreated, kEntityDeleted or neither
  struct Attribute {
    ngsi::Symbol name;
    std::uint8_t kinds;  // of ngsi::Trigger: created, updated, deleted; of its instances together
  };
  std::vector<Attribute> attributes;  // that changed, each name once

  void clear() { entity = 0, attributes.clear(); }
};

/// Compares an entity before and after (null: not there). An attribute is changed where any member of it,
/// sub-attributes included, differs; the system's own times do not count. `out` is cleared first.
void compare(ngsi::EntityView before, ngsi::EntityView after, ChangeOf& out);

}  // namespace madang::hub
