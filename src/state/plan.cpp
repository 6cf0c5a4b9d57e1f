#include "plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace madang::state {

using ngsi::Comparison;
using ngsi::GeoQuery;
using ngsi::Kind;
using ngsi::QueryExpression;
using ngsi::ScopeSelection;
using ngsi::TypeSelection;

namespace {

constexpr std::uint64_t kProbe = 4'096;    // entries counted to estimate a range
constexpr std::size_t kFewScopes = 1'024;  // a pattern that meets more is no plan

}  // namespace

std::size_t Candidates::read(Place from, std::span<Place> out) const {
  if (const PlaceSet* const all = places()) return all->read(from, out);
  const auto begin = std::lower_bound(list.begin(), list.end(), from);
  const auto size = std::min(out.size(), static_cast<std::size_t>(list.end() - begin));
  std::copy_n(begin, size, out.begin());
  return size;
}

Plan::Plan(const Tenant::Impl& tenant, const ngsi::Query& query, const ngsi::Filter* filter, Surroundings* around,
           bool count, bool settled)
    : tenant_(tenant),
      query_(query),
      filter_(filter),
      around_(around),
      spent_before_(around ? around->spent() : 0),
      count_(count),
      settled_(settled) {
  if (plan_ids()) return;
  const Indexes& indexes = tenant.indexes;

  // The simplest: the entities of the types asked for, or all. Everything else must promise less work.
  name_ = "scan";
  candidates.live = &indexes.all;
  static const PlaceSet kNothing;
  if (query.type) {
    name_ = "type";
    if (query.type->node == TypeSelection::Node::type) {
      const PlaceSet* const set = indexes.type(query.type->type);
      only_type_ = candidates.live = set ? set : &kNothing;
    } else if (auto set = type_set(*query.type)) {
      candidates.set = std::move(*set);
      candidates.live = nullptr;
      candidates.in_set = true;
    }
  } else if (auto set = selected_set()) {
    name_ = "type";
    candidates.set = std::move(*set);
    candidates.live = nullptr;
    candidates.in_set = true;
  }
  std::uint64_t best = candidates.places()->size();
  candidates.exact = is_plain() && !query.geo;
  if (candidates.exact) return;

  if (query.scope)
    if (auto set = scope_set(*query.scope); set && set->size() < best) {
      best = set->size();
      name_ = "scope";
      candidates.set = std::move(*set);
      candidates.live = nullptr;
      candidates.in_set = true;
    }
  std::optional<Way> way;
  if (query.q) way = way_of(*query.q, best);
  if (way && way->estimate < best)
    best = way->estimate;
  else
    way.reset();
  if (query.geo && query.geo->window) {
    space_ = indexes.space_of(query.geo->property);
    const std::uint64_t found = space_ ? space_->points.estimate(*query.geo->window) : 0;
    if (found < best || !space_ || query.any > 0) {
      begin_space();
      return;
    }
  }
  if (!way) return;
  name_ = way->ranges.empty() ? "relationships" : "value index";
  candidates = {};
  ranges_ = std::move(way->ranges);
  link_ranges_ = std::move(way->links);
  if (collected()) finish();
}

bool Plan::plan_ids() {
  const auto& selectors = query_.selectors;
  const bool selected = !selectors.empty() && std::all_of(selectors.begin(), selectors.end(),
                                                          [](const auto& selector) { return !selector.ids.empty(); });
  if (query_.ids.empty() && !selected) return false;
  name_ = "ids";
  const auto take = [&](const std::vector<std::string>& ids) {
    for (const std::string& id : ids)
      if (const Place place = tenant_.find(id); place != kNoPlace) candidates.list.push_back(place);
  };
  take(query_.ids);
  if (query_.ids.empty())
    for (const auto& selector : selectors) take(selector.ids);
  finish();
  return true;
}

/// The entities of the types that the selectors name, where each of them names some.
std::optional<PlaceSet> Plan::selected_set() const {
  std::optional<PlaceSet> out;
  for (const auto& selector : query_.selectors) {
    auto set = selector.type ? type_set(*selector.type) : std::nullopt;
    if (!set) return std::nullopt;
    if (out)
      out->unite(*set);
    else
      out = std::move(set);
  }
  return out;
}

bool Plan::is_plain() const {
  return settled_ && filter_ == nullptr && !query_.id_pattern && query_.attributes.empty() &&
         !query_.attributes_given && !query_.q && !query_.scope && query_.selectors.empty();
}

// ---- types and scopes ----

std::optional<PlaceSet> Plan::type_set(const TypeSelection& selection) const {
  if (selection.node == TypeSelection::Node::type) {
    const PlaceSet* const set = tenant_.indexes.type(selection.type);
    return set ? set->copy() : PlaceSet();
  }
  std::optional<PlaceSet> out;
  for (const TypeSelection& part : selection.parts) {
    auto set = type_set(part);
    if (!set) continue;  // every entity: says nothing within all_of; any_of has no such part
    if (!out)
      out = std::move(set);
    else if (selection.node == TypeSelection::Node::all_of)
      out->intersect(*set);
    else
      out->unite(*set);
  }
  return out;
}

bool Plan::has_type(const TypeSelection& selection, Place place) const {
  const auto part = [&](const TypeSelection& s) { return has_type(s, place); };
  switch (selection.node) {
    case TypeSelection::Node::all_of:
      return std::all_of(selection.parts.begin(), selection.parts.end(), part);
    case TypeSelection::Node::any_of:
      return std::any_of(selection.parts.begin(), selection.parts.end(), part);
    case TypeSelection::Node::type:
      break;
  }
  const PlaceSet* const set = tenant_.indexes.type(selection.type);
  return set != nullptr && set->contains(place);
}

std::optional<PlaceSet> Plan::scope_set(const ScopeSelection& selection) const {
  std::optional<PlaceSet> out;
  if (selection.node == ScopeSelection::Node::scope) {
    // Everything that starts like the pattern up to its first wildcard.
    const auto pattern = bare_scope(selection.pattern);
    const std::size_t wild = pattern.find_first_of("+#");
    const bool is_exact = wild == std::string_view::npos;
    auto prefix = pattern.substr(0, wild);
    if (!is_exact && prefix.ends_with('/')) prefix.remove_suffix(1);  // `/A/#` holds /A too
    out.emplace();
    std::size_t met = 0;
    const auto& scopes = tenant_.indexes.scopes;
    for (auto at = scopes.lower_bound(prefix); at != scopes.end() && at->first.starts_with(prefix); ++at) {
      if (is_exact && at->first != pattern) break;
      if (++met > kFewScopes) return std::nullopt;
      out->unite(at->second);
    }
    return out;
  }
  for (const ScopeSelection& part : selection.parts) {
    auto set = scope_set(part);
    const bool all = selection.node == ScopeSelection::Node::all_of;
    if (!set && !all) return std::nullopt;
    if (!set) continue;
    if (!out)
      out = std::move(set);
    else if (all)
      out->intersect(*set);
    else
      out->unite(*set);
  }
  return out;
}

// ---- values and relationships ----

std::optional<Plan::Way> Plan::way_of(const QueryExpression& expression, std::uint64_t most) const {
  if (expression.node == QueryExpression::Node::term) return way_of(expression.term, most);
  std::optional<Way> out;
  for (const QueryExpression& part : expression.parts) {
    auto way = way_of(part, most);
    if (expression.node == QueryExpression::Node::all_of) {
      if (way && (!out || way->estimate < out->estimate)) out = std::move(way);
      continue;
    }
    if (!way) return std::nullopt;
    if (!out) {
      out = std::move(way);
      continue;
    }
    out->estimate += way->estimate;
    std::move(way->ranges.begin(), way->ranges.end(), std::back_inserter(out->ranges));
    std::move(way->links.begin(), way->links.end(), std::back_inserter(out->links));
  }
  if (out && out->ranges.size() + out->links.size() > kMostRanges) return std::nullopt;
  return out;
}

std::optional<Plan::Way> Plan::way_of(const ngsi::QueryTerm& term, std::uint64_t most) const {
  if (!term.path.hops.empty()) return way_back(term, most);
  const Symbol attribute = term.path.plain_attribute();
  if (attribute == Symbol::none || term.values.empty()) return std::nullopt;
  Way way;
  std::vector<std::shared_ptr<const ValueIndex>> indexes;
  if (query_.type && cover(*query_.type, attribute, indexes)) {
    for (const auto& wanted : term.values) {
      const auto* range = std::get_if<ngsi::QueryRange>(&wanted);
      if (range && term.comparison != Comparison::equal) return std::nullopt;
      const auto keys = range ? key_range(*range) : key_range(term.comparison, std::get<ngsi::QueryValue>(wanted));
      if (!keys) return std::nullopt;
      for (const auto& index : indexes) way.ranges.push_back({index, *keys});
    }
  } else if (term.comparison == Comparison::equal && has_only_relationships(attribute)) {
    for (const auto& wanted : term.values) {
      const auto* value = std::get_if<ngsi::QueryValue>(&wanted);
      const auto* object = value ? std::get_if<std::string>(value) : nullptr;
      if (!object) return std::nullopt;
      way.links.push_back({link_to(attribute, *object, 0), link_to(attribute, *object, kNoPlace)});
    }
  } else {
    return std::nullopt;
  }
  if (way.ranges.size() + way.links.size() > kMostRanges) return std::nullopt;
  estimate(way, most);
  return way;
}

/// Collects indexes of the attribute that together hold every entity the selection can mean.
bool Plan::cover(const TypeSelection& selection, Symbol attribute,
                 std::vector<std::shared_ptr<const ValueIndex>>& out) const {
  if (selection.node == TypeSelection::Node::type) {
    for (const auto& index : tenant_.indexes.values)
      if (index->attribute == attribute && index->type == selection.type &&
          index->ready.load(std::memory_order_acquire)) {
        out.push_back(index);
        return true;
      }
    return false;
  }
  for (const TypeSelection& part : selection.parts) {
    const bool covered = cover(part, attribute, out);
    const bool all = selection.node == TypeSelection::Node::all_of;
    if (covered == all) return covered;  // one part of all_of is enough, one missing of any_of too much
  }
  return selection.node == TypeSelection::Node::any_of && !selection.parts.empty();
}

/// The index knows the objects of Relationships; a Property of the same name may hold the same text.
bool Plan::has_only_relationships(Symbol attribute) const {
  for (unsigned kind = 0; kind <= static_cast<unsigned>(Kind::list_relationship); ++kind)
    if (static_cast<Kind>(kind) != Kind::relationship && static_cast<Kind>(kind) != Kind::list_relationship &&
        tenant_.indexes.entities_with(attribute, static_cast<Kind>(kind)) > 0)
      return false;
  return true;
}

void Plan::estimate(Way& way, std::uint64_t most) const {
  std::uint64_t found = 0;
  const auto probe = [&](auto at, const auto& end) {
    for (; at != end && found < kProbe; ++at) ++found;
  };
  for (const Range& range : way.ranges) {
    found += range.index->irregular.size();
    const auto& set = range.index->sets[static_cast<std::size_t>(range.keys.sort)];
    probe(set.lower_bound(range.keys.low), set.upper_bound(range.keys.high));
  }
  if (!way.links.empty()) found += tenant_.indexes.irregular_links.size();
  for (const LinkRange& range : way.links)
    probe(tenant_.indexes.links.lower_bound(range.low), tenant_.indexes.links.upper_bound(range.high));
  // Where there are many, a page fills quickly from the type's entities in order; only a count needs all of them
  // anyway, and is better off with a part of the type than with the whole.
  way.estimate = found < kProbe ? found : (count_ ? std::max(kProbe, most / 2) : most);
}

// ---- space ----

void Plan::begin_space() {
  name_ = "space";
  candidates = {};
  decided_ = is_plain();
  if (!space_) return;
  const GeoQuery& geo = *query_.geo;
  boxes_.push_back(*geo.window);
  const bool is_circle = geo.relation == GeoQuery::Relation::near && geo.max_distance && geo.geometry.is_point();
  constexpr double kSmall = 5'000,
                   kLow = 70;  // metres, degrees: there the flat distance is off by less than one in a hundred
  if (!is_circle || geo.min_distance || *geo.max_distance > kSmall) return;
  const geo::Point centre = geo.geometry.points.front();
  if (std::abs(centre.lat) > kLow) return;
  constexpr double kMetresADegree = 111'195, kSure = 0.97;
  inner_ = {centre, kMetresADegree * std::cos(centre.lat * std::numbers::pi / 180), kMetresADegree,
            *geo.max_distance * *geo.max_distance * kSure * kSure};
}

std::uint64_t Plan::collect_box(const geo::Box& box) {
  constexpr std::size_t kAtOnce = 8'192;
  // Wide boxes are quartered, so that one step stays short. A box across the antimeridian stays whole.
  const double width = box.east - box.west, height = box.north - box.south;
  const bool divisible = width > 1e-4 && height > 1e-4 && boxes_.size() < 200;
  if (query_.any > 0 && !enough_ && collect_any(box)) return query_.any;
  if (divisible && space_->points.estimate(box) > kAtOnce) {
    const double lon = box.west + width / 2, lat = box.south + height / 2;
    for (const geo::Box& quarter : {geo::Box{box.west, box.south, lon, lat}, geo::Box{lon, box.south, box.east, lat},
                                    geo::Box{box.west, lat, lon, box.north}, geo::Box{lon, lat, box.east, box.north}})
      boxes_.push_back(quarter);
    decided_ = false;  // quarters share their borders: a place may come twice
    for (const Place place : unsure_) add(place);
    unsure_.clear();
    return 8;
  }
  thread_local std::vector<geo::PointIndex::Hit> hits;
  thread_local std::vector<geo::Key> keys;
  hits.clear(), keys.clear();
  const GeoQuery& geo = *query_.geo;
  const bool circle =
      geo.relation == GeoQuery::Relation::near && geo.max_distance && geo.geometry.is_point() && box == *geo.window;
  if (circle) {
    // A hair wider than asked: decide() has the last word, with the function that ngsi::matches uses.
    space_->points.find_circle(geo.geometry.points.front(), *geo.max_distance * (1 + 1e-9) + 1e-3, hits);
  } else {
    space_->points.find(box, hits);
  }
  for (const auto& hit : hits) take_point(hit);
  space_->boxes.find(box, keys);
  for (const geo::Key key : keys) decided_ ? unsure_.push_back(place_of_key(key)) : add(place_of_key(key));
  return hits.size() + keys.size();
}

/// Where so many will do that can be found soon. False: there are not, all of the box is to be looked at.
bool Plan::collect_any(const geo::Box& box) {
  // Entities of other types lie there too. More than the list holds would go into a set.
  constexpr std::size_t kTries = 4, kMost = 8'000;
  const std::size_t most =
      std::clamp<std::size_t>(query_.any * kTries, query_.any, std::max<std::size_t>(query_.any, kMost));
  std::vector<geo::PointIndex::Hit> hits;
  std::vector<geo::Key> keys;
  const bool all_points = space_->points.find(box, hits, most), all_boxes = space_->boxes.find(box, keys, most);
  for (const auto& hit : hits) take_point(hit);
  for (const geo::Key key : keys) decided_ ? unsure_.push_back(place_of_key(key)) : add(place_of_key(key));
  enough_ = true;
  if ((all_points && all_boxes) || candidates.list.size() >= query_.any) return true;
  candidates.list.clear(), unsure_.clear();
  return false;
}

void Plan::take_point(const geo::PointIndex::Hit& hit) {
  const Place place = place_of_key(hit.key);
  if (!space_->irregular.empty() && space_->irregular.contains(place))
    return decided_ ? unsure_.push_back(place) : add(place);
  if (query_.type && !(only_type_ ? only_type_->contains(place) : has_type(*query_.type, place))) return;
  const auto decision = inner_.contains(hit.at) ? std::optional(true) : decide(hit.at);
  if (decision == false) return;
  if (!decision && decided_) return unsure_.push_back(place);
  add(place);
}

/// What ngsi::matches says of an entity whose only geometry is this point; nothing where that takes more than a point
/// test.
std::optional<bool> Plan::decide(geo::Point point) const {
  const GeoQuery& geo = *query_.geo;
  switch (geo.relation) {
    case GeoQuery::Relation::near: {
      const double distance = geo.prepared->distance_to(point);
      return distance <= geo.max_distance.value_or(distance) && distance >= geo.min_distance.value_or(distance);
    }
    case GeoQuery::Relation::intersects:
    case GeoQuery::Relation::within:
      return geo.prepared->covers_point(point);
    default:
      return std::nullopt;
  }
}

// ---- collecting ----

void Plan::add(Place place) {
  candidates.list.push_back(place);
  constexpr std::size_t kMostListed = 16'384;
  if (candidates.list.size() >= kMostListed) flush();
}

/// A long list becomes a set: sorting it all at once would take too long.
void Plan::flush() {
  std::sort(candidates.list.begin(), candidates.list.end());
  candidates.set.add_sorted(candidates.list);
  candidates.list.clear();
  candidates.in_set = true;
  if (decided_) {
    decided_ = false;
    for (const Place place : unsure_) candidates.list.push_back(place);
    unsure_.clear();
  }
}

std::uint64_t Plan::collect(std::uint64_t budget) {
  std::uint64_t work = 0;
  const auto take = [&](const auto& set, auto& low, const auto& high) {
    for (auto at = set.lower_bound(low); at != set.end() && !(high < *at); ++at) {
      if (work >= budget) return low = *at, false;
      add(at->place);
      ++work;
    }
    return true;
  };
  const auto take_set = [&](const PlaceSet& set) {
    Place places[256];
    Place from = 0;
    while (const std::size_t size = set.read(from, places)) {
      for (std::size_t i = 0; i < size; ++i) add(places[i]);
      work += size;
      from = places[size - 1] + 1;
    }
  };
  while (!ranges_.empty()) {
    Range& range = ranges_.back();
    if (!take(range.index->sets[static_cast<std::size_t>(range.keys.sort)], range.keys.low, range.keys.high))
      return work;
    take_set(range.index->irregular);
    ranges_.pop_back();
  }
  if (!link_ranges_.empty()) {
    while (!link_ranges_.empty()) {
      if (!take(tenant_.indexes.links, link_ranges_.back().low, link_ranges_.back().high)) return work;
      link_ranges_.pop_back();
    }
    take_set(tenant_.indexes.irregular_links);
  }
  while (!boxes_.empty()) {
    if (work >= budget) return work;
    const geo::Box box = boxes_.back();
    boxes_.pop_back();
    work += 1 + collect_box(box);
  }
  finish();
  return work;
}

void Plan::sort_decided() {
  decided_ = false;
  finish();
}

void Plan::finish() {
  auto& list = candidates.list;
  if (decided_) {
    std::sort(unsure_.begin(), unsure_.end());
    unsure_.erase(std::unique(unsure_.begin(), unsure_.end()), unsure_.end());
    for (const Place place : unsure_)
      if (const EntityView entity = tenant_.at(place); entity && ngsi::matches(query_, entity)) list.push_back(place);
    unsure_.clear();
    return;
  }
  if (candidates.in_set) return flush();
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace madang::state
