#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "madang/base/log.h"
#include "madang/net/egress.h"

#include "../inbox.h"
#include "../resolver.h"
#include "client.h"

namespace madang::net {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kKeepAlive = 60;  // seconds
constexpr milliseconds kFirstWait{500}, kLongestWait{60'000};
constexpr int kTick = 500;  // milliseconds

/// Somebody listens there: libmosquitto would wait for an address that does not answer as long as the system likes.
base::Status knock(const std::string& address, std::uint16_t port, int event, milliseconds limit) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return base::error(base::Code::io, address + " is no address");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return base::error(base::Code::io, std::strerror(errno));
  int fault = ::connect(socket, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  if (fault == EINPROGRESS) {
    pollfd waiting[2] = {{socket, POLLOUT, 0}, {event, POLLIN, 0}};
    ::poll(waiting, 2, static_cast<int>(limit.count()));
    fault = ETIMEDOUT;
    socklen_t size = sizeof fault;
    if (waiting[0].revents != 0) ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &fault, &size);
  }
  ::close(socket);
  return fault == 0 ? base::Status() : base::error(base::Code::io, std::strerror(fault));
}

}  // namespace

struct MqttSubscriber::Impl {
  Impl(MqttSubscription subscription, MqttOptions options, Take take)
      : subscription_(std::move(subscription)),
        options_(options),
        take_(std::move(take)),
        version_(subscription_.version),
        resolver_(1, [this](std::function<void()> work) { inbox_.post(std::move(work)); }),
        thread_([this] { run(); }) {}
  ~Impl() {
    stopping_ = true;
    inbox_.post([] {});
    thread_.join();
    inbox_.close();
  }

  void resume() {
    inbox_.post([this] { hand_over(); });
  }
  base::Status state() const {
    const std::scoped_lock guard(mutex_);
    return state_;
  }

 private:
  // ---- all on the one thread ----

  void run() {
    ignore_broken_pipes();
    inbox_.adopt_thread();
    look_up();
    while (!stopping_) turn();
    if (client_ && !broken_) mosquitto_disconnect(client_.get());
  }

  void turn() {
    const auto now = Clock::now();
    if (!client_ && !looking_up_ && now >= retry_at_) look_up();
    const bool reads = held_.empty();
    const int socket = client_ && reads ? mosquitto_socket(client_.get()) : -1;
    pollfd polled[2] = {{inbox_.event(), POLLIN, 0}, {socket, POLLIN, 0}};
    if (socket >= 0 && mosquitto_want_write(client_.get())) polled[1].events |= POLLOUT;
    ::poll(polled, socket >= 0 ? 2 : 1, client_ && !reads ? -1 : kTick);
    if (polled[0].revents != 0) do_posted();
    if (socket < 0 || !client_) return;
    if ((polled[1].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) check(mosquitto_loop_write(client_.get(), 1));
    if ((polled[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0 && !broken_)
      check(mosquitto_loop_read(client_.get(), 1));
    if (!broken_) check(mosquitto_loop_misc(client_.get()));
    if (!ready_ && !broken_ && Clock::now() >= connect_deadline_) broken_ = true, why_broken_ = "it does not answer";
    if (broken_) lose(why_broken_);
  }

  void do_posted() {
    inbox_.acknowledge();
    inbox_.take(work_);
    for (auto& piece : work_) piece();
    work_.clear();
  }

  void look_up() {
    looking_up_ = true;
    const std::string& host = subscription_.from.host;
    if (is_ip_address(host)) return connect_to(Addresses(1, host));
    resolver_.resolve(host, [this](base::Result<Addresses> found) {
      if (!found.ok()) return lose(found.error().message);
      connect_to(*found);
    });
  }

  void connect_to(const Addresses& addresses) {
    looking_up_ = false;
    base::Error last = base::error(base::Code::io, "the host has no address");
    for (const std::string& address : addresses) {
      if (stopping_) return;
      if (!options_.allow_private && !is_public_address(address)) {
        last = base::error(base::Code::forbidden, "its address is not a public one");
        continue;
      }
      auto status = begin(address);
      if (status.ok()) return;
      last = std::move(status).error();
    }
    lose(last.message, last.code);
  }

  base::Status begin(const std::string& address) {
    MADANG_CHECK(knock(address, subscription_.from.port, inbox_.event(), options_.connect_timeout));
    broken_ = ready_ = false;
    const std::string& id = subscription_.client_id;
    client_.reset(mosquitto_new(id.empty() ? nullptr : id.c_str(), id.empty(), this));
    if (!client_) return base::error(base::Code::unavailable, "no memory for a connection");
    MADANG_CHECK(prepare(client_.get(), subscription_.from, version_, tls_));
    set_callbacks();
    mosquitto_property* properties = nullptr;
    if (version_ == MqttVersion::v5) {
      mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                   static_cast<std::uint32_t>(subscription_.message_bytes + 70'000));
      if (!id.empty())
        mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                     static_cast<std::uint32_t>(subscription_.kept.count()));
    }
    const int result = mosquitto_connect_bind_v5(client_.get(), address.c_str(), subscription_.from.port, kKeepAlive,
                                                 nullptr, properties);
    mosquitto_property_free_all(&properties);
    if (result != MOSQ_ERR_SUCCESS) {
      client_.reset();
      return base::error(base::Code::io, mqtt_error(result));
    }
    connect_deadline_ = Clock::now() + options_.connect_timeout;
    return {};
  }

  void set_callbacks() {
    mosquitto* const client = client_.get();
    mosquitto_connect_v5_callback_set(client, [](mosquitto*, void* self, int code, int, const mosquitto_property*) {
      static_cast<Impl*>(self)->connected(code);
    });
    mosquitto_disconnect_v5_callback_set(client, [](mosquitto*, void* self, int code, const mosquitto_property*) {
      static_cast<Impl*>(self)->broke(code == 0     ? "the connection was closed"
                                      : code < 0x80 ? mosquitto_strerror(code)
                                                    : mosquitto_reason_string(code));
    });
    mosquitto_subscribe_v5_callback_set(
        client, [](mosquitto*, void* self, int, int count, const int* granted, const mosquitto_property*) {
          static_cast<Impl*>(self)->subscribed(count > 0 ? granted[0] : 0x80);
        });
    mosquitto_message_v5_callback_set(
        client, [](mosquitto*, void* self, const mosquitto_message* message, const mosquitto_property* properties) {
          static_cast<Impl*>(self)->receive(*message, properties);
        });
  }

  void connected(int code) {
    if (code == 0) {
      check(mosquitto_subscribe_v5(client_.get(), nullptr, subscription_.from.topic.c_str(), subscription_.qos, 0,
                                   nullptr));
      return;
    }
    const bool v5 = version_ == MqttVersion::v5;
    // A broker of before 2019 says so in one of two ways.
    if (v5 && (code == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION || code == CONNACK_REFUSED_PROTOCOL_VERSION)) {
      version_ = MqttVersion::v3_1_1;
      wait_ = milliseconds(0);
    }
    broke(v5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code));
  }

  void subscribed(int granted) {
    if (granted >= 0x80) return broke("the broker does not let us subscribe to " + subscription_.from.topic);
    ready_ = true;
    wait_ = kFirstWait;
    const std::scoped_lock guard(mutex_);
    state_ = {};
  }

  void receive(const mosquitto_message& message, const mosquitto_property* properties) {
    const auto size = static_cast<std::size_t>(message.payloadlen);
    if (size > subscription_.message_bytes) {
      base::log::warning("a message was left out: it is too large", {{"topic", message.topic}});
      return;
    }
    MqttReceived& made = held_.emplace_back();
    made.topic = message.topic;
    made.payload.assign(static_cast<const char*>(message.payload), size);
    char* type = nullptr;
    mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, &type, false);
    if (type) made.content_type = type;
    std::free(type);
    hand_over();
  }

  void hand_over() {
    while (!held_.empty() && take_(held_.front())) held_.pop_front();
  }

  void check(int result) {
    if (result != MOSQ_ERR_SUCCESS) broke(mqtt_error(result));
  }
  void broke(std::string why) {
    if (!std::exchange(broken_, true)) why_broken_ = std::move(why);
  }

  void lose(const std::string& why, base::Code code = base::Code::io) {
    client_.reset();
    looking_up_ = ready_ = false;
    retry_at_ = Clock::now() + wait_;
    wait_ = std::clamp(wait_ * 2, kFirstWait, kLongestWait);
    const std::scoped_lock guard(mutex_);
    const std::string told = "the broker " + subscription_.from.host + ": " + why;
    if (state_.ok() || state_.error().message != told)
      base::log::warning("no MQTT subscription now; it is tried again", {{"reason", told}});
    state_ = base::error(code, told);
  }

  const MqttLibrary library_;
  const MqttSubscription subscription_;
  const MqttOptions options_;
  const Take take_;
  MqttVersion version_;
  Inbox inbox_;
  Resolver resolver_;
  MqttTls tls_;
  MqttClient client_;
  bool looking_up_ = false, ready_ = false, broken_ = false;
  std::string why_broken_;
  std::deque<MqttReceived> held_;  // what one packet more than there is room for brought
  milliseconds wait_ = kFirstWait;
  Clock::time_point retry_at_{}, connect_deadline_{};
  std::vector<std::function<void()>> work_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  base::Status state_ = base::error(base::Code::unavailable, "not connected yet");
  std::thread thread_;  // the last: it uses all of it
};

MqttSubscriber::MqttSubscriber(MqttSubscription subscription, MqttOptions options, Take take)
    : impl_(std::make_unique<Impl>(std::move(subscription), options, std::move(take))) {}
MqttSubscriber::~MqttSubscriber() = default;

void MqttSubscriber::resume() {
  impl_->resume();
}
base::Status MqttSubscriber::state() const {
  return impl_->state();
}

}  // namespace madang::net
