#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "madang/net/egress.h"
#include "madang/net/http.h"

#include "net/raw_client.h"
#include "resolver.h"
#include "response_parser.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using testing::eventually;

/// A server with the places the tests go to.
class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.port = 0;
    auto started = Server::start(options, [this](const Request& r, Responder a) { handle(r, std::move(a)); });
    ASSERT_TRUE(started.ok()) << started.error().message;
    server = std::move(*started);
    base = "http://127.0.0.1:" + std::to_string(server->port());
  }

  void handle(const Request& request, Responder responder) {
    if (request.path == "/never") {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(responder));
      return;
    }
    const auto redirect = [&](int status, std::string to) {
      responder.send({.status = status, .content_type = {}, .headers = {{"Location", std::move(to)}}, .body = {}});
    };
    if (request.path == "/loop") return redirect(302, "/loop");
    if (request.path == "/see") return redirect(303, "/echo");
    if (request.path == "/keep") return redirect(307, "/echo");
    if (request.path == "/away") return redirect(307, "http://localhost:" + std::to_string(server->port()) + "/echo");
    if (request.path == "/private") return redirect(302, "http://192.168.0.1/");
    if (request.path == "/big") {
      return responder.send(
          {.status = 200, .content_type = "text/plain", .headers = {}, .body = std::string(100'000, 'x')});
    }
    std::string text(method_name(request.method));
    text.append(" ")
        .append(request.target)
        .append(" ")
        .append(request.header("Authorization"))
        .append(" ")
        .append(request.body);
    responder.send(
        {.status = 200, .content_type = "text/plain", .headers = {{"X-Here", "yes"}}, .body = std::move(text)});
  }

  ClientOptions friendly() const {
    ClientOptions options;
    options.allow_private = true;
    return options;
  }

  std::mutex mutex;
  std::vector<Responder> waiting;
  std::unique_ptr<Server> server;
  std::string base;
};

TEST_F(ClientTest, AsksAndIsAnswered) {
  Client client(friendly());
  const auto got = client.send({.method = Method::post, .url = base + "/echo?q=1", .headers = {}, .body = "body"});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "POST /echo?q=1  body");
  EXPECT_EQ(got->header("x-here"), "yes");
  const auto head = client.send({.method = Method::head, .url = base + "/big", .headers = {}, .body = {}});
  ASSERT_TRUE(head.ok()) << head.error().message;
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->header("content-length"), "100000");
}

TEST_F(ClientTest, FollowsRedirects) {
  Client client(friendly());
  const std::vector<std::pair<std::string, std::string>> secret = {{"Authorization", "s3cret"},
                                                                   {"Content-Type", "text/plain"}};
  const auto post = [&](const std::string& path) {
    auto got = client.send({.method = Method::post, .url = base + path, .headers = secret, .body = "b"});
    return got.ok() ? got->body : got.error().message;
  };
  EXPECT_EQ(post("/see"), "GET /echo s3cret ");
  EXPECT_EQ(post("/keep"), "POST /echo s3cret b");
  EXPECT_EQ(post("/away"), "POST /echo  b") << "credentials do not travel to another host";
  const auto loop = client.send({.method = Method::get, .url = base + "/loop", .headers = {}, .body = {}});
  ASSERT_FALSE(loop.ok());
  EXPECT_NE(loop.error().message.find("redirects"), std::string::npos);
}

TEST_F(ClientTest, PrivateAddressesAreRefusedUnlessAllowed) {
  Client strict;
  for (const std::string& url : {base + "/echo", "http://localhost:" + std::to_string(server->port()) + "/",
                                 "http://[::1]:" + std::to_string(server->port()) + "/",
                                 "http://[::ffff:127.0.0.1]:" + std::to_string(server->port()) + "/",
                                 std::string("http://0.0.0.0/"), std::string("http://169.254.169.254/latest")}) {
    const auto got = strict.send({.method = Method::get, .url = url, .headers = {}, .body = {}});
    ASSERT_FALSE(got.ok()) << url;
    EXPECT_EQ(got.error().code, base::Code::forbidden) << url << ": " << got.error().message;
  }
  EXPECT_EQ(server->counters().accepted, 0u);
}

TEST_F(ClientTest, LargeAnswersAreRefused) {
  ClientOptions options = friendly();
  options.response_bytes = 99'999;
  Client client(options);
  const auto got = client.send({.method = Method::get, .url = base + "/big", .headers = {}, .body = {}});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, base::Code::too_large);
}

TEST_F(ClientTest, SilentServersTimeOut) {
  ClientOptions options = friendly();
  options.timeout = milliseconds(100);
  Client client(options);
  const auto got = client.send({.method = Method::get, .url = base + "/never", .headers = {}, .body = {}});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, base::Code::timeout);
}

TEST_F(ClientTest, TellsWhatCannotBe) {
  Client client(friendly());
  const auto code_of = [&](ClientRequest request) {
    const auto got = client.send(std::move(request));
    return got.ok() ? "answered" : std::string(base::code_name(got.error().code));
  };
  EXPECT_NE(code_of({.method = Method::get, .url = "nonsense", .headers = {}, .body = {}}), "answered");
  EXPECT_EQ(code_of({.method = Method::get, .url = base, .headers = {{"X", "a\r\nY: b"}}, .body = {}}),
            "invalid_request");
  EXPECT_EQ(code_of({.method = Method::get, .url = "http://127.0.0.1:1/", .headers = {}, .body = {}}), "io");
  EXPECT_EQ(code_of({.method = Method::get,
                     .url = "https://127.0.0.1:" + std::to_string(server->port()),
                     .headers = {},
                     .body = {}}),
            "io");
}

TEST_F(ClientTest, ABusyHostHasItsOwnQueue) {
  ClientOptions options = friendly();
  options.concurrent_per_host = 2;
  options.waiting = 3;
  Client client(options);
  std::mutex results_mutex;
  std::vector<std::string> results;
  const auto ask = [&](const std::string& path) {
    client.send(
        {.method = Method::get, .url = base + path, .headers = {}, .body = {}}, [&](base::Result<ClientResponse> got) {
          const std::lock_guard lock(results_mutex);
          results.push_back(got.ok() ? std::to_string(got->status) : std::string(base::code_name(got.error().code)));
        });
  };
  ask("/never");
  ask("/never");
  for (int i = 0; i < 4; ++i) ask("/echo");
  const auto count = [&] {
    const std::lock_guard lock(results_mutex);
    return results.size();
  };
  ASSERT_TRUE(eventually([&] { return count() == 1; }));  // the fourth found no place to wait
  EXPECT_EQ(results.front(), "too_many_requests");
  // The same server under another name is another host.
  EXPECT_TRUE(client
                  .send({.method = Method::get,
                         .url = "http://localhost:" + std::to_string(server->port()) + "/echo",
                         .headers = {},
                         .body = {}})
                  .ok());
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return waiting.size() == 2;
  }));
  {
    const std::lock_guard lock(mutex);
    for (auto& responder : waiting) responder.send({});
    waiting.clear();
  }
  EXPECT_TRUE(eventually([&] { return count() == 6; }));
}

TEST_F(ClientTest, EndingAnswersWhatIsOpen) {
  std::string code;
  {
    Client client(friendly());
    client.send(
        {.method = Method::get, .url = base + "/never", .headers = {}, .body = {}},
        [&](base::Result<ClientResponse> got) { code = got.ok() ? "answered" : base::code_name(got.error().code); });
    ASSERT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return waiting.size() == 1;
    }));
  }
  EXPECT_EQ(code, "unavailable");
}

TEST_F(ClientTest, SessionsKeepTheirConnection) {
  auto session = Session::connect(base, milliseconds(5000));
  ASSERT_TRUE(session.ok()) << session.error().message;
  for (int i = 0; i < 5; ++i) {
    const auto got = (*session)->exchange(Method::put, "/echo", {}, std::to_string(i));
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->body, "PUT /echo  " + std::to_string(i));
  }
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST_F(ClientTest, SessionsTimeOutAndRecover) {
  auto session = Session::connect(base, milliseconds(100));
  ASSERT_TRUE(session.ok());
  const auto got = (*session)->exchange(Method::get, "/never", {}, {});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, base::Code::timeout);
  EXPECT_TRUE(eventually([&] { return (*session)->exchange(Method::get, "/echo", {}, {}).ok(); }));
}

// ---- parts ----

TEST(Egress, KnowsPublicAddresses) {
  for (const char* address : {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
                              "192.0.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
                              "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.1.1.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::127.0.0.1",
                              "::8.8.8.8",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a00:1",
                              "64:ff9b:1::1",
                              "fc00::1",
                              "fd12::1",
                              "fe80::1",
                              "fe80::1%eth0",
                              "fec0::1",
                              "ff02::1",
                              "2001:db8::1",
                              "2001::1",
                              "2002:7f00:1::1",
                              "2002:a00:1::",
                              "3fff::1",
                              "100::1",
                              "",
                              "localhost",
                              "1.2.3",
                              "0x7f.0.0.1",
                              "2130706433",
                              "127.1",
                              "8.8.8.8 "}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
}

TEST(Resolver, ASlowLookUpDelaysNobody) {
  std::mutex mutex;
  std::vector<std::function<void()>> delivered;
  Resolver resolver(4, [&](std::function<void()> work) {
    const std::lock_guard lock(mutex);
    delivered.push_back(std::move(work));
  });
  std::atomic<int> answers = 0;
  for (const char* host : {"localhost", "127.0.0.1"}) {
    resolver.resolve(host, [&](const base::Result<Addresses>& got) { answers += got.ok() && !got->empty() ? 1 : 100; });
  }
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    for (auto& work : std::exchange(delivered, {})) work();
    return answers == 2;
  }));
  Resolver none(0, [](std::function<void()>) {});
  std::string code;
  none.resolve("localhost", [&](const base::Result<Addresses>& got) { code = base::code_name(got.error().code); });
  EXPECT_EQ(code, "too_many_requests");
}

std::string parsed(std::string_view bytes, std::size_t piece, std::size_t limit = 1000, bool to_head = false) {
  ResponseParser parser(limit, to_head);
  for (std::size_t at = 0; at < bytes.size() && !parser.complete(); at += piece) {
    std::size_t used = 0;
    const auto fed = parser.feed(bytes.substr(at, piece), used);
    if (!fed.ok()) return std::string(base::code_name(fed.error().code));
  }
  if (!parser.complete()) {
    if (auto ended = parser.end(); !ended.ok()) return "cut";
  }
  return std::to_string(parser.response().status) + " " + parser.response().body;
}

TEST(ResponseParser, ReadsAnswersInAnyPieces) {
  for (std::size_t piece = 1; piece < 60; ++piece) {
    EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", piece), "200 abc");
    EXPECT_EQ(parsed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", piece),
              "201 x");
    EXPECT_EQ(
        parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
               piece),
        "200 abcde");
    EXPECT_EQ(parsed("HTTP/1.0 200 OK\r\n\r\nto the end", piece), "200 to the end");
    EXPECT_EQ(parsed("HTTP/1.1 204 No Content\r\n\r\n", piece), "204 ");
    EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", piece), "cut");
    EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", piece, 4), "too_large");
    EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", piece, 4),
              "too_large");
    EXPECT_EQ(parsed("HTTP/1.0 200 OK\r\n\r\n12345", piece, 4), "too_large");
    EXPECT_EQ(parsed("SMTP hello there\r\n\r\n", piece), "io");
  }
  EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 7, 1000, true), "200 ");
}

}  // namespace
}  // namespace madang::net
