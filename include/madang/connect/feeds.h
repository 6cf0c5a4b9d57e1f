#pragma once
// The feeds of a running server: reads their sources when it is time, maps what comes, changes entities through the hub
// as anybody does, and keeps account of what was good and what was not.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "madang/base/child.h"
#include "madang/base/file.h"
#include "madang/base/time.h"
#include "madang/connect/declaration.h"
#include "madang/hub/hub.h"
#include "madang/hub/surface.h"
#include "madang/net/http.h"
#include "madang/net/mqtt.h"
#include "madang/ngsi/context.h"

namespace madang::connect {

struct FeedOptions {
  std::string folder = "data/feeds";  // of dead letters
  std::vector<std::string> folders;   // feeds that are declared by the API read files below these only
  std::vector<Declaration> declared;  // of the configuration: the API does not change them
  std::size_t feeds = 500;
  std::size_t threads = 4;                 // that read sources; 0: nothing is read
  std::size_t batch = 500;                 // entities in one change of the hub
  std::size_t push_bytes = 16 << 20;       // one pushed body
  std::size_t waiting = 16;                // pushed bodies of one feed; beyond: too_many_requests
  std::size_t messages = 2'000;            // of MQTT that one feed holds; beyond, they wait at the broker
  std::uint64_t dead_bytes = 64ull << 20;  // dead letters of one feed; beyond: the oldest go
  base::ChildLimits packed;                // of the program that reads GeoPackages and Shapefiles
  std::chrono::seconds dead_age{30 * 24 * 3600};
  std::string default_context;  // URL; empty: the core context
  net::ClientOptions fetching;
  net::MqttOptions subscribing;
};

class Feeds final : public hub::Surface {
 public:
  static base::Result<std::unique_ptr<Feeds>> make(hub::Hub& hub, ngsi::ContextStore& contexts,
                                                   const base::Clock& clock, FeedOptions options);
  ~Feeds() override;

  void start();
  /// What is being read is finished up to the batch at hand; the rest is read after the next start.
  void stop();

  static std::span<const hub::Offer> all_offers();
  std::span<const hub::Offer> offers() const override { return all_offers(); }
  void ask(hub::Question&& question, base::Executor& home, Answered answered) override;
  void append_health(std::string& out) const override;

 private:
  struct Impl;
  explicit Feeds(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace madang::connect
