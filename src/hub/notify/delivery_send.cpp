// Which notification goes when, and what becomes of it.

#include <algorithm>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

#include "notify/delivery.h"

namespace madang::hub {

namespace {

using journal::Position;
using State = QueueEntry::State;

constexpr std::size_t kScan = 64;  // entries of a queue looked at for one that may be sent
constexpr auto kContextRetry = std::chrono::seconds(5);
constexpr auto kReadRetry = std::chrono::seconds(1);

/// Counted by what became of them.
base::metrics::Counter& letters(std::string_view result) {
  constexpr std::string_view kHelp = "Notifications sent, repeated ones counted, by what became of them";
  return base::metrics::counter("madang_notifications_total", kHelp, "result=\"" + std::string(result) + "\"");
}
void count(const Receipt& receipt) {
  static auto& delivered = letters("delivered");
  static auto& failed = letters("failed");
  static auto& seconds =
      base::metrics::histogram("madang_notification_seconds", "Time from sending a notification to its receipt");
  (receipt.delivered() ? delivered : failed).add();
  seconds.observe(std::chrono::duration<double>(receipt.took).count());
}
std::string reason_of(const Receipt& receipt) {
  return receipt.error ? receipt.error->message : "the endpoint answered " + std::to_string(receipt.status);
}

}  // namespace

bool Delivery::may_pump(Box& box, Moment now) {
  if (!box.subscriber || courier_ == nullptr || !box.endpoint) return false;
  if (!box.subscriber->is_active(clock_.now())) {
    // Clause 5.8.6: nothing is sent while it is paused, or ever again once it has expired.
    drop_queue(box);
    return false;
  }
  if (!box.queue.empty() && Moment(clock_.now().ns - box.queue.front().time.ns) > options_.outbox_age &&
      box.queue.front().state == State::waiting)
    give_up(box, "the notifications were too old");
  if (box.queue.empty()) return false;
  const Moment wait = std::max(box.not_before, box.endpoint->closed_until);
  if (wait > now) {
    wake_at(box.state.number, wait);
    return false;
  }
  // One at a time tries whether the endpoint is back.
  if (box.endpoint->failures != 0 && box.endpoint->flying != 0) {
    wake_at(box.state.number, now + options_.timeout);
    return false;
  }
  return true;
}

void Delivery::pump(Box& box, Moment now) {
  if (box.subscriber && box.due) return survey(box, now);
  if (!may_pump(box, now)) return;
  if (box.subscriber->what.throttling) return send_throttled(box, now);
  const std::size_t window = box.endpoint->failures != 0 ? 1 : std::min(options_.window, box.endpoint->allowed);
  std::size_t looked = 0;
  // Entities that may not be overtaken: one of their changes waits further ahead.
  std::vector<std::uint64_t> held = box.entities_flying;
  for (std::size_t i = 0; i < box.queue.size() && box.flying < window && looked < kScan; ++i) {
    if (flying_ >= options_.in_flight) return may_send(box);
    QueueEntry& entry = box.queue[i];
    if (entry.state != State::waiting) continue;
    ++looked;
    const Loaded loaded = load_event(box, entry);
    if (loaded == Loaded::gone) continue;
    if (loaded == Loaded::later) break;  // nothing overtakes it
    const bool is_held = std::find(held.begin(), held.end(), entry.entity) != held.end();
    if (!is_held && !send_entry(box, entry)) break;
    if (!is_held) held.push_back(entry.entity);
  }
  pop_settled(box);
}

void Delivery::forget(const Outbox::Which& which) {
  for (auto& [number, box] : boxes_) {
    for (QueueEntry& entry : box->queue) {
      if (!entry.event || entry.state != State::waiting || !which(box->state.tenant, entry.event->id(), entry.position))
        continue;
      entry.event = nullptr;
      hot_bytes_ -= entry.bytes;
    }
  }
}

/// The event of an entry, from the outbox where it is not at hand.
Delivery::Loaded Delivery::load_event(Box& box, QueueEntry& entry) {
  if (entry.event) return Loaded::there;
  auto event = outbox_.event(*box.subscriber->tenant, entry.position);
  if (event.ok()) {
    entry.set_event(std::move(*event));
    hot_bytes_ += entry.bytes;
    return Loaded::there;
  }
  const base::Code code = event.error().code;
  if (code != base::Code::not_found)  // else it was erased
    base::log::error("an event of the outbox cannot be read",
                     {{"subscription", box.state.id}, {"reason", event.error().message}});
  if (code != base::Code::not_found && code != base::Code::corrupt) {  // the disk does not give it now
    wake_at(box.state.number, clock_.monotonic() + kReadRetry);
    return Loaded::later;
  }
  settle(box, entry);
  return Loaded::gone;
}

Wording* Delivery::wording_of(Box& box) {
  if (Wording* const found = renderer_->wording(*box.subscriber)) return found;
  if (std::exchange(box.paused, true)) return nullptr;
  contexts_->from_url(
      box.subscriber->what.context_url,
      [life = life_, number = box.state.number](const base::Result<ngsi::ContextPtr>& context) {
        const std::lock_guard lock(life->mutex);
        if (life->self != nullptr)
          life->self->post([self = life->self, number, there = context.ok()] { self->context_came(number, there); });
      },
      box.subscriber->tenant->name());
  return nullptr;
}

void Delivery::context_came(BoxNumber number, bool there) {
  const auto found = boxes_.find(number);
  if (found == boxes_.end()) return;
  found->second->paused = false;
  if (there) return may_send(*found->second);
  wake_at(number, clock_.monotonic() + kContextRetry);
}

bool Delivery::send_entry(Box& box, QueueEntry& entry) {
  Wording* const wording = wording_of(box);
  if (wording == nullptr) return false;
  auto text = renderer_->entity(*box.subscriber, box.shape, *wording, *entry.event, clock_.now());
  box.take_off(entry);
  dispatch(box, {entry.position}, {std::move(text)}, *wording);
  return true;
}

/// Clause 5.2.12: between two notifications a while passes. What happens meanwhile is told then, of each entity the
/// newest.
void Delivery::send_throttled(Box& box, Moment now) {
  if (box.flying != 0) return;
  Wording* const wording = wording_of(box);
  if (wording == nullptr) return;
  std::vector<Position> positions;
  std::vector<std::shared_ptr<const std::string>> items;
  std::vector<std::pair<std::string, std::size_t>> places;  // of entities in items
  std::size_t bytes = 0;
  for (QueueEntry& entry : box.queue) {
    if (items.size() >= options_.entities_together || bytes > options_.body_bytes) break;
    if (entry.state != State::waiting) continue;
    const Loaded loaded = load_event(box, entry);
    if (loaded == Loaded::gone) continue;
    if (loaded == Loaded::later) break;
    auto text = renderer_->entity(*box.subscriber, box.shape, *wording, *entry.event, clock_.now());
    bytes += text->size();
    const std::string_view id = entry.event->id();
    const auto known = std::find_if(places.begin(), places.end(), [&](const auto& place) { return place.first == id; });
    if (known == places.end()) {
      places.emplace_back(id, items.size());
      items.push_back(std::move(text));
    } else {
      items[known->second] = std::move(text);
    }
    box.take_off(entry);
    positions.push_back(entry.position);
  }
  pop_settled(box);
  if (positions.empty()) return;
  box.not_before = now + *box.subscriber->what.throttling;
  wake_at(box.state.number, box.not_before);
  dispatch(box, std::move(positions), std::move(items), *wording);
}

void Delivery::dispatch(Box& box, std::vector<Position> positions,
                        std::vector<std::shared_ptr<const std::string>> items, Wording& wording) {
  const base::Timestamp now = clock_.now();
  const std::uint64_t token = positions.empty() ? static_cast<std::uint64_t>(now.ns) : positions.back().value;
  Letter letter = Renderer::letter(*box.subscriber, wording, items, token, now, options_.timeout);
  ++flying_;
  ++box.flying;
  ++box.endpoint->flying;
  ++box.state.status.times_sent;
  box.state.status.last_notification = now;
  note(box);
  courier_->send(std::move(letter), *this,
                 [this, number = box.state.number, positions = std::move(positions),
                  endpoint = box.endpoint](const Receipt& receipt) { sent(number, positions, endpoint, receipt); });
}

void Delivery::sent(BoxNumber number, const std::vector<Position>& positions,
                    const std::shared_ptr<EndpointState>& endpoint, const Receipt& receipt) {
  --flying_;
  --endpoint->flying;
  count(receipt);
  const auto found = boxes_.find(number);
  if (receipt.delivered()) {
    endpoint->failures = 0;
    endpoint->closed_until = Moment(0);
    endpoint->allowed = std::min(options_.window, endpoint->allowed * 2);
    ++totals_.delivered;
  } else {
    ++totals_.failed;
  }
  if (found == boxes_.end()) return;
  Box& box = *found->second;
  --box.flying;
  if (!receipt.delivered()) return failed(box, positions, receipt);
  box.state.status.last_success = clock_.now();
  box.state.status.failed = false;
  box.trouble.clear();
  for (const Position position : positions)
    if (QueueEntry* const entry = box.find(position)) settle(box, *entry);
  pop_settled(box);
  note(box);
  may_send(box);
}

/// Between half of and all of first_retry * 2^(failures - 1).
Moment Delivery::backoff(std::uint32_t failures) {
  const Moment longest = options_.longest_retry;
  Moment wait = options_.first_retry;
  for (std::uint32_t i = 1; i < failures && wait < longest; ++i) wait *= 2;
  wait = std::min(wait, longest);
  random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
  return wait / 2 + Moment(static_cast<std::int64_t>(random_ % static_cast<std::uint64_t>(wait.count() / 2 + 1)));
}

void Delivery::failed(Box& box, const std::vector<Position>& positions, const Receipt& receipt) {
  const Moment now = clock_.monotonic();
  box.state.status.last_failure = clock_.now();
  box.state.status.failed = true;
  ++box.state.status.times_failed;
  box.trouble = reason_of(receipt);
  note(box);
  const bool busy = receipt.status == 408 || receipt.status == 425 || receipt.status == 429;
  const bool refused = (receipt.status >= 400 && receipt.status < 500 && !busy) ||
                       (receipt.error && receipt.error->code == base::Code::forbidden);
  EndpointState& endpoint = *box.endpoint;
  ++endpoint.failures;
  endpoint.allowed = 1;
  Moment wait = backoff(endpoint.failures);
  if (receipt.retry_after) wait = std::clamp<Moment>(*receipt.retry_after, wait, options_.longest_retry);
  const ngsi::Endpoint& what = box.subscriber->what.notification.endpoint;
  if (what.cooldown) wait = std::max<Moment>(wait, *what.cooldown);
  endpoint.closed_until = std::max(endpoint.closed_until, now + wait);
  for (const Position position : positions) {
    QueueEntry* const entry = box.find(position);
    if (entry == nullptr || entry->state != State::flying) continue;
    box.land(*entry, State::waiting);
    ++entry->attempts;
    if (refused && entry->attempts >= options_.refusals) refuse(box, *entry, receipt);
  }
  pop_settled(box);
  check_bounds(box);
  wake_at(box.state.number, endpoint.closed_until);
}

/// It is not the endpoint that is down: it does not want this one. The next ones are not held up by it.
void Delivery::refuse(Box& box, QueueEntry& entry, const Receipt& receipt) {
  DeadLetter letter;
  letter.number = box.state.number;
  letter.position = entry.position;
  letter.time = clock_.now();
  letter.attempts = entry.attempts;
  letter.status = receipt.status;
  letter.reason = reason_of(receipt);
  const Loaded loaded = load_event(box, entry);
  if (loaded == Loaded::later) return;  // it stays in the queue
  if (loaded == Loaded::there) {
    if (const auto buried = outbox_.bury(letter, *entry.event); !buried.ok()) {
      base::log::error("a refused notification could not be kept", {{"reason", buried.error().message}});
      return;  // it stays in the queue
    }
    ++totals_.refused;
  }
  settle(box, entry);
  auto kept = outbox_.dead_letters(box.state.number, options_.dead_letters + 64);
  for (std::size_t i = 0; kept.ok() && i + options_.dead_letters < kept->size(); ++i)
    (void)outbox_.forget_dead(box.state.number, (*kept)[i].position);
}

}  // namespace madang::hub
