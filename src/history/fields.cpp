#include "fields.h"

namespace madang::history {

namespace {

// Beyond, finding a field by looking at each would take long.
constexpr std::size_t kMostFields = (1u << kFieldBits) - 2;

}  // namespace

Shape& FieldChanges::own() {
  if (own_.empty()) own_ = *entity_.shape;
  return own_;
}

std::optional<std::uint32_t> FieldChanges::find(const Shape& shape, Symbol name, std::string_view dataset) {
  for (std::size_t i = 1; i < shape.size(); ++i)
    if (shape[i].name == name && shape[i].dataset == dataset) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

std::uint32_t FieldChanges::find_or_add(Symbol name, std::string_view dataset, ngsi::Kind kind, std::size_t& hint) {
  const Shape& shape = all();
  // Entities of one kind bring the same attributes in the same order.
  for (std::size_t looked = 1; looked < shape.size(); ++looked, ++hint) {
    if (hint == 0 || hint >= shape.size()) hint = 1;
    if (shape[hint].name == name && shape[hint].dataset == dataset) return static_cast<std::uint32_t>(hint++);
  }
  Shape& changed = own();
  if (changed.size() > kMostFields) return static_cast<std::uint32_t>(changed.size() - 1);
  changed.push_back({name, std::string(dataset), kind, false, false});
  hint = changed.size();
  return static_cast<std::uint32_t>(changed.size() - 1);
}

void FieldChanges::set(std::uint32_t field, bool live, bool present, ngsi::Kind kind) {
  const Field& now = all()[field];
  if (now.live == live && now.present == present && now.kind == kind) return;
  Field& changed = own()[field];
  changed.live = live;
  changed.present = present;
  changed.kind = kind;
}

bool FieldChanges::finish(Catalog& catalog) {
  if (own_.empty()) return false;
  entity_.shape = catalog.shape(std::move(own_));
  own_.clear();
  return true;
}

}  // namespace madang::history
