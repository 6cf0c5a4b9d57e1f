#include <algorithm>

#include "madang/base/bytes.h"
#include "madang/history/history.h"

#include "values.h"

// The payload of a journal record of kind `temporal` (docs/formats/history.md).

namespace madang::history {

namespace {

using base::append_varint;
using ngsi::TemporalChange;

constexpr char kVersion = 1;

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

void append_scope(std::string& out, const ngsi::ScopeInstance& scope) {
  append_varint(out, scope.scopes.size());
  for (const std::string& each : scope.scopes) append_text(out, each);
  append_signed(out, scope.created_at.ns);
  append_signed(out, scope.modified_at.ns);
  out.push_back(static_cast<char>((scope.observed_at ? 1 : 0) | (scope.deleted_at ? 2 : 0)));
  if (scope.observed_at) append_signed(out, scope.observed_at->ns);
  if (scope.deleted_at) append_signed(out, scope.deleted_at->ns);
}

ngsi::ScopeInstance take_scope(base::ByteReader& in) {
  ngsi::ScopeInstance out;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) out.scopes.push_back(take_text(in));
  out.created_at.ns = in.signed_varint();
  out.modified_at.ns = in.signed_varint();
  const auto flags = in.bytes(1);
  if (flags.empty()) return out;
  if ((flags[0] & std::byte{1}) != std::byte{}) out.observed_at = Timestamp{in.signed_varint()};
  if ((flags[0] & std::byte{2}) != std::byte{}) out.deleted_at = Timestamp{in.signed_varint()};
  return out;
}

bool is_operation(std::byte byte) {
  return byte >= std::byte{1} && byte <= static_cast<std::byte>(TemporalChange::Operation::delete_entity);
}

}  // namespace

void append_temporal_change(base::ByteBuffer& out, const TemporalChange& change, const ngsi::SymbolTable& symbols) {
  std::string head;
  head.push_back(kVersion);
  head.push_back(static_cast<char>(change.operation));
  append_text(head, change.id);
  append_text(head, change.attribute == ngsi::Symbol::none ? std::string_view() : symbols.name(change.attribute));
  append_varint(head, change.instance.position);
  append_varint(head, change.instance.index);
  append_text(head, change.dataset_id);
  head.push_back(change.all_datasets ? 1 : 0);
  append_varint(head, change.deleted.size());
  for (const auto& [attribute, time] : change.deleted) {
    append_varint(head, attribute);
    append_signed(head, time.ns);
  }
  append_varint(head, change.scopes.size());
  for (const ngsi::ScopeInstance& scope : change.scopes) append_scope(head, scope);
  out.append(std::string_view(head));
  if (!change.block) return;
  ngsi::RecordWriter writer;
  writer.append(out, ngsi::EntityView(change.block), symbols);
}

base::Result<std::string_view> temporal_change_id(std::span<const std::byte> payload) {
  base::ByteReader in(payload);
  const auto head = in.bytes(2);
  const std::string_view id = in.text(static_cast<std::size_t>(in.varint()));
  if (head.empty() || head[0] != std::byte{kVersion} || !in.ok())
    return base::error(base::Code::corrupt, "A change of the past in the journal cannot be read.");
  return id;
}

base::Result<TemporalChange> read_temporal_change(std::span<const std::byte> payload, ngsi::SymbolTable& symbols) {
  const base::Error broken = base::error(base::Code::corrupt, "A change of the past in the journal cannot be read.");
  base::ByteReader in(payload);
  const auto head = in.bytes(2);
  if (head.empty() || head[0] != std::byte{kVersion} || !is_operation(head[1])) return broken;
  TemporalChange out;
  out.operation = static_cast<TemporalChange::Operation>(head[1]);
  out.id = take_text(in);
  const std::string attribute = take_text(in);
  out.instance.position = in.varint();
  out.instance.index = static_cast<std::uint32_t>(in.varint());
  out.dataset_id = take_text(in);
  const auto all = in.bytes(1);
  out.all_datasets = !all.empty() && all[0] != std::byte{0};
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const auto place = static_cast<std::uint32_t>(in.varint());
    out.deleted.emplace_back(place, Timestamp{in.signed_varint()});
  }
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) out.scopes.push_back(take_scope(in));
  if (!in.ok()) return broken;
  if (!attribute.empty()) {
    MADANG_TRY(out.attribute, symbols.intern(attribute));
  }
  if (in.left() > 0) {
    ngsi::RecordReader reader;
    MADANG_TRY(out.block, reader.read(in.bytes(in.left()), symbols));
  }
  const std::size_t count = out.block ? ngsi::EntityView(out.block).attribute_count() : 0;
  for (const auto& [place, time] : out.deleted)
    if (place >= count) return broken;
  if (out.operation == TemporalChange::Operation::modify_instance && count != 1) return broken;
  return out;
}

}  // namespace madang::history
