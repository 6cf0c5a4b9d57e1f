#pragma once
// What an operator can decide: every key of madang.toml, with its default. The table in settings_table.cpp is the one
// source for reading the file, for `--set` and for the reference page.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "madang/api/api.h"
#include "madang/base/result.h"
#include "madang/governance/principal.h"
#include "madang/hub/hub.h"
#include "madang/net/http.h"
#include "madang/ngsi/context.h"

namespace madang::app {

struct Settings {
  // [server]
  std::string listen = "127.0.0.1";
  std::uint64_t port = 8080;
  std::uint64_t threads = 0;  // 0: one for each core but one
  std::uint64_t connections = 10'000;
  std::uint64_t body_bytes = 16u << 20;
  std::uint64_t header_bytes = 32u << 10;
  std::uint64_t url_bytes = 16u << 10;
  std::uint64_t buffered_bytes = 1ull << 30;
  std::chrono::seconds header_timeout{10}, body_timeout{60}, idle_timeout{75}, write_timeout{30}, drain_timeout{10};
  // [data]
  std::string folder = "data";
  std::uint64_t memory_bytes = 0;
  bool sample = true;
  // [journal]
  std::chrono::seconds keep_age{7 * 24 * 3600};
  std::uint64_t keep_bytes = 10ull << 30;
  std::uint64_t segment_bytes = 64ull << 20;
  std::uint64_t tail_bytes = 256ull << 20;
  std::uint64_t reserve_bytes = 64ull << 20;
  bool sync = true;
  // [limits]
  std::uint64_t in_flight = 20'000;
  std::uint64_t in_flight_bytes = 256ull << 20;
  std::uint64_t scans = 16, waiting_scans = 256;
  std::uint64_t query_cost = 50'000'000;
  std::uint64_t entity_bytes = 1u << 20;
  std::uint64_t attributes = 1'000;
  std::uint64_t depth = 32;
  std::uint64_t string_bytes = 256u << 10;
  // [tenants]
  bool auto_tenants = true;
  std::uint64_t tenants = 1'000;
  std::uint64_t tenant_entities = 50'000'000;
  // [api]
  std::uint64_t batch = 1'000, page = 20, largest_page = 1'000;
  bool gzip = true;
  std::vector<std::string> cors_read{"*"}, cors_write;
  // [context]
  std::string default_context;
  std::string context_map;
  std::uint64_t context_bytes = 1u << 20;
  std::chrono::seconds context_timeout{10}, context_fresh_for{3600};
  // [egress]
  bool allow_private = false;
  // [log]
  std::string log_file;
  std::string log_level = "info";
  // [auth], [[index]]
  governance::AuthRules auth;
  std::vector<hub::IndexDeclaration> indexes;  // names as written; expanded when used

  /// bad_request_data where a declared index has a name that is none.
  base::Result<hub::Options> hub_options() const;
  net::ServerOptions server_options() const;
  net::ClientOptions client_options() const;
  ngsi::ContextLimits context_limits() const;
  api::Options api_options() const;
};

/// Where a setting lives, by its sort.
struct Bytes {
  std::uint64_t& (*of)(Settings&);
};
struct Count {
  std::uint64_t& (*of)(Settings&);
};
struct Flag {
  bool& (*of)(Settings&);
};
struct Text {
  std::string& (*of)(Settings&);
};
struct Duration {
  std::chrono::seconds& (*of)(Settings&);
};
struct List {
  std::vector<std::string>& (*of)(Settings&);
};
struct AnonymousRole {
  governance::Role& (*of)(Settings&);
};
using Place = std::variant<Bytes, Count, Flag, Text, List, Duration, AnonymousRole>;

struct Key {
  std::string_view name;  // "journal.keep.age"
  Place place;
  std::string_view meaning;
};
const std::vector<Key>& keys();
const Key* find_key(std::string_view name);

/// A value as TOML gives it.
using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;
/// bad_request_data says what the key wants.
base::Status set(Settings& settings, const Key& key, const Value& value);
/// The value as it would stand in the file.
std::string show(const Settings& settings, const Key& key);

/// `64 MiB`, `10GiB`, `512` and `7d`, `90 min`, `10s`.
base::Result<std::uint64_t> parse_bytes(std::string_view text);
base::Result<std::chrono::seconds> parse_duration(std::string_view text);
std::string show_bytes(std::uint64_t bytes);
std::string show_duration(std::chrono::seconds duration);

/// Reads a file over the settings. An unknown key is refused by name and line.
base::Status read_config(const std::string& path, Settings& settings);
/// The same from text; `name` stands in error messages.
base::Status read_config_text(std::string_view text, const std::string& name, Settings& settings);
/// `key=value` of the command line.
base::Status set_from_text(Settings& settings, std::string_view assignment);
/// What no single key can tell: ranges, and that nobody listens to the world without tokens.
base::Status check(const Settings& settings);

/// The reference page.
std::string config_markdown();

}  // namespace madang::app
