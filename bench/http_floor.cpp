// What the HTTP layer costs over the least that is possible: a bare epoll server and net::Server answer the same
// constant, in turns, each in its own process on cpu 0, loaded from cpu 1. CPU time is the figure to look at: requests
// a second depend on the load generator and on whoever else uses the machine.
//
//   bench_http_floor [rounds [seconds [connections [pipeline]]]]
//   bench_http_floor serve      only the server, for a profiler: prints its port, ends with the terminal

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/net/floor.h"
#include "madang/net/http.h"
#include "madang/net/load.h"

namespace {

using namespace madang;

constexpr std::size_t kAnswer = 900;

void pin(std::size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

int serve_constant(int port_out) {
  net::ServerOptions options;
  options.port = 0;
  auto server = net::Server::start(options, [](const net::Request&, net::Responder responder) {
    responder.send(200, "application/json", {}, [](std::string& out) { out.append(kAnswer, 'x'); });
  });
  if (!server.ok()) return 1;
  const std::uint16_t port = (*server)->port();
  if (::write(port_out, &port, sizeof port) != sizeof port) return 1;
  while (true) ::pause();
}

struct Child {
  std::string name;
  int pid = 0;
  std::uint16_t port = 0;
  std::vector<double> us_per_request, requests_per_second;
};

template <class Serve>
Child spawn(std::string name, Serve serve) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  Child child;
  child.name = std::move(name);
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0);
    ::_exit(serve(ends[1]));
  }
  ::close(ends[1]);
  if (::read(ends[0], &child.port, sizeof child.port) != sizeof child.port) std::exit(1);
  ::close(ends[0]);
  return child;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool measure(Child& child, const net::LoadOptions& load) {
  net::LoadOptions options = load;
  options.port = child.port;
  const double before = net::process_cpu_seconds(child.pid);
  const auto report = net::run_load(options);
  const double used = net::process_cpu_seconds(child.pid) - before;
  if (!report.ok()) {
    std::fprintf(stderr, "%s: %s\n", child.name.c_str(), report.error().message.c_str());
    return false;
  }
  child.us_per_request.push_back(used * 1e6 / static_cast<double>(report->requests));
  child.requests_per_second.push_back(report->requests_per_second());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "serve") == 0) {
    Child child = spawn("net::Server", serve_constant);
    std::printf("%d %u\n", child.pid, child.port);
    std::fflush(stdout);
    return ::waitpid(child.pid, nullptr, 0) > 0 ? 0 : 1;
  }
  const auto argument = [&](int i, long otherwise) { return argc > i ? std::strtol(argv[i], nullptr, 10) : otherwise; };
  const long rounds = std::max(argument(1, 7), 1L);
  net::LoadOptions load;
  load.duration = std::chrono::milliseconds(1000 * argument(2, 1));
  load.connections = static_cast<std::size_t>(argument(3, 64));
  load.pipeline = static_cast<std::size_t>(argument(4, 1));
  load.cpu = 1;
  std::vector<Child> children;
  children.push_back(spawn("bare epoll", [](int out) { return net::bare_epoll_server(0, out, kAnswer); }));
  children.push_back(spawn("net::Server", serve_constant));
  const std::string headers = "Accept: application/json\r\nUser-Agent: bench\r\n";
  const std::vector<std::pair<std::string, std::string>> workloads = {
      {"GET", net::raw_request("GET", "/constant?of=900", headers)},
      {"POST 500 B",
       net::raw_request("POST", "/constant", headers + "Content-Type: application/json\r\n", std::string(500, ' '))}};
  for (const auto& [name, request] : workloads) {
    load.request = net::round_robin({request});
    for (Child& child : children) child.us_per_request.clear(), child.requests_per_second.clear();
    for (long round = 0; round < rounds; ++round) {
      for (Child& child : children) {
        if (!measure(child, load)) return 1;
      }
    }
    for (const Child& child : children) {
      std::printf("%-11s %-12s %9.0f requests/s  %6.2f us CPU/request (best %.2f)\n", name.c_str(), child.name.c_str(),
                  median(child.requests_per_second), median(child.us_per_request),
                  *std::min_element(child.us_per_request.begin(), child.us_per_request.end()));
    }
    std::vector<double> ratios;
    for (std::size_t i = 0; i < children[0].us_per_request.size(); ++i) {
      ratios.push_back(children[1].us_per_request[i] / children[0].us_per_request[i]);
    }
    std::printf("%-11s ratio of CPU  %.3f (median of rounds)\n", name.c_str(), median(ratios));
  }
  for (const Child& child : children) ::kill(child.pid, SIGKILL);
}
