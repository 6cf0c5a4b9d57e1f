#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "madang/net/floor.h"
#include "madang/net/http.h"

#include "net/raw_client.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::eventually;
using testing::RawAnswer;
using testing::RawClient;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Answers with what was asked.
void echo(const Request& request, Responder responder) {
  std::string text(method_name(request.method));
  text.append(" ").append(request.target).append(" ").append(request.body);
  responder.send(200, "text/plain", "X-Echo: 1\r\n", [&](std::string& out) { out += text; });
}

std::unique_ptr<Server> serve(Handler handler = echo, ServerOptions options = {}) {
  options.port = 0;
  auto server = Server::start(std::move(options), std::move(handler));
  if (!server.ok()) ADD_FAILURE() << server.error().message;
  return std::move(server).value();
}

TEST(Server, AnswersAndKeepsTheConnection) {
  auto server = serve();
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("POST /x?y=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
    const RawAnswer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /x?y=1 body");
    EXPECT_NE(answer.head.find("X-Echo: 1\r\n"), std::string::npos);
    EXPECT_NE(answer.head.find("\r\nDate: "), std::string::npos);
    EXPECT_EQ(answer.head.find("Connection:"), std::string::npos);
  }
  EXPECT_EQ(server->counters().requests, 3u);
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST(Server, ClosesWhereTheClientSaysSo) {
  auto server = serve();
  RawClient old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(old.answer().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(old.closed());
  RawClient old_kept(server->port());
  old_kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(old_kept.answer().head.find("Connection: keep-alive"), std::string::npos);
  old_kept.send("GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(old_kept.answer().body, "GET /2 ");
  EXPECT_TRUE(old_kept.closed());
}

TEST(Server, HeadHasALengthAndNoBody) {
  auto server = serve();
  RawClient client(server->port());
  client.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
  const RawAnswer head = client.answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.head.find(" 8\r\n\r\n"), std::string::npos) << head.head;
  EXPECT_EQ(client.answer().body, "GET /y ");
}

TEST(Server, NoContentHasNoLength) {
  auto server = serve([](const Request&, Responder responder) {
    responder.send({.status = 204, .content_type = {}, .headers = {}, .body = "x"});
  });
  RawClient client(server->port());
  client.send(kGet);
  client.send(kGet);
  EXPECT_EQ(client.answer().head.find("Content-Length"), std::string::npos);
  EXPECT_EQ(client.answer().status, 204);
}

TEST(Server, SaysContinueOnce) {
  auto server = serve();
  RawClient client(server->port());
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.answer().head, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("bo");
  client.send("dy");
  EXPECT_EQ(client.answer().body, "PUT / body");
}

TEST(Server, HeadersCannotBeInjected) {
  auto server = serve([](const Request&, Responder responder) {
    responder.send({.status = 200, .content_type = "text/plain", .headers = {{"X", "a\r\nEvil: 1"}}, .body = "ok"});
  });
  RawClient client(server->port());
  client.send(kGet);
  EXPECT_EQ(client.answer().head.find("\r\nEvil"), std::string::npos);
}

TEST(Server, RefusesWithReasonAndCloses) {
  ServerOptions options;
  options.body_bytes = 1000;
  auto server = serve(echo, options);
  RawClient client(server->port());
  // The body is on its way when the answer is written: the client must see the answer all the same.
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + std::string(500'000, 'x'));
  const RawAnswer answer = client.answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.head.find("application/problem+json"), std::string::npos);
  EXPECT_NE(answer.body.find("\"status\":413"), std::string::npos);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

TEST(Server, RefusalsCanBeWordedByTheOwner) {
  ServerOptions options;
  options.refusal = [](int status, std::string_view, std::string_view) {
    return Response{.status = status, .content_type = "text/plain", .headers = {{"X-Own", "1"}}, .body = "no"};
  };
  auto server = serve(echo, options);
  RawClient client(server->port());
  client.send("BROKEN\r\n\r\n");
  const RawAnswer answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "no");
  EXPECT_NE(answer.head.find("X-Own: 1"), std::string::npos);
}

RC_GTEST_PROP(ServerProperty, PiecesOnTheWireMakeNoDifference, ()) {
  static auto server = serve();
  const auto bodies = *rc::gen::resize(20, rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::string>>()));
  std::string bytes, expected;
  for (const auto& body : bodies) {
    bytes += "PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    expected += "PUT /b " + body;
  }
  RawClient client(server->port());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = *rc::gen::inRange<std::size_t>(1, 100);
    client.send(std::string_view(bytes).substr(at, n));
    at += n;
  }
  std::string got;
  for (std::size_t i = 0; i < bodies.size(); ++i) got += client.answer().body;
  RC_ASSERT(got == expected);
}

TEST(Server, BigBodiesArriveWhole) {
  auto server = serve([](const Request& request, Responder responder) {
    std::uint64_t sum = 0;
    for (const char c : request.body) sum = sum * 31 + static_cast<unsigned char>(c);
    responder.send(200, "text/plain", {}, [&](std::string& out) {
      out = out + std::to_string(sum) + " " + std::string(request.header("x-last"));
    });
  });
  std::string body(3 << 20, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 255);
  std::uint64_t sum = 0;
  for (const char c : body) sum = sum * 31 + static_cast<unsigned char>(c);
  RawClient client(server->port());
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nX-Last: here\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  client.send(body);
  EXPECT_EQ(client.answer().body, std::to_string(sum) + " here");
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nX-Last: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (std::size_t at = 0; at < body.size(); at += 0x10000)
    client.send("10000\r\n" + body.substr(at, 0x10000) + "\r\n");
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.answer().body, std::to_string(sum) + " chunked");
}

// ---- answers that come later ----

/// Keeps Responders until a test answers them.
struct Desk {
  std::mutex mutex;
  std::deque<Responder> waiting;
  void take(const Request&, Responder responder) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(responder));
  }
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return waiting.size();
  }
  std::optional<Responder> next() {
    const std::lock_guard lock(mutex);
    if (waiting.empty()) return std::nullopt;
    Responder first = std::move(waiting.front());
    waiting.pop_front();
    return first;
  }
};

TEST(Server, LaterAnswersKeepTheirOrder) {
  Desk desk;
  auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); });
  RawClient client(server->port());
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const char* path : {"/1", "/2"}) {
    ASSERT_TRUE(eventually([&] { return desk.size() == 1; }));
    auto responder = std::make_shared<Responder>(*desk.next());
    responder->loop().post([responder] {
      responder->send(200, "text/plain", {}, [&](std::string& out) { out += responder->request().path; });
    });
    EXPECT_EQ(client.answer().body, path);
  }
}

TEST(Server, AnswersFromOtherThreads) {
  Desk desk;
  ServerOptions options;
  options.threads = 2;
  auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); }, options);
  std::atomic<bool> over = false;
  std::vector<std::thread> workers;
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&] {
      while (!over) {
        auto responder = desk.next();
        if (!responder) {
          std::this_thread::yield();
          continue;
        }
        responder->send({.status = 200, .content_type = "text/plain", .headers = {}, .body = "later"});
      }
    });
  }
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<RawClient>(server->port()));
  for (int round = 0; round < 20; ++round) {
    for (auto& client : clients) client->send(std::string(kGet) + std::string(kGet));
    for (auto& client : clients) {
      EXPECT_EQ(client->answer().body, "later");
      EXPECT_EQ(client->answer().body, "later");
    }
  }
  over = true;
  for (auto& worker : workers) worker.join();
}

TEST(Server, DroppedRespondersAnswer500) {
  Desk desk;
  auto server = serve([&](const Request& r, Responder a) {
    if (r.path == "/later") desk.take(r, std::move(a));
  });
  RawClient client(server->port());
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 500);
  client.send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return desk.size() == 1; }));
  desk.next().reset();  // on a thread that is not the loop's
  EXPECT_EQ(client.answer().status, 500);
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 500) << "the connection goes on";
}

TEST(Server, KnowsThatAClientWentAway) {
  Desk desk;
  auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); });
  {
    RawClient client(server->port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return desk.size() == 1; }));
  }
  auto responder = std::make_shared<Responder>(*desk.next());
  EXPECT_TRUE(eventually([&] {
    std::atomic<int> alive = -1;
    responder->loop().post([&] { alive = responder->alive() ? 1 : 0; });
    return eventually([&] { return alive >= 0; }) && alive == 0;
  }));
  responder->loop().post([responder] { responder->send({}); });
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

TEST(Server, AnswersAClientThatShutItsSendingSide) {
  auto server = serve();
  RawClient client(server->port());
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  client.end_input();
  EXPECT_EQ(client.answer().body, "GET /1 ");
  EXPECT_EQ(client.answer().body, "GET /2 ");
  EXPECT_TRUE(client.closed());
}

TEST(Server, AClientThatShutItsSendingSideStillAwaitsALateAnswer) {
  Desk desk;
  auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); });
  RawClient client(server->port());
  client.send(kGet);
  client.end_input();
  ASSERT_TRUE(eventually([&] { return desk.size() == 1; }));
  auto responder = std::make_shared<Responder>(*desk.next());
  EXPECT_TRUE(eventually([&] {
    std::atomic<int> alive = -1;
    responder->loop().post([&] { alive = responder->alive() ? 1 : 0; });
    return eventually([&] { return alive >= 0; }) && alive == 0;
  }));
  responder->loop().post([responder] {
    Response response;
    response.body = responder->awaited() ? "awaited" : "given up";
    responder->send(std::move(response));
  });
  EXPECT_EQ(client.answer().body, "awaited");
  EXPECT_TRUE(client.closed());
}

TEST(Server, RespondersMayOutliveTheServer) {
  Desk desk;
  {
    auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); });
    RawClient client(server->port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return desk.size() == 1; }));
    server.reset();
    EXPECT_TRUE(client.closed());
  }
  EXPECT_TRUE(desk.next().has_value());
}

// ---- slow and hostile clients ----

ServerOptions impatient() {
  ServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = options.write_timeout = seconds(1);
  return options;
}

TEST(ServerLimits, SlowHeaderIsRefusedHoweverItTrickles) {
  auto server = serve(echo, impatient());
  RawClient client(server->port());
  client.send("GET / HT");
  std::atomic<bool> over = false;
  std::thread trickle([&] {
    while (!over && client.send("X")) std::this_thread::sleep_for(milliseconds(20));
  });
  EXPECT_EQ(client.answer().status, 408);
  over = true;
  trickle.join();
  EXPECT_EQ(server->counters().timeouts, 1u);
}

TEST(ServerLimits, SlowBodyIsRefused) {
  auto server = serve(echo, impatient());
  RawClient client(server->port());
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.answer().status, 408);
  EXPECT_TRUE(client.closed());
}

TEST(ServerLimits, IdleAndSilentConnectionsAreClosed) {
  auto server = serve(echo, impatient());
  RawClient idle(server->port()), silent(server->port());
  idle.send(kGet);
  EXPECT_EQ(idle.answer().status, 200);
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

TEST(ServerLimits, AClientThatNeverReadsCostsABoundedBuffer) {
  ServerOptions options = impatient();
  options.write_timeout = seconds(2);
  options.output_bytes = 256 << 10;
  std::atomic<std::uint64_t> answered = 0;
  auto server = serve(
      [&](const Request&, Responder responder) {
        ++answered;
        responder.send(200, "text/plain", {}, [](std::string& out) { out.append(64 << 10, 'x'); });
      },
      options);
  RawClient client(server->port(), 4096);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += kGet;
  client.send(many);
  // 2,000 answers are 128 MB; what the kernel takes and what the limit allows is far less.
  EXPECT_TRUE(eventually([&] { return server->counters().timeouts == 1; }));
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
  EXPECT_LT(answered * (64 << 10), 32u << 20);
}

TEST(ServerLimits, HalfOpenConnectionsDisturbNobody) {
  auto server = serve();
  std::vector<std::unique_ptr<RawClient>> half_open;
  for (int i = 0; i < 1000; ++i) {
    half_open.push_back(std::make_unique<RawClient>(server->port()));
    ASSERT_TRUE(half_open.back()->connected());
    half_open.back()->send("GET / HTTP/1.1\r\nHos");
  }
  RawClient client(server->port());
  for (int i = 0; i < 100; ++i) {
    client.send(kGet);
    ASSERT_EQ(client.answer().status, 200);
  }
  EXPECT_EQ(server->counters().connections, 1001u);
}

TEST(ServerLimits, TooManyConnectionsAreTurnedAway) {
  ServerOptions options;
  options.connections = 2;
  auto server = serve(echo, options);
  RawClient first(server->port()), second(server->port());
  for (RawClient* client : {&first, &second}) {
    client->send(kGet);
    ASSERT_EQ(client->answer().status, 200);
  }
  RawClient third(server->port());
  const RawAnswer answer = third.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.head.find("Retry-After: "), std::string::npos);
  EXPECT_TRUE(third.closed());
  first.send(kGet);
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(server->counters().refused, 1u);
}

TEST(ServerLimits, BodiesOfAllConnectionsTogetherAreBounded) {
  ServerOptions options;
  options.buffered_bytes = 1 << 20;
  auto server = serve(echo, options);
  const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n";
  RawClient first(server->port()), second(server->port());
  first.send(head + std::string(890'000, 'x'));
  ASSERT_TRUE(eventually([&] { return server->counters().bytes_in == head.size() + 890'000; }));
  second.send(head + std::string(890'000, 'x'));
  EXPECT_EQ(second.answer().status, 503);
  RawClient small(server->port());
  small.send(kGet);
  EXPECT_EQ(small.answer().status, 200) << "small requests need no share";
  first.send(std::string(10'000, 'x'));
  EXPECT_EQ(first.answer().status, 200);
}

TEST(ServerLimits, AnswersThatNobodyTakesAreBoundedTogether) {
  ServerOptions options;
  options.buffered_bytes = 48 << 20;
  auto server = serve(
      [](const Request& request, Responder responder) {
        const std::size_t size = request.path == "/large" ? 32 << 20 : 10;  // much more than the system's own buffers
        responder.send(200, "text/plain", {}, [&](std::string& out) { out.append(size, 'x'); });
      },
      options);
  const std::string_view large = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  RawClient first(server->port(), 4096), second(server->port()), third(server->port());
  first.send(large);
  ASSERT_TRUE(eventually([&] { return server->counters().bytes_out > 0; }));
  second.send(std::string(large) + std::string(large));
  const RawAnswer refused = second.answer();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.head.find("Retry-After: "), std::string::npos);
  EXPECT_TRUE(second.closed()) << "the rest of its pipeline is not worked on";
  third.send(kGet);
  EXPECT_EQ(third.answer().status, 200) << "small answers need no share";
  EXPECT_EQ(first.answer().body.size(), 32u << 20);
  third.send(large);
  EXPECT_EQ(third.answer().body.size(), 32u << 20) << "there is room again";
}

/// Both grow steadily and beat the other limits, but at a rate of nothing.
TEST(ServerLimits, ClientsBelowTheMinimumRateAreDropped) {
  ServerOptions options;
  options.minimum_rate = 1 << 20;
  auto server = serve(
      [](const Request& request, Responder responder) {
        const std::size_t bytes = (request.path == "/less" ? 4u : 64u) << 20;
        responder.send(200, "text/plain", {}, [&](std::string& out) { out.append(bytes, 'x'); });
      },
      options);
  RawClient sends(server->port()), takes(server->port(), 4096), quick(server->port());
  sends.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  takes.send(kGet);
  const auto trickle = [&] { sends.send("x"), takes.receive_some(100); };
  EXPECT_TRUE(eventually([&] { return trickle(), server->counters().timeouts == 2; }));
  EXPECT_EQ(sends.answer().status, 408);
  EXPECT_EQ(takes.answer().status, 0) << "cut short";
  quick.send("GET /less HTTP/1.1\r\nHost: h\r\n\r\n");  // what is quickly taken on a busy machine, too
  EXPECT_EQ(quick.answer().body.size(), 4u << 20);
}

TEST(ServerLimits, APipelineTakesTurnsWithOthers) {
  std::atomic<int> answered = 0;
  auto server = serve([&](const Request& request, Responder responder) {
    if (request.path == "/work") {  // 2 ms of it
      ++answered;
      const auto end = std::chrono::steady_clock::now() + milliseconds(2);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    echo(request, std::move(responder));
  });
  constexpr int kRequests = 300;
  std::string pipeline;
  for (int i = 0; i < kRequests; ++i) pipeline += "GET /work HTTP/1.1\r\nHost: h\r\n\r\n";
  RawClient busy(server->port()), other(server->port());
  other.send(kGet);
  ASSERT_EQ(other.answer().status, 200);
  busy.send(pipeline);
  other.send(kGet);
  EXPECT_EQ(other.answer().status, 200);
  EXPECT_LT(answered, kRequests / 2) << "it was answered in between";
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(busy.answer().status, 200) << i;
}

/// Holds its loop up until the test lets it go on.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false, open = false;
  void pass() {
    std::unique_lock lock(mutex);
    reached = true;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
  }
  void wait_reached() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return reached; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

TEST(ServerLimits, ALateLoopBlamesNoClient) {
  Gate gate;
  auto server = serve(
      [&](const Request& request, Responder responder) {
        if (request.path == "/gate") gate.pass();
        echo(request, std::move(responder));
      },
      impatient());
  RawClient idle(server->port()), silent(server->port()), half(server->port()), holds(server->port());
  idle.send(kGet);
  ASSERT_EQ(idle.answer().status, 200);
  half.send("GET / HT");
  ASSERT_TRUE(eventually([&] { return server->counters().accepted == 4; }));
  holds.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  gate.wait_reached();
  idle.send(kGet);  // all of them in time
  silent.send(kGet);
  half.send("TP/1.1\r\nHost: h\r\n\r\n");
  const auto late = std::chrono::steady_clock::now() + milliseconds(1'300);
  EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > late; }));
  gate.let_go();
  for (RawClient* client : {&idle, &silent, &half, &holds}) EXPECT_EQ(client->answer().status, 200);
}

/// The server in a process of its own, which may open few files.
TEST(ServerLimits, OutOfDescriptorsItGoesOn) {
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{.rlim_cur = 32, .rlim_max = 32};
    ::setrlimit(RLIMIT_NOFILE, &few);
    auto server = serve();
    const std::uint16_t port = server->port();
    if (::write(channel[1], &port, sizeof port) == sizeof port) ::pause();
    ::_exit(0);
  }
  ::close(channel[1]);  // so that a child that dies is no wait for ever
  std::uint16_t port = 0;
  ASSERT_EQ(::read(channel[0], &port, sizeof port), static_cast<ssize_t>(sizeof port));
  RawClient first(port);
  first.send(kGet);
  EXPECT_EQ(first.answer().status, 200);
  std::deque<RawClient> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(port).send(kGet);
  const double used = process_cpu_seconds(child);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - begin > milliseconds(1'000); }));
  EXPECT_LT(process_cpu_seconds(child) - used, 0.5) << "it spins";
  first.send(kGet);
  EXPECT_EQ(first.answer().status, 200);
  for (; !many.empty(); many.pop_front()) EXPECT_EQ(many.front().answer().status, 200) << many.size();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(channel[0]);
}

// ---- drain, loop ----

TEST(Server, DrainAnswersWhatCameBeforeIt) {
  Gate gate;
  auto server = serve([&](const Request& request, Responder responder) {
    if (request.path == "/gate") gate.pass();
    echo(request, std::move(responder));
  });
  RawClient known(server->port()), holds(server->port());
  known.send(kGet);
  ASSERT_EQ(known.answer().status, 200);
  holds.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  gate.wait_reached();
  std::atomic<bool> begun = false;
  std::thread drains([&] {
    begun = true;
    server->drain(seconds(20));
  });
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  RawClient stranger(server->port()), silent(server->port());  // in the backlog: nobody can let them in now
  known.send(kGet);
  stranger.send(kGet);
  gate.let_go();
  for (RawClient* client : {&holds, &known, &stranger}) EXPECT_EQ(client->answer().status, 200);
  EXPECT_TRUE(silent.closed());
  drains.join();
}

TEST(Server, DrainFinishesWhatRuns) {
  Desk desk;
  auto server = serve([&](const Request& r, Responder a) { desk.take(r, std::move(a)); });
  RawClient busy(server->port()), idle(server->port());
  busy.send(kGet);
  ASSERT_TRUE(eventually([&] { return desk.size() == 1 && server->counters().accepted == 2; }));
  std::thread drains([&] { server->drain(seconds(20)); });
  EXPECT_TRUE(idle.closed());
  desk.next()->send({.status = 200, .content_type = "text/plain", .headers = {}, .body = "done"});
  const RawAnswer answer = busy.answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.closed());
  drains.join();
  EXPECT_FALSE(RawClient(server->port()).connected());
}

TEST(Server, IdleWorkRunsBetweenRequests) {
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> pieces = 0;
  std::function<void()> piece;
  auto server = serve([&](const Request& request, Responder responder) {
    if (request.path == "/start") {
      Loop& loop = responder.loop();
      piece = [&] {
        ++pieces;
        if (!over) loop.post_idle(piece);
      };
      loop.post_idle(piece);
      loop.after(milliseconds(1), [&pieces] { pieces += 1'000'000; });
    }
    echo(request, std::move(responder));
  });
  RawClient client(server->port());
  client.send("GET /start HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200);
  for (int i = 0; i < 50; ++i) {
    client.send(kGet);
    ASSERT_EQ(client.answer().status, 200) << "an endless idle task must not starve requests";
  }
  EXPECT_TRUE(eventually([&] { return pieces > 1'000'000; }));
  over = true;
  server->drain(seconds(5));
}

TEST(Server, RefusesAPortThatIsTaken) {
  auto server = serve();
  ServerOptions options;
  options.port = server->port();
  options.threads = 2;
  const auto second = Server::start(options, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, base::Code::io);
  options.address = "nowhere";
  EXPECT_FALSE(Server::start(options, echo).ok());
}

}  // namespace
}  // namespace madang::net
