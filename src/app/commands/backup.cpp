// madang backup: a copy of a folder from which any moment since its oldest kept segment can be restored, sealed so that
// erasing reaches it. A running server goes on meanwhile: it names files that stay as they are until they are copied.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "madang/base/file.h"
#include "madang/base/log.h"
#include "madang/base/time.h"
#include "madang/formats/entity_json.h"
#include "madang/net/http.h"

#include "commands/commands.h"
#include "commands/target.h"
#include "process.h"
#include "progress.h"

namespace madang::app {

using base::Code;
using base::error;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kCopyBytes = 1u << 20;

/// Names come from a server: nothing outside the folder may be meant.
bool stays_inside(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() &&
         std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
}

base::Status copy_file(base::FileSystem& files, const std::string& from, const std::string& to) {
  MADANG_TRY(const auto source, files.open(from, base::FileSystem::Open::read));
  MADANG_CHECK(files.make_folder(fs::path(to).parent_path().string()));
  MADANG_TRY(const auto copy, files.open(to, base::FileSystem::Open::create));
  std::vector<std::byte> buffer(kCopyBytes);
  for (std::uint64_t at = 0;;) {
    MADANG_TRY(const std::size_t got, source->read_at(at, buffer));
    if (got == 0) break;
    MADANG_CHECK(copy->write_at(at, std::span(buffer).first(got)));
    at += got;
    if (interrupted()) return error(Code::unavailable, "stopped; this backup is not complete", to);
  }
  MADANG_CHECK(copy->sync());
  return files.sync_folder(fs::path(to).parent_path().string());
}

base::Status copy_files(const std::vector<std::string>& names, const std::string& from, const std::string& to) {
  base::FileSystem& files = base::real_files();
  Progress progress("Copying");
  std::uint64_t done = 0;
  for (const std::string& name : names) {
    if (!stays_inside(name)) return error(Code::bad_request_data, "the server names a file outside its folder", name);
    MADANG_CHECK(copy_file(files, (fs::path(from) / name).string(), (fs::path(to) / name).string()));
    progress.update(++done, names.size(), name);
  }
  return files.sync_folder(to);
}

/// Writes what the plan is about: sealed, with the keys put where they are wanted, or as it is.
base::Status write_backup(const BackupCommand& command, const std::string& folder, const hub::Hub::BackupPlan& plan) {
  if (command.open) return copy_files(plan.files, folder, command.to);
  base::FileSystem& files = base::real_files();
  Progress progress("Sealing");
  MADANG_CHECK(hub::seal_folder(files, folder, command.to, plan, [&](std::uint64_t done, std::uint64_t total) {
    progress.update(done, total, "records");
    return !interrupted();
  }));
  MADANG_TRY(const std::string keys, base::read_file(files, hub::keys_of(folder)));
  return base::write_file_atomically(files, command.keys_to, keys);
}

/// Keys beside what they open would be of no use.
base::Status check_keys_place(const BackupCommand& command) {
  if (command.open) return {};
  if (command.keys_to.empty())
    return error(
        Code::bad_request_data,
        "a backup is sealed, so that what is erased later is gone from it too: say with --keys-to where a copy "
        "of the keys goes (or --open to leave it unsealed, and beyond the reach of erasing)");
  std::error_code ignored;
  const auto backup = fs::weakly_canonical(command.to, ignored);
  const auto keys = fs::weakly_canonical(command.keys_to, ignored);
  if (std::mismatch(backup.begin(), backup.end(), keys.begin(), keys.end()).first == backup.end())
    return error(Code::bad_request_data, "the keys must not lie in the backup that they open", command.keys_to);
  return {};
}

base::Status make_empty(const std::string& folder) {
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored)) {
    return error(Code::bad_request_data, "a backup goes into a new or empty folder; this one holds something", folder);
  }
  return base::real_files().make_folder(folder);
}

/// A stopped folder: opened here, so that what a crash left is in order, and nobody changes it meanwhile.
base::Status backup_stopped(const BackupCommand& command) {
  base::log::set_level(base::log::Level::warning);
  hub::Options options;
  options.folder = command.target.folder;
  MADANG_TRY(const auto hub, hub::Hub::open(base::real_files(), base::system_clock(), options));
  governance::Principal who{
      .name = "madang backup", .role = governance::Role::admin, .all_tenants = true, .tenants = {}, .policy = {}};
  auto plan = hub->begin_backup(who);
  base::Status done = plan.ok() ? write_backup(command, command.target.folder, *plan) : base::Status(plan.error());
  if (plan.ok()) hub->end_backup(plan->ticket);
  hub->close();
  return done;
}

base::Result<net::ClientResponse> ask(const OpenTarget& target, net::Method method, const std::string& path) {
  net::Client client({.timeout = std::chrono::minutes(10), .allow_private = true});
  net::ClientRequest request;
  request.method = method;
  request.url = target.url + path;
  request.headers = target.headers;
  MADANG_TRY(auto answer, client.send(std::move(request)));
  if (answer.status >= 300) {
    return error(Code::unavailable,
                 "the server answered " + std::to_string(answer.status) + ": " + formats::problem_text(answer.body));
  }
  return answer;
}

base::Status backup_running(const BackupCommand& command) {
  Target at = command.target;
  at.folder.clear();
  MADANG_TRY(const auto target, open_target(at));
  MADANG_TRY(const auto answer, ask(target, net::Method::post, "/admin/backup"));
  MADANG_TRY(const auto plan, formats::read_backup_plan(answer.body));
  const std::string folder = command.target.folder.empty() ? plan.folder : command.target.folder;
  auto done = folder.empty()
                  ? base::Status(error(Code::bad_request_data, "say with --data where the server's folder is"))
                  : write_backup(command, folder, {plan.files, plan.position, plan.ticket});
  const auto given_back = ask(target, net::Method::delete_, "/admin/backup/" + std::to_string(plan.ticket));
  if (!done.ok()) return done;
  if (!given_back.ok()) return given_back.error();
  return {};
}

}  // namespace

int backup(const BackupCommand& command) {
  catch_signals();
  base::Status done = check_keys_place(command);
  if (done.ok()) done = make_empty(command.to);
  if (done.ok()) done = command.target.url.empty() ? backup_stopped(command) : backup_running(command);
  if (!done.ok()) return fail(done.error());
  std::printf("Backed up to %s. Check it with: madang check %s\n", command.to.c_str(), command.to.c_str());
  if (!command.open)
    std::printf(
        "Nothing opens it without the keys in %s. Keep them where the loss of this machine does not reach them, "
        "and only the newest.\n",
        command.keys_to.c_str());
  return kDone;
}

}  // namespace madang::app
