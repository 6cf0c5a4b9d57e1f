#include "madang/state/store.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <random>

#include "madang/base/machine.h"

#include "store_impl.h"

namespace madang::state {

using base::Code;
using base::Status;
using ngsi::EntityBlock;

namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

constexpr std::size_t kTypicalBlock = 1024;  // bytes

void prefetch(const std::byte* block, std::size_t bytes) {
  for (std::size_t line = 0; block != nullptr && line < bytes; line += 64) __builtin_prefetch(block + line);
}

std::shared_ptr<const EntityBlock> copy_of(const EntityBlock& block) {
  if (!block) return nullptr;
  auto copy = std::make_shared<EntityBlock>(block.size());
  std::memcpy(copy->data(), block.data(), block.size());
  return copy;
}

constexpr std::size_t kShownAhead = 4;    // changes fetched while one is shown
constexpr std::size_t kMostShown = 4096;  // in one batch, whatever the caller asks for

}  // namespace

Store::Impl::Impl(const Limits& limits_) : limits(limits_), seed(random_seed()) {
  if (limits.memory_bytes == 0) limits.memory_bytes = base::usable_memory() / 4 * 3;
  if (limits.tenant_bytes == 0) limits.tenant_bytes = limits.memory_bytes;
}

Store::Store(Limits limits) : impl_(std::make_unique<Impl>(limits)) {
  impl_->default_tenant = *make_tenant("");
}
Store::~Store() = default;

// ---- tenants ----

Tenant* Store::tenant(std::string_view name) const {
  if (name.empty()) return impl_->default_tenant;
  const std::shared_lock hold(impl_->tenants_mutex);
  const auto found = impl_->tenants.find(name);
  return found == impl_->tenants.end() ? nullptr : found->second.get();
}

base::Result<Tenant*> Store::make_tenant(std::string_view name) {
  const std::unique_lock hold(impl_->tenants_mutex);
  if (const auto found = impl_->tenants.find(name); found != impl_->tenants.end()) return found->second.get();
  if (impl_->tenants.size() >= std::max<std::size_t>(impl_->limits.tenants, 1))
    return base::error(Code::insufficient_storage, "There is no room for another tenant.");
  auto impl = std::make_unique<Tenant::Impl>(std::string(name), impl_->limits.symbols, impl_->seed);
  auto made = std::make_unique<Tenant>(std::move(impl));
  Tenant* tenant = made.get();
  impl_->tenants.emplace(name, std::move(made));
  impl_->account(tenant->impl(), true);
  return tenant;
}

std::vector<Tenant*> Store::Impl::all_tenants() const {
  const std::shared_lock hold(tenants_mutex);
  std::vector<Tenant*> out;
  for (const auto& [name, tenant] : tenants) out.push_back(tenant.get());
  return out;
}

std::vector<std::string> Store::tenant_names() const {
  std::vector<std::string> out;
  for (const Tenant* tenant : impl_->all_tenants()) out.push_back(tenant->name());
  return out;
}

// ---- the writer ----

Store::Found Store::look_up(Tenant& tenant, std::string_view id) const {
  const Tenant::Impl& impl = tenant.impl();
  Found found;
  found.hash = impl.hash(id);
  if (!impl.pending.empty()) {
    if (const auto newest = impl.pending.find({id, found.hash}); newest != impl.pending.end()) {
      found.staged = newest->second;
      found.place = found.staged->place;
      found.entity = EntityView(found.staged->block);
      return found;
    }
  }
  found.place = impl.find(id, found.hash);
  if (found.place != kNoPlace) found.entity = impl.at(found.place);
  return found;
}

void Store::look_ahead(Tenant& tenant, std::span<const std::string_view> ids) const {
  const Tenant::Impl& impl = tenant.impl();
  constexpr std::size_t kMost = 32;
  std::array<std::uint64_t, kMost> hashes;
  std::array<Place, kMost> places;
  ids = ids.first(std::min(ids.size(), kMost));
  for (std::size_t i = 0; i < ids.size(); ++i) impl.ids.prefetch(hashes[i] = impl.hash(ids[i]));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    places[i] = impl.ids.candidate(hashes[i]);
    if (places[i] != kNoPlace) __builtin_prefetch(impl.slots.where(places[i]));
  }
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (places[i] != kNoPlace) prefetch(impl.slots.at(places[i]), kTypicalBlock);
}

Status Store::admit(const Tenant& tenant, std::uint64_t bytes, bool new_entity) const {
  const Tenant::Impl& impl = tenant.impl();
  const auto full = [](std::string_view what) {
    return base::error(Code::insufficient_storage, std::string(what) + " Remove entities or raise the limit.");
  };
  if (memory_bytes() + bytes > impl_->limits.memory_bytes) return full("The server's memory limit is reached.");
  if (tenant.bytes() + impl.staged_bytes + bytes > impl_->limits.tenant_bytes)
    return full("The tenant's memory limit is reached.");
  if (new_entity && impl.tip_size >= impl_->limits.tenant_entities)
    return full("The tenant has as many entities as it may.");
  return {};
}

void Store::stage(Tenant& tenant, Position position, const Found& found, std::string_view id, EntityBlock block,
                  base::Timestamp time, Symbol only) {
  Tenant::Impl& impl = tenant.impl();
  assert(impl_->staged.empty() || impl_->staged.back().position < position);
  assert(!block || (EntityView(block).version() == position.value && EntityView(block).id() == id));
  Staged& staged = impl_->staged.emplace_back();
  staged.position = position;
  staged.tenant = &tenant;
  staged.hash = found.hash;
  staged.place = found.place;
  staged.time = time;
  staged.only = only;
  if (!block) staged.removed = id;
  impl.tip_size += static_cast<std::uint64_t>(static_cast<bool>(block)) -
                   static_cast<std::uint64_t>(static_cast<bool>(found.entity));
  if (block) {
    impl.staged_bytes += block_cost(block);
    impl_->memory.fetch_add(block_cost(block), std::memory_order_relaxed);
  }
  staged.block = std::move(block);
  // The key is the id within the newest block: the entry of an older one goes with it.
  if (found.staged != nullptr) impl.pending.erase({found.staged->id(), found.hash});
  impl.pending.emplace(HashedId{staged.id(), found.hash}, &staged);
}

void Store::Impl::show_one(Staged& change, Shown* seen) {
  Tenant::Impl& tenant = change.tenant->impl();
  const std::string_view id = change.id();  // in the block: stays valid when the block moves into its slot
  if (const auto newest = tenant.pending.find({id, change.hash}); newest->second == &change)
    tenant.pending.erase(newest);
  if (change.block) {
    tenant.staged_bytes -= block_cost(change.block);
    memory.fetch_sub(block_cost(change.block), std::memory_order_relaxed);
  }
  EntityBlock old = tenant.exchange(id, change.hash, change.place, std::move(change.block), change.only);
  if (!old) return;
  if (seen != nullptr) {
    seen->before = std::make_shared<const EntityBlock>(std::move(old));
  } else {
    retired.push_back(std::move(old));
  }
}

void Store::Impl::account(Tenant::Impl& tenant, bool exactly) {
  const std::uint64_t before = tenant.bytes.load(std::memory_order_relaxed);
  tenant.account(exactly);
  memory.fetch_add(tenant.bytes.load(std::memory_order_relaxed) - before, std::memory_order_relaxed);
}

void Store::Impl::show_batch(Position durable, std::size_t most, std::vector<Shown>* seen) {
  // What the batch will touch is fetched, and what is told of it copied, before the readers have to wait for it.
  std::size_t count = 0;
  std::size_t told = seen != nullptr ? seen->size() : 0;
  while (count < staged.size() && count < most && staged[count].position <= durable) {
    const Staged& change = staged[count++];
    if (seen != nullptr && change.tenant->impl().watched.load(std::memory_order_relaxed))
      seen->push_back({change.tenant, change.position, change.time, nullptr, copy_of(change.block)});
    if (change.place < change.tenant->impl().slots.end())
      __builtin_prefetch(change.tenant->impl().slots.where(change.place));
  }
  if (count == 0) return;
  const auto fetch = [](const Staged& change) {
    prefetch(change.block.data(), change.block.size());
    if (change.place < change.tenant->impl().slots.end())
      prefetch(change.tenant->impl().slots.at(change.place), kTypicalBlock);
  };
  for (std::size_t i = 0; i < std::min(count, kShownAhead); ++i) fetch(staged[i]);
  std::vector<Tenant*> touched;
  const ReaderLocks::Exclusive hold(*locks);
  for (; count > 0; --count) {
    if (count > kShownAhead) fetch(staged[kShownAhead]);
    Staged& change = staged.front();
    const auto position = change.position.value;
    if (std::find(touched.begin(), touched.end(), change.tenant) == touched.end()) touched.push_back(change.tenant);
    Shown* const telling = seen != nullptr && told < seen->size() && (*seen)[told].position == change.position
                               ? &(*seen)[told++]
                               : nullptr;
    show_one(change, telling);
    staged.pop_front();
    shown.store(position, std::memory_order_release);
  }
  for (Tenant* tenant : touched) account(tenant->impl(), false);
}

bool Store::show(Position durable, std::size_t most, std::vector<Shown>* seen) {
  finish_loading(1);
  impl_->show_batch(durable, std::min(most, kMostShown), seen);
  impl_->retired.clear();
  const bool more = !impl_->staged.empty() && impl_->staged.front().position <= durable;
  if (!more) impl_->note_shown(durable);
  return more;
}

Position Store::shown() const {
  return {impl_->shown.load(std::memory_order_acquire)};
}
std::uint64_t Store::memory_bytes() const {
  return impl_->memory.load(std::memory_order_relaxed);
}
std::uint64_t Store::memory_limit() const {
  return impl_->limits.memory_bytes;
}

// ---- expiry ----

EntityView Store::next_due(const Tenant& tenant, base::Timestamp now, Due& last) const {
  const Tenant::Impl& impl = tenant.impl();
  const auto next = impl.indexes.expiries.upper_bound({last.time, last.place});
  if (next == impl.indexes.expiries.end() || next->time > now) return {};
  last = {next->time, next->place};
  return impl.at(next->place);
}

std::optional<base::Timestamp> Store::next_expiry() const {
  std::optional<base::Timestamp> first;
  for (const Tenant* tenant : impl_->all_tenants()) {
    const auto& expiries = tenant->impl().indexes.expiries;
    if (!expiries.empty() && (!first || expiries.begin()->time < *first)) first = expiries.begin()->time;
  }
  return first;
}

// ---- loading ----

EntityBlock Store::Impl::load(Tenant::Impl& tenant, Position position, std::string_view id, std::uint64_t hash,
                              EntityBlock block) {
  EntityBlock old;
  const Place place = tenant.find(id, hash);
  if (place == kNoPlace || tenant.at(place).version() < position.value) {
    // A fresh tenant's indexes are built at the end, in bulk; one that has been shown keeps them up to date.
    if (tenant.size == 0) tenant.loading = true;
    old = tenant.exchange(id, hash, place, std::move(block));
    tenant.tip_size = tenant.size;
  }
  note_shown(position);
  return old;
}

EntityBlock Store::load(Tenant& tenant, Position position, std::string_view id, EntityBlock block) {
  Tenant::Impl& impl = tenant.impl();
  EntityBlock old = impl_->load(impl, position, id, impl.hash(id), std::move(block));
  impl_->account(impl, false);
  return old;
}

void Store::finish_loading(std::size_t threads) {
  for (Tenant* tenant : impl_->all_tenants()) {
    Tenant::Impl& impl = tenant->impl();
    if (!impl.loading) continue;
    build_in_bulk(impl, threads);
    impl.loading = false;
    impl_->account(impl, true);
  }
}

// ---- documents ----

Status Store::put_document(Tenant& tenant, Document document) {
  Tenant::Impl& impl = tenant.impl();
  {
    const std::lock_guard lock(impl.documents_mutex);
    const auto old = impl.documents.find({document.collection, document.id});
    const std::uint64_t gone = old == impl.documents.end() ? 0 : old->second.size();
    const std::uint64_t bytes = impl.document_bytes - gone + document.text.size();
    std::size_t& count = impl.document_counts[document.collection];
    const auto own = impl_->limits.documents_of.find(document.collection);
    const std::size_t most = own == impl_->limits.documents_of.end() ? impl_->limits.documents : own->second;
    const bool is_one_more = old == impl.documents.end();
    if (is_one_more && count >= most)
      return base::error(Code::insufficient_storage, "The tenant has as many of these as it may. Remove some first.");
    if (bytes > impl_->limits.document_bytes)
      return base::error(Code::insufficient_storage, "The tenant keeps as much of these as it may. Remove some first.");
    impl.document_bytes = bytes;
    if (is_one_more) ++count;
    impl.documents[{std::move(document.collection), std::move(document.id)}] = std::move(document.text);
  }
  impl_->account(impl, false);
  return {};
}

std::optional<Document> Store::remove_document(Tenant& tenant, std::string_view collection, std::string_view id) {
  Tenant::Impl& impl = tenant.impl();
  std::optional<Document> gone;
  {
    const std::lock_guard lock(impl.documents_mutex);
    const auto found = impl.documents.find({std::string(collection), std::string(id)});
    if (found == impl.documents.end()) return gone;
    gone = Document{found->first.first, found->first.second, std::move(found->second)};
    impl.document_bytes -= gone->text.size();
    impl.documents.erase(found);
    --impl.document_counts[gone->collection];
  }
  impl_->account(impl, false);
  return gone;
}

// ---- declared indexes ----

Status Store::declare_index(Tenant& tenant, const DeclaredIndex& index) {
  Tenant::Impl& impl = tenant.impl();
  auto& values = impl.indexes.values;
  const bool known = std::any_of(values.begin(), values.end(), [&](const auto& v) { return v->names == index; });
  if (known) return {};
  if (values.size() >= impl_->limits.declared_indexes)
    return base::error(Code::insufficient_storage, "The tenant has as many declared indexes as it may.");
  MADANG_TRY(const Symbol type, impl.symbols.intern(index.type));
  MADANG_TRY(const Symbol attribute, impl.symbols.intern(index.attribute));
  auto made = std::make_shared<ValueIndex>(index, type, attribute);
  const ReaderLocks::Exclusive hold(*impl_->locks);
  values.push_back(std::move(made));
  return {};
}

Status Store::drop_index(Tenant& tenant, const DeclaredIndex& index) {
  auto& values = tenant.impl().indexes.values;
  std::shared_ptr<ValueIndex> dropped;  // freed after the readers are back
  {
    const ReaderLocks::Exclusive hold(*impl_->locks);
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v->names == index; });
    if (found == values.end()) return base::error(Code::not_found, "There is no such index.");
    dropped = std::move(*found);
    values.erase(found);
  }
  impl_->account(tenant.impl(), true);
  return {};
}

bool Store::build_indexes(std::size_t entities) {
  // Readers do not look at an index that is not ready, so filling it needs none of their locks.
  for (Tenant* tenant : impl_->all_tenants()) {
    Tenant::Impl& impl = tenant->impl();
    for (const auto& index : impl.indexes.values) {
      if (index->ready.load(std::memory_order_relaxed)) continue;
      for (; entities > 0 && index->built < impl.slots.end(); ++index->built, --entities)
        if (const EntityView entity = impl.at(index->built)) add_values(*index, index->built, entity);
      if (index->built < impl.slots.end()) return true;
      impl_->account(impl, true);
      index->ready.store(true, std::memory_order_release);
    }
  }
  return false;
}

}  // namespace madang::state
