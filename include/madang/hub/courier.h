#pragma once
// How a notification leaves the house. The hub says what goes where and is told what came of it; `app` hands in one
// that speaks HTTP and MQTT and obeys the egress policy.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"

namespace madang::hub {

/// Clause 5.2.22: a name and a value, as the subscriber gave them.
struct KeyValue {
  std::string key, value;
  bool operator==(const KeyValue&) const = default;
};

/// One notification, ready to go.
struct Letter {
  std::string uri;  // http, https, mqtt or mqtts (clauses 6.3.8 and 7.2), as in the subscription's endpoint
  /// Goes with the body, in this order: headers of a POST, or members of an MQTT message's `metadata`. Content-Type,
  /// Link and NGSILD-Tenant are not among them. Names and values were checked to be such as RFC 9110 allows.
  std::vector<KeyValue> receiver_info;
  std::vector<KeyValue> notifier_info;  // how to reach the endpoint: MQTT-Version, MQTT-QoS (table 7.2-1)
  std::string tenant;                   // of the subscription, for NGSILD-Tenant (6.3.14); "": none is said
  std::string content_type;
  std::string link;                          // the value of a Link header that names the @context; empty: none
  std::string body;                          // a Notification (clause 5.3.1), JSON
  std::chrono::milliseconds timeout{5'000};  // for all of it, from the connection to the end of the answer
};

/// What came of one.
struct Receipt {
  int status = 0;                    // of the HTTP answer; 0: there was none, or it went by MQTT
  std::optional<base::Error> error;  // not delivered: refused by policy, unreachable, timeout, broken answer
  std::optional<std::chrono::seconds> retry_after;  // the endpoint asked for it
  std::chrono::nanoseconds took{0};
  /// By HTTP any status of success; by MQTT what the quality of service promises.
  bool delivered() const { return !error && (status == 0 || (status >= 200 && status < 300)); }
};

class Courier {
 public:
  virtual ~Courier() = default;
  using Sent = std::function<void(Receipt)>;
  /// Sends it; never waits. `sent` is called exactly once, on `home` (from any thread where the courier has no other
  /// way to end it). Letters to one endpoint may overtake one another: the hub sends the next one about an entity
  /// only when the last one has come to its end.
  virtual void send(Letter&& letter, base::Executor& home, Sent sent) = 0;
  /// Could a letter go there at all? bad_request_data: no such scheme, or no place a letter could go to; forbidden: the
  /// egress policy knows already that it does not allow it. Looks up no names.
  virtual base::Status check(std::string_view uri) const = 0;
};

}  // namespace madang::hub
