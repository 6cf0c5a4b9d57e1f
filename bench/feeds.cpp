// CSV to entities with their history: rows of a station, a moment and five numbers, read as a feed reads them, beside
// what it costs to parse the same table alone, and to parse and map it. A second a part; the figures are of values of
// attributes a second of processor time of all threads, and of the wall clock.
//
//   ninja -C build/release bench_feeds && build/release/bench/bench_feeds [STATIONS [ROWS]]

#include "madang/connect/feeds.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "madang/base/log.h"
#include "madang/base/time.h"
#include "madang/connect/mapping.h"
#include "madang/connect/readers.h"
#include "madang/hub/hub.h"

namespace madang::bench {
namespace {

constexpr std::size_t kNumbers = 5;
constexpr std::size_t kPiece = 256 << 10;

double process_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
void measure(const char* name, std::size_t rows, Work&& work) {
  const double processor = process_seconds();
  const auto begun = std::chrono::steady_clock::now();
  work();
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const double used = process_seconds() - processor;
  const auto values = static_cast<double>(rows * kNumbers);
  std::printf("%-28s %10.0f values/s a core  %10.0f values/s by the clock  %7.2f us a row\n", name, values / used,
              values / wall, used * 1e6 / static_cast<double>(rows));
}

std::string table(std::size_t stations, std::size_t rows) {
  std::string text = "station,time,no2,o3,pm10,pm25,temperature\n";
  char line[160];
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t station = row % stations;
    base::Timestamp at{1'700'000'000'000'000'000 + static_cast<std::int64_t>(row / stations) * 600'000'000'000};
    std::string moment;
    base::append_timestamp(moment, at);
    const auto number = [&](std::size_t salt, std::size_t most) {
      return static_cast<double>((row * 2'654'435'761u + salt * 40'503u) % (most * 100)) / 100;
    };
    std::snprintf(line, sizeof line, "S%zu,%s,%.2f,%.2f,%.2f,%.2f,%.2f\n", station, moment.c_str(), number(1, 90),
                  number(2, 120), number(3, 60), number(4, 40), number(5, 30));
    text += line;
  }
  return text;
}

std::string declaration(const std::string& path) {
  return R"({"id":"air","source":{"file":")" + path + R"("},"type":"AirQualityObserved",
    "identity":"urn:ngsi-ld:AirQualityObserved:{station}","observed":"time","attributes":{
    "no2":{"from":"no2","kind":"number"},"o3":{"from":"o3","kind":"number"},"pm10":{"from":"pm10","kind":"number"},
    "pm25":{"from":"pm25","kind":"number"},"temperature":{"from":"temperature","kind":"number"}}})";
}

int run(std::size_t stations, std::size_t rows) {
  base::log::set_level(base::log::Level::error);
  std::string folder = (std::filesystem::temp_directory_path() / "madang-feeds-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const std::string text = table(stations, rows), path = folder + "/air.csv";
  std::ofstream(path, std::ios::binary) << text;
  const auto feed = connect::read_declaration(declaration(path));
  if (!feed.ok()) return std::fprintf(stderr, "%s\n", feed.error().message.c_str()), 1;
  std::printf("%zu rows of %zu stations, %zu numbers each, %zu MB; %u cores\n", rows, stations, kNumbers,
              text.size() >> 20, std::thread::hardware_concurrency());

  const auto parse = [&](const formats::TakeRecord& take, formats::RecordReader** reading) {
    auto reader = connect::make_reader(feed->layout, "csv", take).value();
    if (reading) *reading = reader.get();
    for (std::size_t at = 0; at < text.size(); at += kPiece)
      (void)reader->push(std::string_view(text).substr(at, kPiece));
    (void)reader->finish();
  };
  std::size_t bytes = 0;
  measure("parse alone (ceiling)", rows,
          [&] { parse([&](const formats::Record& record) { bytes += record.fields.size(); }, nullptr); });
  measure("parse and map (ceiling)", rows, [&] {
    auto mapping = connect::Mapping::make(*feed).value();
    mapping.begin("air.csv");
    connect::Mapped mapped;
    formats::RecordReader* reading = nullptr;
    parse(
        [&](const formats::Record& record) {
          (void)mapping.map(record, reading->columns(), mapped);
          bytes += mapped.json.size();
        },
        &reading);
  });

  hub::Options options;
  options.folder = folder + "/data";
  auto hub = hub::Hub::open(base::real_files(), base::system_clock(), options);
  if (!hub.ok()) return std::fprintf(stderr, "%s\n", hub.error().message.c_str()), 1;
  struct NoFetch final : ngsi::ContextFetcher {
    void fetch(const std::string&, std::function<void(base::Result<std::string>)> done) override {
      done(base::error(base::Code::not_found, "none"));
    }
  } fetcher;
  ngsi::ContextStore contexts(fetcher, base::system_clock(), {});
  connect::FeedOptions feeds;
  feeds.folder = folder + "/feeds";
  feeds.declared = {*feed};
  auto made = connect::Feeds::make(**hub, contexts, base::system_clock(), feeds);
  if (!made.ok()) return std::fprintf(stderr, "%s\n", made.error().message.c_str()), 1;
  auto who = std::make_shared<governance::Principal>();
  who->role = governance::Role::admin, who->all_tenants = true;
  const std::string last = "urn:ngsi-ld:DataQualityAssessment:air";
  measure("end to end, with history", rows, [&] {
    (*made)->start();
    bool done = false;
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      done = (*hub)->retrieve(*who, "", last, [](ngsi::EntityView, const ngsi::Filter*) {}).ok() &&
             (*hub)->health().history_lag == 0;
    }
  });
  (*made)->stop();
  const auto health = (*hub)->health();
  std::printf("%llu points in the history\n", static_cast<unsigned long long>(health.history_points));
  made->reset();
  hub->reset();
  std::filesystem::remove_all(folder);
  return bytes == 0;
}

}  // namespace
}  // namespace madang::bench

int main(int count, char** words) {
  const auto number = [&](int at, std::size_t otherwise) {
    return count > at ? static_cast<std::size_t>(std::strtoull(words[at], nullptr, 10)) : otherwise;
  };
  return madang::bench::run(number(1, 1'000), number(2, 400'000));
}
