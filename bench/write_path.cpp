// The write path without the network: what an entity of a batch and an update of one attribute cost, part by part,
// beside what simdjson needs to walk the same text and what copying it costs.
//
//   ninja bench_write_path && build/release/bench/bench_write_path [ENTITIES [ROUNDS]]

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <simdjson.h>

#include "madang/base/file.h"
#include "madang/hub/hub.h"
#include "madang/ngsi/change.h"

#include "bench/data.h"

namespace madang::bench {
namespace {

constexpr std::size_t kBatch = 100;
constexpr std::size_t kInFlight = 64;  // batches, or updates, at the disk at once

/// The loop of a server, without its connections.
class Loop final : public base::Executor {
 public:
  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    ready_.notify_one();
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return !work_.empty(); });
        next = std::move(work_.front());
        work_.pop_front();
      }
      next();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> work_;
};

double seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Processor time of what `work` does, for one of `count`, in µs: of this thread and of the process.
template <class Work>
void measure(const char* name, std::size_t count, Work&& work) {
  const double thread = seconds(CLOCK_THREAD_CPUTIME_ID), process = seconds(CLOCK_PROCESS_CPUTIME_ID);
  work();
  const double scale = 1e6 / static_cast<double>(count);
  std::printf("%-44s %8.3f us of this thread %8.3f us of the process\n", name,
              (seconds(CLOCK_THREAD_CPUTIME_ID) - thread) * scale,
              (seconds(CLOCK_PROCESS_CPUTIME_ID) - process) * scale);
}

std::string padded(std::string text) {
  text.append(simdjson::SIMDJSON_PADDING, ' ');
  return text;
}
std::string_view bare(const std::string& text) {
  return std::string_view(text).substr(0, text.size() - simdjson::SIMDJSON_PADDING);
}

std::vector<std::string> batches_of(std::size_t entities, std::uint64_t round) {
  std::vector<std::string> out;
  for (std::size_t first = 0; first < entities; first += kBatch) {
    std::string body = "[";
    for (std::size_t i = first; i < first + kBatch; ++i) {
      if (i != first) body += ',';
      app::append_station(body, app::scatter(i) % entities, round);
    }
    out.push_back(padded(body + "]"));
  }
  return out;
}

class Bench {
 public:
  Bench(std::size_t entities, std::uint64_t rounds) : entities_(entities), rounds_(rounds) {
    who_ = [] {
      auto admin = std::make_shared<governance::Principal>();
      admin->role = governance::Role::admin;
      admin->all_tenants = true;
      return admin;
    }();
  }

  int run() {
    std::string folder = (std::filesystem::temp_directory_path() / "madang-write-path-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return 1;
    hub::Options options;
    options.folder = folder;
    options.indexes = {{"", kType, "https://uri.etsi.org/ngsi-ld/default-context/zone"},
                       {"", kType, "https://uri.etsi.org/ngsi-ld/default-context/serial"}};
    auto opened = hub::Hub::open(base::real_files(), base::system_clock(), options);
    if (!opened.ok()) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
    hub_ = std::move(*opened);
    vocabulary_.emplace(ngsi::core_context(), **hub_->symbols("", true));
    fill();
    std::printf("%zu entities of 1 kB, batches of %zu, %zu at once\n", entities_, kBatch, kInFlight);
    for (std::uint64_t round = 1; round <= rounds_; ++round) {
      const auto bodies = batches_of(entities_, round);
      batches(bodies);
      updates(round);
    }
    hub_.reset();
    std::filesystem::remove_all(folder);
    return 0;
  }

 private:
  static constexpr const char* kType = "https://uri.etsi.org/ngsi-ld/default-context/AirQualityObserved";

  std::vector<ngsi::Change> read(std::string_view body) {
    auto items = reader_.read_array(body, ngsi::FragmentKind::entity, *vocabulary_, kBatch);
    if (!items.ok()) std::abort();
    std::vector<ngsi::Change> changes;
    changes.reserve(items->size());
    for (auto& item : *items) {
      ngsi::Change& change = changes.emplace_back();
      change.operation = ngsi::Operation::upsert_replace;
      change.id = item.fragment->view().id();
      change.fragment = std::move(item.fragment).value();
    }
    return changes;
  }

  void apply(std::vector<ngsi::Change>&& changes) {
    ++sent_;
    hub_->apply(who_, "", std::move(changes), loop_, [this](std::vector<hub::ChangeResult>&& results) {
      for (const auto& result : results)
        if (result.error) std::abort();
      ++answered_;
    });
    loop_.run_until([this] { return sent_ - answered_ < kInFlight; });
  }
  void settle() {
    loop_.run_until([this] { return sent_ == answered_; });
  }

  void fill() {
    for (std::size_t first = 0; first < entities_; first += kBatch) {
      std::string body = "[";
      for (std::size_t i = first; i < first + kBatch; ++i) {
        if (i != first) body += ',';
        app::append_station(body, i, 0);
      }
      body = padded(body + "]");
      apply(read(bare(body)));
    }
    settle();
  }

  void batches(const std::vector<std::string>& bodies) {
    std::string copy;
    measure("copying the text", entities_, [&] {
      for (const auto& body : bodies) copy.assign(body);
    });
    simdjson::ondemand::parser parser;
    measure("simdjson: structure", entities_, [&] {
      for (const auto& body : bodies) {
        simdjson::ondemand::document document;
        if (parser
                .iterate(
                    simdjson::padded_string_view(body.data(), body.size() - simdjson::SIMDJSON_PADDING, body.size()))
                .get(document))
          std::abort();
      }
    });
    measure("reading (read_array)", entities_, [&] {
      for (const auto& body : bodies)
        if (read(bare(body)).size() != kBatch) std::abort();
    });
    measure("reading and applying, durable", entities_, [&] {
      for (const auto& body : bodies) apply(read(bare(body)));
      settle();
    });
  }

  void updates(std::uint64_t round) {
    const auto name = vocabulary_->intern("pm10");
    const std::size_t count = entities_ / 2;
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t i = 0; i < count; ++i)
      all.emplace_back(app::station_id(app::scatter(i + round) % entities_),
                       padded(R"({"type":"Property","value":)" + std::to_string(app::scatter(i ^ round) % 500) + "}"));
    const auto change_of = [&](const std::pair<std::string, std::string>& update) {
      auto fragment = reader_.read_attribute(bare(update.second), *name, *vocabulary_);
      if (!fragment.ok()) std::abort();
      std::vector<ngsi::Change> changes(1);
      changes[0].operation = ngsi::Operation::partial_attribute;
      changes[0].id = update.first;
      changes[0].attribute = *name;
      changes[0].fragment = std::move(*fragment);
      return changes;
    };
    measure("reading one attribute", count, [&] {
      for (const auto& update : all)
        if (change_of(update).empty()) std::abort();
    });
    measure("updating one attribute, durable", count, [&] {
      for (const auto& update : all) apply(change_of(update));
      settle();
    });
  }

  std::size_t entities_;
  std::uint64_t rounds_;
  hub::PrincipalPtr who_;
  std::unique_ptr<hub::Hub> hub_;
  std::optional<ngsi::Vocabulary> vocabulary_;
  ngsi::FragmentReader reader_{ngsi::EntityLimits{}};
  Loop loop_;
  std::size_t sent_ = 0, answered_ = 0;
};

}  // namespace
}  // namespace madang::bench

int main(int argc, char** argv) {
  const std::size_t entities = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const std::uint64_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 3;
  return madang::bench::Bench((entities + 99) / 100 * 100, rounds).run();
}
