#include "madang/net/load.h"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madang/net/floor.h"
#include "madang/net/http.h"

namespace madang::net {
namespace {

TEST(Load, CountsWhatTheServerAnswered) {
  ServerOptions options;
  options.port = 0;
  auto server = Server::start(options, [](const Request& request, Responder responder) {
    responder.send(
        {.status = request.path == "/no" ? 404 : 200, .content_type = "text/plain", .headers = {}, .body = "x"});
  });
  ASSERT_TRUE(server.ok());
  LoadOptions load;
  load.port = (*server)->port();
  load.connections = 8;
  load.pipeline = 4;
  load.requests = 3000;
  load.request =
      round_robin({raw_request("GET", "/yes"), raw_request("POST", "/yes", {}, "body"), raw_request("GET", "/no")});
  for (const double rate : {0.0, 50'000.0}) {
    load.rate = rate;
    const auto report = run_load(load);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->requests, 3000u);
    EXPECT_EQ(report->by_class[2], 2000u);
    EXPECT_EQ(report->by_class[4], 1000u);
    EXPECT_EQ(report->failures, 0u);
    EXPECT_EQ(report->latency.count(), 3000u);
    EXPECT_LE(report->latency.quantile(0.5), report->latency.quantile(0.99));
    EXPECT_LE(report->latency.quantile(0.99), report->latency.max());
  }
  EXPECT_EQ((*server)->counters().requests, 6000u);
}

TEST(Load, GoesOnWhereTheServerCloses) {
  ServerOptions options;
  options.port = 0;
  auto server = Server::start(options, [](const Request&, Responder responder) { responder.send({}); });
  ASSERT_TRUE(server.ok());
  LoadOptions load;
  load.port = (*server)->port();
  load.connections = 2;
  load.requests = 20;
  load.request = round_robin({raw_request("GET", "/", "Connection: close\r\n")});
  const auto report = run_load(load);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_GE(report->by_class[2], 10u);
  EXPECT_GT(report->failures, 0u);
}

TEST(Load, SaysWhatIsMissing) {
  EXPECT_FALSE(run_load({}).ok());
  LoadOptions load;
  load.port = 1;
  load.requests = 1;
  load.request = round_robin({raw_request("GET", "/")});
  const auto report = run_load(load);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, base::Code::io);
}

TEST(Floor, AnswersEverything) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int child = ::fork();
  if (child == 0) ::_exit(bare_epoll_server(0, ends[1], 100));
  ::close(ends[1]);
  LoadOptions load;
  const bool told = ::read(ends[0], &load.port, sizeof load.port) == sizeof load.port;
  ::close(ends[0]);
  load.connections = 4;
  load.pipeline = 3;
  load.requests = 300;
  load.request = round_robin({raw_request("GET", "/"), raw_request("PUT", "/", {}, std::string(500, 'x'))});
  const auto report = run_load(load);
  const double used = process_cpu_seconds(child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(told);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->by_class[2], 300u);
  EXPECT_GT(used, 0);
  EXPECT_LT(process_cpu_seconds(-1), 0);
}

RC_GTEST_PROP(LatencyHistogram, QuantilesAreNear, ()) {
  auto values = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 1ull << 36)));
  LatencyHistogram histogram;
  for (const auto value : values) histogram.add(value);
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(q * static_cast<double>(values.size()))));
    const double exact = static_cast<double>(values[rank - 1]) / 1e9;
    RC_ASSERT(histogram.quantile(q) >= exact * (1 - 1e-9));
    RC_ASSERT(histogram.quantile(q) <= exact * (1 + 1.0 / 32) + 1e-9);
  }
}

}  // namespace
}  // namespace madang::net
