#include "row.h"

#include <algorithm>
#include <array>

#include "madang/base/bytes.h"

namespace madang::history {

namespace {

using base::append_varint;
using base::ByteReader;
using base::minus;
using base::plus;
using ngsi::AttributeView;
using ngsi::Symbol;

// What an encoded sub-attribute has, in this order.
enum Part : std::uint16_t {
  kObserved = 1,
  kExpires = 2,
  kDataset = 4,
  kUnit = 8,
  kValueType = 16,
  kExtras = 32,
  kNestedKeys = 64,    // no field
  kForeignKeys = 128,  // no field
  kCreated = 256,
  kModified = 512,
};
constexpr int kMostDepth = 64;

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}
void append_signed(std::string& out, std::int64_t value) {
  append_varint(out, base::zigzag(value));
}
std::string_view take_text(ByteReader& in) {
  return in.text(static_cast<std::size_t>(in.varint()));
}

std::uint16_t parts_of(const AttributeView& sub, const AttributeView& owner) {
  std::uint16_t parts = 0;
  const auto has = [&parts](bool yes, Part part) {
    if (yes) parts = static_cast<std::uint16_t>(parts | part);
  };
  has(sub.observed_at.has_value(), kObserved);
  has(sub.expires_at.has_value(), kExpires);
  has(!sub.dataset_id.empty(), kDataset);
  has(!sub.unit_code.empty(), kUnit);
  has(!sub.value_type.empty(), kValueType);
  has(!sub.extras.empty(), kExtras);
  has(sub.nested_keys, kNestedKeys);
  has(sub.foreign_keys, kForeignKeys);
  has(sub.created_at != owner.created_at, kCreated);
  has(sub.modified_at != owner.modified_at, kModified);
  return parts;
}

void append_sub(std::string& out, const AttributeView& sub, const AttributeView& owner) {
  const std::uint16_t parts = parts_of(sub, owner);
  append_varint(out, static_cast<std::uint32_t>(sub.name));
  out.push_back(static_cast<char>(sub.kind));
  append_varint(out, parts);
  if (parts & kCreated) append_signed(out, minus(sub.created_at.ns, owner.created_at.ns));
  if (parts & kModified) append_signed(out, minus(sub.modified_at.ns, owner.modified_at.ns));
  if (parts & kObserved) append_signed(out, minus(sub.observed_at->ns, owner.observed_at ? owner.observed_at->ns : 0));
  if (parts & kExpires) append_signed(out, sub.expires_at->ns);
  if (parts & kDataset) append_text(out, sub.dataset_id);
  if (parts & kUnit) append_text(out, sub.unit_code);
  if (parts & kValueType) append_text(out, sub.value_type);
  if (parts & kExtras) append_text(out, sub.extras);
  append_text(out, sub.value);
  append_subs(out, sub);
}

/// Reads one sub-attribute's own fields. `owner`'s times are known.
struct Sub {
  ngsi::EntityBuilder::Instance instance;
  std::uint64_t count = 0;  // of its own
};
Sub take_sub(ByteReader& in, const ngsi::EntityBuilder::Instance& owner) {
  Sub out;
  ngsi::EntityBuilder::Instance& to = out.instance;
  to.name = static_cast<Symbol>(in.varint());
  const auto kind = in.bytes(1);
  to.kind = kind.empty() ? ngsi::Kind::property : static_cast<ngsi::Kind>(kind[0]);
  const auto parts = in.varint();
  to.nested_keys = (parts & kNestedKeys) != 0;
  to.foreign_keys = (parts & kForeignKeys) != 0;
  to.created_at = owner.created_at;
  to.modified_at = owner.modified_at;
  if (parts & kCreated) to.created_at = base::Timestamp{plus(in.signed_varint(), owner.created_at->ns)};
  if (parts & kModified) to.modified_at = base::Timestamp{plus(in.signed_varint(), owner.modified_at->ns)};
  if (parts & kObserved)
    to.observed_at = base::Timestamp{plus(in.signed_varint(), owner.observed_at ? owner.observed_at->ns : 0)};
  if (parts & kExpires) to.expires_at = base::Timestamp{in.signed_varint()};
  if (parts & kDataset) to.dataset_id = take_text(in);
  if (parts & kUnit) to.unit_code = take_text(in);
  if (parts & kValueType) to.value_type = take_text(in);
  if (parts & kExtras) to.extras = take_text(in);
  to.value = take_text(in);
  out.count = in.varint();
  return out;
}

bool is_kind(ngsi::Kind kind) {
  return static_cast<std::uint8_t>(kind) <= static_cast<std::uint8_t>(ngsi::Kind::list_relationship);
}

bool build_some(ByteReader& in, std::uint64_t count, const ngsi::EntityBuilder::Instance& owner, NameMap& names,
                ngsi::EntityBuilder& builder, int depth) {
  if (depth > kMostDepth) return false;
  for (; count > 0 && in.ok(); --count) {
    Sub sub = take_sub(in, owner);
    if (!in.ok() || !is_kind(sub.instance.kind)) return false;
    sub.instance.name = names(sub.instance.name);
    builder.begin_instance(sub.instance);
    const bool built = build_some(in, sub.count, sub.instance, names, builder, depth + 1);
    builder.end_instance();
    if (!built) return false;
  }
  return in.ok();
}

bool check_some(ByteReader& in, std::uint64_t count, const ngsi::EntityBuilder::Instance& owner, int depth) {
  if (depth > kMostDepth) return false;
  for (; count > 0 && in.ok(); --count) {
    const Sub sub = take_sub(in, owner);
    if (!in.ok() || !is_kind(sub.instance.kind) || !check_some(in, sub.count, sub.instance, depth + 1)) return false;
  }
  return in.ok();
}

}  // namespace

void append_meta(std::string& out, const Meta& meta) {
  out.push_back(static_cast<char>(static_cast<unsigned>(meta.kind) | (meta.nested_keys ? 16u : 0u) |
                                  (meta.foreign_keys ? 32u : 0u)));
  if (meta.unit_code.empty() && meta.value_type.empty() && meta.extras.empty()) return;
  append_text(out, meta.unit_code);
  append_text(out, meta.value_type);
  append_text(out, meta.extras);
}

std::optional<Meta> read_meta(std::string_view bytes) {
  ByteReader in(bytes);
  const auto first = in.bytes(1);
  if (first.empty()) return std::nullopt;
  const auto flags = static_cast<unsigned>(first[0]);
  Meta out;
  out.kind = static_cast<ngsi::Kind>(flags & 15u);
  out.nested_keys = (flags & 16u) != 0;
  out.foreign_keys = (flags & 32u) != 0;
  if (!is_kind(out.kind)) return std::nullopt;
  if (in.left() == 0) return out;
  out.unit_code = take_text(in);
  out.value_type = take_text(in);
  out.extras = take_text(in);
  if (!in.ok() || in.left() != 0) return std::nullopt;
  return out;
}

void append_subs(std::string& out, const AttributeView& instance) {
  append_varint(out, instance.sub_count);
  instance.each_sub([&](const AttributeView& sub) { append_sub(out, sub, instance); });
}

bool build_subs(std::string_view bytes, const ngsi::EntityBuilder::Instance& owner, NameMap& names,
                ngsi::EntityBuilder& builder) {
  ByteReader in(bytes);
  const std::uint64_t count = in.varint();
  return build_some(in, count, owner, names, builder, 0) && in.left() == 0;
}

bool check_subs(std::string_view bytes) {
  ByteReader in(bytes);
  ngsi::EntityBuilder::Instance owner;
  owner.created_at = owner.modified_at = base::Timestamp{};
  const std::uint64_t count = in.varint();
  return check_some(in, count, owner, 0) && in.left() == 0;
}

Symbol NameMap::operator()(Symbol ours) {
  const auto at = std::lower_bound(known_.begin(), known_.end(), ours,
                                   [](const auto& pair, Symbol symbol) { return pair.first < symbol; });
  if (at != known_.end() && at->first == ours) return at->second;
  Symbol theirs = Symbol::none;
  if (static_cast<std::uint32_t>(ours) < from_.size()) {
    if (auto interned = to_.intern(from_.name(ours)); interned.ok())
      theirs = *interned;
    else
      error_ = interned.error();
  }
  known_.insert(at, {ours, theirs});
  return theirs;
}

}  // namespace madang::history
