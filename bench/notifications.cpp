// Changes at a rate, each matched by some subscriptions: are all delivered, how late, and at what cost to the server?
// The server is a process of its own; its CPU time is read from /proc.
//
//   madang serve --port 8089 --data /tmp/n --no-sample --allow-private-egress &
//   bench_notifications http-port pid [changes a second] [matching] [seconds] [others]

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "madang/net/http.h"
#include "madang/net/load.h"

using namespace madang;

namespace {

/// Seconds of processor time of a process so far.
double cpu_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  for (int i = 0; i < 11; ++i) rest >> word;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Takes notifications, and knows when each change was sent: its value is a number.
struct Subscriber {
  std::atomic<std::uint64_t> taken{0}, late{0};
  std::mutex mutex;
  net::LatencyHistogram latency;
  std::vector<std::atomic<std::int64_t>> sent;

  explicit Subscriber(std::size_t changes) : sent(changes) {}
  void take(std::string_view body) {
    const auto at = body.find("\"speed\":");
    if (at == body.npos) return;
    const auto number = static_cast<std::size_t>(std::strtoull(body.data() + at + 8, nullptr, 10));
    if (number >= sent.size() || sent[number] == 0) return;
    const std::int64_t took = now_ns() - sent[number];
    taken.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex);
    latency.add(static_cast<std::uint64_t>(took));
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_notifications PORT PID [changes a second] [matching] [seconds] [others]\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int pid = std::atoi(argv[2]);
  const double rate = argc > 3 ? std::atof(argv[3]) : 2'000;
  const int matching = argc > 4 ? std::atoi(argv[4]) : 16;
  const int seconds = argc > 5 ? std::atoi(argv[5]) : 10;
  const int others = argc > 6 ? std::atoi(argv[6]) : 0;
  const auto changes = static_cast<std::uint64_t>(rate * seconds);
  constexpr std::uint64_t kEntities = 1'000;

  Subscriber subscriber(changes + 1);
  net::ServerOptions options;
  options.port = 0;
  auto sink = net::Server::start(options, [&](const net::Request& request, net::Responder responder) {
    subscriber.take(request.body);
    responder.send(204, {}, {}, [](std::string&) {});
  });
  if (!sink.ok()) return 1;
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  const std::string to = "http://127.0.0.1:" + std::to_string((*sink)->port()) + "/notify";
  auto session = net::Session::connect(url, std::chrono::seconds(10)).value();
  const std::vector<std::pair<std::string, std::string>> json{{"Content-Type", "application/json"}};
  const auto post = [&](const std::string& target, const std::string& body) {
    const auto answer = session->exchange(net::Method::post, target, json, body);
    if (!answer.ok() || answer->status >= 300) {
      std::fprintf(stderr, "%s: %s\n", target.c_str(),
                   answer.ok() ? answer->body.c_str() : answer.error().message.c_str());
      std::exit(1);
    }
  };
  for (std::uint64_t i = 0; i < kEntities; ++i) {
    post("/ngsi-ld/v1/entities",
         R"({"id":"urn:v:)" + std::to_string(i) +
             R"(","type":"Vehicle","speed":{"value":0},"heading":{"value":90},"lane":{"value":2},)"
             R"("plate":{"value":"12G 3456"},"fleet":{"type":"Relationship","object":"urn:fleet:1"}})");
  }
  const auto subscribe = [&](const std::string& type, const std::string& address) {
    post("/ngsi-ld/v1/subscriptions", R"({"type":"Subscription","entities":[{"type":")" + type +
                                          R"("}],"watchedAttributes":["speed"],"notification":{"format":"keyValues",)"
                                          R"("endpoint":{"uri":")" +
                                          address + R"("}}})");
  };
  for (int i = 0; i < others; ++i) subscribe("Other" + std::to_string(i), to);
  for (int i = 0; i < matching; ++i) subscribe("Vehicle", to + "/" + std::to_string(i));

  const double cpu_before = cpu_of(pid);
  net::LoadOptions load;
  load.port = port;
  load.connections = 16;
  load.rate = rate;
  load.requests = changes;
  std::string request;
  load.request = [&](std::uint64_t index) -> std::string_view {
    const std::uint64_t number = index + 1;
    if (number < subscriber.sent.size()) subscriber.sent[number] = now_ns();
    request =
        net::raw_request("PATCH", "/ngsi-ld/v1/entities/urn:v:" + std::to_string(index % kEntities) + "/attrs",
                         "Content-Type: application/json\r\n", R"({"speed":{"value":)" + std::to_string(number) + "}}");
    return request;
  };
  const auto report = net::run_load(load);
  if (!report.ok()) {
    std::fprintf(stderr, "load: %s\n", report.error().message.c_str());
    return 1;
  }
  const std::uint64_t owed = report->by_class[2] * static_cast<std::uint64_t>(matching);
  const std::uint64_t in_time = subscriber.taken;
  for (int i = 0; i < 600 && subscriber.taken < owed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double cpu = cpu_of(pid) - cpu_before;
  const double n = static_cast<double>(subscriber.taken.load());
  std::printf("changes   %llu accepted of %llu at %.0f/s (p99 %.1f ms)\n",
              static_cast<unsigned long long>(report->by_class[2]), static_cast<unsigned long long>(changes), rate,
              report->latency.quantile(0.99) * 1e3);
  std::printf("delivered %.2f %% of %llu (%.2f %% by the end of the load), p50 %.1f ms, p99 %.1f ms\n",
              100 * n / static_cast<double>(owed), static_cast<unsigned long long>(owed),
              100 * static_cast<double>(in_time) / static_cast<double>(owed), subscriber.latency.quantile(0.5) * 1e3,
              subscriber.latency.quantile(0.99) * 1e3);
  std::printf("server    %.2f s of CPU: %.1f us a notification, the changes themselves included\n", cpu, cpu / n * 1e6);
  return subscriber.taken >= owed ? 0 : 1;
}
