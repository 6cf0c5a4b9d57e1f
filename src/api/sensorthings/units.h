#pragma once
// What a UN/CEFACT code of a unit stands for.

#include <string_view>

namespace madang::api::sensorthings {

struct Unit {
  std::string_view code, name, symbol;
  std::string_view ucum;  // in the Unified Code for Units of Measure; empty: it has none
};
/// Null where the code is none of those that cities use most.
const Unit* find_unit(std::string_view code);

}  // namespace madang::api::sensorthings
