#pragma once
// The functions of expressions (OGC 18-088, tables 20 and 21).

#include <optional>
#include <span>
#include <string_view>

#include "sensorthings/expression.h"

namespace madang::api::sensorthings {

enum class Function : std::uint8_t {
  substringof,
  contains,
  startswith,
  endswith,
  length,
  indexof,
  substring,
  tolower,
  toupper,
  trim,
  concat,
  year,
  month,
  day,
  hour,
  minute,
  second,
  fractionalseconds,
  date,
  totaloffsetminutes,
  now,
  mindatetime,
  maxdatetime,
  before,
  after,
  during,
  meets,
  overlaps,
  starts,
  finishes,
  round,
  floor,
  ceiling,
  geo_distance,
  geo_intersects,
  st_equals,
  st_disjoint,
  st_within,
  st_overlaps,
  st_intersects,
  st_contains,
};
struct FunctionInfo {
  Function function;
  std::string_view name;
  std::uint8_t least, most;  // arguments
};
/// Null where there is none of this name.
const FunctionInfo* find_function(std::string_view name);
/// The standard has it, and it is not offered here.
bool is_missing_function(std::string_view name);

/// Nothing where an argument is not of its sort.
Value call(Function function, std::span<const Value> arguments);

}  // namespace madang::api::sensorthings
