#pragma once
// A tenant's indexes. Each answers "which places may hold a match?" with all matches and perhaps some more; the caller
// checks the entity. They change by the difference between an entity's old and new block, only.

#include <map>
#include <memory>
#include <string>

#include <absl/container/btree_set.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/geo/index.h"

#include "place_set.h"
#include "values.h"

namespace madang::state {

using ngsi::EntityView;
using ngsi::Symbol;

/// An index on the values of one attribute in the entities of one type.
struct ValueIndex {
  ValueIndex(DeclaredIndex names_, Symbol type_, Symbol attribute_)
      : names(std::move(names_)), type(type_), attribute(attribute_) {}
  const DeclaredIndex names;
  const Symbol type, attribute;
  std::atomic<bool> ready{false};
  Place built = 0;  // places below have been looked at; the rest as they change
  std::array<absl::btree_set<ValueEntry>, kSorts> sets;
  PlaceSet irregular;  // places whose value has no (complete) keys

  std::uint64_t entries() const {
    std::uint64_t sum = irregular.size();
    for (const auto& set : sets) sum += set.size();
    return sum;
  }
  /// For readers, who must not look into an index that is being built.
  std::uint64_t entries_shown() const { return ready.load(std::memory_order_acquire) ? entries() : 0; }
  std::uint64_t memory_bytes() const { return (entries() - irregular.size()) * 22 + irregular.memory_bytes(); }
};

/// Where the instances of one GeoProperty are.
struct SpaceIndex {
  geo::PointIndex points;  // key: see space_key
  geo::BoxIndex boxes;     // of everything else
  PlaceSet irregular;      // places with anything but exactly one point: only their entity tells

  std::uint64_t memory_bytes() const { return points.memory_bytes() + boxes.size() * 96 + irregular.memory_bytes(); }
};
/// The instance's number among those of its name above the place.
inline geo::Key space_key(Place place, std::size_t instance) {
  return static_cast<geo::Key>(instance) << 32 | place;
}
inline Place place_of_key(geo::Key key) {
  return static_cast<Place>(key);
}

/// One object of a Relationship: the 64-bit hash of attribute and URI in two halves, so that an entry is twelve bytes.
struct Link {
  std::uint32_t high, low;
  Place place;
  bool operator==(const Link&) const = default;
  bool operator<(const Link& other) const {
    return hash() != other.hash() ? hash() < other.hash() : place < other.place;
  }
  std::uint64_t hash() const { return std::uint64_t{high} << 32 | low; }
};
static_assert(sizeof(Link) == 12);
Link link_to(Symbol attribute, std::string_view object, Place place);

/// When something of an entity expires (clause 4.22).
struct Expiry {
  base::Timestamp time;
  Place place;
  bool operator==(const Expiry&) const = default;
  bool operator<(const Expiry& other) const { return time != other.time ? time < other.time : place < other.place; }
};

struct Indexes {
  PlaceSet all;
  boost::unordered_flat_map<std::uint32_t, std::unique_ptr<PlaceSet>> types;  // the sets stay where they are for good
  std::map<std::string, PlaceSet, std::less<>> scopes;                        // by bare_scope
  std::uint64_t scope_bytes = 0;
  /// Entities by type, attribute and kind (presence_key), and by attribute and kind alone.
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> presence, kinds;
  absl::btree_set<Link> links;
  PlaceSet irregular_links;  // places with a Relationship whose objects are not plain URIs
  boost::unordered_flat_map<std::uint32_t, std::unique_ptr<SpaceIndex>> space;  // by GeoProperty; never removed
  std::vector<std::shared_ptr<ValueIndex>> values;
  absl::btree_set<Expiry> expiries;  // the next of each entity that has one

  /// `before` or `after` is null for an entity that comes or goes.
  /// `only`: the one attribute in which they differ; none: not known.
  void update(Place place, EntityView before, EntityView after, Symbol only = Symbol::none);

  PlaceSet& type_set(Symbol symbol);
  SpaceIndex& space_set(Symbol symbol);
  const PlaceSet* type(Symbol symbol) const;  // null: no entity ever had it
  const SpaceIndex* space_of(Symbol symbol) const;
  std::uint64_t entities_with(Symbol attribute, ngsi::Kind kind) const;
  std::uint64_t memory_bytes() const;
  bool expires_by(base::Timestamp time) const { return !expiries.empty() && expiries.begin()->time <= time; }

 private:
  void update_expiry(Place place, EntityView before, EntityView after);
  void update_scopes(Place place, EntityView before, EntityView after);
  void update_attributes(Place place, EntityView before, EntityView after, bool same_types, Symbol only);
  void update_irregular_links(Place place, EntityView after);
};

/// The instances of one attribute: they stand side by side.
struct Group {
  EntityView entity;
  std::size_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
  Symbol name() const { return entity.attribute_name(begin); }
  template <class Visit>  // visit(const AttributeView&, number within the group)
  void each(Visit&& visit) const {
    for (std::size_t i = begin; i < end; ++i) visit(entity.attribute(i), i - begin);
  }
  static Group at(EntityView entity, std::size_t begin);
  static Group of(EntityView entity, Symbol name);
};

// ---- what one attribute contributes; shared by the updates, the building in bulk and the checks ----

/// Calls each(key) for the presence keys of a group, and kind(key) for those without type: each kind once.
inline std::uint64_t kind_key(Symbol attribute, ngsi::Kind kind) {
  return static_cast<std::uint64_t>(attribute) << 4 | static_cast<std::uint64_t>(kind);
}
inline std::uint64_t presence_key(Symbol type, std::uint64_t kind) {
  return static_cast<std::uint64_t>(type) << 36 | kind;
}
struct PresenceParts {
  Symbol type, attribute;
  ngsi::Kind kind;
};
inline PresenceParts presence_parts(std::uint64_t key) {
  return {static_cast<Symbol>(key >> 36), static_cast<Symbol>(key >> 4 & 0xffffffff),
          static_cast<ngsi::Kind>(key & 15)};
}
/// Stands among the kinds where the default instance is an observation.
inline constexpr auto kObservation = static_cast<ngsi::Kind>(8);
/// Bit k: there is an instance of kind k.
unsigned kinds_of(const Group& group);
constexpr unsigned kind_bit(ngsi::Kind kind) {
  return 1u << static_cast<unsigned>(kind);
}

/// Appends the links of a group; false where its objects are not all plain URIs.
bool links_of(const Group& group, Place place, std::vector<Link>& out);
/// Appends the entries of the index's attribute; false where they do not tell all of it. Nothing for entities of other
/// types.
struct SortedEntry {
  Sort sort;
  ValueEntry entry;
  bool operator==(const SortedEntry&) const = default;
  bool operator<(const SortedEntry& other) const {
    return sort != other.sort ? sort < other.sort : entry < other.entry;
  }
};
bool values_of(const ValueIndex& index, EntityView entity, Place place, std::vector<SortedEntry>& out);
void add_values(ValueIndex& index, Place place, EntityView entity);  // idempotent

/// A scope as the index keeps it.
inline std::string_view bare_scope(std::string_view scope) {
  return scope.starts_with('/') ? scope.substr(1) : scope;
}

/// Where the instances of a group are.
struct Located {
  struct Shape {
    geo::Key key;
    bool is_point;
    geo::Point point;
    geo::Box box;
    bool operator==(const Shape&) const = default;
  };
  std::vector<Shape> shapes;
  bool irregular = false;  // see SpaceIndex
  bool operator==(const Located&) const = default;
};
Located locate(const Group& group, Place place);

}  // namespace madang::state
