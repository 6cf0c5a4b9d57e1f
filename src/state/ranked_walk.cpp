// An index that has the entities in the order asked for, gone through from where the page begins.

#include <algorithm>
#include <array>

#include "ranking.h"

namespace madang::state {

using ngsi::OrderSort;
using ngsi::OrderTerm;
using ngsi::OrderValue;
using ngsi::TypeSelection;

namespace {

/// Beyond so many entities for each one that is needed, going through all candidates is hardly dearer.
constexpr std::uint64_t kLooked = 4'096, kLookedForEach = 16;

/// The sorts that an index has in their order, in the order of clause 4.23.2. Texts it has by their bytes, not by a
/// collation.
struct Walked {
  Sort sort;
  OrderSort order;
};
constexpr std::array<Walked, 4> kWalked{{{Sort::number, OrderSort::number},
                                         {Sort::time_of_day, OrderSort::time_of_day},
                                         {Sort::date, OrderSort::date},
                                         {Sort::instant, OrderSort::instant}}};

/// The index's name for a value; nothing for what it has under several or none.
std::optional<ngsi::QueryValue> query_value(const OrderValue& value) {
  switch (value.sort) {
    case OrderSort::number:
      return value.number;
    case OrderSort::time_of_day:
      return ngsi::TimeOfDay{value.ticks};
    case OrderSort::date:
      return ngsi::Date{static_cast<std::int32_t>(value.ticks)};
    case OrderSort::instant:
      return base::Timestamp{value.ticks};
    default:
      return std::nullopt;
  }
}

/// An index that every entity of the selection is in.
std::shared_ptr<const ValueIndex> index_for(const Indexes& indexes, const TypeSelection& selection, Symbol attribute) {
  if (selection.node == TypeSelection::Node::type) {
    for (const auto& index : indexes.values)
      if (index->attribute == attribute && index->type == selection.type &&
          index->ready.load(std::memory_order_acquire))
        return index;
    return nullptr;
  }
  if (selection.node == TypeSelection::Node::any_of) return nullptr;
  for (const TypeSelection& part : selection.parts)
    if (auto index = index_for(indexes, part, attribute)) return index;
  return nullptr;
}

}  // namespace

RankedWalk::RankedWalk(const Tenant::Impl& tenant, const ngsi::Query& query, const ngsi::Filter* filter,
                       Ranking& ranking)
    : tenant_(&tenant),
      query_(&query),
      filter_(filter),
      ranking_(&ranking),
      most_(kLooked + kLookedForEach * ranking.most()) {
  if (query.type && query.type->node == TypeSelection::Node::type) type_ = tenant.indexes.type(query.type->type);
}

std::optional<RankedWalk> RankedWalk::begin(const Tenant::Impl& tenant, const ngsi::Query& query,
                                            const ngsi::Filter* filter, Ranking& ranking) {
  RankedWalk walk(tenant, query, filter, ranking);
  const OrderTerm::Direction direction = query.order->terms.front().direction;
  if (direction == OrderTerm::Direction::farthest) return std::nullopt;
  const bool can = direction == OrderTerm::Direction::nearest ? walk.begin_space() : walk.begin_values();
  return can ? std::optional(std::move(walk)) : std::nullopt;
}

std::uint64_t RankedWalk::go_on(std::uint64_t budget) {
  std::uint64_t looked = 0;
  if (index_) go_through_values(budget, looked);
  while (space_ && state_ == State::going && looked < budget) search_circle(looked);
  looked_ += looked;
  return looked + 1;
}

bool RankedWalk::offer(Place place, EntityView entity) {
  if (!entity || !ngsi::matches(*query_, entity, filter_)) return false;
  ranking_->offer(place, entity);
  return true;
}

// ---- by values ----

bool RankedWalk::begin_values() {
  const OrderTerm& first = query_->order->terms.front();
  const Symbol attribute = first.by == OrderTerm::By::attribute ? first.path.plain_attribute() : Symbol::none;
  if (attribute == Symbol::none || !query_->type) return false;
  index_ = index_for(tenant_->indexes, *query_->type, attribute);
  if (!index_ || index_->irregular.size() > kLooked) return false;
  if (const Ranked* const behind = ranking_->behind()) {
    const OrderValue value = behind->keys.front().view();
    const auto* const at =
        std::find_if(kWalked.begin(), kWalked.end(), [&](const Walked& walked) { return walked.order == value.sort; });
    if (at == kWalked.end()) return false;
    sort_ = static_cast<std::size_t>(at - kWalked.begin());
    const auto comparison = first.is_descending() ? ngsi::Comparison::less_equal : ngsi::Comparison::greater_equal;
    const auto range = key_range(comparison, *query_value(value));
    next_ = first.is_descending() ? range->high : range->low;
  }
  // Only their entities tell where these stand.
  std::array<Place, 256> places;
  Place from = 0;
  while (const std::size_t size = index_->irregular.read(from, places)) {
    for (std::size_t i = 0; i < size; ++i) offer(places[i], tenant_->at(places[i]));
    from = places[size - 1] + 1;
  }
  return true;
}

template <class Entry>
bool RankedWalk::take_entry(const Entry& entry) {
  const EntityView entity = tenant_->at(entry.place);
  if (!index_->irregular.empty() && index_->irregular.contains(entry.place)) return false;
  const OrderValue value = ranking_->first_value(entity);
  const auto own = value.sort == kWalked[sort_].order ? query_value(value) : std::nullopt;
  if (!own || key_range(ngsi::Comparison::equal, *own)->low.key != entry.key) {
    // An element of an array, or another instance: the entity stands elsewhere.
    others_ = others_ || !own;
    return false;
  }
  if (ranking_->is_beyond(value)) return true;
  offer(entry.place, entity);
  return false;
}

void RankedWalk::go_through_values(std::uint64_t budget, std::uint64_t& looked) {
  const bool descending = query_->order->terms.front().is_descending();
  while (state_ == State::going && looked < budget) {
    const auto& set = index_->sets[static_cast<std::size_t>(kWalked[sort_].sort)];
    if (looked_ + looked > most_) return void(state_ = State::given_up);
    if (descending) {
      auto at = next_ ? set.upper_bound(*next_) : set.end();
      for (; at != set.begin() && looked < budget; ++looked)
        if (take_entry(*--at)) return void(state_ = State::found);
      if (at != set.begin()) return void(next_ = *std::prev(at));
    } else {
      auto at = next_ ? set.lower_bound(*next_) : set.begin();
      for (; at != set.end() && looked < budget; ++looked, ++at)
        if (take_entry(*at)) return void(state_ = State::found);
      if (at != set.end()) return void(next_ = *at);
    }
    end_of_sort();
  }
}

/// A sort is done. What follows it in the order must be in the index as well, or all candidates have to be looked at.
void RankedWalk::end_of_sort() {
  const bool texts = !index_->sets[static_cast<std::size_t>(Sort::text)].empty();
  next_.reset();
  if (++sort_ == kWalked.size() || texts || others_ || !index_->irregular.empty()) state_ = State::given_up;
}

// ---- by distance ----

bool RankedWalk::begin_space() {
  const OrderTerm& first = query_->order->terms.front();
  const Symbol attribute = first.path.plain_attribute();
  if (attribute == Symbol::none || !query_->order->from->geometry().is_point()) return false;
  space_ = tenant_->indexes.space_of(attribute);
  if (space_ == nullptr) return false;
  constexpr double kFirst = 50;  // metres
  metres_ = kFirst;
  if (const Ranked* const behind = ranking_->behind()) {
    const OrderValue value = behind->keys.front().view();
    if (value.sort != OrderSort::distance) return false;
    metres_ = std::max(metres_, ngsi::metres_at_most(*query_->order, value.number) * 1.25);
  }
  return true;
}

/// Everything in one circle, nearest first, until what is left cannot be on the page; a circle with too little in it is
/// made wider.
void RankedWalk::search_circle(std::uint64_t& looked) {
  constexpr double kFarthest = 20'200'000;  // nothing on Earth is farther
  const geo::Point centre = query_->order->from->geometry().points.front();
  const geo::Box point{centre.lon, centre.lat, centre.lon, centre.lat};
  while (metres_ < kFarthest && space_->points.estimate(geo::expand(point, metres_)) < ranking_->most()) metres_ *= 2;
  const geo::Box box = geo::expand(point, metres_);
  if (looked_ + space_->points.estimate(box) > most_) return void(state_ = State::given_up);

  struct Near {
    double number;
    Place place;
  };
  thread_local std::vector<geo::PointIndex::Hit> hits;
  thread_local std::vector<geo::Key> keys;
  std::vector<Near> near;
  std::vector<Place> irregular;
  hits.clear(), keys.clear();
  ranking_->clear();
  space_->points.find_circle(centre, metres_, hits);
  space_->boxes.find(box, keys);
  for (const geo::Key key : keys) irregular.push_back(place_of_key(key));
  for (const auto& hit : hits) {
    const Place place = place_of_key(hit.key);
    if (!space_->irregular.empty() && space_->irregular.contains(place)) {
      irregular.push_back(place);
    } else if (type_ == nullptr || type_->contains(place)) {
      near.push_back({ngsi::order_distance(*query_->order, hit.at), place});
    }
  }
  looked += 1 + hits.size() / 8 + keys.size();
  std::sort(irregular.begin(), irregular.end());
  irregular.erase(std::unique(irregular.begin(), irregular.end()), irregular.end());
  for (const Place place : irregular) offer(place, tenant_->at(place));

  std::sort(near.begin(), near.end(), [](const Near& a, const Near& b) { return a.number < b.number; });
  const Ranked* const behind = ranking_->behind();
  for (const Near& one : near) {
    const OrderValue value{OrderSort::distance, one.number, 0, {}};
    if (behind && ngsi::compare(*query_->order, 0, value, behind->keys.front().view()) < 0) continue;
    if (ranking_->is_beyond(value)) break;
    offer(one.place, tenant_->at(one.place));
    ++looked;
  }
  const bool all_seen = metres_ >= kFarthest;
  const bool found = ranking_->full() && ranking_->worst().sort == OrderSort::distance &&
                     ngsi::metres_at_most(*query_->order, ranking_->worst().number) <= metres_;
  if (found) return void(state_ = State::found);
  if (all_seen) return void(state_ = State::given_up);  // those without a place are left
  // As wide as the ones found need, or else twice as wide.
  metres_ = ranking_->full() ? std::max(ngsi::metres_at_most(*query_->order, ranking_->worst().number), metres_ * 1.01)
                             : metres_ * 2;
}

}  // namespace madang::state
