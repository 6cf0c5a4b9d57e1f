// What sending costs when nothing else is done: net::Client against a bare sink in a process of its own, many small
// POSTs to some servers, as notifications are. Beside it: the same bytes by the load generator, which keeps no time,
// looks nothing up and makes no objects: the floor on this machine.
//
//   bench_client_ceiling [requests] [hosts] [under way]

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/net/floor.h"
#include "madang/net/http.h"
#include "madang/net/load.h"

namespace {

using namespace madang;

constexpr std::size_t kBody = 700;  // a notification of one small entity

struct Sink {
  pid_t pid = 0;
  std::uint16_t port = 0;
};

Sink start_sink() {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  Sink sink;
  sink.pid = ::fork();
  if (sink.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::_Exit(net::bare_epoll_server(0, ends[1], 0));
  }
  if (::read(ends[0], &sink.port, sizeof sink.port) != sizeof sink.port) std::abort();
  return sink;
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Keeps `under_way` requests going from the callbacks until all are done.
class Flood {
 public:
  Flood(std::vector<std::string> urls, std::size_t requests, std::size_t under_way)
      : urls_(std::move(urls)), requests_(requests), client_(options(under_way, urls_.size())) {
    ::sem_init(&done_, 0, 0);
    for (std::size_t i = 0; i < under_way; ++i) next();
  }
  void wait() { ::sem_wait(&done_); }
  std::size_t failures() const { return failures_; }

 private:
  static net::ClientOptions options(std::size_t under_way, std::size_t hosts) {
    net::ClientOptions made;
    made.allow_private = true;
    made.concurrent = made.idle = under_way;
    made.concurrent_per_host = under_way / hosts;
    return made;
  }
  void next() {
    const std::size_t index = started_++;
    if (index >= requests_) return;
    net::ClientRequest request;
    request.method = net::Method::post;
    request.url = urls_[index % urls_.size()];
    request.headers = {{"Content-Type", "application/json"}, {"X-Subscription", "urn:ngsi-ld:Subscription:1"}};
    request.body.assign(kBody, 'x');
    request.repeatable = true;
    client_.send(std::move(request), [this](const base::Result<net::ClientResponse>& got) {
      failures_ += got.ok() && got->status == 200 ? 0 : 1;
      if (++ended_ == requests_) ::sem_post(&done_);
      next();
    });
  }

  const std::vector<std::string> urls_;
  const std::size_t requests_;
  std::atomic<std::size_t> started_ = 0, ended_ = 0, failures_ = 0;
  sem_t done_{};
  net::Client client_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at, std::size_t otherwise) {
    return argc > at ? static_cast<std::size_t>(std::strtoul(argv[at], nullptr, 10)) : otherwise;
  };
  const std::size_t requests = number(1, 200'000), hosts = number(2, 4), under_way = number(3, 64);
  std::vector<Sink> sinks;
  std::vector<std::string> urls;
  for (std::size_t i = 0; i < hosts; ++i) {
    sinks.push_back(start_sink());
    urls.push_back("http://127.0.0.1:" + std::to_string(sinks.back().port) + "/notify");
  }
  const int self = ::getpid();
  double cpu = net::process_cpu_seconds(self), begun = seconds();
  {
    Flood flood(urls, requests, under_way);
    flood.wait();
    if (flood.failures() > 0) std::printf("%zu failed\n", flood.failures());
    const double took = seconds() - begun;
    cpu = net::process_cpu_seconds(self) - cpu;
    std::printf("client: %.0f POSTs/s, %.2f us of CPU each\n", static_cast<double>(requests) / took,
                cpu / static_cast<double>(requests) * 1e6);
  }
  net::LoadOptions load;
  load.port = sinks.front().port;
  load.connections = under_way;
  load.requests = requests;
  load.request = net::round_robin(
      {net::raw_request("POST", "/notify", "Content-Type: application/json\r\n", std::string(kBody, 'x'))});
  cpu = net::process_cpu_seconds(self), begun = seconds();
  const auto report = net::run_load(load);
  const double took = seconds() - begun;
  cpu = net::process_cpu_seconds(self) - cpu;
  if (report.ok()) {
    std::printf("floor:  %.0f POSTs/s, %.2f us of CPU each\n", static_cast<double>(requests) / took,
                cpu / static_cast<double>(requests) * 1e6);
  }
  for (const Sink& sink : sinks) ::kill(sink.pid, SIGKILL);
  return report.ok() ? 0 : 1;
}
