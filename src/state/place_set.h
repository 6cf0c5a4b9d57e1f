#pragma once
// Sets of places: a short sorted list for the few, a compressed bitmap for the many.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "madang/state/store.h"

struct roaring_bitmap_s;

namespace madang::state {

class PlaceSet {
 public:
  PlaceSet() = default;
  PlaceSet(PlaceSet&&) noexcept = default;
  PlaceSet& operator=(PlaceSet&&) noexcept = default;
  PlaceSet copy() const;

  void add(Place place);  // fine where it is there already
  void add_sorted(std::span<const Place> places);
  void remove(Place place);
  bool contains(Place place) const;
  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// The first members at or above `from`, as many as fit; how many there were.
  std::size_t read(Place from, std::span<Place> out) const;
  /// How many members are at or below `place`; the n-th member (from 0), which must exist.
  std::uint64_t rank(Place place) const;
  Place select(std::uint64_t n) const;

  void unite(const PlaceSet& other);
  void intersect(const PlaceSet& other);
  /// Never far from the truth: a member costs two bytes at most in a full bitmap container.
  std::uint64_t memory_bytes() const { return few_.capacity() * sizeof(Place) + (many_ ? 64 + 2 * size_ : 0); }

 private:
  struct Free {
    void operator()(roaring_bitmap_s* bitmap) const;
  };
  static constexpr std::size_t kFew = 32;
  void grow();

  std::vector<Place> few_;
  std::unique_ptr<roaring_bitmap_s, Free> many_;
  std::uint64_t size_ = 0;
};

}  // namespace madang::state
