#pragma once
// A whole server in this process: the one place that puts the rooms together.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "madang/api/api.h"
#include "madang/connect/feeds.h"
#include "madang/hub/hub.h"
#include "madang/net/http.h"

#include "config/settings.h"
#include "context_fetcher.h"
#include "courier.h"

namespace madang::app {

class Instance {
 public:
  using Progress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;
  /// Opens the folder and answers requests from then on.
  static base::Result<std::unique_ptr<Instance>> start(const Settings& settings, Progress progress = {});
  ~Instance();

  hub::Hub& hub() { return *hub_; }
  std::uint16_t port() const { return server_->port(); }
  /// "http://localhost:8080"
  std::string url() const;
  /// Lets running requests finish, then puts everything on disk and closes the folder.
  void stop(std::chrono::milliseconds limit);

 private:
  Instance() = default;

  std::string listen_;
  std::unique_ptr<HttpContextFetcher> fetcher_;
  std::unique_ptr<ngsi::ContextStore> contexts_;
  std::unique_ptr<governance::Authenticator> gate_;
  std::unique_ptr<NetworkCourier> courier_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<connect::Feeds> feeds_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<net::Server> server_;
};

/// For tools that work on a stopped folder: served on a free port of loopback to nobody but who has this token.
struct PrivateInstance {
  std::unique_ptr<Instance> instance;
  std::string url, token;
};
base::Result<PrivateInstance> start_private(Settings settings);

/// A token that nobody guesses: 32 random bytes as base64url.
std::string random_token();

}  // namespace madang::app
