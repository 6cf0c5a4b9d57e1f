// Questions through linked entities (clause 4.9, `rel{name}`): where that is less work, from the end of the path.

#include <algorithm>

#include "plan.h"

namespace madang::state {

using ngsi::TypeSelection;

namespace {

constexpr std::uint64_t kTooFewToPlan = 64;  // candidates: looking at them all is as quick
constexpr std::uint64_t kFewEnds = 1'024;    // entities looked at to walk a path backwards
constexpr std::uint64_t kPlanning = 1'024;   // and for all paths of a question: then no further one is tried
constexpr std::size_t kFewKinds = 4'096;     // (type, attribute, kind) rows read for it

}  // namespace

/// A path through linked entities walked backwards: from the few entities that its end holds for to those that point at
/// them. All that it gives is checked again, forwards.
std::optional<Plan::Way> Plan::way_back(const ngsi::QueryTerm& term, std::uint64_t most) const {
  const auto& hops = term.path.hops;
  if (around_ == nullptr || most <= kTooFewToPlan || around_->spent() - spent_before_ > kPlanning) return std::nullopt;
  auto places = ends_of(term, std::min(most, kFewEnds));
  for (std::size_t hop = hops.size() - 1; places && hop > 0; --hop)
    places = pointing_at(hops[hop].relationship, *places, std::min(most, kFewEnds));
  if (!places || places->size() > kMostRanges) return std::nullopt;
  Way way;
  for (const Place place : *places) {
    const std::string_view id = tenant_.at(place).id();
    way.links.push_back({link_to(hops[0].relationship, id, 0), link_to(hops[0].relationship, id, kNoPlace)});
  }
  estimate(way, most);
  return way;
}

/// The entities at the end of a path for which its term holds; nothing where that takes looking at more than `most`.
std::optional<std::vector<Place>> Plan::ends_of(const ngsi::QueryTerm& term, std::uint64_t most) const {
  ngsi::Query end;
  end.q.emplace();
  end.q->term = term;
  end.q->term.path.hops.clear();
  if (const auto& hint = term.path.hops.back().types; !hint.empty()) {
    end.type.emplace();
    end.type->node = TypeSelection::Node::any_of;
    for (const Symbol type : hint) end.type->parts.push_back({TypeSelection::Node::type, type, {}});
  } else if (!term.path.names.empty()) {
    end.type = types_with(term.path.names.front());
  }
  if (!end.type) return std::nullopt;
  Plan plan(tenant_, end, filter_, nullptr, true, false);
  std::uint64_t work = 0;
  while (!plan.collected() && work <= most) work += plan.collect(most);
  around_->charge(work / 8 + 1);
  const PlaceSet* const set = plan.candidates.places();
  if (!plan.collected() || (set ? set->size() : plan.candidates.list.size()) > most) return std::nullopt;
  std::vector<Place> out(most);
  out.resize(plan.candidates.read(0, out));
  around_->charge(out.size());
  std::erase_if(out, [&](Place place) {
    const EntityView entity = tenant_.at(place);
    return !entity || !ngsi::matches(end, entity, filter_);
  });
  return out;
}

/// The entities with a Relationship to one of `places`, and those of which the index does not know.
std::optional<std::vector<Place>> Plan::pointing_at(Symbol relationship, const std::vector<Place>& places,
                                                    std::uint64_t most) const {
  const auto& links = tenant_.indexes.links;
  const PlaceSet& irregular = tenant_.indexes.irregular_links;
  if (irregular.size() > most) return std::nullopt;
  std::vector<Place> out(irregular.size());
  out.resize(irregular.read(0, out));
  for (const Place place : places) {
    const std::string_view id = tenant_.at(place).id();
    const Link high = link_to(relationship, id, kNoPlace);
    for (auto at = links.lower_bound(link_to(relationship, id, 0)); at != links.end() && !(high < *at); ++at) {
      if (out.size() >= most) return std::nullopt;
      out.push_back(at->place);
    }
  }
  around_->charge(places.size() + out.size() / 8);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// The types in which an attribute is seen.
std::optional<TypeSelection> Plan::types_with(Symbol attribute) const {
  const auto& presence = tenant_.indexes.presence;
  if (presence.size() > kFewKinds) return std::nullopt;
  around_->charge(presence.size() / 8);
  TypeSelection selection;
  selection.node = TypeSelection::Node::any_of;
  for (const auto& [key, count] : presence) {
    const PresenceParts parts = presence_parts(key);
    if (parts.attribute == attribute && count > 0)
      selection.parts.push_back({TypeSelection::Node::type, parts.type, {}});
  }
  if (selection.parts.empty()) return TypeSelection{};  // no entity has it
  return selection;
}

}  // namespace madang::state
