#include "place_set.h"

#include <algorithm>
#include <cassert>

#include <roaring/roaring.h>

namespace madang::state {

void PlaceSet::Free::operator()(roaring_bitmap_s* bitmap) const {
  roaring_bitmap_free(bitmap);
}

PlaceSet PlaceSet::copy() const {
  PlaceSet out;
  out.few_ = few_;
  if (many_) out.many_.reset(roaring_bitmap_copy(many_.get()));
  out.size_ = size_;
  return out;
}

void PlaceSet::grow() {
  if (many_) return;
  many_.reset(roaring_bitmap_create());
  roaring_bitmap_add_many(many_.get(), few_.size(), few_.data());
  std::vector<Place>().swap(few_);
}

void PlaceSet::add(Place place) {
  if (!many_) {
    const auto at = std::lower_bound(few_.begin(), few_.end(), place);
    if (at != few_.end() && *at == place) return;
    if (few_.size() < kFew) {
      few_.insert(at, place);
      ++size_;
      return;
    }
    grow();
  }
  if (roaring_bitmap_add_checked(many_.get(), place)) ++size_;
}

void PlaceSet::add_sorted(std::span<const Place> places) {
  if (!many_ && size_ + places.size() <= kFew) {
    for (const Place place : places) add(place);
    return;
  }
  grow();
  roaring_bitmap_add_many(many_.get(), places.size(), places.data());
  size_ = roaring_bitmap_get_cardinality(many_.get());
}

void PlaceSet::remove(Place place) {
  if (many_) {
    if (roaring_bitmap_remove_checked(many_.get(), place)) --size_;
    return;
  }
  const auto at = std::lower_bound(few_.begin(), few_.end(), place);
  if (at == few_.end() || *at != place) return;
  few_.erase(at);
  --size_;
}

bool PlaceSet::contains(Place place) const {
  if (many_) return roaring_bitmap_contains(many_.get(), place);
  return std::binary_search(few_.begin(), few_.end(), place);
}

std::size_t PlaceSet::read(Place from, std::span<Place> out) const {
  if (many_) {
    roaring_uint32_iterator_t at;
    roaring_init_iterator(many_.get(), &at);
    if (!roaring_move_uint32_iterator_equalorlarger(&at, from)) return 0;
    return roaring_read_uint32_iterator(&at, out.data(), static_cast<std::uint32_t>(out.size()));
  }
  const auto begin = std::lower_bound(few_.begin(), few_.end(), from);
  const auto count = std::min(out.size(), static_cast<std::size_t>(few_.end() - begin));
  std::copy_n(begin, count, out.begin());
  return count;
}

std::uint64_t PlaceSet::rank(Place place) const {
  if (many_) return roaring_bitmap_rank(many_.get(), place);
  return static_cast<std::uint64_t>(std::upper_bound(few_.begin(), few_.end(), place) - few_.begin());
}

Place PlaceSet::select(std::uint64_t n) const {
  assert(n < size_);
  if (!many_) return few_[n];
  Place place = 0;
  roaring_bitmap_select(many_.get(), static_cast<std::uint32_t>(n), &place);
  return place;
}

void PlaceSet::unite(const PlaceSet& other) {
  if (!other.many_) {
    for (const Place place : other.few_) add(place);
    return;
  }
  grow();
  roaring_bitmap_or_inplace(many_.get(), other.many_.get());
  size_ = roaring_bitmap_get_cardinality(many_.get());
}

void PlaceSet::intersect(const PlaceSet& other) {
  if (many_ && other.many_) {
    roaring_bitmap_and_inplace(many_.get(), other.many_.get());
    size_ = roaring_bitmap_get_cardinality(many_.get());
    return;
  }
  PlaceSet both;
  const PlaceSet& small = many_ ? other : *this;
  const PlaceSet& large = many_ ? *this : other;
  for (const Place place : small.few_)
    if (large.contains(place)) both.add(place);
  *this = std::move(both);
}

}  // namespace madang::state
