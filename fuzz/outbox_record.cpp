// What lies in the outbox: whatever the bytes are, reading stays inside them; what is read of a subscription's state
// can be written and read again.

#include "notify/outbox_record.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace madang;

void require(bool holds) {
  if (!holds) std::abort();
}

void box(std::string_view value) {
  const std::string key = hub::box_key(7);
  const auto read = hub::read_box(key, value);
  if (!read.ok()) return;
  const auto again = hub::read_box(key, hub::write_box(*read));
  require(again.ok() && again->number == 7 && again->tenant == read->tenant && again->id == read->id &&
          again->delivered == read->delivered && again->status.times_sent == read->status.times_sent &&
          again->status.last_failure == read->status.last_failure && again->gaps.size() <= read->gaps.size());
  require(again->gaps.empty() || again->gaps.back().reason == read->gaps.back().reason);
}

void event(std::string_view value) {
  const auto read = hub::read_event_record(value);
  if (!read.ok()) return require(!hub::read_dead(value).ok());  // it begins with an event
  require(read->boxes.size() * sizeof(hub::BoxNumber) + read->before.size() + read->after.size() <= value.size());
  if (const auto letter = hub::read_dead(value); letter.ok()) {
    std::string end;
    hub::append_dead(end, *letter);
    require(value.find(end) != value.npos);
  }
}

void key(std::string_view key) {
  (void)hub::position_of(key);
  (void)hub::box_of(key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      box(text);
      break;
    case 1:
      event(text);
      break;
    default:
      key(text);
  }
  return 0;
}
