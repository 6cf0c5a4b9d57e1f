// Blocks of history and changes of the past: whatever the bytes are, reading stays inside them, and what is read can be
// written again.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "madang/history/history.h"

#include "block.h"

namespace {

using namespace madang;

void read_block(std::string bytes) {
  auto block = history::Block::open(std::move(bytes));
  if (!block.ok()) return;
  std::vector<history::Row> rows;
  for (const auto& part : (*block)->parts()) {
    if (const auto numbers = (*block)->all_numbers(part.first, part.count); numbers.ok() && *numbers)
      (void)(*block)->read_numbers(part.first, part.count, true, [](auto, auto, auto) {});
  }
  if (!(*block)->read(0, static_cast<std::uint32_t>((*block)->rows()), rows).ok()) return;
  for (const history::Row& row : rows) {
    (void)history::read_meta(row.meta);
    (void)history::check_subs(row.subs);
  }
  std::string again;
  (void)history::encode_block(rows, again);
  auto twice = history::Block::open(again);
  if (!twice.ok()) __builtin_trap();
  std::vector<history::Row> same;
  if (!(*twice)->read(0, static_cast<std::uint32_t>(rows.size()), same).ok() || same.size() != rows.size())
    __builtin_trap();
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].series != same[i].series || rows[i].position != same[i].position || rows[i].text != same[i].text ||
        rows[i].observed != same[i].observed || rows[i].mantissa != same[i].mantissa ||
        rows[i].digits != same[i].digits || rows[i].subs != same[i].subs)
      __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    read_block(bytes);
    return 0;
  }
  ngsi::SymbolTable symbols;
  const auto payload = std::as_bytes(std::span(bytes));
  (void)history::temporal_change_id(payload);
  if (const auto change = history::read_temporal_change(payload, symbols); change.ok()) {
    base::ByteBuffer out;
    history::append_temporal_change(out, *change, symbols);
    if (!history::read_temporal_change(out, symbols).ok()) __builtin_trap();
  }
  return 0;
}
