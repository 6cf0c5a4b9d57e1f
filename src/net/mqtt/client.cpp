#include "client.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <arpa/inet.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace madang::net {

namespace {

int name_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// libmosquitto is given the address that the policy allowed, not the name: the name that the broker is to be asked for
/// (SNI) is put in here.
void name_the_broker(const SSL* tls, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* const name = static_cast<const std::string*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), name_index()));
  if (name != nullptr) SSL_set_tlsext_host_name(const_cast<SSL*>(tls), name->c_str());
}

base::Status make_secure(mosquitto* client, const MqttAddress& address, MqttTls& tls) {
  tls.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = tls.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_verify_paths(context);
  X509_VERIFY_PARAM* const expected = SSL_CTX_get0_param(context);
  if (is_ip_address(address.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(expected, address.host.c_str());
  } else {
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, address.host.c_str(), address.host.size());
    SSL_CTX_set_ex_data(context, name_index(), const_cast<std::string*>(&address.host));
    SSL_CTX_set_info_callback(context, name_the_broker);
  }
  // The name is checked by OpenSSL above; libmosquitto would check it against the address.
  mosquitto_tls_insecure_set(client, true);
  mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
  const int result = mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, context);
  if (result == MOSQ_ERR_SUCCESS) return {};
  return base::error(base::Code::internal, "TLS cannot be had for MQTT: " + mqtt_error(result));
}

}  // namespace

void FreeMqtt::operator()(mosquitto* client) const {
  mosquitto_destroy(client);
}
void FreeMqtt::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

MqttLibrary::MqttLibrary() {
  mosquitto_lib_init();
}
MqttLibrary::~MqttLibrary() {
  mosquitto_lib_cleanup();
}

std::string mqtt_error(int result) {
  return result == MOSQ_ERR_ERRNO ? std::strerror(errno) : mosquitto_strerror(result);
}

bool is_ip_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

base::Status prepare(mosquitto* client, const MqttAddress& address, MqttVersion version, MqttTls& tls) {
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
                       version == MqttVersion::v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  if (!address.user.empty()) {
    mosquitto_username_pw_set(client, address.user.c_str(),
                              address.password.empty() ? nullptr : address.password.c_str());
  }
  return address.tls ? make_secure(client, address, tls) : base::Status();
}

void ignore_broken_pipes() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace madang::net
