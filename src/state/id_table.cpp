#include "id_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace madang::state {

namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const char* at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, size);
  return value;
}

constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15, kOdd2 = 0xd1b54a32d192ed03;
constexpr std::uint32_t kFirstCapacity = 4;

}  // namespace

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  std::uint64_t state = seed ^ mix(text.size() ^ kOdd1, seed ^ kOdd2);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 16; at += 16, left -= 16) state = mix(word(at, 8) ^ kOdd1 ^ seed, word(at + 8, 8) ^ state);
  const std::size_t first = std::min<std::size_t>(left, 8);
  state = mix(word(at, first) ^ kOdd1 ^ seed, word(at + first, left - first) ^ state);
  return mix(state ^ kOdd2, kOdd1 ^ seed);
}

void IdTable::put(Shard& shard, Entry entry) {
  std::uint32_t at = home(entry.print, shard.capacity);
  while (shard.entries[at].place != kNoPlace) at = next(at, shard.capacity);
  shard.entries[at] = entry;
}

void IdTable::resize(Shard& shard, std::uint32_t capacity) {
  Shard grown;
  grown.capacity = capacity;
  grown.used = shard.used;
  grown.entries = std::make_unique_for_overwrite<Entry[]>(capacity);
  std::fill_n(grown.entries.get(), capacity, Entry{0, kNoPlace});
  for (std::uint32_t i = 0; i < shard.capacity; ++i)
    if (shard.entries[i].place != kNoPlace) put(grown, shard.entries[i]);
  bytes_ += (std::uint64_t{capacity} - shard.capacity) * sizeof(Entry);
  shard = std::move(grown);
}

void IdTable::insert(std::uint64_t hash, Place place) {
  Shard& shard = shards_[shard_of(hash)];
  if ((shard.used + 1) * 5ull > shard.capacity * 4ull)
    resize(shard, std::max(kFirstCapacity, shard.capacity + shard.capacity / 3 + 1));
  put(shard, {static_cast<std::uint32_t>(hash), place});
  ++shard.used;
}

void IdTable::erase(std::uint64_t hash, Place place) {
  Shard& shard = shards_[shard_of(hash)];
  assert(shard.used > 0);
  std::uint32_t hole = home(static_cast<std::uint32_t>(hash), shard.capacity);
  while (shard.entries[hole].place != place) hole = next(hole, shard.capacity);
  // Close the gap: an entry behind it moves into the hole unless its home lies after the hole (Knuth, 6.4 R).
  for (std::uint32_t at = next(hole, shard.capacity); shard.entries[at].place != kNoPlace;
       at = next(at, shard.capacity)) {
    const std::uint32_t from = home(shard.entries[at].print, shard.capacity);
    const bool stays = hole <= at ? (hole < from && from <= at) : (hole < from || from <= at);
    if (stays) continue;
    shard.entries[hole] = shard.entries[at];
    hole = at;
  }
  shard.entries[hole] = {0, kNoPlace};
  --shard.used;
}

void IdTable::reserve(std::uint64_t entities) {
  // A shard's share varies by a few standard deviations; three and a half keep nearly all from growing once more.
  const double share = static_cast<double>(entities) / static_cast<double>(shards_.size());
  double deviation = 1;
  while (deviation * deviation < share) ++deviation;
  const auto capacity = static_cast<std::uint32_t>((share + 3.5 * deviation) * 5 / 4) + 1;
  for (Shard& shard : shards_)
    if (shard.capacity < capacity) resize(shard, capacity);
}

}  // namespace madang::state
