#include <algorithm>

#include "store_impl.h"

namespace madang::state {

using ngsi::EntityBlock;

Tenant::Tenant(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tenant::~Tenant() = default;

const std::string& Tenant::name() const {
  return impl_->name;
}
ngsi::SymbolTable& Tenant::symbols() const {
  return impl_->symbols;
}
std::uint64_t Tenant::size() const {
  return impl_->size;
}
std::uint64_t Tenant::bytes() const {
  return impl_->bytes.load(std::memory_order_relaxed);
}

EntityView Tenant::find(std::string_view id) const {
  const Place place = impl_->find(id);
  return place == kNoPlace ? EntityView() : impl_->at(place);
}

bool Tenant::has_expiring() const {
  return !impl_->indexes.expiries.empty();
}

std::vector<TypeCount> Tenant::types() const {
  std::vector<TypeCount> out;
  for (const auto& [symbol, set] : impl_->indexes.types)
    if (!set->empty()) out.push_back({static_cast<Symbol>(symbol), set->size()});
  return out;
}

std::vector<AttributeCount> Tenant::attributes() const {
  std::vector<AttributeCount> out;
  for (const auto& [key, entities] : impl_->indexes.presence) {
    const PresenceParts parts = presence_parts(key);
    const bool observations = parts.kind == kObservation;
    out.push_back(
        {parts.attribute, parts.type, observations ? ngsi::Kind::property : parts.kind, entities, observations});
  }
  return out;
}

std::vector<IndexState> Tenant::indexes() const {
  std::vector<IndexState> out;
  for (const auto& index : impl_->indexes.values)
    out.push_back({index->names, index->ready.load(std::memory_order_acquire), index->entries_shown()});
  return out;
}

std::size_t Tenant::document_count(std::string_view collection) const {
  const std::lock_guard lock(impl_->documents_mutex);
  const auto found = impl_->document_counts.find(collection);
  return found == impl_->document_counts.end() ? 0 : found->second;
}

std::optional<std::string> Tenant::document(std::string_view collection, std::string_view id) const {
  const std::lock_guard lock(impl_->documents_mutex);
  const auto found = impl_->documents.find({std::string(collection), std::string(id)});
  if (found == impl_->documents.end()) return std::nullopt;
  return found->second;
}

void Tenant::watch(bool watched) {
  impl_->watched.store(watched, std::memory_order_relaxed);
}

std::vector<Document> Tenant::documents(std::string_view collection) const {
  std::vector<Document> out;
  const std::lock_guard lock(impl_->documents_mutex);
  for (const auto& [key, text] : impl_->documents)
    if (collection.empty() || key.first == collection) out.push_back({key.first, key.second, text});
  return out;
}

std::optional<Place> place_of(const Tenant& tenant, std::string_view id) {
  const Place place = tenant.impl().find(id);
  if (place == kNoPlace) return std::nullopt;
  return place;
}

EntityBlock Tenant::Impl::exchange(std::string_view id, std::uint64_t hash_of_id, Place hint, EntityBlock block,
                                   Symbol only) {
  const bool hinted = hint < slots.end() && slots.at(hint) != nullptr && at(hint).id() == id;
  Place place = hinted ? hint : find(id, hash_of_id);
  if (place == kNoPlace && !block) return {};
  const bool is_new = place == kNoPlace;
  if (is_new) {
    place = slots.take();
    ids.insert(hash_of_id, place);
    ++size;
  }
  if (!block) {
    ids.erase(hash_of_id, place);
    --size;
  }
  const bool gone = !block;
  if (block) block_bytes += block_cost(block);
  EntityBlock old = slots.exchange(place, std::move(block));
  if (old) block_bytes -= block_cost(old);
  if (!loading) indexes.update(place, old ? EntityView(old) : EntityView(), gone ? EntityView() : at(place), only);
  if (gone) slots.give_back(place);
  uncounted += is_new || gone ? 64 : 1;
  return old;
}

void Tenant::Impl::account(bool exactly) {
  // Indexes change little with an update and by a few dozen bytes with a new entity; walking over them costs more than
  // that is worth.
  constexpr std::uint64_t kCountEvery = 1u << 18;
  if (exactly || uncounted >= kCountEvery) {
    index_bytes = indexes.memory_bytes();
    uncounted = 0;
  }
  constexpr std::uint64_t kTypical = 2;  // of a change, in uncounted's units: 128 bytes an entity
  bytes.store(block_bytes + index_bytes + uncounted * kTypical + ids.memory_bytes() + slots.memory_bytes() +
                  symbols.bytes() + document_bytes,
              std::memory_order_relaxed);
}

ngsi::EntityView Surroundings::find(std::string_view id) const {
  if (spent_ >= until_) return refused_ = true, ngsi::EntityView();
  ++spent_;
  const ngsi::EntityView found = tenant_.find(id);
  ngsi::EntityView entity = found;
  if (found && found.may_expire()) {
    entity = cut_.emplace_back(found, now_).view();
    if (!entity || entity.bytes().data() == found.bytes().data()) cut_.pop_back();  // nothing to be kept
  }
  return entity && (filter_ == nullptr || filter_->allows_entity(entity)) ? entity : ngsi::EntityView();
}

}  // namespace madang::state
