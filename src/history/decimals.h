#pragma once
// The numbers of one group: mantissas at one scale, and what brings back the digits each came with.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "integers.h"
#include "row.h"

namespace madang::history {

/// Rows that are no numbers take a place, too.
void append_decimals(std::string& out, std::span<const Row> rows);

struct DecimalGroup {
  int scale = 0;  // every mantissa has so many digits behind the point as it stands; -1: each has its own
  std::span<std::int64_t> mantissas;
  std::span<std::int64_t> digits;  // of each number as it is to be printed
};
/// Mantissas come as stored, for sums; to_decimal() gives the number as it came.
bool read_decimals(base::ByteReader& in, DecimalGroup& group, bool with_digits);
bool skip_decimals(base::ByteReader& in, std::size_t count);
Decimal to_decimal(std::int64_t mantissa, int scale, std::int64_t digits);

}  // namespace madang::history
