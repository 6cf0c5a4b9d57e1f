#include "courier.h"

#include <charconv>
#include <utility>

#include <arpa/inet.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/net/egress.h"

namespace madang::app {

namespace {

using Steady = std::chrono::steady_clock;

bool is_mqtt(std::string_view uri) {
  return uri.starts_with("mqtt://") || uri.starts_with("mqtts://");
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

/// RFC 9110, 10.2.3, where it is a number of seconds. A date would need the endpoint's clock to be right.
std::optional<std::chrono::seconds> retry_after(const net::ClientResponse& response) {
  const std::string_view text = response.header("Retry-After");
  std::uint32_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return {};
  return std::chrono::seconds(seconds);
}

std::string_view info(const hub::Letter& letter, std::string_view key) {
  for (const auto& [name, value] : letter.notifier_info) {
    if (name == key) return value;
  }
  return {};
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out.push_back(',');
  base::json::append_string(out, name);
  out.push_back(':');
  base::json::append_string(out, value);
}

}  // namespace

CourierOptions::CourierOptions() {
  http.redirects = 0;              // a subscriber says where it is; a POST that wanders may end anywhere
  http.response_bytes = 64 << 10;  // nobody reads the answer's body
  http.concurrent = 512;
  http.concurrent_per_host = 32;
  http.waiting = 20'000;
  http.idle = 512;
}

base::Result<std::unique_ptr<NetworkCourier>> NetworkCourier::make(const CourierOptions& options,
                                                                   const base::Clock& clock) {
  MADANG_TRY(auto signer, net::Signer::make(options.signing));
  return std::unique_ptr<NetworkCourier>(new NetworkCourier(options, std::move(signer), clock));
}

NetworkCourier::NetworkCourier(const CourierOptions& options, std::shared_ptr<const net::Signer> signer,
                               const base::Clock& clock)
    : allow_private_(options.http.allow_private),
      signer_(std::move(signer)),
      clock_(clock),
      http_(options.http),
      mqtt_(options.mqtt) {}

base::Status NetworkCourier::check(std::string_view uri) const {
  std::string host;
  if (is_mqtt(uri)) {
    MADANG_TRY(auto address, net::parse_mqtt_url(uri));
    host = std::move(address.host);
  } else {
    MADANG_TRY(auto url, base::parse_url(uri));
    host = std::move(url.host);
  }
  if (!allow_private_ && is_address(host) && !net::is_public_address(host)) {
    return base::error(base::Code::forbidden, "the address " + host + " is not a public one (egress.allow_private)");
  }
  return {};
}

void NetworkCourier::send(hub::Letter&& letter, base::Executor& home, Sent sent) {
  auto deliver = [&home, sent = std::move(sent), begun = Steady::now()](hub::Receipt receipt) {
    receipt.took = Steady::now() - begun;
    home.post([sent, receipt = std::move(receipt)]() mutable { sent(std::move(receipt)); });
  };
  is_mqtt(letter.uri) ? send_mqtt(std::move(letter), std::move(deliver))
                      : send_http(std::move(letter), std::move(deliver));
}

void NetworkCourier::send_http(hub::Letter&& letter, std::function<void(hub::Receipt)> sent) {
  net::ClientRequest request;
  request.method = net::Method::post;
  request.url = std::move(letter.uri);
  request.timeout = letter.timeout;
  request.repeatable = true;
  request.headers.reserve(letter.receiver_info.size() + 6);
  request.headers.emplace_back("Content-Type", std::move(letter.content_type));
  if (!letter.link.empty()) request.headers.emplace_back("Link", std::move(letter.link));
  if (!letter.tenant.empty()) request.headers.emplace_back("NGSILD-Tenant", std::move(letter.tenant));
  for (auto& [key, value] : letter.receiver_info) request.headers.emplace_back(std::move(key), std::move(value));
  request.body = std::move(letter.body);
  if (signer_) signer_->sign(request, clock_.now());
  http_.send(std::move(request), [sent = std::move(sent)](base::Result<net::ClientResponse> answer) {
    hub::Receipt receipt;
    if (answer.ok()) {
      receipt.status = answer->status;
      receipt.retry_after = retry_after(*answer);
    } else {
      receipt.error = std::move(answer).error();
    }
    sent(std::move(receipt));
  });
}

void NetworkCourier::send_mqtt(hub::Letter&& letter, std::function<void(hub::Receipt)> sent) {
  const auto refuse = [&](base::Error error) {
    hub::Receipt receipt;
    receipt.error = std::move(error);
    sent(std::move(receipt));
  };
  auto address = net::parse_mqtt_url(letter.uri);
  if (!address.ok()) return refuse(std::move(address).error());
  net::MqttMessage message;
  message.to = std::move(*address);
  const std::string_view qos = info(letter, "MQTT-QoS"), version = info(letter, "MQTT-Version");
  if (!qos.empty() && qos != "0" && qos != "1" && qos != "2") {
    return refuse(base::error(base::Code::bad_request_data, "MQTT-QoS is 0, 1 or 2"));
  }
  if (!version.empty() && version != "mqtt3.1.1" && version != "mqtt5.0") {
    return refuse(base::error(base::Code::bad_request_data, "MQTT-Version is mqtt3.1.1 or mqtt5.0"));
  }
  message.qos = qos.empty() ? 0 : qos[0] - '0';
  message.version = version == "mqtt3.1.1" ? net::MqttVersion::v3_1_1 : net::MqttVersion::v5;
  message.payload = mqtt_payload(letter);
  message.content_type = "application/json";
  message.timeout = letter.timeout;
  mqtt_.publish(std::move(message), [sent = std::move(sent)](base::Status status) {
    hub::Receipt receipt;
    if (!status.ok()) receipt.error = std::move(status).error();
    sent(std::move(receipt));
  });
}

std::string mqtt_payload(const hub::Letter& letter) {
  std::string out;
  out.reserve(letter.body.size() + 256);
  out += "{\"metadata\":{";
  append_member(out, "Content-Type", letter.content_type);
  if (!letter.link.empty()) append_member(out, "Link", letter.link);
  if (!letter.tenant.empty()) append_member(out, "NGSILD-Tenant", letter.tenant);
  for (const auto& [key, value] : letter.receiver_info) append_member(out, key, value);
  out.append("},\"body\":").append(letter.body).append("}");
  return out;
}

}  // namespace madang::app
