#pragma once
// Transient entities and attributes (clause 4.22): what an expiresAt comes to when its time is there.

#include <optional>

#include "madang/base/result.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/entity.h"

namespace madang::ngsi {

/// When the next thing of an entity expires: itself, an instance or a sub-attribute. Nothing where none does.
std::optional<Timestamp> first_expiry(EntityView entity);

/// Takes kTransientParts back where nothing of a block just built has an expiresAt any more.
void forget_gone_expiry(EntityBlock& block);

/// The outcome of what has expired by `now`: the entity's removal, a patch without the instances and sub-attributes
/// whose time has come, or nothing.
base::Result<Outcome> expire(EntityView entity, Timestamp now);

/// An entity as it is at a time. Costs nothing for those of which nothing expires.
class AsOf {
 public:
  AsOf(EntityView entity, Timestamp now) : view_(entity) {
    if (entity && entity.may_expire()) cut(now);
  }
  EntityView view() const { return view_; }  // null: it has expired

 private:
  void cut(Timestamp now);

  EntityView view_;
  EntityBlock without_;  // what has expired, where that is a part
};

}  // namespace madang::ngsi
