#pragma once
// Finding and changing the fields of an entity's shape while a record is taken.

#include "catalog.h"

namespace madang::history {

class FieldChanges {
 public:
  explicit FieldChanges(Entity& entity) : entity_(entity) {}

  const Shape& all() const { return own_.empty() ? *entity_.shape : own_; }
  /// The field of an attribute and datasetId; `hint` is where it may be, and is moved on. Made where there is none.
  std::uint32_t find_or_add(Symbol name, std::string_view dataset, ngsi::Kind kind, std::size_t& hint);
  static std::optional<std::uint32_t> find(const Shape& shape, Symbol name, std::string_view dataset);
  /// Says how the field is now.
  void set(std::uint32_t field, bool live, bool present, ngsi::Kind kind);
  bool any() const { return !own_.empty(); }
  /// Gives the entity its new shape. True: it has one.
  bool finish(Catalog& catalog);

 private:
  Shape& own();
  Entity& entity_;
  Shape own_;  // a copy, once something changes
};

}  // namespace madang::history
