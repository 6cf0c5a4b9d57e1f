#pragma once
// From an entity's id to its place. The ids themselves stay in the blocks: an entry is a place and 32 bits of the
// id's hash, about eleven bytes an entity.

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "madang/state/store.h"

namespace madang::state {

inline constexpr Place kNoPlace = 0xffffffff;

/// Of ids and URIs. Seeded: strangers choose the ids and must not be able to choose the collisions.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed);

/// Open addressing in 1,024 shards, so that growing one moves a thousandth of the table and nobody notices. An entry's
/// home follows from its fingerprint alone (the fingerprint, scaled to the capacity): growing reads no entity.
class IdTable {
 public:
  /// The place whose entity `same(place)` says to be the one; kNoPlace where there is none.
  template <class Same>
  Place find(std::uint64_t hash, Same&& same) const {
    const Shard& shard = shards_[shard_of(hash)];
    if (shard.used == 0) return kNoPlace;
    const auto print = static_cast<std::uint32_t>(hash);
    for (std::uint32_t at = home(print, shard.capacity);; at = next(at, shard.capacity)) {
      const Entry entry = shard.entries[at];
      if (entry.place == kNoPlace) return kNoPlace;
      if (entry.print == print && same(entry.place)) return entry.place;
    }
  }
  /// The first place that may be the one, by its fingerprint.
  Place candidate(std::uint64_t hash) const {
    return find(hash, [](Place) { return true; });
  }
  void insert(std::uint64_t hash, Place place);  // the id must not be there
  void erase(std::uint64_t hash, Place place);   // must be there
  void reserve(std::uint64_t entities);
  void prefetch(std::uint64_t hash) const {
    const Shard& shard = shards_[shard_of(hash)];
    if (shard.capacity) __builtin_prefetch(&shard.entries[home(static_cast<std::uint32_t>(hash), shard.capacity)]);
  }
  std::uint64_t memory_bytes() const { return bytes_ + sizeof(*this); }

 private:
  struct Entry {
    std::uint32_t print;
    Place place;
  };
  struct Shard {
    std::unique_ptr<Entry[]> entries;
    std::uint32_t capacity = 0, used = 0;
  };
  static constexpr unsigned kShardBits = 10;
  static std::size_t shard_of(std::uint64_t hash) { return hash >> (64 - kShardBits); }
  static std::uint32_t home(std::uint32_t print, std::uint32_t capacity) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(print) * capacity) >> 32);
  }
  static std::uint32_t next(std::uint32_t at, std::uint32_t capacity) { return at + 1 == capacity ? 0 : at + 1; }
  void resize(Shard& shard, std::uint32_t capacity);
  static void put(Shard& shard, Entry entry);

  std::array<Shard, 1u << kShardBits> shards_;
  std::uint64_t bytes_ = 0;
};

/// The blocks by place, in chunks: growing moves nothing.
class Slots {
 public:
  const std::byte* at(Place place) const { return chunks_[place / kChunk][place % kChunk]; }
  const std::byte* const* where(Place place) const { return &chunks_[place / kChunk][place % kChunk]; }
  Place end() const { return end_; }  // all places are below
  ngsi::EntityBlock exchange(Place place, ngsi::EntityBlock block) {
    std::byte*& slot = chunks_[place / kChunk][place % kChunk];
    std::byte* old = slot;
    slot = block ? block.release() : nullptr;
    return old ? ngsi::EntityBlock::adopt(old) : ngsi::EntityBlock();
  }
  Place take() {
    if (!free_.empty()) {
      const Place place = free_.back();
      free_.pop_back();
      return place;
    }
    if (end_ % kChunk == 0) chunks_.push_back(std::make_unique<std::byte*[]>(kChunk));
    return end_++;
  }
  void give_back(Place place) { free_.push_back(place); }
  std::uint64_t memory_bytes() const {
    return chunks_.size() * kChunk * sizeof(std::byte*) + free_.capacity() * sizeof(Place);
  }
  Slots() = default;
  ~Slots() {
    for (Place place = 0; place < end_; ++place) exchange(place, {});
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

 private:
  static constexpr Place kChunk = 4096;
  std::vector<std::unique_ptr<std::byte*[]>> chunks_;
  std::vector<Place> free_;
  Place end_ = 0;
};

}  // namespace madang::state
