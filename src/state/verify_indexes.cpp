// Every index against brute force over the entities, for `madang check` and the tests.

#include <algorithm>
#include <bit>

#include "madang/ngsi/expiry.h"
#include "madang/state/snapshot.h"

#include "store_impl.h"

namespace madang::state {

using base::Status;

namespace {

class Checker {
 public:
  explicit Checker(const Tenant::Impl& tenant)
      : tenant_(tenant), indexes_(tenant.indexes), values_(tenant.indexes.values.size()) {}

  Status run() {
    for (Place place = 0; place < tenant_.slots.end(); ++place)
      if (const EntityView entity = tenant_.at(place)) MADANG_CHECK(check(place, entity));
    // Each entity's own entries are there: equal totals mean that there are no others.
    if (entities_ != tenant_.size || indexes_.all.size() != entities_) return differs("the number of entities", "");
    for (const auto& [symbol, set] : indexes_.types) total_types_ -= set->size();
    if (total_types_ != 0) return differs("types", "");
    for (const auto& [scope, set] : indexes_.scopes) total_scopes_ -= set.size();
    if (total_scopes_ != 0) return differs("scopes", "");
    if (indexes_.links.size() != links_ || indexes_.irregular_links.size() != irregular_links_)
      return differs("relationships", "");
    for (const auto& [symbol, index] : indexes_.space) total_shapes_ -= index->points.size() + index->boxes.size();
    if (total_shapes_ != 0) return differs("space", "");
    if (indexes_.expiries.size() != expiries_) return differs("times of expiry", "");
    if (presence_ != indexes_.presence || kinds_ != indexes_.kinds) return differs("attribute counts", "");
    for (std::size_t i = 0; i < indexes_.values.size(); ++i)
      if (indexes_.values[i]->ready && indexes_.values[i]->entries() != values_[i])
        return differs("values of " + indexes_.values[i]->names.attribute, "");
    return {};
  }

 private:
  Status differs(const std::string& what, std::string_view id) const {
    return base::error(base::Code::corrupt,
                       "The index of " + what + " differs from the entities of tenant '" + tenant_.name + "'.",
                       std::string(id));
  }

  Status check(Place place, EntityView entity) {
    ++entities_;
    if (tenant_.find(entity.id()) != place) return differs("ids", entity.id());
    if (!indexes_.all.contains(place)) return differs("entities", entity.id());
    std::vector<Symbol> types;
    for (std::size_t i = 0; i < entity.type_count(); ++i) types.push_back(entity.type(i));
    std::sort(types.begin(), types.end());
    types.erase(std::unique(types.begin(), types.end()), types.end());
    total_types_ += types.size();
    for (const Symbol type : types) {
      const PlaceSet* const set = indexes_.type(type);
      if (!set || !set->contains(place)) return differs("types", entity.id());
    }
    if (const auto time = ngsi::first_expiry(entity)) {
      ++expiries_;
      if (!indexes_.expiries.contains({*time, place})) return differs("times of expiry", entity.id());
    }
    MADANG_CHECK(check_scopes(place, entity));
    MADANG_CHECK(check_attributes(place, entity));
    return check_values(place, entity);
  }

  Status check_scopes(Place place, EntityView entity) {
    std::vector<std::string_view> scopes;
    entity.each_scope([&](std::string_view scope) { scopes.push_back(bare_scope(scope)); });
    std::sort(scopes.begin(), scopes.end());
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    total_scopes_ += scopes.size();
    for (const auto scope : scopes) {
      const auto found = indexes_.scopes.find(scope);
      if (found == indexes_.scopes.end() || !found->second.contains(place)) return differs("scopes", entity.id());
    }
    return {};
  }

  Status check_attributes(Place place, EntityView entity) {
    std::vector<Link> links;
    bool regular = true;
    for (Group group = Group::at(entity, 0); !group.empty(); group = Group::at(entity, group.end)) {
      for (unsigned kinds = kinds_of(group); kinds != 0; kinds &= kinds - 1) {
        const auto key = kind_key(group.name(), static_cast<ngsi::Kind>(std::countr_zero(kinds)));
        ++kinds_[key];
        for (std::size_t i = 0; i < entity.type_count(); ++i) ++presence_[presence_key(entity.type(i), key)];
      }
      regular = links_of(group, place, links) && regular;
      if (kinds_of(group) & kind_bit(ngsi::Kind::geo_property)) MADANG_CHECK(check_space(place, group));
    }
    std::sort(links.begin(), links.end());
    links.erase(std::unique(links.begin(), links.end()), links.end());
    links_ += links.size();
    irregular_links_ += regular ? 0 : 1;
    const bool all = std::all_of(links.begin(), links.end(), [&](const Link& l) { return indexes_.links.contains(l); });
    if (!all || indexes_.irregular_links.contains(place) == regular) return differs("relationships", entity.id());
    return {};
  }

  Status check_space(Place place, const Group& group) {
    const Located located = locate(group, place);
    const SpaceIndex* const index = indexes_.space_of(group.name());
    if (!index || index->irregular.contains(place) != located.irregular) return differs("space", group.entity.id());
    total_shapes_ += located.shapes.size();
    for (const auto& shape : located.shapes) {
      std::vector<geo::Key> found;
      if (shape.is_point)
        index->points.find({shape.point.lon, shape.point.lat, shape.point.lon, shape.point.lat}, found);
      else
        index->boxes.find(shape.box, found);
      if (std::find(found.begin(), found.end(), shape.key) == found.end()) return differs("space", group.entity.id());
    }
    return {};
  }

  Status check_values(Place place, EntityView entity) {
    for (std::size_t i = 0; i < indexes_.values.size(); ++i) {
      const ValueIndex& index = *indexes_.values[i];
      if (!index.ready) continue;
      std::vector<SortedEntry> entries;
      const bool regular = values_of(index, entity, place, entries);
      std::sort(entries.begin(), entries.end());
      entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
      values_[i] += entries.size() + (regular ? 0 : 1);
      bool same = index.irregular.contains(place) != regular;
      for (const auto& e : entries) same = same && index.sets[static_cast<std::size_t>(e.sort)].contains(e.entry);
      if (!same) return differs("values of " + index.names.attribute, entity.id());
    }
    return {};
  }

  const Tenant::Impl& tenant_;
  const Indexes& indexes_;
  std::uint64_t entities_ = 0, total_types_ = 0, total_scopes_ = 0, total_shapes_ = 0, links_ = 0, irregular_links_ = 0,
                expiries_ = 0;
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> presence_, kinds_;
  std::vector<std::uint64_t> values_;
};

}  // namespace

Status verify_indexes(const Store& store) {
  for (const Tenant* tenant : store.impl().all_tenants()) MADANG_CHECK(Checker(tenant->impl()).run());
  return {};
}

}  // namespace madang::state
