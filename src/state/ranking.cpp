#include "ranking.h"

#include <algorithm>

namespace madang::state {

using ngsi::OrderSort;
using ngsi::OrderValue;

Ranking::Ranking(const ngsi::Order& order, const ngsi::SymbolTable& symbols, const ngsi::Filter* filter,
                 std::size_t most, const std::optional<Ranked>& behind)
    : order_(order),
      filter_(filter),
      most_(most),
      behind_(behind),
      reader_(order, symbols),
      values_(order.terms.size()) {}

bool Ranking::comes_before(const Row& a, const Row& b) const {
  for (std::size_t term = 0; term < order_.terms.size(); ++term)
    if (const int found = ngsi::compare(order_, term, a.where.keys[term].view(), b.where.keys[term].view()); found != 0)
      return found < 0;
  return a.where.id < b.where.id;
}

/// Where the entity being offered stands to a place in the order. Values are read when they are needed: mostly the
/// first one decides.
int Ranking::against(const Ranked& where, EntityView entity) {
  for (std::size_t term = 0; term < order_.terms.size(); ++term) {
    if (read_ == term) values_[read_++] = reader_.read(term, entity, filter_);
    if (const int found = ngsi::compare(order_, term, values_[term], where.keys[term].view()); found != 0) return found;
  }
  return entity.id().compare(where.id);
}

void Ranking::offer(Place place, EntityView entity) {
  read_ = 0;
  if (behind_ && against(*behind_, entity) <= 0) return;
  const auto before = [this](const Row& a, const Row& b) { return comes_before(a, b); };
  if (full()) {
    if (against(rows_.front().where, entity) >= 0) return;
    std::pop_heap(rows_.begin(), rows_.end(), before);
  } else {
    rows_.emplace_back().where.keys.resize(order_.terms.size());
  }
  for (; read_ < values_.size(); ++read_) values_[read_] = reader_.read(read_, entity, filter_);
  Row& row = rows_.back();  // its texts' memory is used again
  for (std::size_t term = 0; term < values_.size(); ++term) {
    ngsi::OrderKey& key = row.where.keys[term];
    const OrderValue& value = values_[term];
    key.sort = value.sort, key.number = value.number, key.ticks = value.ticks;
    key.text.assign(value.text);
  }
  row.where.id.assign(entity.id());
  row.place = place;
  row.version = entity.version();
  std::push_heap(rows_.begin(), rows_.end(), before);
}

bool Ranking::is_beyond(const OrderValue& first) const {
  return full() && ngsi::compare(order_, 0, first, worst()) > 0;
}

std::span<Ranking::Row> Ranking::sorted() {
  std::sort_heap(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) { return comes_before(a, b); });
  return rows_;
}

}  // namespace madang::state
