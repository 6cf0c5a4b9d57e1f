#include "bench/ceilings.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "madang/base/file.h"
#include "madang/base/time.h"
#include "madang/journal/journal.h"
#include "madang/net/floor.h"
#include "madang/net/http.h"
#include "madang/net/load.h"

#include "bench/child.h"

namespace madang::app {

using base::Code;
using base::error;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t kAnswerBytes = 900;
constexpr std::size_t kSyncs = 300;
constexpr std::size_t kWriteBytes = 256u << 20;
constexpr std::size_t kRecordBytes = 500;

double seconds_since(Steady::time_point begun) {
  return std::chrono::duration<double>(Steady::now() - begun).count();
}

/// The HTTP layer of the server with nothing behind it.
void serve_constant(int port_out) {
  const std::string body(kAnswerBytes, 'x');
  net::ServerOptions options;
  options.port = 0;
  auto server = net::Server::start(options, [&](const net::Request&, net::Responder responder) {
    responder.send(200, "application/json", {}, [&](std::string& out) { out += body; });
  });
  if (!server.ok()) return;
  const std::uint16_t port = (*server)->port();
  if (::write(port_out, &port, sizeof(port)) != sizeof(port)) return;
  for (;;) ::pause();
}

base::Result<HttpCeiling> load(const Child& child, const BenchCommand& command, std::uint64_t connections) {
  net::LoadOptions options;
  options.port = child.port();
  options.connections = connections;
  options.request =
      net::round_robin({net::raw_request("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:AirQualityObserved:000000001")});
  options.duration = std::chrono::milliseconds(200);
  options.cpu = command.load_cpu;
  MADANG_TRY(const auto warmed, net::run_load(options));
  static_cast<void>(warmed);
  options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(command.seconds * 1'000));
  const double before = child.cpu_seconds();
  MADANG_TRY(const auto report, net::run_load(options));
  return HttpCeiling{.requests_per_second = report.requests_per_second(),
                     .cpu_microseconds = 1e6 * (child.cpu_seconds() - before) /
                                         static_cast<double>(std::max<std::uint64_t>(1, report.requests)),
                     .p99 = report.latency.quantile(0.99)};
}

base::Status measure_disk(const std::string& folder, Ceilings& ceilings) {
  const std::string path = folder + "/disk";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return error(Code::io, "cannot write", path);
  const std::vector<char> block(1u << 20, 'm');
  bool ok = true;
  // As the journal has it: written full before use, so that a sync writes data alone.
  for (int i = 0; i < 16; ++i) ok = ok && ::pwrite(file, block.data(), block.size(), static_cast<off_t>(i) << 20) > 0;
  ok = ok && ::fdatasync(file) == 0;
  std::vector<double> syncs;
  for (std::size_t i = 0; ok && i < kSyncs; ++i) {
    const auto begun = Steady::now();
    ok = ::pwrite(file, block.data(), 4'096, static_cast<off_t>(i) * 4'096) == 4'096 && ::fdatasync(file) == 0;
    syncs.push_back(seconds_since(begun));
  }
  const auto begun = Steady::now();
  for (std::size_t at = 0; ok && at < kWriteBytes; at += block.size()) {
    ok = ::pwrite(file, block.data(), block.size(), static_cast<off_t>(at)) > 0;
  }
  ok = ok && ::fdatasync(file) == 0;
  ceilings.write_bytes_per_second = static_cast<double>(kWriteBytes) / seconds_since(begun);
  ::close(file);
  ::unlink(path.c_str());
  if (!ok) return error(Code::io, "cannot measure the disk", path);
  std::ranges::nth_element(syncs, syncs.begin() + kSyncs / 2);
  ceilings.sync_seconds = syncs[kSyncs / 2];
  return {};
}

base::Status measure_journal(const BenchCommand& command, const std::string& folder, Ceilings& ceilings) {
  MADANG_TRY(const auto journal,
             journal::Journal::open(base::real_files(), folder + "/journal", {}, base::system_clock()));
  const std::vector<std::byte> record(kRecordBytes, std::byte{'j'});
  const auto begun = Steady::now();
  std::uint64_t appended = 0;
  while (seconds_since(begun) < command.seconds) {
    for (int i = 0; i < 256; ++i) {
      if (const auto position = journal->append(journal::RecordKind::entity_put, "", 0, record); position.ok()) {
        ++appended;
      } else if (position.error().code == Code::unavailable) {
        MADANG_CHECK(journal->wait(journal->last()));
      } else {
        return position.error();
      }
    }
    journal->commit();
  }
  MADANG_CHECK(journal->wait(journal->last()));
  ceilings.journal_records_per_second = static_cast<double>(appended) / seconds_since(begun);
  return {};
}

void print(const char* name, std::uint64_t connections, const HttpCeiling& ceiling) {
  std::printf("%-38s %5llu conn %10.0f /s %10.2f us CPU   p99 %7.2f ms\n", name,
              static_cast<unsigned long long>(connections), ceiling.requests_per_second, ceiling.cpu_microseconds,
              ceiling.p99 * 1e3);
  std::fflush(stdout);
}

}  // namespace

base::Result<Ceilings> measure_ceilings(const BenchCommand& command, const std::string& folder) {
  Ceilings ceilings;
  std::printf("Ceilings of this machine in this run\n");
  for (const std::uint64_t connections : command.connections) {
    // In turns, so that both see the same machine.
    MADANG_TRY(auto bare,
               Child::fork(command.server_cpu, [](int out) { net::bare_epoll_server(0, out, kAnswerBytes); }));
    MADANG_TRY(ceilings.bare[connections], load(bare, command, connections));
    bare.end(SIGKILL);
    MADANG_TRY(auto constant, Child::fork(command.server_cpu, serve_constant));
    MADANG_TRY(ceilings.constant[connections], load(constant, command, connections));
    constant.end(SIGKILL);
    print("bare epoll server", connections, ceilings.bare[connections]);
    print("HTTP layer, constant answer", connections, ceilings.constant[connections]);
    std::printf("%-38s %26.2f x CPU of the bare one\n", "",
                ceilings.constant[connections].cpu_microseconds / ceilings.bare[connections].cpu_microseconds);
  }
  MADANG_CHECK(measure_disk(folder, ceilings));
  MADANG_CHECK(measure_journal(command, folder, ceilings));
  std::printf(
      "disk: sync %.3f ms (median), sequential write %.0f MB/s; journal with group commit: %.0f records of %zu B a "
      "second\n\n",
      ceilings.sync_seconds * 1e3, ceilings.write_bytes_per_second / 1e6, ceilings.journal_records_per_second,
      kRecordBytes);
  std::fflush(stdout);
  return ceilings;
}

}  // namespace madang::app
