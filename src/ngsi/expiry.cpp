#include "madang/ngsi/expiry.h"

#include <algorithm>

namespace madang::ngsi {

namespace {

using MaybeTime = std::optional<Timestamp>;

MaybeTime earlier(MaybeTime a, MaybeTime b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

MaybeTime first_expiry(const AttributeView& attribute) {
  MaybeTime first = attribute.expires_at;
  attribute.each_sub([&](const AttributeView& sub) { first = earlier(first, first_expiry(sub)); });
  return first;
}

bool is_due(MaybeTime time, Timestamp now) {
  return time && *time <= now;
}

/// What is left of an instance that stays.
void keep(EntityBuilder& builder, const AttributeView& attribute, Timestamp now) {
  if (!is_due(first_expiry(attribute), now)) return builder.copy_instance(attribute);
  const EntityBuilder::Instance instance = EntityBuilder::instance_of(attribute);
  builder.begin_instance(instance);
  attribute.each_sub([&](const AttributeView& sub) {
    if (!is_due(sub.expires_at, now)) keep(builder, sub, now);
  });
  builder.end_instance();
}

}  // namespace

MaybeTime first_expiry(EntityView entity) {
  MaybeTime first = entity.expires_at();
  if ((entity.header().flags & kTransientParts) == 0) return first;
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) first = earlier(first, first_expiry(entity.attribute(i)));
  return first;
}

void forget_gone_expiry(EntityBlock& block) {
  auto* header = reinterpret_cast<EntityHeader*>(block.data());
  if ((header->flags & kTransientParts) == 0) return;
  const EntityView entity(block);
  for (std::size_t i = 0; i < entity.attribute_count(); ++i)
    if (first_expiry(entity.attribute(i))) return;
  header->flags = static_cast<std::uint16_t>(header->flags & ~kTransientParts);
}

base::Result<Outcome> expire(EntityView entity, Timestamp now) {
  Outcome outcome;
  if (!is_due(first_expiry(entity), now)) return outcome;
  if (is_due(entity.expires_at(), now)) {
    outcome.record = Outcome::Record::remove;
    return outcome;
  }
  EntityBuilder builder;
  builder.begin(entity.id());
  builder.set_times(entity.created_at(), now);
  std::size_t end = 0;
  for (std::size_t first = 0; first < entity.attribute_count(); first = end) {
    const Symbol name = entity.attribute_name(first);
    MaybeTime time;
    for (end = first; end < entity.attribute_count() && entity.attribute_name(end) == name; ++end)
      time = earlier(time, first_expiry(entity.attribute(end)));
    if (!is_due(time, now)) continue;
    const std::size_t mark = builder.attribute_count();
    for (std::size_t i = first; i < end; ++i)
      if (const AttributeView each = entity.attribute(i); !is_due(each.expires_at, now)) keep(builder, each, now);
    if (builder.attribute_count() == mark) builder.add_removal(name);
    outcome.updated.push_back(name);
  }
  outcome.record = Outcome::Record::patch;
  MADANG_TRY(outcome.block, builder.finish());
  return outcome;
}

void AsOf::cut(Timestamp now) {
  auto outcome = expire(view_, now);
  if (!outcome.ok() || outcome->record == Outcome::Record::none) return;
  if (outcome->record == Outcome::Record::remove) {
    view_ = {};
    return;
  }
  auto rest = splice(view_, EntityView(outcome->block));
  if (!rest.ok()) return;
  without_ = std::move(*rest);
  // No version of the journal's: an entity tag must not say that nothing has changed.
  reinterpret_cast<EntityHeader*>(without_.data())->version = view_.version() | (std::uint64_t{1} << 63);
  view_ = EntityView(without_);
}

}  // namespace madang::ngsi
