// What an entity contributes to the indexes.

#include "id_table.h"
#include "indexes.h"

namespace madang::state {

using ngsi::AttributeView;
using ngsi::Kind;

Group Group::at(EntityView entity, std::size_t begin) {
  const std::size_t count = entity.attribute_count();
  if (begin >= count) return {entity, begin, begin};
  const Symbol name = entity.attribute_name(begin);
  std::size_t end = begin + 1;
  while (end < count && entity.attribute_name(end) == name) ++end;
  return {entity, begin, end};
}

Group Group::of(EntityView entity, Symbol name) {
  if (!entity) return {};
  return at(entity, entity.find(name));
}

unsigned kinds_of(const Group& group) {
  unsigned kinds = !group.empty() && group.entity.is_observation(group.begin) ? kind_bit(kObservation) : 0;
  for (std::size_t i = group.begin; i < group.end; ++i) kinds |= kind_bit(group.entity.kind(i));
  return kinds;
}

Link link_to(Symbol attribute, std::string_view object, Place place) {
  constexpr std::uint64_t kSeed = 0x6c696e6b;  // not secret: colliding objects cost their owner a check each
  const std::uint64_t hash = hash_text(object, kSeed + static_cast<std::uint64_t>(attribute));
  return {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash), place};
}

bool links_of(const Group& group, Place place, std::vector<Link>& out) {
  bool regular = true;
  group.each([&](const AttributeView& attribute, std::size_t) {
    if (attribute.kind != Kind::relationship && attribute.kind != Kind::list_relationship) return;
    const bool plain = each_object(attribute.value, [&](std::string_view object) {
      if (object.find('\\') != std::string_view::npos) regular = false;
      out.push_back(link_to(attribute.name, object, place));
    });
    regular = regular && plain;
  });
  return regular;
}

bool values_of(const ValueIndex& index, EntityView entity, Place place, std::vector<SortedEntry>& out) {
  if (!entity || !entity.has_type(index.type)) return true;
  bool regular = true;
  thread_local std::vector<ValueKey> keys;
  Group::of(entity, index.attribute).each([&](const AttributeView& attribute, std::size_t) {
    keys.clear();
    regular = value_keys(attribute.value, keys) && regular;
    for (const ValueKey& key : keys) out.push_back({key.sort, {key.key, key.print, place}});
  });
  return regular;
}

void add_values(ValueIndex& index, Place place, EntityView entity) {
  std::vector<SortedEntry> entries;
  if (!values_of(index, entity, place, entries)) index.irregular.add(place);
  for (const auto& [sort, entry] : entries) index.sets[static_cast<std::size_t>(sort)].insert(entry);
}

Located locate(const Group& group, Place place) {
  Located out;
  group.each([&](const AttributeView& attribute, std::size_t number) {
    if (attribute.kind != Kind::geo_property) return;
    Located::Shape shape{space_key(place, number), true, {}, {}};
    if (!geo::parse_point_fast(attribute.value, shape.point)) {
      const auto geometry = ngsi::geometry_of(attribute);
      if (!geometry) {
        out.irregular = true;  // no geometry matches nothing (ngsi::matches): it needs no entry
        return;
      }
      shape.is_point = geometry->is_point();
      if (shape.is_point) shape.point = geometry->points.front();
      if (!shape.is_point) shape.box = geometry->bounds();
    }
    out.shapes.push_back(shape);
  });
  if (out.shapes.size() > 1 || (out.shapes.size() == 1 && !out.shapes.front().is_point)) out.irregular = true;
  return out;
}

}  // namespace madang::state
