// History: what feeding it costs, what a point takes on disk, how fast it answers. Each figure stands beside a ceiling
// that was measured in the same run.
//
//   ninja bench_history && build/release/bench/bench_history [MILLIONS_OF_POINTS [ZURICH_WEATHER.csv]]
//   bench_history MILLIONS_OF_POINTS --points FILE.csv      only the questions, of points that are written for others
//   to
//                                                           answer the same of (bench/peers/history.py)

#include "madang/history/history.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "madang/history/transfer.h"
#include "madang/ngsi/context.h"

#include "accumulate.h"
#include "block.h"

namespace madang::bench {
namespace {

using history::History;

double seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
/// Processor time of the whole process, background threads too.
double processor() {
  return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
const std::string kBase = "https://uri.etsi.org/ngsi-ld/default-context/";

/// Makes journal records of entities as the hub does, ahead of time, so that only history is measured.
class Feed {
 public:
  explicit Feed(const std::string& folder) {
    history::Options options;
    options.folder = folder;
    auto opened = History::open(options, base::system_clock());
    if (!opened.ok()) std::printf("%s\n", opened.error().message.c_str()), std::exit(1);
    history_ = std::move(*opened);
    type_ = *symbols_.intern(kBase + "Sensor");
  }
  History& history() { return *history_; }
  ngsi::SymbolTable& symbols() { return symbols_; }
  ngsi::Symbol name(const std::string& term) { return *symbols_.intern(kBase + term); }

  struct Value {
    ngsi::Symbol name;
    std::string text;
    std::int64_t observed;
    std::string_view unit;
  };
  /// One change of an entity; the first of an entity is a whole one.
  void add(const std::string& id, std::int64_t modified, const std::vector<Value>& values) {
    std::int64_t& created = created_[id];
    const bool first = created == 0;
    if (first) created = modified;
    builder_.begin(id);
    if (first) builder_.add_type(type_);
    builder_.set_times({created}, {modified});
    for (const Value& value : values) {
      ngsi::EntityBuilder::Instance instance;
      instance.name = value.name;
      instance.value = value.text;
      instance.unit_code = value.unit;
      instance.observed_at = base::Timestamp{value.observed};
      builder_.add_instance(instance);
    }
    auto block = builder_.finish();
    const std::size_t at = bytes_.size();
    writer_.append(bytes_, ngsi::EntityView(*block), symbols_);
    records_.push_back({first, at, bytes_.size() - at, modified});
  }
  /// Gives what was made to history.
  void flow() {
    for (const auto& made : records_) {
      journal::Record record;
      record.position = {++position_};
      record.time = {made.time};
      record.kind = made.whole ? journal::RecordKind::entity_put : journal::RecordKind::entity_patch;
      record.payload = std::span(bytes_.data() + made.at, made.size);
      if (auto fed = history_->feed(record); !fed.ok()) std::printf("%s\n", fed.error().message.c_str()), std::exit(1);
    }
    records_.clear();
    bytes_.clear();
  }

 private:
  struct Made {
    bool whole;
    std::size_t at, size;
    std::int64_t time;
  };
  ngsi::SymbolTable symbols_;
  ngsi::Symbol type_;
  std::unique_ptr<History> history_;
  ngsi::EntityBuilder builder_;
  ngsi::RecordWriter writer_;
  base::ByteBuffer bytes_;
  std::vector<Made> records_;
  std::map<std::string, std::int64_t> created_;
  std::uint64_t position_ = 0;
};

struct Folder {
  explicit Folder(const char* name) : path(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::string shortest(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[40];
    std::snprintf(shorter, sizeof shorter, "%.*g", digits, value);
    if (std::strtod(shorter, nullptr) == value) return shorter;
  }
  return text;
}

void check(const base::Status& status) {
  if (!status.ok()) std::printf("%s\n", status.error().message.c_str()), std::exit(1);
}

/// What a sealed backup does with it, but for the sealing: taken apart by entities, put together again. Beside it, what
/// reading every block costs.
void transfer(History& history) {
  Folder copy("madang_bench_copy"), made("madang_bench_made");
  const auto position = history.copy_to(copy.path.string());
  if (!position.ok()) std::printf("%s\n", position.error().message.c_str()), std::exit(1);
  const double points = static_cast<double>(history.health().points);
  double begun = wall();
  check(history.verify().ok() ? base::Status() : base::Status(base::error(base::Code::corrupt, "broken")));
  const double reading = wall() - begun;
  auto from = history::Export::open(copy.path.string());
  check(from.ok() ? base::Status() : base::Status(from.error()));
  std::size_t bytes = 0, parts = 0;
  begun = wall();
  check((*from)->run([&](const history::Part& part) {
    bytes += part.bytes.size(), ++parts;
    return base::Status();
  }));
  const double apart = wall() - begun;
  auto to = history::Import::begin(made.path.string(), *position);
  check(to.ok() ? base::Status() : base::Status(to.error()));
  begun = wall();
  check((*from)->run([&](const history::Part& part) { return (*to)->take(part); }));
  check((*to)->finish());
  std::printf(
      "  %.1f M points taken apart in %.2f s: %zu parts, %.1f MB (%.2f bytes a point); with putting together "
      "%.2f s; every block read and taken to rows: %.2f s\n",
      points / 1e6, apart, parts, static_cast<double>(bytes) / 1e6, static_cast<double>(bytes) / points, wall() - begun,
      reading);
}

/// `count` points through records of `attributes` each. Noisy doubles, observed about once a second with up to 400 ms
/// of jitter, modified some milliseconds later.
void feeding(std::size_t count, std::size_t attributes, bool disk) {
  Folder folder("madang_bench_feed");
  Feed feed(folder.path.string());
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(0, 1);
  std::vector<ngsi::Symbol> names;
  for (std::size_t i = 0; i < attributes; ++i) names.push_back(feed.name("value" + std::to_string(i)));
  constexpr std::size_t kEntities = 1'000;
  double spent = 0;
  std::size_t fed = 0;
  std::vector<Feed::Value> values(attributes);
  for (std::int64_t round = 0; fed < count; ++round) {
    for (std::size_t e = 0; e < kEntities; ++e) {
      const std::int64_t observed =
          kStart + round * 1'000'000'000 + static_cast<std::int64_t>(random() % 400) * 1'000'000;
      for (std::size_t i = 0; i < attributes; ++i)
        values[i] = {
            names[i], shortest(20 + 5 * std::sin(static_cast<double>(round) / 500) + noise(random)), observed, {}};
      feed.add("urn:ngsi-ld:Sensor:" + std::to_string(e),
               observed + static_cast<std::int64_t>(random() % 30'000) * 1'000, values);
      fed += attributes;
    }
    if (round % 64 != 63 && fed < count) continue;
    const double before = processor();
    feed.flow();
    spent += processor() - before;
  }
  const double before = processor();
  check(feed.history().flush());
  spent += processor() - before;
  std::printf(
      "feeding, %2zu attributes a record: %.3f us of processor a value, all threads (%.2f M values a second a core)\n",
      attributes, spent * 1e6 / static_cast<double>(fed), static_cast<double>(fed) / spent / 1e6);
  if (!disk) return;
  const double joining = processor();
  check(feed.history().merge_all());
  const auto joined = feed.history().health();
  std::printf("  on disk: %.2f bytes a point, all of history (%.3f us of processor a point to join)\n",
              static_cast<double>(joined.bytes) / static_cast<double>(joined.points),
              (processor() - joining) * 1e6 / static_cast<double>(fed));
  transfer(feed.history());
}

/// The hourly weather of Zurich, as it would come in: each hour some minutes late.
void zurich(const std::string& file) {
  std::ifstream in(file);
  if (!in) return (void)std::printf("Zurich: no file %s\n", file.c_str());
  Folder folder("madang_bench_zurich");
  Feed feed(folder.path.string());
  std::mt19937_64 random(1);
  std::string line;
  std::getline(in, line);
  std::size_t points = 0;
  while (std::getline(in, line)) {
    std::vector<std::string> cells(1);
    for (const char c : line)
      if (c == ',')
        cells.emplace_back();
      else if (c != '"' && c != '\r')
        cells.back() += c;
    if (cells.size() < 6 || cells[5].empty()) continue;
    const std::string& when = cells[0];  // 2026-01-01T00:00+0100
    const auto time = base::parse_timestamp(when.substr(0, 16) + ":00+01:00");
    if (!time.ok()) continue;
    feed.add("urn:ngsi-ld:WeatherObserved:" + cells[1],
             time->ns + 300'000'000'000 + static_cast<std::int64_t>(random() % 2'000'000) * 1'000,
             {{feed.name(cells[2]), cells[5], time->ns, "X"}});
    ++points;
  }
  feed.flow();
  check(feed.history().merge_all());
  const auto health = feed.history().health();
  std::printf("Zurich's weather: %zu points, %.2f bytes a point\n", points,
              static_cast<double>(health.bytes) / static_cast<double>(health.points));
}

/// The least processor time of some runs.
template <class Work>
double best_of(int times, Work&& work) {
  double best = 1e9;
  for (int i = 0; i < times; ++i) {
    const double before = processor();
    work();
    best = std::min(best, processor() - before);
  }
  return best;
}

/// One answer: how long it took, and a sum over it that whoever answers the same must come to.
void tell(const std::string& what, double took, double sum) {
  std::printf("  %-62s %9.3f ms  (%.9g)\n", what.c_str(), took * 1e3, sum);
}

/// What the decoder of blocks does by itself: times and values of every group, summed.
double decoder_rate() {
  std::vector<history::Row> rows(history::kBlockRows);
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].series = 1 << 24 | 1;
    rows[i].position = 1'000 + 20 * i;
    rows[i].observed = kStart + static_cast<std::int64_t>(i) * 60'000'000'000;
    rows[i].modified = rows[i].created = rows[i].observed + static_cast<std::int64_t>(random() % 1'000'000) * 1'000;
    rows[i].set_value("20.5");
    rows[i].mantissa = 2'000 + static_cast<std::int64_t>(random() % 500);
    rows[i].digits = 2;
    rows[i].meta = std::string_view("\0", 1);
  }
  std::string bytes;
  (void)history::encode_block(rows, bytes);
  constexpr int kRounds = 2'000;
  double sum = 0;
  const double best = best_of(5, [&] {
    for (int i = 0; i < kRounds; ++i) {
      auto block = history::Block::open(bytes);
      (void)(*block)->read_numbers(0, history::kBlockRows, true, [&](auto times, auto values, auto) {
        for (std::size_t row = 0; row < values.size(); ++row) sum += values[row] + static_cast<double>(times[row] & 1);
      });
    }
  });
  if (sum == 0) std::printf("\n");
  return kRounds * static_cast<double>(history::kBlockRows) / best;
}

std::string sensor(std::size_t number) {
  return "urn:ngsi-ld:Sensor:" + std::to_string(number);
}

/// Sensors with a value a minute, fed; and written as lines of sensor, µs since 1970 and value.
void fill(Feed& feed, std::size_t each, std::size_t sensors, std::ofstream* out) {
  std::mt19937_64 random(1);
  const ngsi::Symbol name = feed.name("temperature");
  for (std::size_t i = 0; i < each; ++i) {
    for (std::size_t s = 0; s < sensors; ++s) {
      const std::int64_t observed = kStart + static_cast<std::int64_t>(i) * 60'000'000'000;
      char text[16];
      std::snprintf(text, sizeof text, "%.2f",
                    20 + 5 * std::sin(static_cast<double>(i) / 500) + static_cast<double>(random() % 100) / 100);
      feed.add(sensor(s), observed + static_cast<std::int64_t>(random() % 1'000'000) * 1'000,
               {{name, text, observed, {}}});
      if (out != nullptr) *out << s << ',' << observed / 1'000 << ',' << text << '\n';
    }
    if (i % 4'096 == 0) feed.flow();
  }
  feed.flow();
  check(feed.history().flush());
}

void last_ones(Feed& feed, std::optional<base::Timestamp> until, const std::string& among) {
  ngsi::EvolutionQuery query;
  query.names_given = true;
  query.names = {feed.name("temperature")};
  query.last = 10;
  query.interval = ngsi::Interval{ngsi::TimeProperty::observed_at, base::Timestamp{kStart}, until};
  double sum = 0;
  const double took = best_of(50, [&] {
    const auto answer = feed.history().retrieve("", sensor(7), query, feed.symbols());
    sum = 0;
    for (std::size_t i = 0; answer.ok() && i < answer->beside.size(); ++i)
      sum += std::strtod(std::string(answer->view().attribute(i).value).c_str(), nullptr);
  });
  tell("last 10 of one attribute among " + among, took, sum);
}

double means(Feed& feed, std::size_t sensors, const ngsi::AggregationQuery& query) {
  double sum = 0;
  for (std::size_t s = 0; s < sensors; ++s) {
    const auto got = feed.history().aggregate("", sensor(s), query, feed.symbols());
    if (!got.ok()) std::printf("%s\n", got.error().message.c_str()), std::exit(1);
    for (const auto& series : got->series)
      for (const auto& row : series.rows)
        sum += std::strtod(row.values[static_cast<std::size_t>(ngsi::AggregateMethod::avg)].c_str(), nullptr);
  }
  return sum;
}

void asking(std::size_t count, std::size_t sensors, std::ofstream* out) {
  Folder folder("madang_bench_ask");
  Feed feed(folder.path.string());
  const std::size_t each = count / sensors;
  fill(feed, each, sensors, out);
  char size[32];
  std::snprintf(size, sizeof size, "%.1f M points", static_cast<double>(each * sensors) / 1e6);
  last_ones(feed, {}, std::string(size) + ", " + std::to_string(feed.history().health().runs) + " runs");
  check(feed.history().merge_all());
  last_ones(feed, {}, size);
  const base::Timestamp until{kStart + 10'000ll * 60'000'000'000};
  last_ones(feed, until, "10,000 points");

  ngsi::AggregationQuery query;
  query.evolution.interval = ngsi::Interval{ngsi::TimeProperty::observed_at, base::Timestamp{kStart}, std::nullopt};
  query.methods = {ngsi::AggregateMethod::avg, ngsi::AggregateMethod::max, ngsi::AggregateMethod::min};
  query.period.ns = 86'400'000'000'000;
  double sum = 0;
  const double days = best_of(3, [&] { sum = means(feed, sensors, query); });
  tell(std::string("daily mean, maximum and minimum of ") + size, days, sum);
  query.period.ns = 3'600'000'000'000;
  query.evolution.interval->until = until;
  query.methods.pop_back();
  const double hours = best_of(50, [&] { sum = means(feed, 1, query); });
  tell("hourly mean and maximum of 10,000 points", hours, sum);

  const auto health = feed.history().health();
  std::printf("a value a minute with two digits: %.2f bytes a point\n",
              static_cast<double>(health.bytes) / static_cast<double>(health.points));
  const double decoder = decoder_rate(), rate = static_cast<double>(each * sensors) / days;
  std::printf("daily means: %.1f M points a second; the decoder alone %.1f M: %.0f %%\n", rate / 1e6, decoder / 1e6,
              100 * rate / decoder);
}

}  // namespace
}  // namespace madang::bench

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const double millions = !words.empty() ? std::atof(words[0].c_str()) : 10;
  const auto points = static_cast<std::size_t>(millions * 1e6);
  constexpr std::size_t kSensors = 20;
  if (words.size() > 2 && words[1] == "--points") {
    std::ofstream out(words[2]);
    madang::bench::asking(points, kSensors, &out);
    return out.flush() ? 0 : 1;
  }
  madang::bench::feeding(points / 2, 10, true);
  madang::bench::feeding(points / 4, 1, false);
  if (words.size() > 1) madang::bench::zurich(words[1]);
  std::printf("asking:\n");
  madang::bench::asking(points, kSensors, nullptr);
  return 0;
}
