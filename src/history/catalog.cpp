#include "catalog.h"

#include <algorithm>
#include <utility>

#include "madang/base/bytes.h"

namespace madang::history {

namespace {

using base::append_varint;
using base::Code;

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}
std::string take_text(base::ByteReader& in) {
  return std::string(in.text(static_cast<std::size_t>(in.varint())));
}
void append_signed(std::string& out, std::int64_t value) {
  append_varint(out, base::zigzag(value));
}

std::string encode_shape(const Shape& fields) {
  std::string out;
  append_varint(out, fields.size());
  for (const Field& field : fields) {
    append_varint(out, static_cast<std::uint32_t>(field.name) + 1ull);
    append_text(out, field.dataset);
    out.push_back(
        static_cast<char>(static_cast<unsigned>(field.kind) | (field.live ? 16u : 0u) | (field.present ? 32u : 0u)));
  }
  return out;
}

Shape take_shape(base::ByteReader& in) {
  Shape out;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    Field& field = out.emplace_back();
    field.name = static_cast<Symbol>(static_cast<std::uint32_t>(in.varint() - 1));
    field.dataset = take_text(in);
    const auto flags = in.bytes(1);
    if (flags.empty()) break;
    field.kind = static_cast<ngsi::Kind>(static_cast<unsigned>(flags[0]) & 15u);
    field.live = (static_cast<unsigned>(flags[0]) & 16u) != 0;
    field.present = (static_cast<unsigned>(flags[0]) & 32u) != 0;
  }
  return out;
}

ngsi::SymbolLimits name_limits() {
  ngsi::SymbolLimits limits;
  limits.names = 0xffff'fff0;  // whatever the current state let in, over the years
  limits.name_bytes = 64 << 10;
  return limits;
}

}  // namespace

namespace key {

std::string tenant(std::uint32_t tenant) {
  std::string out(kTenants);
  append_key(out, tenant);
  return out;
}
std::string name(std::uint32_t tenant, Symbol symbol) {
  std::string out(kNames);
  append_key(out, tenant);
  append_key(out, static_cast<std::uint32_t>(symbol));
  return out;
}
std::string entity(std::uint32_t tenant, std::string_view id) {
  std::string out("E");
  append_key(out, tenant);
  return out.append(id);
}
std::string type(std::uint32_t tenant, Symbol type, std::string_view id) {
  std::string out("Y");
  append_key(out, tenant);
  append_key(out, static_cast<std::uint32_t>(type));
  return out.append(id);
}
std::string number(std::uint64_t entity) {
  std::string out(kNumbers);
  append_key(out, entity);
  return out;
}
std::string run(std::uint64_t run) {
  std::string out(kRuns);
  append_key(out, run);
  return out;
}
std::string edit(SeriesId series, std::uint64_t position, std::uint32_t index) {
  std::string out(kEdits);
  append_key(out, series);
  append_key(out, position);
  append_key(out, index);
  return out;
}
std::string cut(SeriesId series) {
  std::string out(kCuts);
  append_key(out, series);
  return out;
}

std::string rolled(std::uint64_t run) {
  std::string out(kRolled);
  append_key(out, run);
  return out;
}
std::string outlook(std::uint64_t run) {
  std::string out(kOutlooks);
  append_key(out, run);
  return out;
}
std::string decision(std::uint32_t tenant) {
  std::string out(kDecisions);
  append_key(out, tenant);
  return out;
}
std::string retained(std::uint32_t tenant, std::uint64_t position) {
  std::string out("P");
  append_key(out, tenant);
  append_key(out, position);
  return out;
}

}  // namespace key

std::string encode_entity(const Entity& entity) {
  std::string out;
  append_varint(out, entity.number);
  append_signed(out, entity.created);
  append_signed(out, entity.modified);
  append_signed(out, entity.deleted);
  out.push_back(entity.visible ? 1 : 0);
  append_varint(out, entity.types.size());
  for (const Symbol type : entity.types) append_varint(out, static_cast<std::uint32_t>(type));
  append_varint(out, entity.scopes.size());
  for (const std::string& scope : entity.scopes) append_text(out, scope);
  out.append(encode_shape(*entity.shape));
  return out;
}

base::Result<std::optional<Entity>> Catalog::read(const Tenant& tenant, std::string_view id, std::string_view bytes) {
  base::ByteReader in(bytes);
  Entity out;
  out.id = id;
  out.tenant = tenant.number;
  out.on_disk = true;
  out.number = in.varint();
  out.created = in.signed_varint();
  out.modified = in.signed_varint();
  out.deleted = in.signed_varint();
  const auto visible = in.bytes(1);
  out.visible = !visible.empty() && visible[0] == std::byte{1};
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    out.types.push_back(static_cast<Symbol>(static_cast<std::uint32_t>(in.varint())));
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) out.scopes.push_back(take_text(in));
  out.shape = shape(take_shape(in));
  if (!in.ok() || in.left() != 0 || out.shape->empty())
    return base::error(Code::corrupt, "What history knows of " + std::string(id) + " cannot be read.");
  return std::optional<Entity>(std::move(out));
}

base::Status Catalog::load() {
  MADANG_CHECK(disk_.scan(key::kTenants, {}, false, [&](std::string_view, std::string_view name) {
    (void)make_tenant(name);
    return true;
  }));
  tenants_on_disk_ = static_cast<std::uint32_t>(by_number_.size());
  base::Status status;
  MADANG_CHECK(disk_.scan(key::kNames, {}, false, [&](std::string_view rest, std::string_view name) {
    const std::uint32_t tenant = take_key32(rest), symbol = take_key32(rest);
    if (tenant >= by_number_.size() || by_number_[tenant]->symbols->size() != symbol) {
      status = base::error(Code::corrupt, "History's table of names has a gap.");
      return false;
    }
    auto interned = by_number_[tenant]->symbols->intern(name);
    if (!interned.ok()) status = interned.error();
    by_number_[tenant]->names_on_disk = symbol + 1;
    return status.ok();
  }));
  return status;
}

Tenant* Catalog::tenant(std::string_view name) {
  const auto found = tenants_.find(name);
  return found == tenants_.end() ? nullptr : found->second.get();
}

Tenant& Catalog::make_tenant(std::string_view name) {
  if (Tenant* const found = tenant(name)) return *found;
  auto made = std::make_unique<Tenant>();
  made->number = static_cast<std::uint32_t>(tenants_.size());
  made->name = name;
  made->symbols = std::make_unique<ngsi::SymbolTable>(name_limits());
  by_number_.push_back(made.get());
  return *tenants_.emplace(std::string(name), std::move(made)).first->second;
}

base::Result<Entity*> Catalog::find(Tenant& tenant, std::string_view id) {
  if (const auto found = tenant.entities.find(id); found != tenant.entities.end()) {
    found->second->used = true;
    return found->second.get();
  }
  MADANG_TRY(const auto bytes, disk_.get(key::entity(tenant.number, id)));
  if (!bytes) return static_cast<Entity*>(nullptr);
  MADANG_TRY(auto read_back, read(tenant, id, *bytes));
  auto kept = std::make_unique<Entity>(std::move(*read_back));
  Entity* const out = kept.get();
  tenant.entities.emplace(std::string_view(out->id), std::move(kept));
  return out;
}

base::Result<std::optional<Entity>> Catalog::peek(const Tenant& tenant, std::string_view id) {
  if (const auto found = tenant.entities.find(id); found != tenant.entities.end())
    return std::optional<Entity>(*found->second);
  MADANG_TRY(const auto bytes, disk_.get(key::entity(tenant.number, id)));
  if (!bytes) return std::optional<Entity>();
  return read(tenant, id, *bytes);
}

base::Result<Entity*> Catalog::find_or_make(Tenant& tenant, std::string_view id) {
  MADANG_TRY(Entity* const found, find(tenant, id));
  if (found != nullptr) return found;
  auto made = std::make_unique<Entity>();
  made->id = id;
  made->tenant = tenant.number;
  made->number = next_entity++;
  made->shape = shape(Shape(1));
  ++entity_count;
  Entity* const out = made.get();
  tenant.entities.emplace(std::string_view(out->id), std::move(made));
  return out;
}

ShapePtr Catalog::shape(Shape&& fields) {
  auto& known = shapes_[encode_shape(fields)];
  ShapePtr out = known.lock();
  if (!out) {
    out = std::make_shared<const Shape>(std::move(fields));
    known = out;
  }
  if (shapes_.size() > shapes_checked_at_) {
    boost::unordered::erase_if(shapes_, [](const auto& each) { return each.second.expired(); });
    shapes_checked_at_ = std::max<std::size_t>(1'024, 2 * shapes_.size());
  }
  return out;
}

void Catalog::write_names(Writes& out) {
  for (const auto& [name, tenant] : tenants_) {
    if (tenant->number >= tenants_on_disk_) out.emplace_back(key::tenant(tenant->number), name);
    const std::uint32_t names = tenant->symbols->size();
    for (std::uint32_t i = tenant->names_on_disk; i < names; ++i)
      out.emplace_back(key::name(tenant->number, Symbol{i}), tenant->symbols->name(Symbol{i}));
    tenant->names_on_disk = names;
  }
  tenants_on_disk_ = static_cast<std::uint32_t>(tenants_.size());
}

void Catalog::write_entity(Writes& out, const Entity& entity) {
  out.emplace_back(key::entity(entity.tenant, entity.id), encode_entity(entity));
  std::string whose;
  append_key(whose, entity.tenant);
  out.emplace_back(key::number(entity.number), whose.append(entity.id));
  for (const Symbol type : entity.types) out.emplace_back(key::type(entity.tenant, type, entity.id), std::string());
}

void Catalog::forget(std::uint64_t generation, std::size_t most_entities) {
  std::size_t held = 0;
  for (const auto& [name, tenant] : tenants_) held += tenant->entities.size();
  if (held <= most_entities) return;
  for (const auto& [name, tenant] : tenants_) {
    boost::unordered::erase_if(tenant->entities, [&](auto& each) {
      Entity& entity = *each.second;
      if (entity.changed_in >= generation || entity.heads[0].generation >= generation ||
          entity.heads[1].generation >= generation || !entity.on_disk)
        return false;
      return !std::exchange(entity.used, false);
    });
  }
}

}  // namespace madang::history
