#include "broker.h"

#include <utility>

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "madang/net/egress.h"

namespace madang::net {

namespace {

constexpr int kKeepAlive = 30;     // seconds
constexpr int kSendMaximum = 100;  // QoS 1 and 2 at once; libmosquitto keeps the others in its queue

}  // namespace

Broker::Broker(const MqttOptions& options, const MqttAddress& address, MqttVersion version)
    : options_(options),
      address_(address),
      version_(version),
      connect_deadline_(Clock::now() + options.connect_timeout),
      used_(Clock::now()) {}

Broker::~Broker() {
  if (client_ && ready_) mosquitto_disconnect(client_.get());
}

// ---- connecting ----

void Broker::found(base::Result<Addresses> addresses) {
  if (over_) return;
  if (!addresses.ok()) return fail(addresses.error());
  addresses_ = std::move(*addresses);
  last_error_ = base::error(base::Code::io, "the host " + address_.host + " has no address");
  connect_next();
}

void Broker::connect_next() {
  while (next_address_ < addresses_.size()) {
    const std::string& address = addresses_[next_address_++];
    if (!options_.allow_private && !is_public_address(address)) {
      last_error_ = base::error(base::Code::forbidden, "the address of " + address_.host + " is not a public one");
      continue;
    }
    auto begun = connect_to(address);
    if (begun.ok()) return;
    last_error_ = std::move(begun).error();
  }
  fail(last_error_);
}

base::Status Broker::connect_to(const std::string& address) {
  broken_ = false;
  client_.reset(mosquitto_new(nullptr, true, this));
  if (!client_) return base::error(base::Code::unavailable, "no memory for a connection to an MQTT broker");
  mosquitto* const client = client_.get();
  MADANG_CHECK(prepare(client, address_, version_, tls_));
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, kSendMaximum);
  set_callbacks();
  const int result = mosquitto_connect_async(client, address.c_str(), address_.port, kKeepAlive);
  if (result == MOSQ_ERR_SUCCESS) return {};
  return base::error(base::Code::io, "cannot connect to the broker " + address_.host + ": " + mqtt_error(result));
}

void Broker::set_callbacks() {
  mosquitto* const client = client_.get();
  mosquitto_connect_v5_callback_set(client, [](mosquitto*, void* self, int code, int, const mosquitto_property*) {
    static_cast<Broker*>(self)->connected(code);
  });
  mosquitto_disconnect_v5_callback_set(client, [](mosquitto*, void* self, int code, const mosquitto_property*) {
    static_cast<Broker*>(self)->disconnected(mosquitto_reason_string(code));
  });
  mosquitto_publish_v5_callback_set(client, [](mosquitto*, void* self, int id, int reason, const mosquitto_property*) {
    static_cast<Broker*>(self)->settled(id, reason);
  });
}

void Broker::connected(int code) {
  if (code == 0) {
    ready_ = true;
    return;
  }
  broken_ = true;
  why_broken_ = version_ == MqttVersion::v5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code);
}

void Broker::disconnected(std::string why) {
  if (std::exchange(broken_, true)) return;
  why_broken_ = std::move(why);
}

// ---- messages ----

void Broker::publish(MqttMessage message, Published done, Clock::time_point deadline) {
  used_ = Clock::now();
  Letter letter{std::move(message), std::move(done), deadline};
  if (!ready_) {
    waiting_.push_back(std::move(letter));
  } else {
    send(std::move(letter));
  }
}

void Broker::send_waiting() {
  while (ready_ && !broken_ && !waiting_.empty()) {
    Letter next = std::move(waiting_.front());
    waiting_.pop_front();
    send(std::move(next));
  }
}

void Broker::send(Letter letter) {
  const MqttMessage& message = letter.message;
  mosquitto_property* properties = nullptr;
  if (version_ == MqttVersion::v5 && !message.content_type.empty()) {
    mosquitto_property_add_string(&properties, MQTT_PROP_CONTENT_TYPE, message.content_type.c_str());
  }
  int id = 0;
  publishing_ = true;
  const int result =
      mosquitto_publish_v5(client_.get(), &id, message.to.topic.c_str(), static_cast<int>(message.payload.size()),
                           message.payload.data(), message.qos, false, properties);
  publishing_ = false;
  mosquitto_property_free_all(&properties);
  if (result != MOSQ_ERR_SUCCESS && result != MOSQ_ERR_NO_CONN && result != MOSQ_ERR_CONN_LOST) {
    const bool ours = result == MOSQ_ERR_PAYLOAD_SIZE || result == MOSQ_ERR_OVERSIZE_PACKET ||
                      result == MOSQ_ERR_QOS_NOT_SUPPORTED || result == MOSQ_ERR_INVAL;
    if (!ours) check(result);
    return letter.done(base::error(base::Code::io, "cannot publish: " + mqtt_error(result)));
  }
  under_way_.emplace(id, std::move(letter));
  if (const auto early = settled_early_.extract(id)) settled(id, early.mapped());
  if (result != MOSQ_ERR_SUCCESS) check(result);
}

void Broker::settled(int id, int reason) {
  const auto node = under_way_.extract(id);
  if (!node) {
    if (publishing_) settled_early_.emplace(id, reason);
    return;
  }
  used_ = Clock::now();
  // MQTT 5.0, 2.4: from 0x80 on it failed. 0x10 (nobody has subscribed to the topic) is no fault of ours.
  if (reason < 0x80) return node.mapped().done({});
  node.mapped().done(
      base::error(base::Code::io, std::string("the broker did not accept it: ") + mosquitto_reason_string(reason)));
}

void Broker::fail(const base::Error& error) {
  over_ = true;
  ready_ = false;
  auto waiting = std::exchange(waiting_, {});
  auto under_way = std::exchange(under_way_, {});
  for (Letter& letter : waiting) letter.done(error);
  for (auto& [id, letter] : under_way) letter.done(error);
}

// ---- the socket ----

int Broker::socket() const {
  return client_ && !over_ ? mosquitto_socket(client_.get()) : -1;
}

bool Broker::wants_to_write() const {
  return client_ && mosquitto_want_write(client_.get());
}

/// What a call to libmosquitto said.
void Broker::check(int result) {
  if (result == MOSQ_ERR_SUCCESS || broken_) return;
  broken_ = true;
  why_broken_ = mqtt_error(result);
}

void Broker::on_events(bool readable, bool writable) {
  if (over_ || !client_) return;
  if (writable) check(mosquitto_loop_write(client_.get(), 1));
  if (readable && !broken_) check(mosquitto_loop_read(client_.get(), 1));
  tick(Clock::now());
  send_waiting();
}

void Broker::expire(std::map<int, Letter>& letters, Clock::time_point now) {
  for (auto letter = letters.begin(); letter != letters.end();) {
    if (letter->second.deadline > now) {
      ++letter;
      continue;
    }
    const Published done = std::move(letter->second.done);
    letter = letters.erase(letter);
    done(base::error(base::Code::timeout, "the broker did not confirm the message in time"));
  }
}

void Broker::tick(Clock::time_point now) {
  if (over_) return;
  if (client_ && !broken_) check(mosquitto_loop_misc(client_.get()));
  if (broken_) {
    const bool was_ready = std::exchange(ready_, false);
    last_error_ = base::error(base::Code::io, "the broker " + address_.host + ": " + why_broken_);
    // Another address may do better; a broker that answered has said what it has to say.
    return was_ready ? fail(last_error_) : connect_next();
  }
  if (!ready_ && now >= connect_deadline_) {
    return fail(base::error(base::Code::timeout, "no connection to the broker " + address_.host + " in time"));
  }
  expire(under_way_, now);
}

bool Broker::idle_for(std::chrono::milliseconds time, Clock::time_point now) const {
  return unsettled() == 0 && now - used_ >= time;
}

}  // namespace madang::net
