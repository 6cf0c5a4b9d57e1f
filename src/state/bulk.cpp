// Building all indexes of a freshly loaded tenant at once: each thread harvests a range of places, then each index is
// made from sorted input.

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <thread>

#include "madang/ngsi/expiry.h"

#include "store_impl.h"

namespace madang::state {

namespace {

struct Harvest {
  Place begin = 0, end = 0;
  std::vector<Place> all;
  boost::unordered_flat_map<std::uint32_t, std::vector<Place>> types;
  std::map<std::string, std::vector<Place>, std::less<>> scopes;
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> presence, kinds;
  std::vector<Link> links;
  std::vector<Place> irregular_links;
  struct Space {
    std::vector<Located::Shape> shapes;
    std::vector<Place> irregular;
  };
  boost::unordered_flat_map<std::uint32_t, Space> space;
  struct Values {
    std::vector<SortedEntry> entries;
    std::vector<Place> irregular;
  };
  std::vector<Values> values;
  std::vector<Expiry> expiries;

  void take(const Tenant::Impl& tenant);

 private:
  void take(const Indexes& indexes, Place place, EntityView entity);
};

void Harvest::take(const Indexes& indexes, Place place, EntityView entity) {
  all.push_back(place);
  for (std::size_t i = 0; i < entity.type_count(); ++i)
    types[static_cast<std::uint32_t>(entity.type(i))].push_back(place);
  entity.each_scope([&](std::string_view scope) { scopes[std::string(bare_scope(scope))].push_back(place); });
  bool regular = true;
  for (Group group = Group::at(entity, 0); !group.empty(); group = Group::at(entity, group.end)) {
    const unsigned present = kinds_of(group);
    for (unsigned left = present; left != 0; left &= left - 1) {
      const auto key = kind_key(group.name(), static_cast<ngsi::Kind>(std::countr_zero(left)));
      ++kinds[key];
      for (std::size_t i = 0; i < entity.type_count(); ++i) ++presence[presence_key(entity.type(i), key)];
    }
    if (present & (kind_bit(ngsi::Kind::relationship) | kind_bit(ngsi::Kind::list_relationship)))
      regular = links_of(group, place, links) && regular;
    if (!(present & kind_bit(ngsi::Kind::geo_property))) continue;
    Space& target = space[static_cast<std::uint32_t>(group.name())];
    const Located found = locate(group, place);
    target.shapes.insert(target.shapes.end(), found.shapes.begin(), found.shapes.end());
    if (found.irregular) target.irregular.push_back(place);
  }
  if (!regular) irregular_links.push_back(place);
  if (entity.may_expire())
    if (const auto time = ngsi::first_expiry(entity)) expiries.push_back({*time, place});
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!values_of(*indexes.values[i], entity, place, values[i].entries)) values[i].irregular.push_back(place);
}

void Harvest::take(const Tenant::Impl& tenant) {
  values.resize(tenant.indexes.values.size());
  constexpr Place kAhead = 8;
  for (Place place = begin; place < end; ++place) {
    if (place + kAhead < end)
      if (const std::byte* block = tenant.slots.at(place + kAhead))
        for (std::size_t line = 0; line < 512; line += 64) __builtin_prefetch(block + line);
    if (const EntityView entity = tenant.at(place)) take(tenant.indexes, place, entity);
  }
  std::sort(links.begin(), links.end());
  for (Values& value : values) std::sort(value.entries.begin(), value.entries.end());
}

/// Runs the tasks on `threads` threads, the caller's among them.
void run_all(const std::vector<std::function<void()>>& tasks, std::size_t threads) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < tasks.size();) tasks[i]();
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(threads, tasks.size()); ++i) others.emplace_back(work);
  work();
}

/// visit(entry) for all entries of sorted lists, in order, each once.
template <class Entry, class List, class Visit>
void merge(std::vector<Harvest>& harvests, List&& list, Visit&& visit) {
  std::vector<Entry> merged;
  for (Harvest& harvest : harvests) {
    std::vector<Entry>& more = list(harvest);
    const auto middle = static_cast<std::ptrdiff_t>(merged.size());
    if (merged.empty()) {
      merged = std::move(more);
    } else {
      merged.insert(merged.end(), more.begin(), more.end());
    }
    std::vector<Entry>().swap(more);
    std::inplace_merge(merged.begin(), merged.begin() + middle, merged.end());
  }
  const auto end = std::unique(merged.begin(), merged.end());
  std::for_each(merged.begin(), end, visit);
}

void add_places(PlaceSet& set, std::vector<Place>& places) {
  // A place comes twice where an entity names a thing twice.
  places.erase(std::unique(places.begin(), places.end()), places.end());
  set.add_sorted(places);
}

void build_sets(Indexes& indexes, std::vector<Harvest>& harvests) {
  for (Harvest& harvest : harvests) {
    add_places(indexes.all, harvest.all);
    add_places(indexes.irregular_links, harvest.irregular_links);
    for (auto& [symbol, places] : harvest.types) add_places(indexes.type_set(static_cast<Symbol>(symbol)), places);
    for (auto& [scope, places] : harvest.scopes) add_places(indexes.scopes[scope], places);
    for (const auto& [key, count] : harvest.presence) indexes.presence[key] += count;
    for (const auto& [key, count] : harvest.kinds) indexes.kinds[key] += count;
    indexes.expiries.insert(harvest.expiries.begin(), harvest.expiries.end());
  }
  for (const auto& [scope, set] : indexes.scopes) indexes.scope_bytes += scope.size() + 128 + set.memory_bytes();
}

void build_space(SpaceIndex& index, std::uint32_t symbol, std::vector<Harvest>& harvests) {
  for (Harvest& harvest : harvests) {
    const auto found = harvest.space.find(symbol);
    if (found == harvest.space.end()) continue;
    for (const auto& shape : found->second.shapes)
      shape.is_point ? index.points.insert(shape.key, shape.point) : index.boxes.insert(shape.key, shape.box);
    add_places(index.irregular, found->second.irregular);
    found->second = {};
  }
}

void build_values(ValueIndex& index, std::size_t number, std::vector<Harvest>& harvests) {
  merge<SortedEntry>(
      harvests, [&](Harvest & h) -> auto& { return h.values[number].entries; },
      [&](const SortedEntry& e) {
        auto& set = index.sets[static_cast<std::size_t>(e.sort)];
        set.insert(set.end(), e.entry);
      });
  for (Harvest& harvest : harvests) add_places(index.irregular, harvest.values[number].irregular);
  index.ready.store(true, std::memory_order_release);
}

}  // namespace

void build_in_bulk(Tenant::Impl& tenant, std::size_t threads) {
  Indexes& indexes = tenant.indexes;
  constexpr Place kWorthAThread = 10'000;
  const auto parts = static_cast<Place>(
      std::clamp<std::size_t>(tenant.slots.end() / kWorthAThread, 1, std::max<std::size_t>(threads, 1)));
  std::vector<Harvest> harvests(parts);
  std::vector<std::function<void()>> tasks;
  for (Place i = 0; i < parts; ++i) {
    harvests[i].begin = static_cast<Place>(std::uint64_t{tenant.slots.end()} * i / parts);
    harvests[i].end = static_cast<Place>(std::uint64_t{tenant.slots.end()} * (i + 1) / parts);
    tasks.emplace_back([&harvests, &tenant, i] { harvests[i].take(tenant); });
  }
  run_all(tasks, threads);

  // The costly ones first, so that no thread ends with one of them alone.
  tasks.clear();
  for (const Harvest& harvest : harvests)
    for (const auto& [symbol, found] : harvest.space) indexes.space_set(static_cast<Symbol>(symbol));
  for (const auto& entry : indexes.space)
    tasks.emplace_back(
        [&harvests, symbol = entry.first, index = entry.second.get()] { build_space(*index, symbol, harvests); });
  tasks.emplace_back([&] {
    merge<Link>(
        harvests, [](Harvest & h) -> auto& { return h.links; },
        [&](const Link& link) { indexes.links.insert(indexes.links.end(), link); });
  });
  for (std::size_t i = 0; i < indexes.values.size(); ++i)
    tasks.emplace_back([&harvests, i, target = indexes.values[i].get()] { build_values(*target, i, harvests); });
  tasks.emplace_back([&] { build_sets(indexes, harvests); });
  run_all(tasks, threads);
}

}  // namespace madang::state
