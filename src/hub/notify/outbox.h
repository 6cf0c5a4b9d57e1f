#pragma once
// What was matched and is not delivered yet, on disk (docs/formats/outbox.md): written with the matcher's position in
// one step, so that after a crash matching goes on exactly where it was.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/journal/journal.h"
#include "madang/ngsi/subscription.h"

#include "tap.h"

namespace madang::hub {

/// A subscription's number in the outbox: never given twice.
using BoxNumber = std::uint32_t;

/// A stretch of the journal whose matches were given up: the outbox was full, or they were too old.
struct Gap {
  journal::Position from, to;  // both inclusive
  base::Timestamp time;        // when it was given up
  std::uint64_t matches = 0;
  std::string reason;
};

/// What is known of a subscription's deliveries.
struct BoxState {
  BoxNumber number = 0;
  std::string tenant, id;
  journal::Position delivered;  // nothing at or below it is owed
  ngsi::NotificationStatus status;
  std::vector<Gap> gaps;  // the newest few
};

/// A notification that the endpoint refused for good. It holds its event, so that it can be sent again.
struct DeadLetter {
  BoxNumber number = 0;
  journal::Position position;
  base::Timestamp time;  // of the refusal
  std::uint32_t attempts = 0;
  int status = 0;
  std::string reason;
};

/// An event with the subscriptions that are owed a notification of it.
struct Owed {
  EventPtr event;
  bool with_before = false;  // somebody needs to know what was before
  std::vector<BoxNumber> boxes;
};

/// One writer at a time for each of the two halves (matcher, delivery), which may be two threads.
class Outbox {
 public:
  struct Found {
    bool fresh = false;  // it was made now
    std::vector<BoxState> boxes;
    /// What is owed, in order; without the event itself, which event() reads.
    struct Entry {
      journal::Position position;
      std::uint32_t bytes = 0;
      base::Timestamp time;
      std::vector<BoxNumber> boxes;
    };
    std::vector<Entry> owed;
  };
  /// Opens or makes it. newer_format; corrupt where it cannot be read: then removing the folder gives up what is in it.
  static base::Result<std::unique_ptr<Outbox>> open(base::FileSystem& files, const std::string& folder, Found& found);
  virtual ~Outbox() = default;

  // ---- the matcher ----

  virtual journal::Position position() const = 0;  // of the matcher
  /// One step: what is owed, boxes that came and went, and the position.
  virtual base::Status write(const std::vector<Owed>& owed, const std::vector<BoxState>& come,
                             const std::vector<BoxNumber>& gone, journal::Position position) = 0;
  /// On disk from here on, whatever happens.
  virtual base::Status sync() = 0;

  // ---- delivery ----

  /// The event at a position with its entities in the words of `tenant`; not_found where it is gone.
  virtual base::Result<EventPtr> event(state::Tenant& tenant, journal::Position position) = 0;
  /// One step: how far deliveries have come, and events that nobody is owed any more.
  virtual base::Status settle(const std::vector<BoxState>& boxes, const std::vector<journal::Position>& done) = 0;
  virtual base::Status bury(const DeadLetter& letter, const Event& event) = 0;
  virtual base::Result<std::vector<DeadLetter>> dead_letters(BoxNumber box, std::size_t most) = 0;
  virtual base::Result<EventPtr> dead_event(state::Tenant& tenant, BoxNumber box, journal::Position position) = 0;
  virtual base::Status forget_dead(BoxNumber box, journal::Position position) = 0;

  // ---- erasing ----

  /// Takes the events and dead letters out that `which` says, of a tenant about an entity as of a position, and from
  /// the files, too. Any thread.
  using Which = std::function<bool(std::string_view tenant, std::string_view id, journal::Position position)>;
  virtual base::Status erase(const Which& which) = 0;
};

}  // namespace madang::hub
