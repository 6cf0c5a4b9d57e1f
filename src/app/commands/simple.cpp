// The short commands: token, config, openapi, check, restore; and how commands fail.

#include <cstdio>
#include <optional>
#include <string_view>

#include "madang/api/api.h"
#include "madang/base/file.h"
#include "madang/base/json.h"
#include "madang/base/log.h"
#include "madang/base/time.h"
#include "madang/connect/feeds.h"

#include "commands/commands.h"
#include "instance.h"

namespace madang::app {

namespace {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Exit exit_of(const base::Error& error) {
  switch (error.code) {
    case base::Code::bad_request_data:
    case base::Code::invalid_request:
      return kUsage;
    case base::Code::corrupt:
      return kCorrupt;
    case base::Code::conflict:
      return kInUse;
    case base::Code::newer_format:
      return kNewerFormat;
    default:
      return kFailed;
  }
}

}  // namespace

int fail(const base::Error& error) {
  return fail(error.message + (error.where.empty() ? "" : " (" + error.where + ")"), exit_of(error));
}

int fail(const std::string& message, Exit code) {
  std::fprintf(stderr, "madang: %s\n", message.c_str());
  return code;
}

int make_token(const TokenCommand& command) {
  const auto role = governance::parse_role(command.role);
  if (!role.ok() || *role == governance::Role::none) return fail("--role must be read, write or admin", kUsage);
  const std::string token = random_token();
  const auto quoted = [](std::string_view text) {
    std::string out;
    base::json::append_string(out, text);
    return out;
  };
  std::string tenants;
  for (const std::string& tenant : command.tenants) tenants += (tenants.empty() ? "" : ", ") + quoted(tenant);
  print("The token. It is shown only now; whoever has it is " + command.name + ":\n\n  " + token +
        "\n\nPut these lines into the configuration and start the server with --config:\n\n[[auth.token]]\nname = " +
        quoted(command.name) + "\nsha256 = \"" + governance::sha256_hex(token) + "\"\nrole = \"" + command.role +
        "\"\n" + (tenants.empty() ? "" : "tenants = [" + tenants + "]\n"));
  return kDone;
}

int show_config(bool markdown) {
  if (markdown) {
    print(config_markdown());
    return kDone;
  }
  const Settings defaults;
  std::string out = "# Every key with its default. Lines that you change lose their #.\n";
  std::string_view section;
  for (const Key& key : keys()) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += "\n[" + std::string(section) + "]\n";
    }
    out += "# " + std::string(key.meaning) + "\n# " + std::string(key.name.substr(dot + 1)) + " = " +
           show(defaults, key) + "\n";
  }
  out +=
      "\n# [[auth.token]]   # `madang token NAME` makes one\n# name = \"\"\n# sha256 = \"\"\n# role = \"read\"\n# "
      "tenants = [\"\"]\n"
      "\n# [[index]]        # an index on attribute values\n# type = \"\"\n# attribute = \"\"\n# tenant = \"\"\n";
  print(out);
  return kDone;
}

int show_openapi() {
  print(api::Api::openapi(MADANG_VERSION, connect::Feeds::all_offers()) + "\n");
  return kDone;
}

int check_data(const std::string& folder) {
  base::log::set_level(base::log::Level::warning);
  const auto done =
      hub::check_folder(base::real_files(), folder, [](std::string_view report) { print(std::string(report) + "\n"); });
  if (!done.ok()) return fail(done.error());
  print("everything checked is sound\n");
  return kDone;
}

int restore(const RestoreCommand& command) {
  base::log::set_level(base::log::Level::warning);
  std::optional<base::Timestamp> time;
  if (!command.at.empty()) {
    const auto parsed = base::parse_timestamp(command.at);
    if (!parsed.ok()) return fail("--at wants a time such as 2026-11-22T18:00:00Z", kUsage);
    time = *parsed;
  }
  const auto done =
      hub::restore_folder(base::real_files(), command.from, command.to, command.position, time, command.keys);
  if (!done.ok()) return fail(done.error());
  if (*done > 0) print(std::to_string(*done) + " pieces of the backup were erased since it was made.\n");
  print("Restored into " + command.to + ". Start it with: madang serve --data " + command.to + "\n");
  return kDone;
}

}  // namespace madang::app
