#include "config/settings.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>

#include "madang/base/file.h"
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
  hub::Options options = storage;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  options.entity = edge.entity;
  const auto core = ngsi::core_context();
  for (hub::IndexDeclaration& index : options.indexes) {
    MADANG_TRY(index.type, core->expand(index.type));
    MADANG_TRY(index.attribute, core->expand(index.attribute));
  }
  for (hub::RetentionRule& rule : options.retention)
    for (std::string* const name : {&rule.type, &rule.attribute})
      if (!name->empty()) {
        MADANG_TRY(*name, core->expand(*name));
      }
  return options;
}

net::ServerOptions Settings::server_options() const {
  net::ServerOptions options = server;
  if (options.address == "localhost") options.address = "127.0.0.1";
  if (options.threads == 0) options.threads = std::max(2u, std::thread::hardware_concurrency()) - 1;
  return options;
}

net::ClientOptions Settings::client_options() const {
  net::ClientOptions options = fetching;
  options.connect_timeout = std::min(options.connect_timeout, options.timeout);
  options.response_bytes = contexts.document_bytes;
  return options;
}

/// Signing keys stand in files of their own, which only the server's user can read.
base::Result<CourierOptions> Settings::courier_options() const {
  CourierOptions options = notifying;
  options.http.allow_private = options.mqtt.allow_private = fetching.allow_private;
  options.http.idle = options.http.concurrent;
  options.mqtt.connect_timeout = options.http.connect_timeout;
  if (signature == "none") return options;
  options.signing.scheme = signature == "rfc9421" ? net::SignatureScheme::rfc9421 : net::SignatureScheme::hub;
  std::ifstream file(signature_key_file, std::ios::binary);
  std::string key((std::istreambuf_iterator<char>(file)), {});
  if (!file) return error(Code::bad_request_data, "the signing key cannot be read", signature_key_file);
  if (key.find("PRIVATE KEY-----") != std::string::npos) {
    options.signing.private_key = std::move(key);
  } else {
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    options.signing.secret = std::move(key);
  }
  return options;
}

base::Result<connect::FeedOptions> Settings::feed_options() const {
  connect::FeedOptions options = feeds;
  for (const std::string& file : feed_files) {
    MADANG_TRY(const std::string text, base::read_file(base::real_files(), file, 1 << 20));
    auto declared = connect::read_declaration(text);
    if (!declared.ok()) {
      return error(Code::bad_request_data, file + ": " + declared.error().message, declared.error().where);
    }
    options.declared.push_back(std::move(*declared));
  }
  options.folder = storage.folder + "/feeds";
  options.default_context = edge.default_context;
  options.fetching.allow_private = fetching.allow_private;
  options.fetching.connect_timeout = fetching.connect_timeout;
  options.fetching.timeout = feed_timeout;
  options.subscribing.allow_private = fetching.allow_private;
  options.subscribing.connect_timeout = fetching.connect_timeout;
  return options;
}

api::Options Settings::api_options() const {
  api::Options options = edge;
  options.version = MADANG_VERSION;
  options.body_bytes = server.body_bytes;
  return options;
}

base::Status check(const Settings& settings) {
  const auto refuse = [](std::string why) { return error(Code::bad_request_data, std::move(why)); };
  if (settings.server.threads > 256) return refuse("server.threads must be 256 or less");
  if (settings.storage.folder.empty()) return refuse("data.folder must name a folder");
  const api::Options& edge = settings.edge;
  if (edge.page_default == 0 || edge.page_default > edge.page_most || edge.page_most > 100'000) {
    return refuse("api.page must be from 1 to api.largest_page, and that 100000 or less");
  }
  if (edge.batch_most == 0 || edge.batch_most > 100'000) return refuse("api.batch must be from 1 to 100000");
  if (edge.past_most == 0 || edge.past_most > ngsi::kMostInstances)
    return refuse("api.instances must be from 1 to " + std::to_string(ngsi::kMostInstances));
  if (edge.entity.depth == 0 || edge.entity.depth > 256) return refuse("limits.depth must be from 1 to 256");
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (std::ranges::find(kLevels, settings.log_level) == std::end(kLevels)) {
    return refuse("log.level must be debug, info, warning or error");
  }
  constexpr std::string_view kSignatures[] = {"none", "hub", "rfc9421"};
  if (std::ranges::find(kSignatures, settings.signature) == std::end(kSignatures)) {
    return refuse("notifications.signature must be none, hub or rfc9421");
  }
  if (settings.signature != "none" && settings.signature_key_file.empty()) {
    return refuse("notifications.signature needs notifications.signature_key_file");
  }
  if (const auto gate = governance::Authenticator::make(settings.auth); !gate.ok()) return gate.error();
  if (settings.auth.tokens.empty() && !is_loopback(settings.server.address)) {
    return refuse("listening on " + settings.server.address +
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
         "\n## `[[history.retention]]`\n\n"
         "How long the past of attributes is kept ([how](../how-to/history.md#keep-less-of-it)). Of several that fit "
         "an "
         "attribute, the most particular counts: attribute and type, attribute, type; then one by the API, one with a "
         "tenant, one without.\n\n"
         "| key | default | meaning |\n|---|---|---|\n"
         "| `raw` | required | As it was: a duration (ISO 8601: `\"P90D\"`), `\"forever\"`, or `\"PT0S\"`: not at all. "
         "|\n"
         "| `rollups` | none | Then as counts, sums and extremes: a list of `{ period = \"PT1H\", keep = \"P10Y\" }`, "
         "each longer than the one before, made of whole ones of it and kept longer. |\n"
         "| `type` | all | Entity type: an IRI, or a name of the core context or the default vocabulary. |\n"
         "| `attribute` | all | Attribute, likewise. |\n"
         "| `tenant` | all | Tenant; `\"\"` is the default tenant. |\n"
         "\n## Example\n\n"
         "```toml\n"
         "[server]\nlisten = \"0.0.0.0\"\nport = 8080\n\n"
         "[data]\nfolder = \"/var/lib/madang\"\n\n"
         "[journal]\nkeep.age = \"30 d\"\nkeep.bytes = \"50 GiB\"\n\n"
         "[[history.retention]]\nraw = \"P90D\"\nrollups = [{ period = \"PT1H\", keep = \"P10Y\" }]\n\n"
         "[[auth.token]]\nname = \"gateway\"\n"
         "sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n"
         "role = \"write\"\n\n"
         "[[index]]\ntype = \"AirQualityObserved\"\nattribute = \"pm10\"\n"
         "```\n";
}

}  // namespace madang::app
