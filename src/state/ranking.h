#pragma once
// The first entities in an order (clause 4.23): kept while candidates come by, and where an index has them in the order
// itself, found without looking at the others.

#include <span>
#include <vector>

#include "store_impl.h"

namespace madang::state {

/// The best `most` of what is offered. An entity must not be offered twice.
class Ranking {
 public:
  struct Row {
    Ranked where;
    Place place = 0;
    std::uint64_t version = 0;
  };

  /// Nothing up to `behind` counts. It must outlive this.
  Ranking(const ngsi::Order& order, const ngsi::SymbolTable& symbols, const ngsi::Filter* filter, std::size_t most,
          const std::optional<Ranked>& behind);

  void offer(Place place, EntityView entity);
  /// What comes behind `first` in the order's first term can be left alone, and so can what equals it in none.
  bool is_beyond(const ngsi::OrderValue& first) const;
  bool full() const { return rows_.size() == most_; }
  std::size_t most() const { return most_; }
  const Ranked* behind() const { return behind_ ? &*behind_ : nullptr; }
  /// The first term's value of the last one that is kept.
  ngsi::OrderValue worst() const { return rows_.front().where.keys.front().view(); }
  ngsi::OrderValue first_value(EntityView entity) { return reader_.read(0, entity, filter_); }
  const ngsi::Order& order() const { return order_; }

  void clear() { rows_.clear(); }
  std::span<Row> sorted();  // ends the collecting

 private:
  bool comes_before(const Row& a, const Row& b) const;
  int against(const Ranked& where, EntityView entity);

  const ngsi::Order& order_;
  const ngsi::Filter* const filter_;
  const std::size_t most_;
  const std::optional<Ranked>& behind_;
  ngsi::OrderReader reader_;
  std::vector<ngsi::OrderValue> values_;  // of the entity being offered, as far as they were needed
  std::size_t read_ = 0;
  std::vector<Row> rows_;  // a heap, the last one in front
};

/// Goes through an index in the order's first term until what is left cannot be on the page. Gives up where that would
/// mean many entities: then looking at all candidates costs less.
class RankedWalk {
 public:
  enum class State : std::uint8_t { going, found, given_up };

  /// Nothing where no index has the order.
  static std::optional<RankedWalk> begin(const Tenant::Impl& tenant, const ngsi::Query& query,
                                         const ngsi::Filter* filter, Ranking& ranking);
  std::uint64_t go_on(std::uint64_t budget);  // how much was looked at
  State state() const { return state_; }
  std::string_view name() const { return index_ ? "order by value index" : "order by space"; }

 private:
  RankedWalk(const Tenant::Impl& tenant, const ngsi::Query& query, const ngsi::Filter* filter, Ranking& ranking);

  // By values: sort after sort, entry after entry.
  bool begin_values();
  void go_through_values(std::uint64_t budget, std::uint64_t& looked);
  template <class Entry>
  bool take_entry(const Entry& entry);  // true: enough
  void end_of_sort();

  // By distance: circles that grow.
  bool begin_space();
  void search_circle(std::uint64_t& looked);

  bool offer(Place place, EntityView entity);  // true: it matched

  const Tenant::Impl* tenant_;
  const ngsi::Query* query_;
  const ngsi::Filter* filter_;
  Ranking* ranking_;
  State state_ = State::going;
  std::uint64_t most_ = 0;  // entities to look at before giving up
  std::uint64_t looked_ = 0;
  const PlaceSet* type_ = nullptr;  // of the only type asked for

  std::shared_ptr<const ValueIndex> index_;
  std::size_t sort_ = 0;            // place in kWalked
  std::optional<ValueEntry> next_;  // of this sort; nothing: from its beginning
  bool others_ = false;             // there are values that no walk comes by

  const SpaceIndex* space_ = nullptr;
  double metres_ = 0;
};

}  // namespace madang::state
