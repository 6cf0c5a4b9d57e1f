#pragma once
// Rows that are not on disk yet, in the order they came. One thread adds; others read what was there when they looked.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "row.h"

namespace madang::history {

class Memory {
 public:
  explicit Memory(std::uint64_t generation);

  /// One more row, numbered from 1. Rows never move.
  Row& add();
  std::uint32_t size() const { return size_; }
  const Row& row(std::uint32_t number) const { return segments_[(number - 1) / kSegment][(number - 1) % kSegment]; }
  bool full() const { return size_ >= kSegment * kSegments; }

  /// Keeps a text as long as this lives.
  std::string_view keep(std::string_view text);
  /// The same, once for equal ones.
  std::string_view keep_once(std::string_view text);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t generation() const { return generation_; }

 private:
  static constexpr std::uint32_t kSegment = 4'096, kSegments = 16'384;
  static constexpr std::size_t kArena = 256 << 10;

  const std::uint64_t generation_;
  std::unique_ptr<std::unique_ptr<Row[]>[]> segments_;
  std::uint32_t size_ = 0;
  std::vector<std::unique_ptr<char[]>> arenas_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::uint64_t bytes_ = 0;
  boost::unordered_flat_set<std::string_view> once_;
  std::string_view last_;
};

}  // namespace madang::history
