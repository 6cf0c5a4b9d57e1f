#pragma once
// Lets the made-up district live: writes its files, serves its bikes, pushes what moves, at real or faster time.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "madang/base/result.h"
#include "madang/net/http.h"
#include "madang/net/mqtt.h"
#include "madang/sample/city.h"

namespace madang::app {

struct CityOptions {
  std::uint64_t seed = 1;
  std::string folder;  // of its files
  std::string url;     // of the server that is fed
  std::string token;   // for pushing; empty: none is wanted
  double speed = 1;    // times real time
  std::string broker;  // "mqtt://host", for what tells by MQTT; empty: there is none, it is pushed
};

class CityPlayer {
 public:
  /// Lays out the files where there are none yet, and serves the bikes' feed on a free port of loopback.
  static base::Result<std::unique_ptr<CityPlayer>> make(CityOptions options);
  ~CityPlayer();

  /// What the server is to be told of the feeds, as JSON.
  std::vector<std::string> feeds() const;
  void start(std::string url);
  void stop();
  /// Declares the feeds at a server that runs elsewhere.
  base::Status declare();

 private:
  explicit CityPlayer(CityOptions options);
  base::Timestamp now() const;
  void play();
  void push(const std::string& feed, const std::string& lines);
  void tell(const std::string& feed, const std::string& lines);

  CityOptions options_;
  const sample::City city_;
  const base::Timestamp began_;
  const std::chrono::nanoseconds began_at_;
  net::Client client_;
  net::MqttPublisher publisher_;
  std::unique_ptr<net::Server> bikes_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace madang::app
