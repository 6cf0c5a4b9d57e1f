// What is known of deliveries, and what administrators do about them.

#include "notify/delivery.h"

namespace madang::hub {

using base::Code;
using journal::Position;

namespace {

constexpr std::size_t kEveryLetter = 1 << 20;

base::Error unknown(std::string_view id) {
  return base::error(Code::not_found, "There is no subscription " + std::string(id) + ".");
}

}  // namespace

Box* Delivery::find(std::string_view tenant, std::string_view id) {
  const auto name = by_name_.find(std::pair(std::string(tenant), std::string(id)));
  if (name == by_name_.end()) return nullptr;
  const auto box = boxes_.find(name->second);
  return box == boxes_.end() ? nullptr : box->second.get();
}

const Box* Delivery::find(std::string_view tenant, std::string_view id) const {
  return const_cast<Delivery*>(this)->find(tenant, id);
}

DeliveryReport Delivery::report_of(const Box& box) const {
  DeliveryReport report;
  report.id = box.state.id;
  report.status = box.state.status;
  report.waiting = box.queue.size();
  report.waiting_bytes = box.bytes;
  if (!box.queue.empty()) report.oldest = box.queue.front().time;
  report.trouble = box.trouble;
  if (box.endpoint) {
    report.failures = box.endpoint->failures;
    const Moment wait = std::max(box.endpoint->closed_until, box.not_before) - clock_.monotonic();
    if (!box.queue.empty() && wait > Moment(0))
      report.next_attempt_in = std::chrono::ceil<std::chrono::milliseconds>(wait);
  }
  for (const Gap& gap : box.state.gaps)
    report.gaps.push_back({gap.from.value, gap.to.value, gap.matches, gap.time, gap.reason});
  return report;
}

std::optional<DeliveryReport> Delivery::report(std::string_view tenant, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const Box* const box = find(tenant, id);
  if (box == nullptr) return std::nullopt;
  return report_of(*box);
}

std::vector<DeliveryReport> Delivery::reports(std::string_view tenant) const {
  const std::lock_guard lock(mutex_);
  std::vector<DeliveryReport> reports;
  for (auto at = by_name_.lower_bound(std::pair(std::string(tenant), std::string()));
       at != by_name_.end() && at->first.first == tenant; ++at)
    if (const auto box = boxes_.find(at->second); box != boxes_.end()) reports.push_back(report_of(*box->second));
  return reports;
}

base::Result<std::vector<DeadLetter>> Delivery::dead_letters(std::string_view tenant, std::string_view id,
                                                             std::size_t most) {
  const std::lock_guard lock(mutex_);
  const Box* const box = find(tenant, id);
  if (box == nullptr) return unknown(id);
  return outbox_.dead_letters(box->state.number, most);
}

/// Sent at once, beside the queue: what came later has gone out long ago.
base::Result<std::size_t> Delivery::replay(std::string_view tenant, std::string_view id,
                                           std::optional<std::uint64_t> position) {
  const std::lock_guard lock(mutex_);
  Box* const box = find(tenant, id);
  if (box == nullptr || !box->subscriber) return unknown(id);
  if (courier_ == nullptr) return base::error(Code::unavailable, "Nothing is sent yet.");
  MADANG_TRY(const auto letters, outbox_.dead_letters(box->state.number, kEveryLetter));
  Wording* const wording = wording_of(*box);
  if (wording == nullptr)
    return base::error(Code::context_not_available, "The @context of the subscription is being loaded; try again.");
  std::size_t sent = 0;
  for (const DeadLetter& letter : letters) {
    if (position && letter.position.value != *position) continue;
    MADANG_TRY(const EventPtr event, outbox_.dead_event(*box->subscriber->tenant, box->state.number, letter.position));
    auto text = renderer_->entity(*box->subscriber, box->shape, *wording, *event, clock_.now());
    ++flying_, ++box->flying, ++box->endpoint->flying, ++sent;
    ++box->state.status.times_sent;
    box->state.status.last_notification = clock_.now();
    note(*box);
    Letter again = Renderer::letter(*box->subscriber, *wording, {std::move(text)}, letter.position.value, clock_.now(),
                                    options_.timeout);
    courier_->send(
        std::move(again), *this,
        [this, number = box->state.number, at = letter.position, endpoint = box->endpoint](const Receipt& receipt) {
          if (receipt.delivered()) (void)outbox_.forget_dead(number, at);
          this->sent(number, {}, endpoint, receipt);
        });
  }
  if (position && sent == 0) return base::error(Code::not_found, "There is no such dead letter.");
  return sent;
}

base::Result<std::size_t> Delivery::drop(std::string_view tenant, std::string_view id,
                                         std::optional<std::uint64_t> position) {
  const std::lock_guard lock(mutex_);
  const Box* const box = find(tenant, id);
  if (box == nullptr) return unknown(id);
  MADANG_TRY(const auto letters, outbox_.dead_letters(box->state.number, kEveryLetter));
  std::size_t dropped = 0;
  for (const DeadLetter& letter : letters) {
    if (position && letter.position.value != *position) continue;
    MADANG_CHECK(outbox_.forget_dead(box->state.number, letter.position));
    ++dropped;
  }
  if (position && dropped == 0) return base::error(Code::not_found, "There is no such dead letter.");
  return dropped;
}

DeliveryTotals Delivery::totals() const {
  const std::lock_guard lock(mutex_);
  DeliveryTotals totals = totals_;
  totals.subscriptions = boxes_.size();
  for (const auto& [number, box] : boxes_) totals.waiting += box->queue.size();
  totals.waiting_bytes = bytes_;
  totals.in_flight = flying_;
  return totals;
}

}  // namespace madang::hub
