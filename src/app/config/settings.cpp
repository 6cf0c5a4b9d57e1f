#include "config/settings.h"

#include <algorithm>
#include <thread>

#include "madang/ngsi/context.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

bool is_loopback(std::string_view address) {
  return address == "localhost" || address == "::1" || address == "[::1]" || address.starts_with("127.");
}

std::string keys_markdown() {
  std::string out;
  const Settings defaults;
  std::string_view section;
  for (const Key& key : keys()) {
    const std::string_view its = key.name.substr(0, key.name.find('.'));
    if (its != section) {
      section = its;
      out += "\n## `[" + std::string(section) + "]`\n\n| key | default | meaning |\n|---|---|---|\n";
    }
    out += "| `" + std::string(key.name) + "` | `" + show(defaults, key) + "` | " + std::string(key.meaning) + " |\n";
  }
  return out;
}

}  // namespace

base::Result<hub::Options> Settings::hub_options() const {
  hub::Options options;
  options.folder = folder;
  options.memory_bytes = memory_bytes;
  options.keep_age = keep_age;
  options.keep_bytes = keep_bytes;
  options.segment_bytes = segment_bytes;
  options.tail_bytes = tail_bytes;
  options.reserve_bytes = reserve_bytes;
  options.in_flight = in_flight;
  options.in_flight_bytes = in_flight_bytes;
  options.concurrent_scans = scans;
  options.waiting_scans = waiting_scans;
  options.tenant_entities = tenant_entities;
  options.tenants = tenants;
  options.query_cost = query_cost;
  options.auto_tenants = auto_tenants;
  options.sync = sync;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  options.entity = api_options().entity;
  const auto core = ngsi::core_context();
  for (const hub::IndexDeclaration& index : indexes) {
    MADANG_TRY(auto type, core->expand(index.type));
    MADANG_TRY(auto attribute, core->expand(index.attribute));
    options.indexes.push_back({index.tenant, std::move(type), std::move(attribute)});
  }
  return options;
}

net::ServerOptions Settings::server_options() const {
  net::ServerOptions options;
  options.address = listen == "localhost" ? "127.0.0.1" : listen;
  options.port = static_cast<std::uint16_t>(port);
  options.threads = threads != 0 ? threads : std::max(2u, std::thread::hardware_concurrency()) - 1;
  options.connections = connections;
  options.body_bytes = body_bytes;
  options.header_bytes = header_bytes;
  options.target_bytes = url_bytes;
  options.buffered_bytes = buffered_bytes;
  options.header_timeout = header_timeout;
  options.body_timeout = body_timeout;
  options.idle_timeout = idle_timeout;
  options.write_timeout = write_timeout;
  return options;
}

net::ClientOptions Settings::client_options() const {
  net::ClientOptions options;
  options.timeout = context_timeout;
  options.connect_timeout = std::min<std::chrono::milliseconds>(options.connect_timeout, context_timeout);
  options.response_bytes = context_bytes;
  options.allow_private = allow_private;
  return options;
}

ngsi::ContextLimits Settings::context_limits() const {
  ngsi::ContextLimits limits;
  limits.document_bytes = context_bytes;
  limits.fresh_for = context_fresh_for;
  return limits;
}

api::Options Settings::api_options() const {
  api::Options options;
  options.default_context = default_context;
  options.version = MADANG_VERSION;
  options.batch_most = batch;
  options.page_default = static_cast<std::uint32_t>(page);
  options.page_most = static_cast<std::uint32_t>(largest_page);
  options.body_bytes = body_bytes;
  options.cors_read = cors_read;
  options.cors_write = cors_write;
  options.gzip = gzip;
  options.entity.entity_bytes = entity_bytes;
  options.entity.attributes = attributes;
  options.entity.depth = depth;
  options.entity.string_bytes = string_bytes;
  return options;
}

base::Status check(const Settings& settings) {
  const auto refuse = [](std::string why) { return error(Code::bad_request_data, std::move(why)); };
  if (settings.port > 65'535) return refuse("server.port must be 65535 or less");
  if (settings.threads > 256) return refuse("server.threads must be 256 or less");
  if (settings.folder.empty()) return refuse("data.folder must name a folder");
  if (settings.page == 0 || settings.page > settings.largest_page || settings.largest_page > 100'000) {
    return refuse("api.page must be from 1 to api.largest_page, and that 100000 or less");
  }
  if (settings.batch == 0 || settings.batch > 100'000) return refuse("api.batch must be from 1 to 100000");
  if (settings.depth == 0 || settings.depth > 256) return refuse("limits.depth must be from 1 to 256");
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (std::ranges::find(kLevels, settings.log_level) == std::end(kLevels)) {
    return refuse("log.level must be debug, info, warning or error");
  }
  if (const auto gate = governance::Authenticator::make(settings.auth); !gate.ok()) return gate.error();
  if (settings.auth.tokens.empty() && !is_loopback(settings.listen)) {
    return refuse("listening on " + settings.listen +
                  " would let everybody there change everything: no token is configured. Run `madang token NAME`, put "
                  "the lines it prints into the configuration and start with --config; or listen on 127.0.0.1.");
  }
  return {};
}

std::string config_markdown() {
  return "# Configuration\n\n"
         "`madang serve --config madang.toml` reads these keys. What the command line says comes after the file; "
         "`--set key=value` sets any of them. A key that is not listed here is refused.\n\n"
         "Sizes are bytes or texts such as `\"64 MiB\"`, durations texts such as `\"10 s\"`, `\"5 min\"`, `\"7 d\"`. "
         "Dots are TOML's: `journal.keep.age` may stand as such, or as `keep.age` under `[journal]`.\n\n"
         "This page is what `madang config --markdown` prints.\n" +
         keys_markdown() +
         "\n## `[[auth.token]]`\n\n"
         "One for each token; `madang token NAME` makes one and prints these lines.\n\n"
         "| key | default | meaning |\n|---|---|---|\n"
         "| `name` | required | Who it is, for the log. |\n"
         "| `sha256` | required | SHA-256 of the token in hexadecimal. The token itself is stored nowhere. |\n"
         "| `role` | `\"read\"` | `\"read\"`, `\"write\"` or `\"admin\"`; each may do what the one before may. |\n"
         "| `tenants` | `[\"\"]` | Tenants it is good for; `\"\"` is the default tenant, `\"*\"` all. |\n"
         "\n## `[[index]]`\n\n"
         "An index on the values of an attribute, for `q`. It is built while the server runs.\n\n"
         "| key | default | meaning |\n|---|---|---|\n"
         "| `type` | required | Entity type: an IRI, or a name of the core context or the default vocabulary. |\n"
         "| `attribute` | required | Attribute, likewise. |\n"
         "| `tenant` | `\"\"` | Tenant. |\n"
         "\n## Example\n\n"
         "```toml\n"
         "[server]\nlisten = \"0.0.0.0\"\nport = 8080\n\n"
         "[data]\nfolder = \"/var/lib/madang\"\n\n"
         "[journal]\nkeep.age = \"30 d\"\nkeep.bytes = \"50 GiB\"\n\n"
         "[[auth.token]]\nname = \"gateway\"\n"
         "sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n"
         "role = \"write\"\n\n"
         "[[index]]\ntype = \"AirQualityObserved\"\nattribute = \"pm10\"\n"
         "```\n";
}

}  // namespace madang::app
