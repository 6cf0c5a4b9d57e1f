#pragma once
// A whole server in the test's process, on a disk in memory.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madang/api/api.h"
#include "madang/base/simulated_files.h"
#include "madang/net/http.h"

namespace madang::api {

class NoFetcher final : public ngsi::ContextFetcher {
 public:
  void fetch(const std::string&, std::function<void(base::Result<std::string>)> done) override {
    done(base::error(base::Code::context_not_available, "no network here"));
  }
};

class City {
 public:
  explicit City(Options api_options = {}) {
    hub::Options options;
    options.folder = "city";
    options.reserve_bytes = 0;
    options.tenants = 100'000;
    options.threads = 1;
    hub_ = hub::Hub::open(files_, base::system_clock(), options).value();
    contexts_ = std::make_unique<ngsi::ContextStore>(fetcher_, base::system_clock());
    gate_ = governance::Authenticator::make({}).value();
    api_ = std::make_unique<Api>(*hub_, *contexts_, *gate_, base::system_clock(), std::move(api_options));
    net::ServerOptions server;
    server.port = 0;
    server_ = net::Server::start(server, api_->handler()).value();
    session_ =
        net::Session::connect("http://127.0.0.1:" + std::to_string(server_->port()), std::chrono::seconds(20)).value();
  }
  ~City() {
    session_.reset();
    server_->drain(std::chrono::milliseconds(100));
    hub_->close();
  }
  net::ClientResponse send(net::Method method, const std::string& target, const std::string& tenant,
                           const std::string& body = {}) {
    std::vector<std::pair<std::string, std::string>> headers{{"NGSILD-Tenant", tenant}};
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    return session_->exchange(method, target, headers, body).value();
  }

 private:
  base::SimulatedFiles files_;
  NoFetcher fetcher_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<ngsi::ContextStore> contexts_;
  std::optional<governance::Authenticator> gate_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<net::Session> session_;
};

}  // namespace madang::api
