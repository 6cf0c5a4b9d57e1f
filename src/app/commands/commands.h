#pragma once
// The commands behind the command line. Each returns the process's exit code.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "madang/base/result.h"

#include "config/settings.h"

namespace madang::app {

/// Exit codes. They are part of the interface: `madang --help` lists them.
enum Exit : int {
  kDone = 0,
  kSomeRefused = 1,  // the command ran to its end, but not everything was accepted
  kUsage = 2,        // the command line or the configuration is wrong
  kFailed = 3,       // disk, network or the other side refused
  kCorrupt = 4,      // stored data fails its checks
  kInUse = 5,        // another server has the folder
  kNewerFormat = 6,  // a newer version wrote the folder
};

/// Prints "madang: message (where)" and gives the exit code that fits.
int fail(const base::Error& error);
int fail(const std::string& message, Exit code);

/// What commands that talk to a server, or work on a stopped folder, have in common.
struct Target {
  std::string url;     // of a running server
  std::string folder;  // or a stopped one's
  std::string tenant;
  std::string token;    // default: $MADANG_TOKEN
  std::string context;  // URL for the Link header
};

struct ServeCommand {
  std::string config;
  std::optional<std::string> listen, data, context_map, log_file, log_level;
  std::optional<std::uint64_t> port, threads;
  bool allow_private_egress = false;
  bool no_sample = false;
  std::vector<std::string> set;
  char** arguments = nullptr;  // of the process, to start again
};
int serve(const ServeCommand& command);

struct ImportCommand {
  Target target;
  std::vector<std::string> files;  // "-" is standard input
  std::string type, id;            // for plain GeoJSON features
  bool update = false;             // add to existing entities instead of replacing them
  std::uint64_t connections = 4;
  std::uint64_t batch = 500;
  std::uint64_t show_refused = 1'000;
};
int import_files(const ImportCommand& command);

struct ExportCommand {
  Target target;
  std::string type, out, format = "ndjson";
};
int export_entities(const ExportCommand& command);

struct FeedTryCommand {
  std::string file, declaration, records;
  std::uint64_t show = 3;  // entities
};
int feed_try(const FeedTryCommand& command);

struct SampleCityCommand {
  std::string out, url, token, broker;
  std::uint64_t seed = 1;
  double speed = 1;
  bool play = false;
};
int sample_city(const SampleCityCommand& command);

int check_data(const std::string& folder);

struct BackupCommand {
  Target target;
  std::string to;
  std::string keys_to;  // where a copy of the keys goes
  bool open = false;    // not sealed
};
int backup(const BackupCommand& command);

struct RestoreCommand {
  std::string from, to, at, keys;
  std::optional<std::uint64_t> position;
};
int restore(const RestoreCommand& command);

struct TokenCommand {
  std::string name, role = "read";
  std::vector<std::string> tenants;
};
int make_token(const TokenCommand& command);

int show_config(bool markdown);
int show_openapi();

}  // namespace madang::app
