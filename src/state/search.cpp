#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

#include "madang/ngsi/expiry.h"

#include "plan.h"
#include "ranking.h"

namespace madang::state {

using base::Code;

// Entities that the question may follow the Relationships of one entity to.
constexpr std::uint64_t kLinkedAnEntity = 10'000;
// Writing so much of an entity takes about as long as looking at one.
constexpr std::uint64_t kBytesALook = 256;

struct Search::Impl {
  Impl(const Store& store, const Tenant& tenant_, const ngsi::Query& query_, const ngsi::Filter* filter_, Page page_)
      : tenant(tenant_.impl()),
        query(query_),
        filter(filter_),
        page(std::move(page_)),
        most(store.impl().limits.query_cost),
        around(tenant_, filter_),
        linked(query_.q && ngsi::linked_depth(*query_.q) > 0) {}

  const Tenant::Impl& tenant;
  const ngsi::Query& query;
  const ngsi::Filter* const filter;
  const Page page;
  const std::uint64_t most;  // entities that may be looked at
  Surroundings around;
  const bool linked;  // q has paths through linked entities

  std::optional<Plan> plan;
  std::optional<Ranking> ranking;                 // of a question with an order
  std::optional<RankedWalk> walk;                 // while there is hope that few entities need be looked at
  std::optional<std::span<Ranking::Row>> ranked;  // the page is being shown
  std::size_t next_ranked = 0;
  std::optional<Ranked> last_ranked;
  std::vector<std::string> unfit;  // of page.listed; `next` is its place there
  std::uint64_t next = 0;          // places from here on are still to be looked at
  std::uint64_t looked = 0;
  std::uint64_t matched = 0;
  std::uint64_t skipped = 0;  // of page.offset
  std::uint32_t emitted = 0;
  std::optional<Place> last;
  bool more = false;
  bool finished = false;
  bool exact_begun = false;
  base::Timestamp now;
  bool expiring = false;  // something has expired by `now` and is still there

  base::Result<bool> run(std::uint64_t budget, const Emit& emit);
  base::Status pay(std::uint64_t work);
  std::uint64_t look(std::uint64_t budget, const Emit& emit);
  void take(Place place, EntityView entity, const Emit& emit);
  base::Result<bool> take_exact(std::uint64_t budget, const Emit& emit);
  base::Result<bool> take_decided(std::uint64_t budget, const Emit& emit);
  base::Status begin_ranking();
  base::Result<bool> go_on_walking(std::uint64_t budget, std::uint64_t& spent);
  base::Result<bool> take_ranked(std::uint64_t budget, const Emit& emit);
  base::Result<bool> go_through_listed(std::uint64_t budget, const Emit& emit);
  /// use(entity without what has expired), where there is one.
  template <class Use>
  void as_of_now(EntityView entity, Use&& use) {
    if (!entity) return;
    if (!expiring || !entity.may_expire()) return use(entity);
    const ngsi::AsOf then(entity, now);
    if (then.view()) use(then.view());
  }
  bool matches(EntityView entity) {
    if (!linked) return ngsi::matches(query, entity, filter);
    around.allow(kLinkedAnEntity);
    return ngsi::matches(query, entity, filter, &around);
  }
  base::Status check_links();
  void emit_one(Place place, EntityView entity, const Emit& emit) {
    emit(entity);
    around.charge(entity.bytes().size() / kBytesALook);
    ++emitted;
    last = place;
  }
};

base::Status Search::Impl::pay(std::uint64_t work) {
  looked += work;
  if (looked <= most) return {};
  finished = true;
  return base::error(Code::too_complex,
                     "The question would look at more than " + std::to_string(most) +
                         " entities. Narrow it by type, id, scope or area, declare an index on an attribute that q "
                         "compares, or name the types of linked entities (`rel{Type:name}`).");
}

base::Result<bool> Search::Impl::run(std::uint64_t budget, const Emit& emit) {
  if (finished) return true;
  if (ranked) return take_ranked(budget, emit);
  const bool fresh = !plan;
  const std::uint64_t before = around.spent();
  expiring = tenant.indexes.expires_by(now);
  around.set_time(now);
  if (page.listed) return go_through_listed(budget, emit);
  if (fresh) {
    plan.emplace(tenant, query, filter, &around, page.count, !expiring);
    if (page.after && !page.count) next = std::uint64_t{*page.after} + 1;
    if (query.order && page.limit > 0) MADANG_CHECK(begin_ranking());
  }
  std::uint64_t spent = around.spent() - before;  // by planning
  MADANG_CHECK(pay(spent));
  constexpr std::uint64_t kEntriesAnEntity =
      8;  // reading an index entry is that much cheaper than looking at an entity
  if (walk) {
    MADANG_TRY(const bool found, go_on_walking(budget, spent));
    if (found) return take_ranked(budget, emit);
    if (walk) return false;
  }
  if (!ranking && plan->collected() && plan->candidates.exact) return take_exact(budget, emit);
  while (!plan->collected()) {
    if (spent >= budget) return false;
    const std::uint64_t work = plan->collect((budget - spent) * kEntriesAnEntity) / kEntriesAnEntity + 1;
    spent += work;
    MADANG_CHECK(pay(work));
  }
  // What was decided on coordinates holds as long as nothing has changed: within this one Reading.
  if (plan->decided() && fresh && !ranking) return take_decided(budget, emit);
  if (plan->decided()) plan->sort_decided();
  while (!finished) {
    if (spent >= budget) return false;
    const std::uint64_t work = look(budget - spent, emit);
    spent += work;
    MADANG_CHECK(pay(work));
    MADANG_CHECK(check_links());
  }
  return ranking ? take_ranked(budget, emit) : true;
}

base::Status Search::Impl::check_links() {
  if (!linked || !around.refused()) return {};
  finished = true;
  return base::error(Code::too_complex, "A path through linked entities in q leads from one entity to more than " +
                                            std::to_string(kLinkedAnEntity) +
                                            ". Name the types on the way (`rel{Type:name}`) or shorten the path.");
}

/// An order needs the best of all: of a page deep inside it, everything before.
base::Status Search::Impl::begin_ranking() {
  constexpr std::uint64_t kDeepest = 100'000;
  const std::uint64_t needed = page.offset + page.limit + 1;
  if (page.offset > kDeepest) {
    finished = true;
    return base::error(Code::too_complex,
                       "With an order, an offset reaches at most " + std::to_string(kDeepest) +
                           " entities deep; follow the next link, which does not count them.",
                       "offset");
  }
  ranking.emplace(*query.order, tenant.symbols, filter, static_cast<std::size_t>(needed), page.behind);
  if (page.listed) return {};
  const bool counts = page.count && !(plan->collected() && plan->candidates.exact);
  if (!counts && query.ids.empty() && !linked && !expiring) walk = RankedWalk::begin(tenant, query, filter, *ranking);
  return {};
}

/// True: the page is found. Where the walk was given up, it is gone and the plan's candidates are looked at.
base::Result<bool> Search::Impl::go_on_walking(std::uint64_t budget, std::uint64_t& spent) {
  spent += walk->go_on(budget);
  MADANG_CHECK(pay(spent));
  if (walk->state() == RankedWalk::State::going) return false;
  const bool found = walk->state() == RankedWalk::State::found;
  if (found && page.count) matched = plan->candidates.places()->size();
  if (!found) ranking->clear();
  if (!found) walk.reset();
  return found;
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
  const std::uint64_t before = around.spent();
  for (std::size_t i = 0; i < size && !finished; ++i) {
    fetch(i);
    const Place place = places[i];
    next = std::uint64_t{place} + 1;
    if (place >= tenant.slots.end()) continue;
    const EntityView entity = tenant.at(place);
    as_of_now(entity, [&](EntityView then) {
      if (matches(then)) take(place, then, emit);
    });
    if (const std::uint64_t beside = around.spent() - before; beside != 0 && i + beside >= budget) return i + beside;
  }
  return size + (around.spent() - before);
}

void Search::Impl::take(Place place, EntityView entity, const Emit& emit) {
  ++matched;
  if (ranking) return (void)ranking->offer(place, entity);
  if (page.after && place <= *page.after) return;
  if (skipped < page.offset) {
    ++skipped;
  } else if (emitted < page.limit) {
    emit_one(place, entity, emit);
  } else {
    more = true;
    finished = !page.count;
  }
}

/// The candidates are the answer: counting and skipping are arithmetic.
base::Result<bool> Search::Impl::take_exact(std::uint64_t budget, const Emit& emit) {
  const PlaceSet& set = *plan->candidates.places();
  const bool resumed = std::exchange(exact_begun, true);
  if (!resumed) {
    matched = set.size();
    const std::uint64_t before = page.after ? set.rank(*page.after) : 0;
    const std::uint64_t begin = page.offset > set.size() - before ? set.size() : before + page.offset;
    more = set.size() - begin > page.limit;
    if (begin == set.size() || page.limit == 0) return finished = true;
    next = set.select(begin);
  }
  const std::uint64_t spent = around.spent();
  std::array<Place, 128> places;
  while (emitted < page.limit && next <= std::numeric_limits<Place>::max()) {
    const std::size_t wanted = std::min<std::size_t>(places.size(), page.limit - emitted);
    const std::size_t size = set.read(static_cast<Place>(next), std::span(places).first(wanted));
    if (size == 0) break;
    for (std::size_t i = 0; i < size; ++i) {
      next = std::uint64_t{places[i]} + 1;
      const EntityView entity = tenant.at(places[i]);
      if (!resumed) {
        emit_one(places[i], entity, emit);
      } else {  // between two turns another entity may have come to the place, or this one expired
        as_of_now(entity, [&](EntityView then) {
          if (ngsi::matches(query, then, filter)) emit_one(places[i], then, emit);
        });
      }
      if (around.spent() == spent) continue;
      if (around.spent() - spent < budget) continue;
      MADANG_CHECK(pay(around.spent() - spent));
      return finished = emitted == page.limit;
    }
  }
  MADANG_CHECK(pay(around.spent() - spent));
  return finished = true;
}

/// The list is the answer, in no order: only the page's part of it needs sorting.
base::Result<bool> Search::Impl::take_decided(std::uint64_t budget, const Emit& emit) {
  auto& list = plan->candidates.list;
  matched = list.size();
  finished = true;
  auto begin = list.begin();
  if (page.after) begin = std::partition(begin, list.end(), [&](Place place) { return place <= *page.after; });
  const auto before = static_cast<std::uint64_t>(begin - list.begin());
  const auto left = static_cast<std::uint64_t>(list.end() - begin);
  const std::uint64_t skip = std::min(page.offset, left);
  const std::uint64_t size = std::min<std::uint64_t>(page.limit, left - skip);
  more = left - skip > size;
  std::partial_sort(begin, begin + static_cast<std::ptrdiff_t>(skip + size), list.end());
  begin += static_cast<std::ptrdiff_t>(skip);
  const std::uint64_t spent = around.spent();
  for (const Place place : std::span(begin, size)) {
    emit_one(place, tenant.at(place), emit);
    const std::uint64_t beside = around.spent() - spent;
    if (beside == 0 || beside < budget || emitted == size) continue;
    // The turn is over: from here on the list is one of candidates like any other.
    MADANG_CHECK(pay(beside));
    plan->sort_decided();
    matched = before + skip + emitted;
    skipped = page.offset;
    next = std::uint64_t{place} + 1;
    more = false;
    return finished = false;
  }
  MADANG_CHECK(pay(around.spent() - spent));
  return true;
}

/// The entities of a list, each found by its id: those on the pages before cost nothing.
base::Result<bool> Search::Impl::go_through_listed(std::uint64_t budget, const Emit& emit) {
  const std::vector<std::string>& ids = *page.listed;
  if (next == 0 && !ranking && query.order && page.limit > 0) MADANG_CHECK(begin_ranking());
  if (next == 0 && page.behind && !query.order && !page.count)
    next = static_cast<std::uint64_t>(std::upper_bound(ids.begin(), ids.end(), page.behind->id) - ids.begin());
  std::uint64_t spent = 0;
  const std::uint64_t before = around.spent();
  for (; next < ids.size() && !finished; ++next, ++spent) {
    if (spent + (around.spent() - before) >= budget) break;
    const std::string& id = ids[next];
    const Place place = tenant.find(id);
    bool fits = false;
    if (place != kNoPlace)
      as_of_now(tenant.at(place), [&](EntityView then) {
        fits = matches(then);
        if (!fits) return;
        if (!ranking && page.behind && id <= page.behind->id) return (void)++matched;
        take(place, then, emit);
        if (!ranking && last == place) last_ranked = Ranked{{}, id};
      });
    if (!fits) unfit.push_back(id);
  }
  MADANG_CHECK(pay(spent + (around.spent() - before)));
  MADANG_CHECK(check_links());
  if (next < ids.size() && !finished) return false;
  finished = true;
  return ranking ? take_ranked(budget, emit) : true;
}

/// What changed since it was ranked is looked at again: it may have gone, or its place be another's.
base::Result<bool> Search::Impl::take_ranked(std::uint64_t budget, const Emit& emit) {
  if (!ranked) {
    ranked = ranking->sorted();
    next_ranked = page.offset;
    more = ranked->size() > page.offset + page.limit;
  }
  const std::uint64_t spent = around.spent();
  while (next_ranked < ranked->size() && next_ranked < page.offset + page.limit) {
    Ranking::Row& row = (*ranked)[next_ranked++];
    const EntityView entity = row.place < tenant.slots.end() ? tenant.at(row.place) : EntityView();
    const bool same = entity && entity.id() == row.where.id;
    if (same) {
      as_of_now(entity, [&](EntityView then) {
        if (then.version() == row.version || matches(then)) emit_one(row.place, then, emit);
      });
    }
    last_ranked = std::move(row.where);
    const std::uint64_t beside = around.spent() - spent;
    if (beside == 0 || beside < budget) continue;
    MADANG_CHECK(pay(beside));
    return finished = false;
  }
  MADANG_CHECK(pay(around.spent() - spent));
  return finished = true;
}

Search::Search(const Store& store, const Tenant& tenant, const ngsi::Query& query, const ngsi::Filter* filter,
               Page page)
    : impl_(std::make_unique<Impl>(store, tenant, query, filter, std::move(page))) {}
Search::~Search() = default;

base::Result<bool> Search::run(std::uint64_t budget, const Emit& emit, base::Timestamp now) {
  impl_->now = now;
  return impl_->run(std::max<std::uint64_t>(budget, 1), emit);
}
void Search::charge(std::uint64_t work) {
  impl_->around.charge(work);
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
const Ranked* Search::last_ranked() const {
  return impl_->last_ranked ? &*impl_->last_ranked : nullptr;
}
const std::vector<std::string>& Search::unfit() const {
  return impl_->unfit;
}
std::string_view Search::plan() const {
  if (impl_->page.listed) return "entity map";
  if (impl_->walk) return impl_->walk->name();
  return impl_->plan ? impl_->plan->name() : "none";
}

}  // namespace madang::state
