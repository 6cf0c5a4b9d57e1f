#pragma once
// Which index answers a question with the fewest entities to look at, and the collecting of its candidates.

#include <vector>

#include "store_impl.h"

namespace madang::state {

/// Candidates: places in ascending order, from a list, a set of its own or a set of the index itself.
struct Candidates {
  std::vector<Place> list;
  PlaceSet set;
  const PlaceSet* live = nullptr;
  bool in_set = false;  // `set` holds them, not `list`
  bool exact = false;   // the set is the very answer: nothing is left to check

  const PlaceSet* places() const { return live ? live : (in_set ? &set : nullptr); }
  std::size_t read(Place from, std::span<Place> out) const;
};

/// More ranges of indexes are no plan.
inline constexpr std::size_t kMostRanges = 1'024;

/// How a question is answered. Collecting goes in steps, so that even a wide range holds a Reading for a short time
/// only.
class Plan {
 public:
  /// What it looks at to choose is charged to `around`. `settled`: the indexes tell all there is, so an answer may come
  /// from them alone.
  Plan(const Tenant::Impl& tenant, const ngsi::Query& query, const ngsi::Filter* filter, Surroundings* around,
       bool count, bool settled);

  std::string_view name() const { return name_; }
  Candidates candidates;
  /// Matches that were decided on the coordinates in the index: `candidates.list` (unsorted) is the answer, all of it,
  /// as long as the state has not changed since the plan was made.
  bool decided() const { return decided_; }
  /// Time has passed since: the list is a list of candidates like any other.
  void sort_decided();

  bool collected() const { return ranges_.empty() && link_ranges_.empty() && boxes_.empty(); }
  /// Collects for about `budget` entries; how much work it was. Once collected() the candidates are ready (sorted
  /// unless decided()).
  std::uint64_t collect(std::uint64_t budget);

 private:
  struct Range {
    std::shared_ptr<const ValueIndex> index;
    KeyRange keys;
  };
  struct LinkRange {
    Link low, high;
  };
  /// One way to get candidates, and how many there might be.
  struct Way {
    std::vector<Range> ranges;
    std::vector<LinkRange> links;
    std::uint64_t estimate = 0;
  };

  bool plan_ids();
  std::optional<PlaceSet> selected_set() const;
  std::optional<Way> way_of(const ngsi::QueryExpression& expression, std::uint64_t most) const;
  std::optional<Way> way_of(const ngsi::QueryTerm& term, std::uint64_t most) const;
  std::optional<Way> way_back(const ngsi::QueryTerm& term, std::uint64_t most) const;
  std::optional<std::vector<Place>> ends_of(const ngsi::QueryTerm& term, std::uint64_t most) const;
  std::optional<std::vector<Place>> pointing_at(Symbol relationship, const std::vector<Place>& places,
                                                std::uint64_t most) const;
  std::optional<ngsi::TypeSelection> types_with(Symbol attribute) const;
  bool cover(const ngsi::TypeSelection& selection, Symbol attribute,
             std::vector<std::shared_ptr<const ValueIndex>>& out) const;
  bool has_only_relationships(Symbol attribute) const;
  void estimate(Way& way, std::uint64_t most) const;
  std::optional<PlaceSet> scope_set(const ngsi::ScopeSelection& selection) const;
  std::optional<PlaceSet> type_set(const ngsi::TypeSelection& selection) const;
  bool has_type(const ngsi::TypeSelection& selection, Place place) const;
  bool is_plain() const;  // asks for types and space only

  void begin_space();
  bool collect_any(const geo::Box& box);
  std::uint64_t collect_box(const geo::Box& box);
  void take_point(const geo::PointIndex::Hit& hit);
  std::optional<bool> decide(geo::Point point) const;
  void add(Place place);
  void flush();
  void finish();

  const Tenant::Impl& tenant_;
  const ngsi::Query& query_;
  const ngsi::Filter* filter_;
  Surroundings* around_;
  const std::uint64_t spent_before_;  // by `around_`
  const bool count_;
  const bool settled_;
  std::string_view name_;
  std::vector<Range> ranges_;
  std::vector<LinkRange> link_ranges_;
  std::vector<geo::Box> boxes_;  // still to be searched, smallest last
  const SpaceIndex* space_ = nullptr;
  /// Well within a small circle a flat Earth will do.
  struct Inner {
    geo::Point centre;
    double metres_a_lon = 0, metres_a_lat = 0;
    double square = 0;  // of the radius; 0: no such circle
    bool contains(geo::Point p) const {
      const double x = (p.lon - centre.lon) * metres_a_lon, y = (p.lat - centre.lat) * metres_a_lat;
      return x * x + y * y < square;
    }
  } inner_;
  const PlaceSet* only_type_ = nullptr;  // the selection's one type
  bool decided_ = false;
  bool enough_ = false;        // query.any: a part was looked for
  std::vector<Place> unsure_;  // of a decided plan: only the entity tells
};

}  // namespace madang::state
