#include "indexes.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "madang/ngsi/expiry.h"

namespace madang::state {

using ngsi::AttributeView;
using ngsi::Kind;

namespace {

bool has_same_types(EntityView a, EntityView b) {
  if (a.type_count() != b.type_count()) return false;
  for (std::size_t i = 0; i < a.type_count(); ++i)
    if (a.type(i) != b.type(i)) return false;
  return true;
}

bool has_same_names(EntityView a, EntityView b) {
  const auto x = a.names(), y = b.names();
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size_bytes()) == 0;
}

/// Whether two groups say the same as far as any index is concerned.
bool is_same(const Group& a, const Group& b) {
  if (a.end - a.begin != b.end - b.begin) return false;
  for (std::size_t i = 0; i < a.end - a.begin; ++i) {
    const AttributeView x = a.entity.attribute(a.begin + i), y = b.entity.attribute(b.begin + i);
    if (x.kind != y.kind || x.value != y.value) return false;
  }
  return true;
}

void change(boost::unordered_flat_map<std::uint64_t, std::uint64_t>& counts, std::uint64_t key, std::int64_t by) {
  const auto found = counts.try_emplace(key, 0).first;
  found->second += static_cast<std::uint64_t>(by);
  if (found->second == 0) counts.erase(found);
}

void count(Indexes& indexes, const Group& group, std::int64_t by) {
  if (group.empty()) return;
  for (unsigned kinds = kinds_of(group); kinds != 0; kinds &= kinds - 1) {
    const auto key = kind_key(group.name(), static_cast<Kind>(std::countr_zero(kinds)));
    change(indexes.kinds, key, by);
    for (std::size_t i = 0; i < group.entity.type_count(); ++i)
      change(indexes.presence, presence_key(group.entity.type(i), key), by);
  }
}

/// Takes out what only `before` has and puts in what only `after` has.
template <class Entry, class Out, class In>
void replace(std::vector<Entry>& before, std::vector<Entry>& after, Out&& out, In&& in) {
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  before.erase(std::unique(before.begin(), before.end()), before.end());
  after.erase(std::unique(after.begin(), after.end()), after.end());
  auto b = before.begin(), a = after.begin();
  while (b != before.end() || a != after.end()) {
    if (a == after.end() || (b != before.end() && *b < *a)) {
      out(*b++);
    } else if (b == before.end() || *a < *b) {
      in(*a++);
    } else {
      ++a, ++b;
    }
  }
}

void set_member(PlaceSet& set, Place place, bool member) {
  member ? set.add(place) : set.remove(place);
}

void update_values(ValueIndex& index, Place place, EntityView before, EntityView after) {
  thread_local std::vector<SortedEntry> old, now;
  old.clear(), now.clear();
  const bool was_regular = values_of(index, before, place, old);
  const bool is_regular = values_of(index, after, place, now);
  const auto set_of = [&](const SortedEntry& e) -> auto& {
    return index.sets[static_cast<std::size_t>(e.sort)];
  };
  replace(
      old, now, [&](const SortedEntry& e) { set_of(e).erase(e.entry); },
      [&](const SortedEntry& e) { set_of(e).insert(e.entry); });
  if (!is_regular || !was_regular) set_member(index.irregular, place, !is_regular);
}

void update_space(SpaceIndex& index, const Located& old, const Located& now, Place place) {
  if (old.shapes.size() == 1 && now.shapes.size() == 1 && old.shapes[0].is_point && now.shapes[0].is_point &&
      old.shapes[0].key == now.shapes[0].key) {
    if (old.shapes[0].point != now.shapes[0].point)
      index.points.move(now.shapes[0].key, old.shapes[0].point, now.shapes[0].point);
  } else {
    for (const auto& shape : old.shapes)
      shape.is_point ? index.points.erase(shape.key, shape.point) : index.boxes.erase(shape.key, shape.box);
    for (const auto& shape : now.shapes)
      shape.is_point ? index.points.insert(shape.key, shape.point) : index.boxes.insert(shape.key, shape.box);
  }
  if (old.irregular != now.irregular) set_member(index.irregular, place, now.irregular);
}

}  // namespace

void Indexes::update(Place place, EntityView before, EntityView after, Symbol only) {
  if (!before || !after) only = Symbol::none;
  const bool same_types = only != Symbol::none || (before && after && has_same_types(before, after));
  if (!same_types) {
    if (!before) all.add(place);
    if (!after) all.remove(place);
    for (std::size_t i = 0; before && i < before.type_count(); ++i)
      if (!after || !after.has_type(before.type(i))) type_set(before.type(i)).remove(place);
    for (std::size_t i = 0; after && i < after.type_count(); ++i) type_set(after.type(i)).add(place);
  }
  if ((before && before.may_expire()) || (after && after.may_expire())) update_expiry(place, before, after);
  if (only == Symbol::none) update_scopes(place, before, after);
  update_attributes(place, before, after, same_types, only);
}

void Indexes::update_expiry(Place place, EntityView before, EntityView after) {
  const auto old = before ? ngsi::first_expiry(before) : std::nullopt;
  const auto now = after ? ngsi::first_expiry(after) : std::nullopt;
  if (old == now) return;
  if (old) expiries.erase({*old, place});
  if (now) expiries.insert({*now, place});
}

void Indexes::update_scopes(Place place, EntityView before, EntityView after) {
  const auto collect = [](EntityView entity, std::vector<std::string_view>& out) {
    if (entity) entity.each_scope([&](std::string_view scope) { out.push_back(bare_scope(scope)); });
  };
  if ((!before || before.scope_count() == 0) && (!after || after.scope_count() == 0)) return;
  std::vector<std::string_view> old, now;
  collect(before, old);
  collect(after, now);
  if (old == now) return;
  const auto out = [&](std::string_view scope) {
    const auto found = scopes.find(scope);
    if (found == scopes.end()) return;
    scope_bytes -= found->second.memory_bytes();
    found->second.remove(place);
    scope_bytes += found->second.memory_bytes();
    if (!found->second.empty()) return;
    scope_bytes -= found->second.memory_bytes() + scope.size() + 128;
    scopes.erase(found);
  };
  const auto in = [&](std::string_view scope) {
    auto found = scopes.find(scope);
    if (found == scopes.end()) {
      found = scopes.emplace(scope, PlaceSet()).first;
      scope_bytes += scope.size() + 128;  // of a tree node with its string and set
    }
    scope_bytes -= found->second.memory_bytes();
    found->second.add(place);
    scope_bytes += found->second.memory_bytes();
  };
  replace(old, now, out, in);
}

void Indexes::update_attributes(Place place, EntityView before, EntityView after, bool same_types, Symbol only) {
  thread_local std::vector<Symbol> changed;
  thread_local std::vector<Link> old_links, new_links;
  changed.clear(), old_links.clear(), new_links.clear();
  bool irregular = false;

  const bool one = only != Symbol::none;
  const bool same_names = !one && before && after && has_same_names(before, after);
  // Most of a changed entity is what it was, to the byte.
  const bool in_bytes = same_names && same_types && before.is_in_order() && after.is_in_order();
  const auto is_same_text = [&](const Group& old, const Group& now) {
    if (!in_bytes || old.end - old.begin != 1 || now.end - now.begin != 1) return false;
    const auto x = before.raw(old.begin), y = after.raw(now.begin);
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size()) == 0;
  };
  const auto compare = [&](Symbol name, const Group& old, const Group& now) {
    if (is_same_text(old, now)) return;
    const unsigned were = kinds_of(old), are = kinds_of(now);
    if (were != are || !same_types) {
      count(*this, old, -1);
      count(*this, now, +1);
    }
    if (is_same(old, now)) return;
    changed.push_back(name);
    if ((were | are) & (kind_bit(Kind::relationship) | kind_bit(Kind::list_relationship))) {
      irregular |= !links_of(old, place, old_links);
      irregular |= !links_of(now, place, new_links);
    }
    if ((were | are) & kind_bit(Kind::geo_property))
      update_space(space_set(name), locate(old, place), locate(now, place), place);
  };

  if (one) compare(only, Group::of(before, only), Group::of(after, only));
  bool in_step = same_names && before.attribute_count() == after.attribute_count();
  if (before && !one)
    for (Group old = Group::at(before, 0); !old.empty(); old = Group::at(before, old.end)) {
      const Symbol name = old.name();
      const bool opposite = in_step && after.attribute_name(old.begin) == name;
      const Group now = opposite ? Group::at(after, old.begin) : Group::of(after, name);
      in_step = in_step && opposite && now.end == old.end;
      compare(name, old, now);
    }
  if (after && !in_step && !one)
    for (Group now = Group::at(after, 0); !now.empty(); now = Group::at(after, now.end))
      if (!before || !before.has_attribute(now.name())) compare(now.name(), {}, now);

  replace(
      old_links, new_links, [&](const Link& link) { links.erase(link); },
      [&](const Link& link) { links.insert(link); });
  if (irregular) update_irregular_links(place, after);
  for (const auto& index : values)
    if (!same_types || std::find(changed.begin(), changed.end(), index->attribute) != changed.end())
      update_values(*index, place, before, after);
}

void Indexes::update_irregular_links(Place place, EntityView after) {
  bool irregular = false;
  std::vector<Link> ignored;
  if (after)
    for (Group now = Group::at(after, 0); !now.empty(); now = Group::at(after, now.end))
      irregular |= !links_of(now, place, ignored);
  set_member(irregular_links, place, irregular);
}

PlaceSet& Indexes::type_set(Symbol symbol) {
  auto& set = types[static_cast<std::uint32_t>(symbol)];
  if (!set) set = std::make_unique<PlaceSet>();
  return *set;
}

SpaceIndex& Indexes::space_set(Symbol symbol) {
  auto& index = space[static_cast<std::uint32_t>(symbol)];
  if (!index) index = std::make_unique<SpaceIndex>();
  return *index;
}

const PlaceSet* Indexes::type(Symbol symbol) const {
  const auto found = types.find(static_cast<std::uint32_t>(symbol));
  return found == types.end() ? nullptr : found->second.get();
}

const SpaceIndex* Indexes::space_of(Symbol symbol) const {
  const auto found = space.find(static_cast<std::uint32_t>(symbol));
  return found == space.end() ? nullptr : found->second.get();
}

std::uint64_t Indexes::entities_with(Symbol attribute, Kind kind) const {
  const auto found = kinds.find(kind_key(attribute, kind));
  return found == kinds.end() ? 0 : found->second;
}

std::uint64_t Indexes::memory_bytes() const {
  std::uint64_t sum = all.memory_bytes() + scope_bytes + irregular_links.memory_bytes();
  for (const auto& [symbol, set] : types) sum += sizeof(PlaceSet) + 16 + set->memory_bytes();
  for (const auto& [symbol, index] : space) sum += sizeof(SpaceIndex) + index->memory_bytes();
  for (const auto& index : values) sum += sizeof(ValueIndex) + index->memory_bytes();
  sum += (presence.size() + kinds.size()) * 24;
  sum += expiries.size() * 22;
  return sum + links.size() * 17;  // twelve bytes in nodes three quarters full
}

}  // namespace madang::state
