#include "notify/change_of.h"

#include <algorithm>

namespace madang::hub {

namespace {

using ngsi::AttributeView;
using ngsi::EntityView;
using ngsi::Symbol;

bool same_subs(const AttributeView& a, const AttributeView& b);

/// Alike but for when they were made and changed.
bool same(const AttributeView& a, const AttributeView& b) {
  return a.kind == b.kind && a.value == b.value && a.observed_at == b.observed_at && a.expires_at == b.expires_at &&
         a.unit_code == b.unit_code && a.value_type == b.value_type && a.extras == b.extras && same_subs(a, b);
}

bool same_subs(const AttributeView& a, const AttributeView& b) {
  if (a.sub_count != b.sub_count) return false;
  if (a.sub_count == 0) return true;
  bool alike = true;
  // Of one name there may be several: each must have its like.
  a.each_sub([&](const AttributeView& mine) {
    bool found = false;
    b.each_sub([&](const AttributeView& theirs) {
      found = found || (mine.name == theirs.name && mine.dataset_id == theirs.dataset_id && same(mine, theirs));
    });
    alike = alike && found;
  });
  return alike;
}

std::size_t end_of(EntityView entity, std::size_t first) {
  std::size_t end = first + 1;
  while (end < entity.attribute_count() && entity.attribute_name(end) == entity.attribute_name(first)) ++end;
  return end;
}

/// The kinds of changes among the instances of one name.
std::uint8_t compare_instances(EntityView before, std::size_t first, std::size_t last, EntityView after,
                               std::size_t begin, std::size_t end) {
  unsigned kinds = 0;
  std::size_t found = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const AttributeView now = after.attribute(i);
    bool known = false;
    for (std::size_t j = first; j < last && !known; ++j) {
      const AttributeView was = before.attribute(j);
      if (was.dataset_id != now.dataset_id) continue;
      known = true;
      ++found;
      if (!same(was, now)) kinds |= ngsi::kAttributeUpdated;
    }
    if (!known) kinds |= ngsi::kAttributeCreated;
  }
  if (found < last - first) kinds |= ngsi::kAttributeDeleted;
  return static_cast<std::uint8_t>(kinds);
}

void all_of(EntityView entity, std::uint8_t kind, ChangeOf& out) {
  for (std::size_t i = 0; i < entity.attribute_count(); i = end_of(entity, i))
    out.attributes.push_back({entity.attribute_name(i), kind});
}

}  // namespace

void compare(EntityView before, EntityView after, ChangeOf& out) {
  out.clear();
  if (!before) {
    out.entity = ngsi::kEntityCreated;
    return all_of(after, ngsi::kAttributeCreated, out);
  }
  if (!after) {
    out.entity = ngsi::kEntityDeleted;
    return all_of(before, ngsi::kAttributeDeleted, out);
  }
  for (std::size_t i = 0; i < after.attribute_count();) {
    const Symbol name = after.attribute_name(i);
    const std::size_t end = end_of(after, i);
    // Nearly always an attribute stands where it stood.
    const std::size_t hint = i < before.attribute_count() && before.attribute_name(i) == name &&
                                     (i == 0 || before.attribute_name(i - 1) != name)
                                 ? i
                                 : before.find(name);
    const std::size_t last = hint < before.attribute_count() ? end_of(before, hint) : hint;
    if (const auto kinds = compare_instances(before, hint, last, after, i, end))
      out.attributes.push_back({name, kinds});
    i = end;
  }
  for (std::size_t i = 0; i < before.attribute_count(); i = end_of(before, i))
    if (!after.has_attribute(before.attribute_name(i)))
      out.attributes.push_back({before.attribute_name(i), ngsi::kAttributeDeleted});
}

}  // namespace madang::hub
