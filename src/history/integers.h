#pragma once
// Integers in few bits: groups of up to 128, each as what is above its least value, or its steps, or the changes of its
// steps, packed to as many bits as the largest needs (frame of reference; docs/formats/history.md).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "madang/base/bytes.h"

namespace madang::history {

inline constexpr std::size_t kGroup = 128;
/// Readers load eight bytes at a time: so many must be readable behind packed ones.
inline constexpr std::size_t kPadding = 8;

void append_group(std::string& out, std::span<const std::int64_t> values);
/// Reads `out.size()` of them. False where the bytes do not hold them.
bool read_group(base::ByteReader& in, std::span<std::int64_t> out);
bool skip_group(base::ByteReader& in, std::size_t count);

/// One column of a block: a group for each of the block's, or one value for all rows.
/// `unit_of_time`: values are seldom told to the last nanosecond, and are kept in the unit that they all have.
void append_column(std::string& out, std::span<const std::int64_t> values, std::span<const std::uint32_t> groups,
                   bool unit_of_time = false);

class Column {
 public:
  Column() = default;
  /// `groups`: how many rows each group has. False where the bytes are broken.
  bool open(std::span<const std::byte> bytes, std::span<const std::uint32_t> groups);
  /// The values of one group. `out` has as many places as the group has rows.
  bool read(std::size_t group, std::span<std::int64_t> out) const;
  bool is_constant() const { return constant_; }
  std::int64_t constant() const { return value_; }

 private:
  bool constant_ = true;
  std::int64_t value_ = 0, unit_ = 1, rest_ = 0;
  std::span<const std::byte> bytes_;
  std::vector<std::uint32_t> offsets_;
};

}  // namespace madang::history
