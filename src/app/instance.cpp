#include "instance.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <sys/random.h>

#include "madang/base/log.h"

namespace madang::app {

namespace {

/// Null where there is none; what the configuration names must be there.
base::Result<std::shared_ptr<const api::Portal>> find_portal(const std::string& named) {
  if (!named.empty()) {
    MADANG_TRY(auto portal, api::Portal::load(named));
    if (portal) return portal;
    return base::error(base::Code::bad_request_data, "portal.folder: there is no index.html; web/build.sh makes one",
                       named);
  }
  std::error_code fault;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", fault).parent_path();
  for (const std::string_view place : {"../share/madang/portal", "../../web/dist"}) {
    MADANG_TRY(auto portal, api::Portal::load((here / place).lexically_normal().string()));
    if (portal) return portal;
  }
  return std::shared_ptr<const api::Portal>();
}

}  // namespace

base::Result<std::unique_ptr<Instance>> Instance::start(const Settings& settings, Progress progress) {
  MADANG_CHECK(check(settings));
  std::unique_ptr<Instance> made(new Instance());
  made->listen_ = settings.server.address;
  MADANG_TRY(auto gate, governance::Authenticator::make(settings.auth));
  made->gate_ = std::make_unique<governance::Authenticator>(std::move(gate));

  made->fetcher_ = std::make_unique<HttpContextFetcher>(settings.client_options(), settings.context_map);
  made->contexts_ = std::make_unique<ngsi::ContextStore>(*made->fetcher_, base::system_clock(), settings.contexts);
  if (!settings.context_map.empty()) MADANG_CHECK(made->contexts_->load_map(settings.context_map));

  MADANG_TRY(const auto courier_options, settings.courier_options());
  MADANG_TRY(made->courier_, NetworkCourier::make(courier_options, base::system_clock()));
  MADANG_TRY(auto hub_options, settings.hub_options());
  hub_options.progress = std::move(progress);
  hub_options.find_principal = [gate = made->gate_.get()](std::string_view name) { return gate->find(name); };
  MADANG_TRY(made->hub_, hub::Hub::open(base::real_files(), base::system_clock(), std::move(hub_options)));
  made->hub_->start_delivery(*made->courier_, *made->contexts_);
  MADANG_TRY(auto feed_options, settings.feed_options());
  MADANG_TRY(made->feeds_,
             connect::Feeds::make(*made->hub_, *made->contexts_, base::system_clock(), std::move(feed_options)));
  api::Options edge = settings.api_options();
  MADANG_TRY(edge.portal, find_portal(settings.portal_folder));
  made->api_ = std::make_unique<api::Api>(*made->hub_, *made->contexts_, *made->gate_, base::system_clock(),
                                          std::move(edge), std::vector<hub::Surface*>{made->feeds_.get()});
  MADANG_TRY(made->server_, net::Server::start(settings.server_options(), made->api_->handler()));
  made->feeds_->start();
  return made;
}

Instance::~Instance() {
  stop(std::chrono::milliseconds(0));
}

std::string Instance::url() const {
  const bool everywhere = listen_ == "0.0.0.0" || listen_ == "::" || listen_.starts_with("127.") || listen_ == "::1";
  const bool bare_ipv6 = !everywhere && listen_.find(':') != std::string::npos && !listen_.starts_with('[');
  const std::string host = everywhere ? "localhost" : bare_ipv6 ? "[" + listen_ + "]" : listen_;
  return "http://" + host + ":" + std::to_string(port());
}

void Instance::stop(std::chrono::milliseconds limit) {
  if (api_) api_->set_draining(true);
  if (server_) server_->drain(limit);
  if (feeds_) feeds_->stop();
  if (hub_) hub_->close();
  server_.reset();
  api_.reset();
  feeds_.reset();
  courier_.reset();  // tells the hub nothing more
  hub_.reset();
}

std::string random_token() {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 43> bytes{};  // 43 digits of 6 bits: 258 random bits
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  std::string token;
  for (const unsigned char byte : bytes) token.push_back(kDigits[byte & 63]);
  return token;
}

base::Result<PrivateInstance> start_private(Settings settings) {
  PrivateInstance made;
  made.token = random_token();
  settings.server.address = "127.0.0.1";
  settings.server.port = 0;
  settings.auth = {};
  settings.auth.tokens.push_back({.name = "this command",
                                  .sha256 = governance::sha256_hex(made.token),
                                  .role = governance::Role::admin,
                                  .tenants = {"*"}});
  settings.feeds.threads = 0;  // a command does what it is told, and nothing beside
  base::log::set_level(base::log::Level::warning);
  MADANG_TRY(made.instance, Instance::start(settings));
  made.url = "http://127.0.0.1:" + std::to_string(made.instance->port());
  return made;
}

}  // namespace madang::app
