#pragma once
// The matcher: one thread that sees every change in the order of the journal, on the entity as of that record, finds
// the subscriptions it matters to and writes what is owed into the outbox together with how far it has come. It never
// waits for an endpoint.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "madang/base/metrics.h"
#include "madang/base/time.h"
#include "madang/state/store.h"

#include "notify/match_index.h"
#include "notify/outbox.h"
#include "notify/subscriber.h"
#include "tap.h"

namespace madang::hub {

/// What the matcher tells those who deliver, in order: a match, or a subscription that came, changed or went.
struct News {
  EventPtr event;  // a match, for these:
  std::vector<BoxNumber> boxes;
  std::uint32_t bytes = 0;

  SubscriberPtr come;       // or this one is there, new or changed
  BoxNumber gone = 0;       // or this one is no longer there
  journal::Position since;  // of `come`: nothing at or below is owed
};

class Matcher final : public Listener {
 public:
  using FindOwner = std::function<governance::PrincipalPtr(std::string_view name)>;
  using Tell = std::function<void(std::vector<News>&&)>;
  Matcher(state::Store& store, Outbox& outbox, ngsi::SubscriptionLimits limits, FindOwner find_owner, Tell tell);
  ~Matcher() override;

  // ---- before start(), on the caller's thread ----

  /// The subscriptions as of the matcher's position, with the numbers they have had.
  base::Status load(const std::vector<BoxState>& boxes);
  /// A record that was shown before and perhaps not matched.
  base::Status replay(EventPtr event);
  /// Everything replayed is in the outbox, and the matcher is at `position`.
  base::Status finish_replay(journal::Position position);
  void start();
  void stop();

  void take(std::span<const EventPtr> events, journal::Position shown) override;
  std::uint64_t waiting() const override { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t waiting_bytes() const override { return waiting_bytes_.load(std::memory_order_relaxed); }

  /// Waits until everything up to `position` is matched, and what came of it on disk. unavailable where that does not
  /// come about.
  base::Status reach(journal::Position position);
  /// Everything up to here is dealt with: as it is written down, or further where nothing waits.
  journal::Position position();
  std::size_t subscriptions() const { return subscriptions_.load(std::memory_order_relaxed); }

  /// The subscriptions that an event matches, appended to `out`. For the thread that matches, and for benches.
  void match(const Event& event, std::vector<BoxNumber>& out, bool& with_before);

 private:
  struct Batch {
    std::vector<Owed> owed;
    std::vector<BoxState> come;
    std::vector<BoxNumber> gone;
    std::vector<News> news;
    void clear() { owed.clear(), come.clear(), gone.clear(), news.clear(); }
  };
  void run();
  void work(const EventPtr& event);
  void change_subscription(const Event& event);
  void put(state::Tenant& tenant, std::string_view id, std::string_view text, journal::Position since);
  void remove(state::Tenant& tenant, std::string_view id);
  bool is_wanted(const Subscriber& subscriber, const Event& event) const;
  base::Status write(journal::Position position);

  struct OfTenant {
    MatchIndex index;
    std::map<std::string, SubscriberPtr, std::less<>> by_id;
  };

  state::Store& store_;
  Outbox& outbox_;
  const ngsi::SubscriptionLimits limits_;
  const FindOwner find_owner_;
  const Tell tell_;

  // The matching thread's own.
  std::map<const state::Tenant*, OfTenant> tenants_;
  BoxNumber next_ = 1;
  Batch batch_;
  ChangeOf change_;

  std::mutex mutex_;
  std::condition_variable wakeup_, arrived_;
  std::deque<EventPtr> queue_;
  journal::Position shown_;
  std::uint64_t wanted_ = 0;  // a position that somebody waits for
  bool stop_ = false;
  std::string trouble_;
  std::atomic<std::uint64_t> waiting_{0}, waiting_bytes_{0}, done_{0};
  std::atomic<std::size_t> subscriptions_{0};
  std::thread thread_;
};

}  // namespace madang::hub
