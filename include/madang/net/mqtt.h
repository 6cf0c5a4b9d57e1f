#pragma once
// Publishing and subscribing over MQTT 3.1.1 and 5.0 (OASIS), with Debian's libmosquitto underneath.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::net {

/// A broker and what to publish or subscribe to.
struct MqttAddress {
  bool tls = false;  // mqtts
  std::string host;  // without brackets for IPv6
  std::uint16_t port = 1883;
  std::string user, password;  // empty user: none
  std::string topic;           // never empty; a filter may have wildcards
};
/// mqtt[s]://[user][:password]@host[:port]/topic[/subtopic]* (ETSI GS CIM 009, clause 7.2), percent-decoded.
/// bad_request_data says what is wrong. A filter may have + and # as they are.
enum class MqttTopic : std::uint8_t { name, filter };
base::Result<MqttAddress> parse_mqtt_url(std::string_view url, MqttTopic kind = MqttTopic::name);

enum class MqttVersion : std::uint8_t { v3_1_1, v5 };

struct MqttMessage {
  MqttAddress to;
  MqttVersion version = MqttVersion::v5;
  int qos = 0;  // 0: at most once, 1: at least once, 2: exactly once
  std::string payload;
  std::string content_type;              // a property of MQTT 5; 3.1.1 has no place for it
  std::chrono::milliseconds timeout{0};  // 0: as the options say
};

struct MqttOptions {
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{10'000};       // from the call to the broker's last word on the message
  std::chrono::milliseconds idle_timeout{60'000};  // a connection that nobody used for so long is closed
  bool allow_private = false;                      // as for net::Client: by the address that is connected to
  std::size_t connections = 64;                    // brokers (with their users) at once; beyond: too_many_requests
  std::size_t waiting = 1'000;                     // messages of one broker that are not settled; beyond as well
};

/// Publishes, on a thread of its own, over one kept connection for each broker and user. TLS is verified.
class MqttPublisher {
 public:
  explicit MqttPublisher(MqttOptions options = {});
  ~MqttPublisher();
  /// `done` is called once, on that thread: fine where the message has left (QoS 0), the broker has it (1), or has it
  /// exactly once (2). Where a connection breaks, what is not settled fails: whether it arrived is then unknown.
  void publish(MqttMessage message, std::function<void(base::Status)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A message that came.
struct MqttReceived {
  std::string topic, payload;
  std::string content_type;  // of MQTT 5; empty: not said
};

struct MqttSubscription {
  MqttAddress from;  // its topic is a filter
  MqttVersion version = MqttVersion::v5;
  int qos = 1;
  std::string client_id;                 // under this name the broker keeps what comes while nobody is connected
  std::chrono::seconds kept{24 * 3600};  // how long it is to (MQTT 5; before, as the broker likes)
  std::size_t message_bytes = 16 << 20;  // larger messages are left out, and logged
};

/// Keeps a subscription, on a thread of its own: connects, again and again where it must (later each time, a minute at
/// most), and hands over what comes, in order. TLS is verified.
class MqttSubscriber {
 public:
  /// On that thread. False: not now. The message is kept, and nothing more is read from the broker until resume(): what
  /// comes meanwhile waits there.
  using Take = std::function<bool(MqttReceived& message)>;
  MqttSubscriber(MqttSubscription subscription, MqttOptions options, Take take);
  ~MqttSubscriber();
  void resume();
  /// Fine where it is subscribed; else why not.
  base::Status state() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::net
