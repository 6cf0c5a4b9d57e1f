#pragma once
// What both ends of MQTT share of libmosquitto.

#include <memory>
#include <string>

#include "madang/net/mqtt.h"

struct mosquitto;
struct ssl_ctx_st;

namespace madang::net {

struct FreeMqtt {
  void operator()(mosquitto* client) const;
  void operator()(ssl_ctx_st* context) const;
};
using MqttClient = std::unique_ptr<mosquitto, FreeMqtt>;
using MqttTls = std::unique_ptr<ssl_ctx_st, FreeMqtt>;

/// One for all users of the process: libmosquitto counts.
struct MqttLibrary {
  MqttLibrary();
  ~MqttLibrary();
  MqttLibrary(const MqttLibrary&) = delete;
  MqttLibrary& operator=(const MqttLibrary&) = delete;
};

/// What libmosquitto means by a result.
std::string mqtt_error(int result);
/// 192.0.2.1 or 2001:db8::1 rather than a name.
bool is_ip_address(const std::string& host);
/// Version, user, password and, where the address says so, TLS that verifies the broker by its name. The address and
/// `tls` outlive the client.
base::Status prepare(mosquitto* client, const MqttAddress& address, MqttVersion version, MqttTls& tls);
/// libmosquitto writes with write(): a broker that went away would end the process. Of each thread that calls it.
void ignore_broken_pipes();

}  // namespace madang::net
