#pragma once
// One connection to one broker, for as long as it holds. libmosquitto speaks; who owns this looks after the socket.

#include <chrono>
#include <deque>
#include <map>
#include <memory>

#include "madang/net/mqtt.h"

#include "../resolver.h"
#include "client.h"

namespace madang::net {

using Published = std::function<void(base::Status)>;

class Broker {
 public:
  using Clock = std::chrono::steady_clock;
  Broker(const MqttOptions& options, const MqttAddress& address, MqttVersion version);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  void publish(MqttMessage message, Published done, Clock::time_point deadline);
  /// The broker's addresses; it connects to the first that the policy allows, then tries the others.
  void found(base::Result<Addresses> addresses);

  int socket() const;  // negative: none yet
  bool wants_to_write() const;
  void on_events(bool readable, bool writable);
  /// Limits of time, keep-alive.
  void tick(Clock::time_point now);
  /// Tells everybody who waits.
  void fail(const base::Error& error);

  bool over() const { return over_; }
  std::size_t unsettled() const { return waiting_.size() + under_way_.size(); }
  bool idle_for(std::chrono::milliseconds time, Clock::time_point now) const;

 private:
  struct Letter {
    MqttMessage message;
    Published done;
    Clock::time_point deadline;
  };

  void connect_next();
  base::Status connect_to(const std::string& address);
  void set_callbacks();
  void connected(int code);
  void disconnected(std::string why);
  void settled(int id, int reason);
  void send_waiting();
  void send(Letter letter);
  void check(int result);
  static void expire(std::map<int, Letter>& letters, Clock::time_point now);

  const MqttOptions& options_;
  const MqttAddress address_;
  const MqttVersion version_;
  MqttTls tls_;
  MqttClient client_;
  Addresses addresses_;
  std::size_t next_address_ = 0;
  base::Error last_error_;
  Clock::time_point connect_deadline_, used_;
  bool ready_ = false, over_ = false, broken_ = false;
  std::string why_broken_;
  std::deque<Letter> waiting_;        // for the connection
  std::map<int, Letter> under_way_;   // by libmosquitto's number
  std::map<int, int> settled_early_;  // within the call that publishes, before it tells the number: reason codes
  bool publishing_ = false;
};

}  // namespace madang::net
