#include "admin/deliveries.h"

#include <charconv>

#include "madang/base/json.h"

namespace madang::api::admin {
namespace {

using base::Code;
using base::error;
using base::json::append_string;

constexpr std::size_t kLetters = 1'000;  // dead letters in one answer

/// An object, member by member.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object& text(std::string_view name, std::string_view value) { return key(name), append_string(out_, value), *this; }
  Object& number(std::string_view name, std::uint64_t value) {
    return key(name), base::json::append_unsigned(out_, value), *this;
  }
  Object& time(std::string_view name, const std::optional<base::Timestamp>& value) {
    return value ? text(name, base::to_string(*value)) : *this;
  }
  std::string& member(std::string_view name) { return key(name), out_; }
  void close() { out_ += '}'; }

 private:
  void key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    append_string(out_, name);
    out_ += ':';
  }
  std::string& out_;
};

void append_report(std::string& out, const hub::DeliveryReport& report) {
  Object object(out);
  object.text("id", report.id);
  object.text("status", report.status.failed ? "failed" : "ok");
  object.number("timesSent", report.status.times_sent).number("timesFailed", report.status.times_failed);
  object.time("lastNotification", report.status.last_notification).time("lastSuccess", report.status.last_success);
  object.time("lastFailure", report.status.last_failure);
  object.number("waiting", report.waiting).number("waitingBytes", report.waiting_bytes).time("oldest", report.oldest);
  object.number("failuresInARow", report.failures);
  if (!report.trouble.empty()) object.text("trouble", report.trouble);
  if (report.next_attempt_in)
    object.number("nextAttemptInMs", static_cast<std::uint64_t>(report.next_attempt_in->count()));
  std::string& gaps = object.member("gaps");
  gaps += '[';
  for (const auto& gap : report.gaps) {
    if (gaps.back() != '[') gaps += ',';
    Object one(gaps);
    one.number("from", gap.from).number("to", gap.to).number("notifications", gap.notifications);
    one.time("at", gap.time).text("reason", gap.reason).close();
  }
  gaps += ']';
  object.close();
}

void list(Call& call) {
  const auto reports = call.environment.hub.subscriptions().reports(*call.who, call.tenant);
  if (!reports.ok()) return call.fail(reports.error());
  std::string text = "[";
  for (const auto& report : *reports) {
    if (text.size() > 1) text += ',';
    append_report(text, report);
  }
  call.answer_json(200, text += ']');
}

void show(Call& call) {
  const auto report = call.environment.hub.subscriptions().report(*call.who, call.tenant, call.captures[0]);
  if (!report.ok()) return call.fail(report.error());
  std::string text;
  append_report(text, *report);
  call.answer_json(200, text);
}

void list_dead(Call& call) {
  const auto letters =
      call.environment.hub.subscriptions().dead_letters(*call.who, call.tenant, call.captures[0], kLetters);
  if (!letters.ok()) return call.fail(letters.error());
  std::string text = "[";
  for (const auto& letter : *letters) {
    if (text.size() > 1) text += ',';
    Object one(text);
    one.number("position", letter.position).time("at", letter.time).number("attempts", letter.attempts);
    if (letter.status != 0) one.number("answered", static_cast<std::uint64_t>(letter.status));
    one.text("reason", letter.reason).close();
  }
  call.answer_json(200, text += ']');
}

/// Replays or drops one dead letter, or all of a subscription.
void settle(Call& call, bool again) {
  std::optional<std::uint64_t> position;
  if (const std::string_view text = call.captures[1]; !text.empty()) {
    std::uint64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc() || end != text.data() + text.size())
      return call.fail(error(Code::bad_request_data, "A dead letter is named by its position, a number."));
    position = number;
  }
  hub::Subscriptions& desk = call.environment.hub.subscriptions();
  const auto count = again ? desk.replay(*call.who, call.tenant, call.captures[0], position)
                           : desk.drop(*call.who, call.tenant, call.captures[0], position);
  if (!count.ok()) return call.fail(count.error());
  std::string text;
  Object(text).number(again ? "sent" : "dropped", *count).close();
  call.answer_json(200, text);
}

}  // namespace

void ManageDeliveries::operator()(Call&& call) const {
  switch (call.operation->op) {
    case Op::deliveries_list:
      return list(call);
    case Op::delivery_show:
      return show(call);
    case Op::dead_list:
      return list_dead(call);
    case Op::dead_replay:
    case Op::dead_replay_one:
      return settle(call, true);
    default:
      return settle(call, false);
  }
}

}  // namespace madang::api::admin
