#pragma once
// What the store and its tenants hold.

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/state/store.h"

#include "id_table.h"
#include "indexes.h"
#include "reader_locks.h"

namespace madang::state {

/// An outcome that is not shown yet.
struct Staged {
  Position position;
  Tenant* tenant = nullptr;
  std::uint64_t hash = 0;  // of the id
  Place place = kNoPlace;  // where it was when staged: a hint
  base::Timestamp time;
  Symbol only = Symbol::none;  // the one attribute that changes; none: not known
  std::string removed;         // the id, where this is a removal
  ngsi::EntityBlock block;
  std::string_view id() const { return block ? EntityView(block).id() : std::string_view(removed); }
};

/// An id with its hash at hand.
struct HashedId {
  std::string_view id;
  std::uint64_t hash;
  bool operator==(const HashedId& other) const { return hash == other.hash && id == other.id; }
};
struct HashOf {
  using is_avalanching = void;  // hash_text() mixes well
  std::size_t operator()(const HashedId& id) const { return id.hash; }
};

struct Tenant::Impl {
  Impl(std::string name_, const ngsi::SymbolLimits& limits, std::uint64_t seed_)
      : name(std::move(name_)), symbols(limits), seed(seed_) {}

  const std::string name;
  ngsi::SymbolTable symbols;
  const std::uint64_t seed;

  // Shown: changed while every reader's lock is held.
  Slots slots;
  IdTable ids;
  Indexes indexes;
  std::uint64_t size = 0;
  std::uint64_t block_bytes = 0;  // of the shown blocks as the allocator rounds them
  std::uint64_t index_bytes = 0;  // as of the last count of them
  std::uint64_t uncounted = 0;    // changes since
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> watched{false};

  // Documents by collection and id, under their own lock.
  mutable std::mutex documents_mutex;
  std::map<std::pair<std::string, std::string>, std::string> documents;
  std::map<std::string, std::size_t, std::less<>> document_counts;  // by collection
  std::uint64_t document_bytes = 0;

  // The writer's own.
  boost::unordered_flat_map<HashedId, Staged*, HashOf> pending;  // newest of each id
  std::uint64_t tip_size = 0;                                    // entities once everything staged is shown
  std::uint64_t staged_bytes = 0;
  bool loading = false;  // indexes are put off until finish_loading

  std::uint64_t hash(std::string_view id) const { return hash_text(id, seed); }
  EntityView at(Place place) const { return EntityView(slots.at(place)); }
  Place find(std::string_view id, std::uint64_t hash_of_id) const {
    return ids.find(hash_of_id, [&](Place place) { return at(place).id() == id; });
  }
  Place find(std::string_view id) const { return find(id, hash(id)); }

  /// Puts `block` (null: nothing) where the entity is or a free place, indexes included; gives back the old block.
  ngsi::EntityBlock exchange(std::string_view id, std::uint64_t hash_of_id, Place hint, ngsi::EntityBlock block,
                             Symbol only = Symbol::none);
  /// Brings `bytes` up to date; counts the indexes only now and then, or where `exactly`.
  void account(bool exactly);
};

struct Store::Impl {
  explicit Impl(const Limits& limits_);
  Limits limits;
  const std::uint64_t seed;
  std::shared_ptr<ReaderLocks> locks = ReaderLocks::make();

  mutable std::shared_mutex tenants_mutex;
  std::map<std::string, std::unique_ptr<Tenant>, std::less<>> tenants;  // tenants never go
  Tenant* default_tenant = nullptr;

  std::deque<Staged> staged;
  std::vector<ngsi::EntityBlock> retired;  // replaced in this batch: freed when the readers are back
  std::atomic<std::uint64_t> memory{0};
  std::atomic<std::uint64_t> shown{0};
  std::mutex loading_mutex;  // load_snapshot's threads put blocks in by turns

  std::vector<Tenant*> all_tenants() const;
  /// `seen`: what is told of it, with `after` in it already; null: nobody wants to know.
  void show_one(Staged& staged, Shown* seen);
  void show_batch(Position durable, std::size_t most, std::vector<Shown>* seen);
  /// Accounts a tenant's shown bytes anew.
  void account(Tenant::Impl& tenant, bool exactly);
  void note_shown(Position position) {
    if (position > Position{shown.load(std::memory_order_relaxed)})
      shown.store(position.value, std::memory_order_release);
  }
  /// load() with the hash at hand.
  ngsi::EntityBlock load(Tenant::Impl& tenant, Position position, std::string_view id, std::uint64_t hash,
                         ngsi::EntityBlock block);
};

/// What the allocator takes for a block (glibc: a word, rounded to sixteen).
inline std::uint64_t block_cost(const ngsi::EntityBlock& block) {
  return (block.size() + 8ull + 15ull) & ~15ull;
}

/// Builds the indexes of a freshly loaded tenant on `threads` threads.
void build_in_bulk(Tenant::Impl& tenant, std::size_t threads);

}  // namespace madang::state
