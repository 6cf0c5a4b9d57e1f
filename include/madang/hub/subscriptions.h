#pragma once
// Subscriptions as the surfaces see them: kept, changed and asked for, with what is known of their deliveries.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/governance/principal.h"
#include "madang/ngsi/subscription.h"

namespace madang::hub {

using governance::Principal;

struct DeliveryOptions {
  std::uint64_t outbox_bytes = 64ull << 20;       // what one subscription may be owed; beyond: a gap
  std::uint64_t outbox_total_bytes = 4ull << 30;  // all together: the fullest one gives way
  std::chrono::seconds outbox_age{24 * 3600};     // older ones: a gap
  std::uint64_t hot_bytes = 64ull << 20;          // events kept in memory for delivery; others are read from the outbox
  std::size_t in_flight = 1'024;                  // letters under way, all together
  std::size_t window = 16;                        // of one subscription, each about another entity
  std::chrono::milliseconds timeout{5'000};       // where the subscription says none
  std::chrono::milliseconds first_retry{1'000};   // doubled each time, with jitter
  std::chrono::milliseconds longest_retry{300'000};
  std::uint32_t refusals = 3;             // answers of 4xx to one notification before it is a dead letter
  std::size_t dead_letters = 1'000;       // kept of one subscription; beyond, the oldest go
  std::size_t entities_together = 1'000;  // in one notification
  std::size_t body_bytes = 8u << 20;      // of one notification
  std::size_t subscriptions = 20'000;     // a tenant
};

/// What is known of one subscription's deliveries.
struct DeliveryReport {
  std::string id;
  ngsi::NotificationStatus status;
  std::uint64_t waiting = 0, waiting_bytes = 0;
  std::optional<base::Timestamp> oldest;  // of what waits
  std::uint32_t failures = 0;             // of its endpoint, in a row
  std::string trouble;                    // why the last attempt failed; empty: it did not
  std::optional<std::chrono::milliseconds> next_attempt_in;
  /// Stretches of the journal whose notifications were given up: never silently.
  struct GivenUp {
    std::uint64_t from = 0, to = 0, notifications = 0;
    base::Timestamp time;
    std::string reason;
  };
  std::vector<GivenUp> gaps;
};

struct DeadLetterInfo {
  std::uint64_t position = 0;
  base::Timestamp time;
  std::uint32_t attempts = 0;
  int status = 0;
  std::string reason;
};

struct DeliveryTotals {
  std::uint64_t subscriptions = 0, waiting = 0, waiting_bytes = 0, in_flight = 0;
  std::uint64_t delivered = 0, failed = 0, refused = 0, given_up = 0;  // since the start
  std::uint64_t position = 0;                                          // of the matcher
};

class Subscriptions {
 public:
  virtual ~Subscriptions() = default;
  using Kept = std::function<void(base::Status)>;

  /// Keeps a new one; `done` on `home` once it is durable and every later change is matched against it. already_exists;
  /// insufficient_storage at the limit.
  virtual void create(const Principal& who, std::string_view tenant, ngsi::SubscriptionRecord record,
                      base::Executor& home, Kept done) = 0;
  /// Puts `after` in the place of `before`; conflict where it is no longer that.
  virtual void replace(const Principal& who, std::string_view tenant, const ngsi::SubscriptionRecord& before,
                       ngsi::SubscriptionRecord after, base::Executor& home, Kept done) = 0;
  virtual void remove(const Principal& who, std::string_view tenant, std::string_view id, base::Executor& home,
                      Kept done) = 0;
  virtual base::Result<ngsi::SubscriptionRecord> find(const Principal& who, std::string_view tenant,
                                                      std::string_view id) = 0;
  struct Page {
    std::vector<ngsi::SubscriptionRecord> records;  // in the order of their ids
    std::uint64_t count = 0;                        // of all
  };
  virtual base::Result<Page> list(const Principal& who, std::string_view tenant, std::uint64_t offset,
                                  std::uint64_t limit) = 0;
  virtual ngsi::NotificationStatus status(std::string_view tenant, std::string_view id) const = 0;
  /// Could notifications go there? See Courier::check.
  virtual base::Status check_endpoint(std::string_view uri) const = 0;

  // ---- administration ----

  virtual base::Result<DeliveryReport> report(const Principal& who, std::string_view tenant, std::string_view id) = 0;
  virtual base::Result<std::vector<DeliveryReport>> reports(const Principal& who, std::string_view tenant) = 0;
  virtual base::Result<std::vector<DeadLetterInfo>> dead_letters(const Principal& who, std::string_view tenant,
                                                                 std::string_view id, std::size_t most) = 0;
  /// Sends dead letters again, or drops them: all of a subscription where no position is given. How many it were.
  virtual base::Result<std::size_t> replay(const Principal& who, std::string_view tenant, std::string_view id,
                                           std::optional<std::uint64_t> position) = 0;
  virtual base::Result<std::size_t> drop(const Principal& who, std::string_view tenant, std::string_view id,
                                         std::optional<std::uint64_t> position) = 0;
  virtual DeliveryTotals totals() const = 0;
};

}  // namespace madang::hub
