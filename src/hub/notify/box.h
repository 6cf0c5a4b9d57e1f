#pragma once
// One subscription's queue, and the endpoint that it goes to.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "notify/outbox.h"
#include "notify/renderer.h"
#include "notify/subscriber.h"

namespace madang::hub {

using Moment = std::chrono::nanoseconds;  // of base::Clock::monotonic()

/// What became of the last attempts at an endpoint: the circuit breaker. While `failures` is not 0 one letter at a time
/// tries whether it is back, not before `closed_until`.
struct EndpointState {
  std::uint32_t failures = 0;  // in a row
  Moment closed_until{0};
  std::size_t flying = 0;
  std::size_t allowed = 2;  // letters of one subscription at a time: doubled by success, so that who hangs holds few
};

/// A notification that is owed.
struct QueueEntry {
  enum class State : std::uint8_t { waiting, flying, settled };
  journal::Position position;
  base::Timestamp time;
  std::uint32_t bytes = 0;
  std::uint32_t attempts = 0;
  State state = State::waiting;
  std::uint64_t entity = 0;  // a hash of its id, where the event is at hand
  EventPtr event;            // null: it lies in the outbox only

  void set_event(EventPtr found);
};

struct Box {
  SubscriberPtr subscriber;  // null until the matcher says who it is
  BoxState state;
  Shape shape = 0;
  std::shared_ptr<EndpointState> endpoint;
  std::deque<QueueEntry> queue;                // in order of positions
  std::uint64_t bytes = 0;                     // of what is in it
  std::size_t flying = 0;                      // letters
  std::vector<std::uint64_t> entities_flying;  // that they are about
  Moment not_before{0};                        // throttling
  std::optional<Moment> due;                   // of the next notification at an interval
  bool surveying = false;                      // one is being made
  bool queued = false;                         // in the list of those that may send
  bool dirty = false;                          // its state is to be written
  bool paused = false;                         // its @context is on its way
  std::string trouble;                         // why the last attempt failed

  QueueEntry* find(journal::Position position);
  void take_off(QueueEntry& entry);
  /// Its letter has come to its end.
  void land(QueueEntry& entry, QueueEntry::State state);
};

}  // namespace madang::hub
