#include "madang/ngsi/entity.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "encoding.h"

namespace madang::ngsi {

namespace {

constexpr std::array<std::string_view, 8> kKindNames{"Property",         "GeoProperty",     "Relationship",
                                                     "LanguageProperty", "VocabProperty",   "JsonProperty",
                                                     "ListProperty",     "ListRelationship"};
constexpr std::array<std::string_view, 8> kValueMembers{"value", "value", "object",    "languageMap",
                                                        "vocab", "json",  "valueList", "objectList"};

constexpr std::size_t kMostNames = 65'535;
constexpr std::size_t kMostBytes = 1u << 30;

}  // namespace

std::string_view kind_name(Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKindNames.size() ? kKindNames[index] : "Null";
}

std::string_view value_member(Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kValueMembers.size() ? kValueMembers[index] : "value";
}

std::uint64_t detail::read_long_varint(const std::byte*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto next = static_cast<std::uint64_t>(*at++);
    value |= (next & 0x7f) << shift;
    if ((next & 0x80) == 0) return value;
  }
}

// ---- extras: one after another a tag (a byte), a varint length, a text ----

void append_extra(std::string& extras, Extra which, std::string_view text) {
  extras += static_cast<char>(which);
  base::append_varint(extras, text.size());
  extras += text;
}

std::string_view find_extra(std::string_view extras, Extra which) {
  const auto* begin = reinterpret_cast<const std::byte*>(extras.data());
  encoding::Cursor cursor(begin, begin + extras.size());
  while (cursor.left() > 0) {
    const std::byte tag = *cursor.take(1);
    const std::string_view text = cursor.text();
    if (!cursor.ok()) break;
    if (tag == static_cast<std::byte>(which)) return text;
  }
  return {};
}

EntityBlock EntityBlock::adopt(std::byte* bytes) {
  EntityBlock block;
  block.bytes_ = bytes;
  block.size_ = reinterpret_cast<const EntityHeader*>(bytes)->size;
  return block;
}

// ---- reading ----

std::optional<Timestamp> EntityView::expires_at() const {
  if (header().expires_at == 0) return std::nullopt;
  return Timestamp{header().expires_at};
}

bool EntityView::has_type(Symbol wanted) const {
  for (std::size_t i = 0; i < type_count(); ++i)
    if (type(i) == wanted) return true;
  return false;
}

const std::byte* EntityView::scopes() const {
  return types() + sizeof(std::uint16_t) * header().type_count + header().id_size;
}

bool EntityView::is_in_order() const {
  // Each instance has its entry and nothing lies between them: in rising order, each ends where the next begins.
  for (std::size_t i = 1; i < attribute_count(); ++i)
    if (offset(i) <= offset(i - 1)) return false;
  return true;
}

std::uint16_t EntityView::instance_flags(std::size_t index) const {
  std::uint16_t flags;
  std::memcpy(&flags, instance(index) + 2, sizeof(flags));
  return flags;
}

AttributeView EntityView::attribute(std::size_t index) const {
  return decode(instance(index), created_at(), modified_at());
}

Kind EntityView::kind(std::size_t index) const {
  return static_cast<Kind>(instance_flags(index) & encoding::kKindMask);
}

bool EntityView::is_observation(std::size_t index) const {
  constexpr auto kAll = encoding::kKindMask | encoding::kObserved | encoding::kDataset;
  static_assert(static_cast<unsigned>(Kind::property) == 0);
  return (instance_flags(index) & kAll) == encoding::kObserved;
}

bool EntityView::is_plain(std::size_t index) const {
  constexpr auto kMore = encoding::kCreated | encoding::kModified | encoding::kDataset | encoding::kSubs;
  return (instance_flags(index) & kMore) == 0;
}

std::size_t EntityView::find(Symbol name) const {
  const auto table = names();
  const auto found = std::find(table.begin(), table.end(), name);
  const std::size_t count = attribute_count();
  if (found == table.end()) return count;
  const auto place = static_cast<std::uint16_t>(found - table.begin());
  const std::byte* entry = directory();
  for (std::size_t i = 0; i < count; ++i, entry += 8) {
    std::uint16_t here;
    std::memcpy(&here, entry, sizeof(here));
    if (here == place) return i;
  }
  return count;
}

AttributeView EntityView::decode(const std::byte* at, Timestamp created, Timestamp modified) const {
  AttributeView out;
  const std::byte* begin = at;
  std::uint16_t place, flags;
  std::memcpy(&place, at, 2);
  std::memcpy(&flags, at + 2, 2);
  at += 4;
  const auto text = [&at] {
    const auto size = static_cast<std::size_t>(detail::read_varint(at));
    const std::string_view view(reinterpret_cast<const char*>(at), size);
    at += size;
    return view;
  };
  out.block = block_;
  out.name = names()[place];
  out.kind = static_cast<Kind>(flags & encoding::kKindMask);
  out.nested_keys = (flags & encoding::kNestedKeys) != 0;
  out.foreign_keys = (flags & encoding::kForeignKeys) != 0;
  out.untyped = (flags & encoding::kUntyped) != 0;
  out.created_at = created;
  if (flags & encoding::kCreated)
    out.created_at.ns = base::plus(created.ns, encoding::unzigzag(detail::read_varint(at)));
  out.modified_at = modified;
  if (flags & encoding::kModified)
    out.modified_at.ns = base::plus(out.created_at.ns, encoding::unzigzag(detail::read_varint(at)));
  if (flags & encoding::kObserved) out.observed_at = Timestamp{encoding::unzigzag(detail::read_varint(at))};
  if (flags & encoding::kExpires) out.expires_at = Timestamp{encoding::unzigzag(detail::read_varint(at))};
  if (flags & encoding::kDataset) out.dataset_id = text();
  if (flags & encoding::kUnit) out.unit_code = text();
  if (flags & encoding::kValueType) out.value_type = text();
  if (flags & encoding::kExtras) out.extras = text();
  out.value = text();
  if (flags & encoding::kSubs) {
    out.sub_count = static_cast<std::uint16_t>(detail::read_varint(at));
    const auto size = static_cast<std::size_t>(detail::read_varint(at));
    out.subs = {at, size};
    at += size;
  }
  out.raw = {begin, at};
  return out;
}

std::optional<AttributeView> AttributeView::find_sub(Symbol wanted) const {
  std::optional<AttributeView> found;
  each_sub([&](const AttributeView& sub) {
    if (!found && sub.name == wanted) found = sub;
  });
  return found;
}

// ---- building ----

void EntityBuilder::begin(std::string_view id) {
  id_.assign(id);
  created_ = modified_ = {};
  version_ = 0;
  expires_.reset();
  names_.clear();
  types_.clear();
  scopes_.clear();
  scope_count_ = 0;
  attributes_.clear();
  instances_.clear();
  first_of_.clear();
  depth_ = 0;
  regroup_ = overflow_ = false;
  flags_ = 0;
  base_ = nullptr;
}

void EntityBuilder::begin_like(EntityView base) {
  begin(base.id());
  names_.assign(base.names().begin(), base.names().end());
  first_of_.assign(names_.size(), 0);
  base_ = base.block_;
  flags_ = base.header().flags & (kTransientParts | kHasExtras);  // of what will be copied from it
  created_ = base.created_at();
  modified_ = base.modified_at();
  expires_ = base.expires_at();
}

std::uint16_t EntityBuilder::place_of(Symbol name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::uint16_t>(found - names_.begin());
  if (names_.size() >= kMostNames) {
    overflow_ = true;
    return 0;
  }
  names_.push_back(name);
  first_of_.push_back(0);
  return static_cast<std::uint16_t>(names_.size() - 1);
}

void EntityBuilder::add_type(Symbol type) {
  const std::uint16_t place = place_of(type);
  if (std::find(types_.begin(), types_.end(), place) == types_.end()) types_.push_back(place);
}

void EntityBuilder::add_scope(std::string_view scope) {
  encoding::append_text(scopes_, scope);
  ++scope_count_;
}

void EntityBuilder::begin_instance(const Instance& instance) {
  const Timestamp created = depth_ == 0 ? created_ : open_[depth_ - 1].created_at;
  const Timestamp modified = depth_ == 0 ? modified_ : open_[depth_ - 1].modified_at;
  if (depth_ == open_.size()) open_.emplace_back();
  Open& open = open_[depth_++];
  open.instance = &instance;
  open.created_at = instance.created_at.value_or(created);
  open.modified_at = instance.modified_at.value_or(modified);
  open.subs.clear();
  open.sub_count = 0;
}

void EntityBuilder::end_instance() {
  assert(depth_ > 0);
  const Open& done = open_[--depth_];
  if (depth_ > 0) {
    Open& parent = open_[depth_ - 1];
    if (parent.sub_count == kMostNames) overflow_ = true;
    write_instance(parent.subs, done, place_of(done.instance->name), parent.created_at, parent.modified_at);
    ++parent.sub_count;
    return;
  }
  const std::size_t offset = instances_.size();
  const std::uint16_t place = place_of(done.instance->name);
  write_instance(instances_, done, place, created_, modified_);
  add_slot(place, offset, done.instance->dataset_id.empty());
}

void EntityBuilder::add_slot(std::uint16_t place, std::size_t offset, bool is_default) {
  if (attributes_.size() >= kMostNames || instances_.size() > kMostBytes) {
    overflow_ = true;
    return;
  }
  if (first_of_[place] == 0)
    first_of_[place] = static_cast<std::uint32_t>(attributes_.size() + 1);
  else
    regroup_ = true;
  attributes_.push_back({place, static_cast<std::uint32_t>(offset), is_default});
}

/// `created`, `modified`: of what it belongs to; the same need not be written.
void EntityBuilder::write_instance(base::ByteBuffer& out, const Open& open, std::uint16_t place, Timestamp created,
                                   Timestamp modified) {
  const Instance& instance = *open.instance;
  auto flags = static_cast<std::uint16_t>(instance.kind);
  const auto set = [&flags](bool on, std::uint16_t flag) {
    flags = static_cast<std::uint16_t>(flags | (on ? flag : 0));
  };
  set(instance.nested_keys, encoding::kNestedKeys);
  set(instance.foreign_keys, encoding::kForeignKeys);
  set(instance.untyped, encoding::kUntyped);
  set(open.created_at != created, encoding::kCreated);
  set(open.modified_at != modified, encoding::kModified);
  set(instance.observed_at.has_value(), encoding::kObserved);
  set(instance.expires_at.has_value(), encoding::kExpires);
  set(!instance.dataset_id.empty(), encoding::kDataset);
  set(!instance.unit_code.empty(), encoding::kUnit);
  set(!instance.value_type.empty(), encoding::kValueType);
  set(!instance.extras.empty(), encoding::kExtras);
  set(open.sub_count > 0, encoding::kSubs);

  constexpr std::size_t kMostVarints = 11;
  const std::size_t texts =
      instance.dataset_id.size() + instance.unit_code.size() + instance.value_type.size() + instance.value.size();
  std::byte* at = out.room(4 + kMostVarints * base::kMaxVarint + texts + instance.extras.size() + open.subs.size());
  at = encoding::put_u16(at, place);
  at = encoding::put_u16(at, flags);
  const auto put_number = [&at](std::int64_t value) { at = encoding::put_varint(at, encoding::zigzag(value)); };
  if (flags & encoding::kCreated) put_number(base::minus(open.created_at.ns, created.ns));
  if (flags & encoding::kModified) put_number(base::minus(open.modified_at.ns, open.created_at.ns));
  if (flags & encoding::kObserved) put_number(instance.observed_at->ns);
  if (flags & encoding::kExpires) put_number(instance.expires_at->ns);
  if (flags & encoding::kDataset) at = encoding::put_text(at, instance.dataset_id);
  if (flags & encoding::kUnit) at = encoding::put_text(at, instance.unit_code);
  if (flags & encoding::kValueType) at = encoding::put_text(at, instance.value_type);
  if (flags & encoding::kExtras) at = encoding::put_text(at, instance.extras);
  at = encoding::put_text(at, instance.value);
  if (flags & encoding::kSubs) {
    at = encoding::put_varint(at, open.sub_count);
    at = encoding::put_varint(at, open.subs.size());
    at = encoding::put(at, open.subs.data(), open.subs.size());
  }
  out.end_at(at);
  if (flags & (encoding::kExpires | encoding::kExtras)) note_rare(flags);
}

/// Tells in the entity's header what its readers need not look for in vain.
void EntityBuilder::note_rare(std::uint16_t instance_flags) {
  if (instance_flags & encoding::kExpires) set_flag(kTransientParts);
  if (instance_flags & encoding::kExtras) set_flag(kHasExtras);
}

EntityBuilder::Instance EntityBuilder::instance_of(const AttributeView& from) {
  return {.name = from.name,
          .kind = from.kind,
          .nested_keys = from.nested_keys,
          .foreign_keys = from.foreign_keys,
          .untyped = from.untyped,
          .created_at = from.created_at,
          .modified_at = from.modified_at,
          .observed_at = from.observed_at,
          .expires_at = from.expires_at,
          .dataset_id = from.dataset_id,
          .unit_code = from.unit_code,
          .value_type = from.value_type,
          .extras = from.extras,
          .value = from.value};
}

/// Whether the bytes of an instance of the base mean the same in what is being built.
bool EntityBuilder::is_copyable(std::span<const std::byte> raw) const {
  const EntityView base(base_);
  std::uint16_t flags;
  std::memcpy(&flags, raw.data() + 2, sizeof(flags));
  return base.created_at() == created_ && ((flags & encoding::kModified) != 0 || base.modified_at() == modified_);
}

void EntityBuilder::copy_instance(const AttributeView& from) {
  if (depth_ == 0 && base_ != nullptr && from.block == base_ && is_copyable(from.raw)) {
    const std::size_t offset = instances_.size();
    instances_.append(from.raw);
    return add_slot(place_of(from.name), offset, from.dataset_id.empty());
  }
  const Instance instance = instance_of(from);
  begin_instance(instance);
  from.each_sub([this](const AttributeView& sub) { copy_instance(sub); });
  end_instance();
}

void EntityBuilder::copy_from_base(std::size_t index, bool in_order) {
  const EntityView base(base_);
  if (!in_order || !is_copyable(base.raw(index))) return copy_instance(base.attribute(index));
  const std::span<const std::byte> raw = base.raw(index);
  const std::size_t offset = instances_.size();
  instances_.append(raw);
  std::uint16_t place, flags;
  std::memcpy(&place, raw.data(), sizeof(place));
  std::memcpy(&flags, raw.data() + 2, sizeof(flags));
  add_slot(place, offset, (flags & encoding::kDataset) == 0);
}

void EntityBuilder::add_removal(Symbol name) {
  Instance removal;
  removal.name = name;
  removal.kind = Kind::null;
  removal.value = "null";
  add_instance(removal);
}

void EntityBuilder::drop_instances_from(std::size_t count) {
  if (count >= attributes_.size()) return;
  instances_.truncate(attributes_[count].offset);
  for (std::size_t i = count; i < attributes_.size(); ++i)
    if (first_of_[attributes_[i].name] == i + 1) first_of_[attributes_[i].name] = 0;
  attributes_.resize(count);
}

base::Result<EntityBlock> EntityBuilder::finish() {
  assert(depth_ == 0);
  const std::size_t directory_size = 8 * attributes_.size();
  const std::size_t before_instances = 2 * types_.size() + id_.size() + scopes_.size();
  const std::size_t size =
      sizeof(EntityHeader) + sizeof(Symbol) * names_.size() + directory_size + before_instances + instances_.size();
  if (overflow_ || id_.size() > 65'535 || types_.size() > 65'535 || size > kMostBytes)
    return base::error(base::Code::too_large,
                       "The entity has more attributes, names or bytes than an entity can hold.");
  if (regroup_) {
    std::stable_sort(attributes_.begin(), attributes_.end(), [this](const Slot& a, const Slot& b) {
      const auto first_a = first_of_[a.name], first_b = first_of_[b.name];
      return first_a != first_b ? first_a < first_b : a.is_default > b.is_default;
    });
  }

  EntityBlock block(size);
  EntityHeader header;
  header.size = static_cast<std::uint32_t>(size);
  header.name_count = static_cast<std::uint16_t>(names_.size());
  header.attribute_count = static_cast<std::uint16_t>(attributes_.size());
  header.version = version_;
  header.created_at = created_.ns;
  header.modified_at = modified_.ns;
  header.expires_at = expires_ ? expires_->ns : 0;
  header.id_size = static_cast<std::uint16_t>(id_.size());
  header.type_count = static_cast<std::uint16_t>(types_.size());
  header.scope_count = scope_count_;
  header.flags = flags_;
  std::byte* at = block.data();
  const auto put = [&at](const void* from, std::size_t bytes) { at = encoding::put(at, from, bytes); };
  put(&header, sizeof(header));
  put(names_.data(), sizeof(Symbol) * names_.size());
  for (const Slot& slot : attributes_) {
    struct {
      std::uint16_t name, zero;
      std::uint32_t offset;
    } const entry{slot.name, 0, static_cast<std::uint32_t>(before_instances + slot.offset)};
    put(&entry, sizeof(entry));
  }
  put(types_.data(), 2 * types_.size());
  put(id_.data(), id_.size());
  put(scopes_.data(), scopes_.size());
  put(instances_.data(), instances_.size());
  assert(at == block.data() + size);
  return block;
}

}  // namespace madang::ngsi
