// madang serve: the server, from its first line on the terminal to its last.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include "madang/base/log.h"
#include "madang/base/time.h"

#include "city/player.h"
#include "commands/commands.h"
#include "instance.h"
#include "messages.h"
#include "process.h"
#include "progress.h"

namespace madang::app {

namespace log = base::log;

namespace {

constexpr std::chrono::milliseconds kForEver{-1};
constexpr std::chrono::seconds kFailedDrain{2};  // with a failed disk there is nothing to wait for but answers of 503

base::Result<Settings> settings_of(const ServeCommand& command) {
  Settings settings;
  if (!command.config.empty()) MADANG_CHECK(read_config(command.config, settings));
  for (const std::string& assignment : command.set) MADANG_CHECK(set_from_text(settings, assignment));
  if (command.listen) settings.server.address = *command.listen;
  if (command.port) MADANG_CHECK(set(settings, *find_key("server.port"), static_cast<std::int64_t>(*command.port)));
  if (command.threads) settings.server.threads = *command.threads;
  if (command.data) settings.storage.folder = *command.data;
  if (command.context_map) settings.context_map = *command.context_map;
  if (command.log_file) settings.log_file = *command.log_file;
  if (command.log_level) settings.log_level = *command.log_level;
  settings.fetching.allow_private = settings.fetching.allow_private || command.allow_private_egress;
  settings.sample = settings.sample && !command.no_sample;
  MADANG_CHECK(check(settings));
  return settings;
}

base::Status start_log(const Settings& settings) {
  log::set_level(settings.log_level == "debug"     ? log::Level::debug
                 : settings.log_level == "warning" ? log::Level::warning
                 : settings.log_level == "error"   ? log::Level::error
                                                   : log::Level::info);
  if (settings.log_file.empty() || log::set_file(settings.log_file)) return {};
  return base::error(base::Code::io, "cannot write the log", settings.log_file);
}

/// A bar for each stage of opening the folder.
class OpeningProgress {
 public:
  void operator()(std::string_view stage, std::uint64_t done, std::uint64_t total) {
    const std::scoped_lock guard(mutex_);
    if (stage != stage_) {
      stage_ = stage;
      bar_ = std::make_unique<Progress>(say(Message::recovering) + " (" + stage_ + ")");
    }
    bar_->update(done, total);
  }

 private:
  std::mutex mutex_;
  std::string stage_;
  std::unique_ptr<Progress> bar_;
};

void line(const std::string& text = {}) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

/// What to open and three lines that work as printed. The entity's id holds the moment, so they work again tomorrow.
void print_first_steps(const std::string& url, bool tokens) {
  std::string id = "urn:ngsi-ld:Bench:";
  for (const char c : base::to_string(base::system_clock().now()).substr(0, 19)) {
    if (c >= '0' && c <= '9') id.push_back(c);
  }
  const std::string entities = url + "/ngsi-ld/v1/entities";
  const std::string auth = tokens ? " -H \"Authorization: Bearer $TOKEN\"" : "";
  line(say(Message::open_this, {url + "/"}));
  line();
  line(say(Message::try_these));
  if (tokens) line("  # " + say(Message::token_needed));
  line("  # " + say(Message::create));
  line("  curl -i -X POST " + entities + auth + " -H 'Content-Type: application/json' -d '{\"id\":\"" + id +
       "\",\"type\":\"Bench\",\"seats\":{\"type\":\"Property\",\"value\":4},\"location\":{\"type\":\"GeoProperty\","
       "\"value\":{\"type\":\"Point\",\"coordinates\":[126.978,37.5665]}}}'");
  line("  # " + say(Message::retrieve));
  line("  curl" + auth + " " + entities + "/" + id);
  line("  # " + say(Message::query));
  line("  curl" + auth + " '" + entities + "?type=Bench&limit=5'");
  line();
  line(say(Message::stop_hint));
  std::fflush(stdout);
}

/// The first server on an empty folder shows a living district, and goes on with it when it is started again. It comes
/// in as everything does, by feeds; where tokens are wanted nobody has one for it, so then there is none.
base::Result<std::unique_ptr<CityPlayer>> sample_city(Settings& settings) {
  if (!settings.sample || !settings.auth.tokens.empty()) return std::unique_ptr<CityPlayer>();
  const std::filesystem::path data = settings.storage.folder, city = data / "sample-city";
  std::error_code ignored;
  const bool fresh = !std::filesystem::exists(data, ignored) || std::filesystem::is_empty(data, ignored);
  if (!fresh && !std::filesystem::exists(city, ignored)) return std::unique_ptr<CityPlayer>();
  CityOptions options;
  options.folder = city.string();
  MADANG_TRY(auto player, CityPlayer::make(std::move(options)));
  for (const std::string& feed : player->feeds()) {
    MADANG_TRY(auto declared, connect::read_declaration(feed));
    settings.feeds.declared.push_back(std::move(declared));
  }
  return player;
}

Event serve_until_event() {
  for (;;) {
    const Event event = wait_event(kForEver);
    if (event == Event::reopen) {
      log::reopen();
      log::info("log reopened");
    } else if (event != Event::none) {
      return event;
    }
  }
}

/// Waits a little, longer each time, and replaces the process. Stops waiting where it is told to stop.
int start_over(const ServeCommand& command, std::uint16_t port) {
  const Restart was = restarted();
  const auto delay = restart_delay(was.count);
  std::fprintf(stderr, "%s\n", say(Message::restarting, {std::to_string(delay.count())}).c_str());
  notify_manager("STATUS=starting again after a failed disk");
  if (wait_event(delay) == Event::stop) return kFailed;
  start_again(command.arguments, {.count = was.count + 1, .port = port});
  return fail("cannot start again", kFailed);
}

/// Errors that time may heal, in a process that was started again because of one.
bool worth_another_try(const base::Error& error) {
  return restarted().count > 0 && (error.code == base::Code::io || error.code == base::Code::insufficient_storage ||
                                   error.code == base::Code::unavailable);
}

}  // namespace

int serve(const ServeCommand& command) {
  tune_memory(command.arguments);
  auto read = settings_of(command);
  if (!read.ok()) return fail(read.error());
  Settings& settings = *read;
  if (restarted().port != 0) settings.server.port = restarted().port;
  if (const auto logging = start_log(settings); !logging.ok()) return fail(logging.error());
  catch_signals();
  raise_file_limit();

  const auto progress = std::make_shared<OpeningProgress>();
  auto city = sample_city(settings);
  if (!city.ok()) return fail(city.error());
  auto started =
      Instance::start(settings, [progress](auto stage, auto done, auto total) { (*progress)(stage, done, total); });
  if (!started.ok()) {
    if (worth_another_try(started.error())) {
      log::error("cannot start", {{"reason", started.error().message}});
      return start_over(command, settings.server.port);
    }
    return fail(started.error());
  }
  Instance& instance = **started;
  const std::uint16_t port = instance.port();
  instance.hub().on_failure([](const base::Error& error) {
    log::error("storage failed", {{"reason", error.message}, {"where", error.where}});
    wake_failed();
  });

  line(say(Message::ready, {MADANG_VERSION, instance.url()}));
  std::error_code ignored;
  line(say(Message::data_folder, {std::filesystem::absolute(settings.storage.folder, ignored).string()}));
  if (*city) {
    (*city)->start("http://127.0.0.1:" + std::to_string(port));
    line(say(Message::sample_city));
  }
  print_first_steps(instance.url(), !settings.auth.tokens.empty());
  log::info("ready", {{"url", instance.url()}, {"entities", instance.hub().health().entities}});
  notify_manager("READY=1\nSTATUS=" + instance.url());

  const Event event = serve_until_event();
  notify_manager("STOPPING=1");
  if (*city) (*city)->stop();
  if (event == Event::failed) {
    instance.stop(kFailedDrain);
    started->reset();
    return start_over(command, port);
  }
  line(say(Message::stopping));
  std::fflush(stdout);
  instance.stop(settings.drain_timeout);
  started->reset();
  line(say(Message::stopped));
  return kDone;
}

}  // namespace madang::app
