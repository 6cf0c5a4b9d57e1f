#pragma once
// Routes of other rooms (hub/surface.h), as operations of the one table.

#include <vector>

#include "madang/hub/surface.h"

#include "call.h"

namespace madang::api {

class Surfaces {
 public:
  explicit Surfaces(const std::vector<hub::Surface*>& surfaces);

  /// all_operations() and behind them one for each offer: for the router.
  std::span<const Operation> operations() const { return table_; }
  /// Of an operation of that table whose op is Op::surface.
  const hub::Offer& offer(const Operation& operation) const { return *entry(operation).offer; }
  void ask(Call&& call) const;

 private:
  struct Entry {
    hub::Surface* surface;
    const hub::Offer* offer;
    std::size_t number;
  };
  const Entry& entry(const Operation& operation) const { return entries_[operation.offer]; }
  std::vector<Operation> table_;
  std::vector<Entry> entries_;
};

/// The operation that an offer is.
Operation operation_of(const hub::Offer& offer);

}  // namespace madang::api
