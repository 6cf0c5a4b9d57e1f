#include "notify/outbox_record.h"

#include "madang/base/bytes.h"

namespace madang::hub {

namespace {

using base::append_le;
using base::ByteReader;
using base::Code;
using journal::Position;

constexpr std::size_t kGapsKept = 16;

/// With the high byte first, so that keys sort as their numbers do.
void append_big(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}
std::uint64_t big(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}
std::string_view tail(std::string_view key, std::size_t bytes) {
  return key.substr(key.size() - std::min(bytes, key.size()));
}

void append_text(std::string& out, std::string_view text) {
  append_le(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}
std::string_view take_text(ByteReader& in) {
  return in.text(in.le<std::uint32_t>());
}
/// 0: never.
void append_time(std::string& out, const std::optional<base::Timestamp>& time) {
  append_le(out, time ? time->ns : std::int64_t{0});
}
std::optional<base::Timestamp> take_time(ByteReader& in) {
  const auto ns = in.le<std::int64_t>();
  if (ns == 0) return std::nullopt;
  return base::Timestamp{ns};
}

base::Error broken(std::string_view what) {
  return base::error(Code::corrupt, std::string(what) + " in the outbox cannot be read.");
}

EventRecord take_event(ByteReader& in) {
  EventRecord out;
  out.time = {in.le<std::int64_t>()};
  for (auto left = in.le<std::uint32_t>(); left > 0 && in.ok(); --left) out.boxes.push_back(in.le<BoxNumber>());
  out.before = take_text(in);
  if (!out.before.empty()) out.before_version = in.le<std::uint64_t>();
  out.after = take_text(in);
  if (!out.after.empty()) out.after_version = in.le<std::uint64_t>();
  return out;
}

}  // namespace

std::string event_key(Position position) {
  std::string key = "E";
  append_big(key, position.value, 8);
  return key;
}
std::string box_key(BoxNumber number) {
  std::string key = "S";
  append_big(key, number, 4);
  return key;
}
std::string dead_key(BoxNumber number, Position position) {
  std::string key = "D";
  append_big(key, number, 4);
  append_big(key, position.value, 8);
  return key;
}
Position position_of(std::string_view key) {
  return {big(tail(key, 8))};
}
BoxNumber box_of(std::string_view key) {
  return static_cast<BoxNumber>(big(key.substr(std::min<std::size_t>(1, key.size()), 4)));
}

std::string write_box(const BoxState& box) {
  std::string out;
  append_text(out, box.tenant);
  append_text(out, box.id);
  append_le(out, box.delivered.value);
  append_le(out, box.status.times_sent);
  append_le(out, box.status.times_failed);
  append_time(out, box.status.last_notification);
  append_time(out, box.status.last_success);
  append_time(out, box.status.last_failure);
  append_le(out, static_cast<std::uint8_t>(box.status.failed ? 1 : 0));
  const std::size_t first = box.gaps.size() > kGapsKept ? box.gaps.size() - kGapsKept : 0;
  append_le(out, static_cast<std::uint32_t>(box.gaps.size() - first));
  for (std::size_t i = first; i < box.gaps.size(); ++i) {
    const Gap& gap = box.gaps[i];
    append_le(out, gap.from.value);
    append_le(out, gap.to.value);
    append_le(out, gap.time.ns);
    append_le(out, gap.matches);
    append_text(out, gap.reason);
  }
  return out;
}

base::Result<BoxState> read_box(std::string_view key, std::string_view value) {
  ByteReader in(value);
  BoxState box;
  box.number = box_of(key);
  box.tenant = take_text(in);
  box.id = take_text(in);
  box.delivered.value = in.le<std::uint64_t>();
  box.status.times_sent = in.le<std::uint64_t>();
  box.status.times_failed = in.le<std::uint64_t>();
  box.status.last_notification = take_time(in);
  box.status.last_success = take_time(in);
  box.status.last_failure = take_time(in);
  box.status.failed = in.le<std::uint8_t>() != 0;
  for (auto left = in.le<std::uint32_t>(); left > 0 && in.ok(); --left) {
    Gap& gap = box.gaps.emplace_back();
    gap.from.value = in.le<std::uint64_t>();
    gap.to.value = in.le<std::uint64_t>();
    gap.time = {in.le<std::int64_t>()};
    gap.matches = in.le<std::uint64_t>();
    gap.reason = take_text(in);
  }
  if (!in.ok() || key.size() != 5) return broken("A subscription's state");
  return box;
}

void append_event(std::string& out, const Event& event, bool with_before, const std::vector<BoxNumber>& boxes,
                  ngsi::RecordWriter& records) {
  append_le(out, event.time.ns);
  append_le(out, static_cast<std::uint32_t>(boxes.size()));
  for (const BoxNumber number : boxes) append_le(out, number);
  const auto side = [&](const std::shared_ptr<const ngsi::EntityBlock>& block, bool wanted) {
    if (!block || !wanted) return append_text(out, {});
    base::ByteBuffer record;
    records.append(record, ngsi::EntityView(*block), event.tenant->symbols());
    append_text(out, {reinterpret_cast<const char*>(record.data()), record.size()});
    append_le(out, ngsi::EntityView(*block).version());
  };
  side(event.before, with_before || !event.after);
  side(event.after, true);
}

base::Result<EventRecord> read_event_record(std::string_view value) {
  ByteReader in(value);
  EventRecord out = take_event(in);
  if (!in.ok()) return broken("An event");
  return out;
}

void append_dead(std::string& out, const DeadLetter& letter) {
  append_le(out, letter.time.ns);
  append_le(out, letter.attempts);
  append_le(out, static_cast<std::int32_t>(letter.status));
  append_text(out, letter.reason);
}

base::Result<DeadLetter> read_dead(std::string_view value) {
  ByteReader in(value);
  (void)take_event(in);
  DeadLetter out;
  out.time = {in.le<std::int64_t>()};
  out.attempts = in.le<std::uint32_t>();
  out.status = in.le<std::int32_t>();
  out.reason = take_text(in);
  if (!in.ok()) return broken("A dead letter");
  return out;
}

}  // namespace madang::hub
