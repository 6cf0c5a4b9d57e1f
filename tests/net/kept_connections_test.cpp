// The client's connections are kept for the next request, and nobody is harmed where one has died meanwhile.

#include <atomic>
#include <mutex>

#include <gtest/gtest.h>

#include "madang/net/http.h"

#include "net/raw_client.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using testing::eventually;

ClientOptions friendly() {
  ClientOptions options;
  options.allow_private = true;
  return options;
}

std::unique_ptr<Server> serve(std::uint16_t port = 0, std::chrono::seconds idle = std::chrono::seconds(75)) {
  ServerOptions options;
  options.port = port;
  options.idle_timeout = idle;
  auto server = Server::start(options, [](const Request& request, Responder responder) {
    if (request.path == "/last") {
      return responder.send({.status = 204, .content_type = {}, .headers = {{"Connection", "close"}}, .body = {}});
    }
    responder.send({.status = 200, .content_type = "text/plain", .headers = {}, .body = std::string(request.body)});
  });
  EXPECT_TRUE(server.ok());
  return std::move(server).value();
}

std::string url_of(const Server& server, std::string_view path = "/") {
  return "http://127.0.0.1:" + std::to_string(server.port()) + std::string(path);
}

ClientRequest notification(std::string url, std::string body = "x") {
  ClientRequest request;
  request.method = Method::post;
  request.url = std::move(url);
  request.body = std::move(body);
  request.repeatable = true;
  return request;
}

TEST(KeptConnections, OneServesMany) {
  const auto server = serve();
  Client client(friendly());
  for (int i = 0; i < 20; ++i) {
    const auto got = client.send(notification(url_of(*server), std::to_string(i)));
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->body, std::to_string(i));
  }
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST(KeptConnections, WhatMustNotBeDoneTwiceGoesOverANewOne) {
  const auto server = serve();
  Client client(friendly());
  ASSERT_TRUE(client.send(notification(url_of(*server))).ok());
  ClientRequest once = notification(url_of(*server));
  once.repeatable = false;
  ASSERT_TRUE(client.send(once).ok());
  EXPECT_EQ(server->counters().accepted, 2u);
}

TEST(KeptConnections, AServerThatStartedAnewIsFoundAgain) {
  auto server = serve();
  const std::uint16_t port = server->port();
  Client client(friendly());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(notification(url_of(*server))).ok());
    server.reset();
    server = serve(port);
    const auto got = client.send(notification(url_of(*server)));
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(server->counters().accepted, 1u);
  }
}

TEST(KeptConnections, AnIdleOneIsClosed) {
  const auto server = serve();
  ClientOptions options = friendly();
  options.idle_timeout = milliseconds(50);
  Client client(options);
  ASSERT_TRUE(client.send(notification(url_of(*server))).ok());
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

TEST(KeptConnections, NoMoreAreKeptThanTheOptionsSay) {
  const auto server = serve();
  ClientOptions options = friendly();
  options.idle = 2;
  Client client(options);
  std::atomic<int> answers = 0;
  for (int i = 0; i < 8; ++i) {
    client.send(notification(url_of(*server)), [&](const base::Result<ClientResponse>& got) { answers += got.ok(); });
  }
  EXPECT_TRUE(eventually([&] { return answers == 8; }));
  EXPECT_TRUE(eventually([&] { return server->counters().connections <= 2; }));
}

TEST(KeptConnections, HalfAnAnswerIsNoReasonToAskAgain) {
  std::atomic<int> asked = 0;
  const auto server = serve();
  // A server that answers once, then half, over the same connection.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::thread half([&] {
    const int client = ::accept(listener, nullptr, nullptr);
    for (const std::string_view answer :
         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}) {
      char buffer[4096];
      std::string request;
      while (request.find("\r\n\r\n") == std::string::npos || !request.ends_with("body")) {
        const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        request.append(buffer, static_cast<std::size_t>(n));
      }
      ++asked;
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(client);
  });
  Client client(friendly());
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  EXPECT_TRUE(client.send(notification(url, "body")).ok());
  const auto got = client.send(notification(url, "body"));
  half.join();
  ::close(listener);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, base::Code::io);
  EXPECT_EQ(asked, 2);
}

TEST(KeptConnections, ARequestHasItsOwnLimitOfTime) {
  std::mutex mutex;
  std::vector<Responder> kept;
  ServerOptions options;
  options.port = 0;
  const auto server = Server::start(options, [&](const Request&, Responder responder) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(responder));
  });
  ASSERT_TRUE(server.ok());
  Client client(friendly());
  ClientRequest request = notification(url_of(**server));
  request.timeout = milliseconds(60);
  const auto begun = std::chrono::steady_clock::now();
  const auto got = client.send(request);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, base::Code::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8)) << "not the client's ten seconds";
  const std::lock_guard lock(mutex);
  kept.clear();
}

TEST(KeptConnections, CallbacksMaySend) {
  const auto server = serve();
  std::atomic<int> answers = 0;
  Client client(friendly());
  std::function<void(base::Result<ClientResponse>)> again = [&](const base::Result<ClientResponse>& got) {
    if (got.ok() && ++answers < 50) client.send(notification(url_of(*server)), again);
  };
  client.send(notification(url_of(*server)), again);
  EXPECT_TRUE(eventually([&] { return answers == 50; }));
  EXPECT_EQ(server->counters().accepted, 1u);
}

}  // namespace
}  // namespace madang::net
