#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "madang/formats/osm.h"

#include "osm/rings.h"

namespace madang::formats::osm {

using base::Code;
using base::error;

namespace {

constexpr double kUnits = 1e7;  // OSM's own precision

struct Located {
  Id id;
  std::int32_t lon, lat;
};

struct Class {
  bool street = false, building = false, place = false, ground = false;
  bool any() const { return street || building || place || ground; }
};

bool is_ground(const Tag& tag) {
  constexpr std::array<std::string_view, 6> kGreens{"park",           "garden", "golf_course",
                                                    "nature_reserve", "pitch",  "playground"};
  constexpr std::array<std::string_view, 4> kRails{"rail", "tram", "subway", "light_rail"};
  const auto among = [&](const auto& list) { return std::ranges::find(list, tag.value) != list.end(); };
  return tag.key == "natural" || tag.key == "landuse" || tag.key == "waterway" ||
         (tag.key == "leisure" && among(kGreens)) || (tag.key == "railway" && among(kRails));
}

Class class_of(Tags tags, bool ground) {
  constexpr std::array<std::string_view, 7> kPlaces{"amenity", "shop",       "tourism", "public_transport",
                                                    "office",  "healthcare", "leisure"};
  constexpr std::array<std::string_view, 4> kStops{"station", "halt", "tram_stop", "subway_entrance"};
  Class found;
  for (const Tag& tag : tags) {
    if (tag.value == "no") continue;
    if (tag.key == "highway") {
      found.street = tag.value != "bus_stop";
      found.place = found.place || tag.value == "bus_stop";
    } else if (tag.key == "building") {
      found.building = true;
    } else if (std::ranges::find(kPlaces, tag.key) != kPlaces.end()) {
      found.place = true;
    } else if (tag.key == "railway" && std::ranges::find(kStops, tag.value) != kStops.end()) {
      found.place = true;
    }
    if (ground) found.ground = found.ground || is_ground(tag);
  }
  return found;
}

/// Things of variable size, one behind another.
struct Kept {
  Id id = 0;
  std::size_t parts = 0, part_count = 0;  // nodes of a way, members of a relation
  std::size_t tags = 0, tag_count = 0;
};

}  // namespace

std::string_view value_of(Tags tags, std::string_view key) {
  for (const Tag& tag : tags) {
    if (tag.key == key) return tag.value;
  }
  return {};
}

Street street_of(Tags tags) {
  Street street{.name = value_of(tags, "name"), .highway = value_of(tags, "highway"), .maxspeed = {}, .lanes = {}};
  const auto number = [](std::string_view text, auto& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value);
  };
  const std::string_view limit = value_of(tags, "maxspeed");
  double speed = 0;
  if (const auto [end, failed] = number(limit, speed); failed == std::errc() && speed > 0 && speed < 1'000) {
    const std::string_view unit(end, static_cast<std::size_t>(limit.data() + limit.size() - end));
    if (unit.empty() || unit == " km/h" || unit == "km/h") street.maxspeed = speed;
    if (unit == " mph" || unit == "mph") street.maxspeed = speed * 1.609344;
  }
  const std::string_view lanes = value_of(tags, "lanes");
  int count = 0;
  if (const auto [end, failed] = number(lanes, count);
      failed == std::errc() && end == lanes.data() + lanes.size() && count > 0 && count < 100) {
    street.lanes = count;
  }
  const std::string_view oneway = value_of(tags, "oneway");
  if (oneway == "yes" || oneway == "true" || oneway == "1") street.oneway = 1;
  if (oneway == "-1" || oneway == "reverse") street.oneway = -1;
  if (oneway.empty() && (value_of(tags, "junction") == "roundabout" || street.highway == "motorway")) street.oneway = 1;
  return street;
}

struct FeatureBuilder::Impl {
  bool ground = false;
  Take take;
  std::size_t memory_bytes;
  bool full = false;
  FeatureCounts counts;
  std::vector<Located> located;
  std::vector<Kept> nodes, ways, relations;  // nodes: those that are features
  std::vector<Id> refs;                      // nodes of ways
  std::vector<Id> members;                   // ways of relations
  std::vector<bool> inner;                   // whether each of these is of a hole
  std::string texts;                         // keys and values
  struct Span {
    std::size_t begin;
    std::uint32_t key, value;
  };
  std::vector<Span> tags;
  std::vector<Tag> given;

  bool has_room() {
    const std::size_t used = located.size() * sizeof(Located) + (refs.size() + members.size()) * sizeof(Id) +
                             texts.size() + tags.size() * sizeof(Span) +
                             (nodes.size() + ways.size() + relations.size()) * sizeof(Kept);
    full = full || used > memory_bytes;
    return !full;
  }
  void keep_tags(Tags from, Kept& kept) {
    kept.tags = tags.size();
    kept.tag_count = from.size();
    for (const Tag& tag : from) {
      tags.push_back(
          {texts.size(), static_cast<std::uint32_t>(tag.key.size()), static_cast<std::uint32_t>(tag.value.size())});
      texts.append(tag.key).append(tag.value);
    }
  }
  Tags tags_of(const Kept& kept) {
    given.clear();
    for (std::size_t i = kept.tags; i < kept.tags + kept.tag_count; ++i) {
      const std::string_view all(texts);
      given.push_back({all.substr(tags[i].begin, tags[i].key), all.substr(tags[i].begin + tags[i].key, tags[i].value)});
    }
    return given;
  }
  const Located* find(Id id) const {
    const auto found = std::lower_bound(located.begin(), located.end(), id,
                                        [](const Located& one, Id wanted) { return one.id < wanted; });
    return found != located.end() && found->id == id ? &*found : nullptr;
  }
  std::span<const Id> nodes_of(const Kept& way) const { return std::span(refs).subspan(way.parts, way.part_count); }

  bool place(std::span<const Id> from, geo::Line& line) const;
  void give(Kind kind, const Kept& kept, geo::Geometry geometry);
  void build_way(const Kept& way);
  void build_relation(const Kept& relation);
};

/// False where the file lacks some of the nodes: the line is without them.
bool FeatureBuilder::Impl::place(std::span<const Id> from, geo::Line& line) const {
  bool whole = true;
  for (const Id id : from) {
    if (const Located* at = find(id)) {
      line.push_back({at->lon / kUnits, at->lat / kUnits});
    } else {
      whole = false;
    }
  }
  return whole;
}

void FeatureBuilder::Impl::give(Kind kind, const Kept& kept, geo::Geometry geometry) {
  const Tags known = tags_of(kept);
  const Class is = class_of(known, ground);
  const bool line = geometry.kind == geo::Geometry::Kind::line;
  Feature feature{.street = is.street && kind == Kind::way,
                  .building = is.building && !line && kind != Kind::node,
                  .place = is.place,
                  .ground = is.ground && kind != Kind::node,
                  .kind = kind,
                  .id = kept.id,
                  .geometry = std::move(geometry),
                  .tags = known};
  if (!feature.street && !feature.building && !feature.place && !feature.ground) return;
  ++counts.features;
  take(feature);
}

void FeatureBuilder::Impl::build_way(const Kept& way) {
  const Tags known = tags_of(way);
  const Class is = class_of(known, ground);
  if (!is.any()) return;
  const auto list = nodes_of(way);
  const bool closed = list.size() >= 4 && list.front() == list.back();
  const bool as_area = closed && (is.street ? value_of(known, "area") == "yes" : true);
  geo::Geometry geometry;
  geo::Line line;
  const bool whole = place(list, line);
  if (as_area ? !whole : line.size() < 2) {
    ++counts.incomplete;
    return;
  }
  geometry.kind = as_area ? geo::Geometry::Kind::polygon : geo::Geometry::Kind::line;
  if (as_area) {
    geometry.polygons.push_back({std::move(line)});
  } else {
    geometry.lines.push_back(std::move(line));
  }
  give(Kind::way, way, std::move(geometry));
}

void FeatureBuilder::Impl::build_relation(const Kept& relation) {
  std::array<std::vector<NodeList>, 2> parts;  // outer, inner
  bool whole = true;
  for (std::size_t i = relation.parts; i < relation.parts + relation.part_count; ++i) {
    const auto way = std::lower_bound(ways.begin(), ways.end(), members[i],
                                      [](const Kept& one, Id wanted) { return one.id < wanted; });
    if (way == ways.end() || way->id != members[i]) {
      whole = false;
      continue;
    }
    const auto list = nodes_of(*way);
    parts[inner[i]].emplace_back(list.begin(), list.end());
  }
  std::array<std::vector<geo::Line>, 2> rings;
  for (std::size_t side = 0; whole && side < 2; ++side) {
    const auto joined = join_rings(std::move(parts[side]));
    whole = joined.has_value();
    for (std::size_t i = 0; whole && i < joined->size(); ++i) whole = place((*joined)[i], rings[side].emplace_back());
  }
  auto polygons = whole ? nest(std::move(rings[0]), std::move(rings[1])) : std::nullopt;
  if (!polygons || polygons->empty()) {
    ++counts.incomplete;
    return;
  }
  geo::Geometry geometry;
  geometry.kind = polygons->size() == 1 ? geo::Geometry::Kind::polygon : geo::Geometry::Kind::multi_polygon;
  geometry.polygons = std::move(*polygons);
  give(Kind::relation, relation, std::move(geometry));
}

FeatureBuilder::FeatureBuilder(Take take, std::size_t memory_bytes, bool ground) : impl_(std::make_unique<Impl>()) {
  impl_->ground = ground;
  impl_->take = std::move(take);
  impl_->memory_bytes = memory_bytes;
}
FeatureBuilder::~FeatureBuilder() = default;

void FeatureBuilder::node(const Node& node) {
  Impl& me = *impl_;
  ++me.counts.nodes;
  if (!me.has_room()) return;
  me.located.push_back({node.id, static_cast<std::int32_t>(std::lround(node.at.lon * kUnits)),
                        static_cast<std::int32_t>(std::lround(node.at.lat * kUnits))});
  if (node.tags.empty() || !class_of(node.tags, false).place) return;
  me.keep_tags(node.tags, me.nodes.emplace_back(Kept{.id = node.id}));
}

void FeatureBuilder::way(const Way& way) {
  Impl& me = *impl_;
  ++me.counts.ways;
  if (!me.has_room()) return;
  Kept& kept = me.ways.emplace_back(Kept{.id = way.id, .parts = me.refs.size(), .part_count = way.nodes.size()});
  me.refs.insert(me.refs.end(), way.nodes.begin(), way.nodes.end());
  if (class_of(way.tags, me.ground).any()) me.keep_tags(way.tags, kept);
}

void FeatureBuilder::relation(const Relation& relation) {
  Impl& me = *impl_;
  ++me.counts.relations;
  if (!me.has_room() || value_of(relation.tags, "type") != "multipolygon" || !class_of(relation.tags, me.ground).any())
    return;
  Kept kept{.id = relation.id, .parts = me.members.size()};
  for (const Member& member : relation.members) {
    if (member.kind != Kind::way) continue;
    me.members.push_back(member.id);
    me.inner.push_back(member.role == "inner");
    ++kept.part_count;
  }
  me.keep_tags(relation.tags, kept);
  me.relations.push_back(kept);
}

base::Result<FeatureCounts> FeatureBuilder::finish() {
  Impl& me = *impl_;
  if (me.full) {
    return error(Code::too_large, "the map needs more than " + std::to_string(me.memory_bytes >> 20) +
                                      " MiB of memory; cut out a smaller area");
  }
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  if (!std::is_sorted(me.located.begin(), me.located.end(), by_id)) {
    std::stable_sort(me.located.begin(), me.located.end(), by_id);
  }
  if (!std::is_sorted(me.ways.begin(), me.ways.end(), by_id)) std::stable_sort(me.ways.begin(), me.ways.end(), by_id);
  for (const Kept& one : me.nodes) {
    geo::Geometry point;
    const Located* at = me.find(one.id);
    point.points.push_back({at->lon / kUnits, at->lat / kUnits});
    me.give(Kind::node, one, std::move(point));
  }
  for (const Kept& one : me.ways) me.build_way(one);
  for (const Kept& one : me.relations) me.build_relation(one);
  return me.counts;
}

}  // namespace madang::formats::osm
