#pragma once
// Subscriptions (clauses 5.2.12 to 5.2.15): from JSON to what a matcher and a sender need, and back.
//
// What is kept of one is its members as the subscriber wrote them, beside what each name in them meant at that time. So
// it can be read again at any time, whether or not the @context can still be had, and means what it meant.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/represent.h"

namespace madang::ngsi {

struct SubscriptionLimits {
  std::size_t bytes = 64 << 10;  // of its JSON
  std::size_t selectors = 256;
  std::size_t names = 1'000;  // watched attributes, and attributes shown
  std::size_t text_bytes = 4'096;
  std::size_t info_pairs = 64;
  std::chrono::seconds shortest_interval{1};
  QueryLimits query;
};

/// Table 5.2.12-1: what kind of change counts. entityUpdated is the three of attributes together.
enum Trigger : std::uint8_t {
  kEntityCreated = 1,
  kEntityDeleted = 2,
  kAttributeCreated = 4,
  kAttributeUpdated = 8,
  kAttributeDeleted = 16,
};
inline constexpr std::uint8_t kDefaultTriggers = kAttributeCreated | kAttributeUpdated;

enum class Linking : std::uint8_t { none, within, flat };  // `join`

/// Clause 5.2.15.
struct Endpoint {
  std::string uri;
  std::string accept = "application/json";
  std::optional<std::chrono::milliseconds> timeout, cooldown;
  std::vector<std::pair<std::string, std::string>> receiver_info, notifier_info;
  /// Clause 6.3.8: with GeoJSON, the @context goes into a Link header instead.
  bool prefers_plain_json() const;
};

/// Clause 5.2.14.
struct NotificationParams {
  Endpoint endpoint;
  Representation how;  // format, members, instances, languages, times; `whole` is of linked entities
  Linking linking = Linking::none;
  std::size_t levels = 0;
  Representation whole;
  bool show_changes = false;
};

/// A subscription that was read. Symbols are of one tenant.
struct Subscription {
  std::string id;
  Query query;                  // selectors, q, scope, geo
  bool every_entity = false;    // a selector of type "*" alone, or none with watched attributes
  std::vector<Symbol> watched;  // empty: every attribute
  std::uint8_t triggers = kDefaultTriggers;
  NotificationParams notification;
  std::optional<std::chrono::nanoseconds> interval, throttling;
  std::optional<base::Timestamp> expires_at;
  bool active = true;
  std::optional<unsigned> conformance;  // 1.x
  std::string context_url;              // jsonldContext
};

/// What is kept of one, and how it is written down.
struct SubscriptionRecord {
  std::string id;
  std::string members;  // a JSON object, compact: all but id, type, @context and what only the server says
  std::string context;  // of the request that it came with, as JSON
  std::map<std::string, std::string> names, keys;  // what they meant: to IRIs; keys: see Context::expand_key
  base::Timestamp created_at, modified_at;
  std::string owner;  // the principal's name
};
std::string write_record(const SubscriptionRecord& record);
/// corrupt where it is none.
base::Result<SubscriptionRecord> read_record(std::string_view id, std::string_view text);

/// Reads what was kept, with names interned in `symbols`. Errors as of parse_subscription().
base::Result<Subscription> compile(const SubscriptionRecord& record, SymbolTable& symbols,
                                   const SubscriptionLimits& limits = {});

/// A request to create one: checks it whole and gives what is to be kept; `id` is empty where it brings none.
/// bad_request_data with a JSON pointer as `where`.
base::Result<SubscriptionRecord> new_subscription(std::string_view json, const ContextPtr& context, base::Timestamp now,
                                                  const SubscriptionLimits& limits = {});
/// A request to change one (clauses 5.8.2.4 and 5.5.8): what is to be kept afterwards.
base::Result<SubscriptionRecord> patched(const SubscriptionRecord& before, std::string_view json,
                                         const ContextPtr& context, base::Timestamp now,
                                         const SubscriptionLimits& limits = {});

/// The address of the @context that notifications use where the subscriber said none (5.8.1.4).
void set_context_url(SubscriptionRecord& record, std::string_view url);

/// What is known of its notifications (table 5.2.14.2-1).
struct NotificationStatus {
  std::uint64_t times_sent = 0, times_failed = 0;
  std::optional<base::Timestamp> last_notification, last_success, last_failure;
  bool failed = false;  // the last attempt
};

/// The subscription as JSON, in the words of `context`.
std::string show(const SubscriptionRecord& record, const NotificationStatus& status, const Context& context,
                 base::Timestamp now, bool system_attributes, bool with_context);

/// Equal for subscriptions that want the same of an entity: all that shapes `data` of a notification but the tenant,
/// the owner and the @context.
std::string shape_text(const SubscriptionRecord& record);

/// A member of a record that is text; nothing where there is none.
std::optional<std::string> text_member(const SubscriptionRecord& record, std::string_view name);

}  // namespace madang::ngsi
