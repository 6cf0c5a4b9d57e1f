#pragma once
// Keys and values of the outbox (docs/formats/outbox.md). What is read is corrupt where it is cut short.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "madang/ngsi/record.h"

#include "notify/outbox.h"

namespace madang::hub {

std::string event_key(journal::Position position);
std::string box_key(BoxNumber number);
std::string dead_key(BoxNumber number, journal::Position position);
journal::Position position_of(std::string_view key);  // of an event or a dead letter
BoxNumber box_of(std::string_view key);               // of a subscription's state or a dead letter

std::string write_box(const BoxState& box);
base::Result<BoxState> read_box(std::string_view key, std::string_view value);

/// An event as it lies there; its texts are those of the value.
struct EventRecord {
  base::Timestamp time;
  std::vector<BoxNumber> boxes;
  std::string_view before, after;  // records of entities; empty: none
  std::uint64_t before_version = 0, after_version = 0;
};
void append_event(std::string& out, const Event& event, bool with_before, const std::vector<BoxNumber>& boxes,
                  ngsi::RecordWriter& records);
base::Result<EventRecord> read_event_record(std::string_view value);

/// Behind the event.
void append_dead(std::string& out, const DeadLetter& letter);
/// The letter's number and position are in its key.
base::Result<DeadLetter> read_dead(std::string_view value);

}  // namespace madang::hub
