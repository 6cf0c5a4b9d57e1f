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
#include "madang/connect/feeds.h"
#include "madang/governance/principal.h"
#include "madang/hub/hub.h"
#include "madang/net/http.h"
#include "madang/ngsi/context.h"

#include "courier.h"

namespace madang::app {

/// The options of each room, whose defaults are the defaults of the keys, and what belongs to none.
struct Settings {
  net::ServerOptions server;  // the address as written
  hub::Options storage;       // names of indexes as written
  api::Options edge;          // its limits of an entity are the hub's too
  ngsi::ContextLimits contexts;
  net::ClientOptions fetching;  // of contexts
  CourierOptions notifying;     // of subscribers; its policy is that of `fetching`
  std::string signature = "none", signature_key_file;
  governance::AuthRules auth;
  connect::FeedOptions feeds;
  std::vector<std::string> feed_files;
  std::string context_map, portal_folder, log_file, log_level = "info";
  std::chrono::seconds drain_timeout{10}, feed_timeout{60};
  bool sample = true;

  Settings() { server.threads = 0; }  // one for each core but one

  // As the rooms want them. bad_request_data where a declared index has a name that is none.
  base::Result<hub::Options> hub_options() const;
  net::ServerOptions server_options() const;
  net::ClientOptions client_options() const;
  api::Options api_options() const;
  base::Result<CourierOptions> courier_options() const;
  base::Result<connect::FeedOptions> feed_options() const;
};

/// Where a setting lives, by its sort. `put` may lose what does not fit: ask `get` afterwards.
template <class T, int Sort>
struct Slot {
  using Value = T;
  T (*get)(const Settings&);
  void (*put)(Settings&, T);
};
using Bytes = Slot<std::uint64_t, 0>;
using Count = Slot<std::uint64_t, 1>;
using Flag = Slot<bool, 2>;
using Text = Slot<std::string, 3>;
using List = Slot<std::vector<std::string>, 4>;
using Duration = Slot<std::chrono::seconds, 5>;
using AnonymousRole = Slot<governance::Role, 6>;
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
