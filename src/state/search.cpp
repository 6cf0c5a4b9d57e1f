#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

#include "plan.h"

namespace madang::state {

using base::Code;

namespace {
constexpr std::uint64_t kBytesALook = 256;  // writing so much of an entity takes about as long as looking at one
}

struct Search::Impl {
  Impl(const Store& store, const Tenant& tenant_, const ngsi::Query& query_, const ngsi::Filter* filter_, Page page_)
      : tenant(tenant_.impl()), query(query_), filter(filter_), page(page_), most(store.impl().limits.query_cost) {}

  const Tenant::Impl& tenant;
  const ngsi::Query& query;
  const ngsi::Filter* const filter;
  const Page page;
  const std::uint64_t most;  // entities that may be looked at

  std::optional<Plan> plan;
  std::uint64_t next = 0;  // places from here on are still to be looked at
  std::uint64_t looked = 0;
  std::uint64_t matched = 0;
  std::uint64_t skipped = 0;  // of page.offset
  std::uint32_t emitted = 0;
  std::uint64_t output = 0;  // what emitting cost in this run, in entities looked at
  bool counted = false;      // `matched` is known: what is still looked at only fills the page
  std::optional<Place> last;
  bool more = false;
  bool finished = false;

  base::Result<bool> run(std::uint64_t budget, const Emit& emit);
  base::Status pay(std::uint64_t work);
  std::uint64_t look(std::uint64_t budget, const Emit& emit);
  void take(Place place, EntityView entity, const Emit& emit);
  bool take_exact(std::uint64_t budget, const Emit& emit);
  bool take_decided(std::uint64_t budget, const Emit& emit);
  bool leave_rest(Place from);
  void emit_one(Place place, EntityView entity, const Emit& emit) {
    emit(entity);
    ++emitted;
    last = place;
    output += entity.bytes().size() / kBytesALook;
  }
};

base::Status Search::Impl::pay(std::uint64_t work) {
  looked += work;
  if (looked <= most) return {};
  finished = true;
  return base::error(Code::too_complex,
                     "The question would look at more than " + std::to_string(most) +
                         " entities. Narrow it by type, id, scope or area, or declare an index on an "
                         "attribute that q compares.");
}

base::Result<bool> Search::Impl::run(std::uint64_t budget, const Emit& emit) {
  if (finished) return true;
  const bool fresh = !plan;
  if (fresh) {
    plan.emplace(tenant, query, filter, page.count);
    if (page.after && !page.count) next = std::uint64_t{*page.after} + 1;
  }
  std::uint64_t spent = 0;
  output = 0;
  constexpr std::uint64_t kEntriesAnEntity =
      8;  // reading an index entry is that much cheaper than looking at an entity
  if (fresh && plan->collected() && plan->candidates.exact) return take_exact(budget, emit);
  while (!plan->collected()) {
    if (spent >= budget) return false;
    const std::uint64_t work = plan->collect((budget - spent) * kEntriesAnEntity) / kEntriesAnEntity + 1;
    spent += work;
    MADANG_CHECK(pay(work));
  }
  // What was decided on coordinates holds as long as nothing has changed: within this one Reading.
  if (plan->decided() && fresh) return take_decided(budget, emit);
  if (plan->decided()) plan->sort_decided();
  while (!finished) {
    if (spent + output >= budget) return false;
    const std::uint64_t work = look(budget - spent, emit);
    spent += work;
    MADANG_CHECK(pay(work));
  }
  return true;
}

/// Looks at some candidates; how many.
std::uint64_t Search::Impl::look(std::uint64_t budget, const Emit& emit) {
  std::array<Place, 128> places;
  // A page needs few: reading far ahead for it would be waste. A count needs all.
  const std::size_t ahead = page.count || looked > 256 ? places.size() : 32;
  const std::size_t wanted = std::clamp<std::size_t>(budget, 1, ahead);
  const std::size_t size = next > std::numeric_limits<Place>::max()
                               ? 0
                               : plan->candidates.read(static_cast<Place>(next), std::span(places).first(wanted));
  if (size == 0) return finished = true, 0;
  constexpr std::size_t kNear = 6, kFar = 12;  // blocks, and slots before them
  const auto fetch = [&](std::size_t i) {
    if (i + kFar < size && places[i + kFar] < tenant.slots.end())
      __builtin_prefetch(tenant.slots.where(places[i + kFar]));
    if (i + kNear >= size || places[i + kNear] >= tenant.slots.end()) return;
    if (const std::byte* const block = tenant.slots.at(places[i + kNear]))
      for (std::size_t line = 0; line < 384; line += 64) __builtin_prefetch(block + line);
  };
  for (std::size_t i = 0; i < size && !finished; ++i) {
    if (output >= budget) return i;
    fetch(i);
    const Place place = places[i];
    next = std::uint64_t{place} + 1;
    if (place >= tenant.slots.end()) continue;
    const EntityView entity = tenant.at(place);
    if (entity && ngsi::matches(query, entity, filter)) take(place, entity, emit);
  }
  return size;
}

void Search::Impl::take(Place place, EntityView entity, const Emit& emit) {
  if (!counted) ++matched;
  if (page.after && place <= *page.after) return;
  if (skipped < page.offset) {
    ++skipped;
  } else if (emitted < page.limit) {
    emit_one(place, entity, emit);
  } else {
    more = true;
    finished = counted || !page.count;
  }
}

/// The budget ended inside a page whose count is known. Time passes until the next run, so there the rest is looked at
/// like any candidates.
bool Search::Impl::leave_rest(Place from) {
  counted = true;
  finished = more = false;
  skipped = page.offset;
  next = from;
  return false;
}

/// The candidates are the answer: counting and skipping are arithmetic.
bool Search::Impl::take_exact(std::uint64_t budget, const Emit& emit) {
  const PlaceSet& set = *plan->candidates.places();
  matched = set.size();
  finished = true;
  const std::uint64_t before = page.after ? set.rank(*page.after) : 0;
  const std::uint64_t begin = page.offset > set.size() - before ? set.size() : before + page.offset;
  more = set.size() - begin > page.limit;
  if (begin == set.size() || page.limit == 0) return true;
  std::array<Place, 128> places;
  Place from = set.select(begin);
  while (emitted < page.limit) {
    const std::size_t wanted = std::min<std::size_t>(places.size(), page.limit - emitted);
    const std::size_t size = set.read(from, std::span(places).first(wanted));
    if (size == 0) return true;
    for (std::size_t i = 0; i < size; ++i) {
      if (output >= budget) return leave_rest(places[i]);
      emit_one(places[i], tenant.at(places[i]), emit);
    }
    if (places[size - 1] == std::numeric_limits<Place>::max()) return true;
    from = places[size - 1] + 1;
  }
  return true;
}

/// The list is the answer, in no order: only the page's part of it needs sorting.
bool Search::Impl::take_decided(std::uint64_t budget, const Emit& emit) {
  auto& list = plan->candidates.list;
  matched = list.size();
  finished = true;
  auto begin = list.begin();
  if (page.after) begin = std::partition(begin, list.end(), [&](Place place) { return place <= *page.after; });
  const auto left = static_cast<std::uint64_t>(list.end() - begin);
  const std::uint64_t skip = std::min(page.offset, left);
  const std::uint64_t size = std::min<std::uint64_t>(page.limit, left - skip);
  more = left - skip > size;
  std::partial_sort(begin, begin + static_cast<std::ptrdiff_t>(skip + size), list.end());
  begin += static_cast<std::ptrdiff_t>(skip);
  for (const Place place : std::span(begin, size)) {
    if (output >= budget) return leave_rest(place);
    emit_one(place, tenant.at(place), emit);
  }
  return true;
}

Search::Search(const Store& store, const Tenant& tenant, const ngsi::Query& query, const ngsi::Filter* filter,
               Page page)
    : impl_(std::make_unique<Impl>(store, tenant, query, filter, page)) {}
Search::~Search() = default;

base::Result<bool> Search::run(std::uint64_t budget, const Emit& emit) {
  return impl_->run(std::max<std::uint64_t>(budget, 1), emit);
}
std::uint64_t Search::matched() const {
  return impl_->matched;
}
bool Search::more() const {
  return impl_->more;
}
std::optional<Place> Search::last() const {
  return impl_->last;
}
std::string_view Search::plan() const {
  return impl_->plan ? impl_->plan->name() : "none";
}

}  // namespace madang::state
