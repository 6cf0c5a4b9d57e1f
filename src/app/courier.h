#pragma once
// Carries notifications to their endpoints: HTTP and HTTPS (clause 6.3.8), MQTT and MQTTS (clause 7.2), under the
// egress policy, signed where the operator wants that.

#include <memory>

#include "madang/base/time.h"
#include "madang/hub/courier.h"
#include "madang/net/http.h"
#include "madang/net/mqtt.h"
#include "madang/net/signature.h"

namespace madang::app {

struct CourierOptions {
  net::ClientOptions http;
  net::MqttOptions mqtt;
  net::SigningOptions signing;

  CourierOptions();
};

class NetworkCourier final : public hub::Courier {
 public:
  /// bad_request_data where the signing key is none.
  static base::Result<std::unique_ptr<NetworkCourier>> make(const CourierOptions& options, const base::Clock& clock);

  void send(hub::Letter&& letter, base::Executor& home, Sent sent) override;
  base::Status check(std::string_view uri) const override;

 private:
  NetworkCourier(const CourierOptions& options, std::shared_ptr<const net::Signer> signer, const base::Clock& clock);
  void send_http(hub::Letter&& letter, std::function<void(hub::Receipt)> sent);
  void send_mqtt(hub::Letter&& letter, std::function<void(hub::Receipt)> sent);

  const bool allow_private_;
  const std::shared_ptr<const net::Signer> signer_;
  const base::Clock& clock_;
  net::Client http_;
  net::MqttPublisher mqtt_;
};

/// {"metadata": {...}, "body": ...} of clause 7.2.
std::string mqtt_payload(const hub::Letter& letter);

}  // namespace madang::app
