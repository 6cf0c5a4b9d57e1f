// madang sample-city: the made-up district's files, and its life at any server.

#include <cstdio>
#include <cstdlib>

#include "madang/base/file.h"

#include "city/player.h"
#include "commands/commands.h"
#include "messages.h"
#include "process.h"

namespace madang::app {

int sample_city(const SampleCityCommand& command) {
  CityOptions options;
  options.seed = command.seed;
  options.folder = command.out;
  options.speed = command.speed;
  options.broker = command.broker;
  options.url = command.url.empty() ? "http://localhost:8080" : command.url;
  const char* token = std::getenv("MADANG_TOKEN");
  options.token = !command.token.empty() ? command.token : token != nullptr ? token : "";
  const std::string url = options.url;
  auto player = CityPlayer::make(std::move(options));
  if (!player.ok()) return fail(player.error());
  base::FileSystem& files = base::real_files();
  std::size_t number = 0;
  if (const auto made = files.make_folder(command.out + "/feeds"); !made.ok()) return fail(made.error());
  for (const std::string& feed : (*player)->feeds()) {
    const std::string file = command.out + "/feeds/" + std::to_string(++number) + ".json";
    if (const auto written = base::write_file_atomically(files, file, feed); !written.ok())
      return fail(written.error());
  }
  std::printf("%s\n", say(Message::city_written, {command.out}).c_str());
  if (!command.play) return kDone;
  catch_signals();
  if (const auto declared = (*player)->declare(); !declared.ok()) return fail(declared.error());
  (*player)->start(url);
  std::printf("%s\n", say(Message::city_plays, {url}).c_str());
  std::fflush(stdout);
  constexpr std::chrono::milliseconds kForEver{-1};
  while (wait_event(kForEver) != Event::stop) {
  }
  (*player)->stop();
  return kDone;
}

}  // namespace madang::app
