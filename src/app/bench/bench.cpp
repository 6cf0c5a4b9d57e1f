// madang bench, from the ceilings to the last line.

#include "bench/bench.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "madang/base/uri.h"
#include "madang/net/http.h"
#include "madang/net/load.h"

#include "bench/ceilings.h"
#include "bench/child.h"
#include "bench/data.h"
#include "bench/workloads.h"
#include "commands/commands.h"
#include "progress.h"

namespace madang::app {

using base::Code;
using base::error;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr double kPacedRate = 40'000;

double mib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1u << 20);
}

class Bench {
 public:
  Bench(const BenchCommand& command, std::string folder) : command_(command), folder_(std::move(folder)) {}

  base::Status run() {
    MADANG_TRY(ceilings_, measure_ceilings(command_, folder_));
    if (command_.target.empty()) {
      MADANG_CHECK(start("1", command_.server_cpu));
      idle_ = server_->resident();
      std::printf("start on an empty folder %.0f ms, idle %.1f MiB resident\n\n", server_->start_seconds() * 1e3,
                  mib(idle_));
    } else {
      MADANG_TRY(const auto url, base::parse_url(command_.target));
      address_ = url.host == "localhost" ? "127.0.0.1" : url.host;
      port_ = static_cast<std::uint16_t>(std::strtoul(url.port.c_str(), nullptr, 10));
    }
    std::vector<std::uint64_t> sizes = command_.entities;
    std::ranges::sort(sizes);
    head();
    for (const std::uint64_t size : sizes) {
      MADANG_CHECK(fill(size));
      for (const Workload& workload : workloads()) {
        if (workload.all_sizes || size == sizes.back()) MADANG_CHECK(measure(workload));
      }
    }
    if (command_.target.empty()) {
      MADANG_CHECK(memory_and_restart());
      MADANG_CHECK(two_threads());
    }
    return {};
  }

 private:
  base::Status start(const std::string& threads, int cpu) {
    const std::string config = folder_ + "/madang.toml";
    std::ofstream(config) << "[[index]]\ntype = \"AirQualityObserved\"\nattribute = \"zone\"\n"
                             "[[index]]\ntype = \"AirQualityObserved\"\nattribute = \"serial\"\n"
                          << "[history]\nenabled = " << (command_.history ? "true\n" : "false\n");
    MADANG_TRY(auto child, Child::serve(cpu, {"--config", config, "--data", folder_ + "/data", "--port", "0",
                                              "--threads", threads, "--no-sample", "--log-level", "warning"}));
    port_ = child.port();
    server_ = std::move(child);
    return {};
  }

  net::LoadOptions load(std::uint64_t connections) const {
    net::LoadOptions options;
    options.address = address_;
    options.port = port_;
    options.connections = connections;
    options.cpu = command_.load_cpu;
    options.patience = kPatience;
    return options;
  }

  base::Status fill(std::uint64_t size) {
    if (size <= filled_) return {};
    net::LoadOptions options = load(4);
    if (filled_ == 0) {
      auto linked = linked_entities();
      options.requests = linked.size();
      options.request = net::round_robin(std::move(linked));
      MADANG_TRY(const auto made, net::run_load(options));
      if (made.by_class[2] != made.requests) return error(Code::unavailable, "the server refuses entities");
    }
    options.request = filling(filled_, size - filled_);
    options.requests = (size - filled_ + 999) / 1'000;
    const auto begun = std::chrono::steady_clock::now();
    MADANG_TRY(const auto report, net::run_load(options));
    if (report.by_class[2] != report.requests || report.requests == 0)
      return error(Code::unavailable, "the server refuses entities");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("-- %llu entities, %.0f new ones a second", static_cast<unsigned long long>(size),
                static_cast<double>(size - filled_) / took.count());
    if (server_) {
      const std::uint64_t resident = server_->resident();
      std::printf("; resident %.0f MiB, %.0f bytes an entity above idle", mib(resident),
                  static_cast<double>(resident - std::min(resident, idle_)) / static_cast<double>(size));
    }
    std::printf("\n");
    filled_ = size;
    if (server_ && command_.history) MADANG_CHECK(settle_history());
    return {};
  }

  static void head() {
    std::printf("%-34s %9s %5s %11s %9s %9s %10s %8s\n", "", "entities", "conn", "requests/s", "p50 ms", "p99 ms",
                "CPU us/req", "ratio");
  }

  /// Requests a second that this machine could give at most.
  double ceiling_of(const Workload& workload, std::uint64_t connections) const {
    const auto nearest =
        std::prev(ceilings_.constant.upper_bound(std::max(connections, ceilings_.constant.begin()->first)));
    const double http = nearest->second.requests_per_second;
    switch (workload.against) {
      case Against::http:
        return http;
      case Against::durable_update:
        return std::min(http, static_cast<double>(connections) / (2 * ceilings_.sync_seconds));
      case Against::disk_write:
        return ceilings_.write_bytes_per_second / (1'024.0 * static_cast<double>(workload.entities_a_request));
    }
    return http;
  }

  base::Status measure(const Workload& workload) {
    if (workload.name.find(command_.only) == std::string::npos) return {};
    std::set<std::uint64_t> numbers;
    for (const std::uint64_t connections : command_.connections) {
      numbers.insert(std::min(connections, workload.most_connections));
    }
    for (const std::uint64_t connections : numbers) {
      net::LoadOptions options = load(connections);
      options.request = workload.requests(filled_);
      options.duration = std::chrono::milliseconds(200);
      MADANG_TRY(const auto warmed, net::run_load(options));
      static_cast<void>(warmed);
      options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(command_.seconds * 1'000));
      const double before = server_ ? server_->cpu_seconds() : 0;
      MADANG_TRY(const auto report, net::run_load(options));
      double after = server_ ? server_->cpu_seconds() : 0;
      if (server_ && command_.history) {
        MADANG_TRY(after, settle_history());
      }
      print(workload, connections, report, after - before);
    }
    return {};
  }

  void print(const Workload& workload, std::uint64_t connections, const net::LoadReport& report, double cpu) const {
    const double rate = report.requests_per_second();
    const auto requests = static_cast<double>(std::max<std::uint64_t>(1, report.requests));
    std::printf("%-34s %9llu %5llu %11.0f %9.3f %9.3f %10.2f %7.0f%%", workload.name.c_str(),
                static_cast<unsigned long long>(filled_), static_cast<unsigned long long>(connections), rate,
                report.latency.quantile(0.5) * 1e3, report.latency.quantile(0.99) * 1e3, 1e6 * cpu / requests,
                100 * rate / ceiling_of(workload, connections));
    if (workload.entities_a_request > 1) {
      const auto each = static_cast<double>(workload.entities_a_request);
      std::printf("  %.0f entities/s", rate * each);
      if (cpu > 0) std::printf(", %.0f a second of CPU", requests * each / cpu);
    }
    if (workload.name.starts_with("full scan"))
      std::printf("  %.2f M entities/s", rate * static_cast<double>(filled_) / 1e6);
    const std::uint64_t refused = report.requests - std::min(report.requests, report.by_class[2]);
    if (refused != 0 || report.failures != 0) {
      std::printf("  %llu refused, %llu broken", static_cast<unsigned long long>(refused),
                  static_cast<unsigned long long>(report.failures));
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  base::Status memory_and_restart() {
    std::printf("\nresident %.0f MiB after all of this, %.0f MiB at most\n", mib(server_->resident()),
                mib(server_->peak_resident()));
    server_->end(SIGKILL);
    MADANG_CHECK(start("1", command_.server_cpu));
    std::printf("ready again %.2f s after a kill, resident %.0f MiB\n", server_->start_seconds(),
                mib(server_->resident()));
    return {};
  }

  /// The same paced load on one thread and on two: what the second one costs.
  base::Status two_threads() {
    for (const Workload& workload : workloads()) {
      if (workload.name != "retrieve by id" && workload.name != "update of one attribute") continue;
      if (workload.name.find(command_.only) == std::string::npos) continue;
      double first = 0;
      for (const char* threads : {"1", "2"}) {
        server_->end(SIGTERM);
        MADANG_CHECK(start(threads, -1));
        net::LoadOptions options = load(64);
        options.cpu = -1;
        options.request = workload.requests(filled_);
        options.rate = kPacedRate;
        options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(command_.seconds * 1'000));
        const double waited_before = lock_wait_microseconds();
        const double before = server_->cpu_seconds();
        MADANG_TRY(const auto report, net::run_load(options));
        const double cpu =
            1e6 * (server_->cpu_seconds() - before) / static_cast<double>(std::max<std::uint64_t>(1, report.requests));
        if (first == 0) first = cpu;
        const double waited = lock_wait_microseconds() - waited_before;
        std::printf(
            "%s, paced %.0f/s, %s thread(s): %.0f/s, %.2f us CPU a request (%.2f x one thread), %.3f us waiting for "
            "the lock of changes\n",
            workload.name.c_str(), kPacedRate, threads, report.requests_per_second(), cpu, cpu / first,
            waited / static_cast<double>(std::max<std::uint64_t>(1, report.requests)));
        std::fflush(stdout);
      }
    }
    return {};
  }

  /// What threads have waited for the one lock that changes share, from the server's own count.
  double lock_wait_microseconds() const { return metric("madang_sequencer_wait_nanoseconds_total") / 1e3; }

  /// What is in history's memory goes to its disk, and what it joins then is waited for, so that a figure has the
  /// writing of its own changes in it and of no others. The processor time of the server up to the end of the writing.
  base::Result<double> settle_history() {
    constexpr auto kLook = std::chrono::milliseconds(500);
    constexpr double kQuiet = 0.02;  // of a core
    for (int i = 0; i < 1'000 && metric("madang_history_lag_records") > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const double cpu = server_->end(SIGTERM);
    MADANG_CHECK(start("1", command_.server_cpu));
    double last = server_->cpu_seconds(), now = last;
    do {
      last = now;
      std::this_thread::sleep_for(kLook);
      now = server_->cpu_seconds();
    } while (now - last > kQuiet * std::chrono::duration<double>(kLook).count());
    return cpu;
  }

  /// One number of the server's own; 0 where it says none.
  double metric(std::string_view name) const {
    const std::string line = '\n' + std::string(name) + ' ';
    const auto session = net::Session::connect("http://127.0.0.1:" + std::to_string(port_), kPatience);
    if (!session.ok()) return 0;
    const auto answer = (*session)->exchange(net::Method::get, "/metrics", {}, {});
    const auto at = answer.ok() ? answer->body.find(line) : std::string::npos;
    return at == std::string::npos ? 0 : std::strtod(answer->body.c_str() + at + line.size(), nullptr);
  }

  const BenchCommand& command_;
  std::string folder_;
  Ceilings ceilings_;
  std::optional<Child> server_;
  std::string address_ = "127.0.0.1";
  std::uint16_t port_ = 0;
  std::uint64_t filled_ = 0, idle_ = 0;
};

}  // namespace

int bench(const BenchCommand& command) {
  setenv("LC_ALL", "C", 1);  // the server's first line is read
  std::string folder = command.folder;
  std::error_code failed;
  if (folder.empty()) {
    std::string pattern = "/var/tmp/madang-bench.XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr)
      return fail("cannot make a folder in /var/tmp; name one with --folder", kFailed);
    folder = pattern;
  } else if (fs::exists(folder, failed) || !fs::create_directories(folder, failed)) {
    return fail("--folder must name a folder that can be made and is removed afterwards", kUsage);
  }
  const auto done = Bench(command, folder).run();
  fs::remove_all(folder, failed);
  return done.ok() ? kDone : fail(done.error());
}

}  // namespace madang::app
