// The client among servers that it should not trust: certificates, redirects, names.

#include <cstdlib>

#include <gtest/gtest.h>

#include "madang/net/http.h"

#include "net/names.h"
#include "net/raw_client.h"
#include "net/tls_server.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using testing::Certificate;
using testing::TlsServer;

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

std::string outcome(const base::Result<ClientResponse>& got) {
  return got.ok() ? std::to_string(got->status) + " " + got->body : std::string(base::code_name(got.error().code));
}

ClientRequest get(std::string url) {
  return {.method = Method::get, .url = std::move(url), .headers = {}, .body = {}};
}

class Outside : public ::testing::Test {
 protected:
  void SetUp() override {
    trusted = ::testing::TempDir() + "madang-trusted-" + std::to_string(getpid()) + ".pem";
    ::setenv("SSL_CERT_FILE", trusted.c_str(), 1);
    testing::set_name("city.test", "127.0.0.1");
    testing::set_name("public.test", testing::kPublicAddress);
    testing::set_name("slow.test", "");
  }
  void TearDown() override {
    ::unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(trusted);
  }

  static std::string ask(const std::string& url, bool allow_private = true) {
    ClientOptions options;
    options.allow_private = allow_private;
    Client client(options);
    return outcome(client.send(get(url)));
  }

  static std::string ask_session(const std::string& url) {
    auto session = Session::connect(url, milliseconds(5'000));
    return session.ok() ? outcome((*session)->exchange(Method::get, "/", {}, {})) : outcome(session.error());
  }

  std::string trusted;
};

TEST_F(Outside, ATrustedCertificateOfTheRightNameIsAccepted) {
  const Certificate certificate("DNS:city.test,IP:127.0.0.1");
  certificate.write(trusted);
  const TlsServer server(certificate, kHello);
  EXPECT_EQ(ask("https://city.test:" + server.port() + "/"), "200 hello");
  EXPECT_EQ(ask("https://127.0.0.1:" + server.port() + "/"), "200 hello");
  EXPECT_EQ(ask_session("https://city.test:" + server.port()), "200 hello");
  EXPECT_EQ(ask_session("https://127.0.0.1:" + server.port()), "200 hello");
}

TEST_F(Outside, ACertificateOfAnotherNameIsRefused) {
  const Certificate certificate("DNS:other.test,DNS:*.city.test");
  certificate.write(trusted);
  const TlsServer server(certificate, kHello);
  for (const std::string host : {"city.test", "127.0.0.1"}) {
    EXPECT_EQ(ask("https://" + host + ":" + server.port() + "/"), "io") << host;
    EXPECT_EQ(ask_session("https://" + host + ":" + server.port()), "io") << host;
  }
  EXPECT_EQ(server.requests(), 0) << "nothing was said to it";
}

TEST_F(Outside, ACertificateThatNobodyVouchesForIsRefused) {
  Certificate("DNS:city.test").write(trusted);
  const Certificate forged("DNS:city.test");  // the same names, another key
  const TlsServer server(forged, kHello);
  EXPECT_EQ(ask("https://city.test:" + server.port() + "/"), "io");
  EXPECT_EQ(ask_session("https://city.test:" + server.port()), "io");
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(Outside, ACertificateThatHasExpiredIsRefused) {
  const Certificate certificate("DNS:city.test", 1'800);
  certificate.write(trusted);
  const TlsServer server(certificate, kHello);
  EXPECT_EQ(ask("https://city.test:" + server.port() + "/"), "io");
  EXPECT_EQ(server.requests(), 0);
}

/// A server over plain HTTP that sends to wherever its path says.
std::unique_ptr<Server> redirector() {
  ServerOptions options;
  options.port = 0;
  auto server = Server::start(options, [](const Request& request, Responder responder) {
    if (request.path == "/here")
      return responder.send({.status = 200, .content_type = {}, .headers = {}, .body = "here"});
    responder.send({.status = 302,
                    .content_type = {},
                    .headers = {{"Location", std::string(request.path.substr(1))}},
                    .body = {}});
  });
  EXPECT_TRUE(server.ok());
  return std::move(server).value();
}

TEST_F(Outside, ARedirectFromHttpsToHttpIsNotFollowed) {
  const auto plain = redirector();
  const Certificate certificate("DNS:city.test");
  certificate.write(trusted);
  const TlsServer server(certificate,
                         "HTTP/1.1 302 Found\r\nLocation: http://city.test:" + std::to_string(plain->port()) +
                             "/here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(ask("https://city.test:" + server.port() + "/"), "forbidden");
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(plain->counters().accepted, 0u);
}

TEST_F(Outside, APublicHostCannotSendTheClientInside) {
  const auto server = redirector();
  const std::string port = ":" + std::to_string(server->port());
  const std::string outside = "http://public.test" + port;
  EXPECT_EQ(ask(outside + "/here", false), "200 here");
  EXPECT_EQ(ask(outside + "/" + outside + "/here", false), "200 here");
  const auto before = server->counters().accepted;
  for (const std::string inside : {"127.0.0.1", "localhost", "city.test", "[::1]", "[::ffff:127.0.0.1]",
                                   "[::ffff:8.8.8.8]", "0.0.0.0", "2130706433", "0x7f.1", "169.254.169.254"}) {
    const std::string got = ask(outside + "/http://" + inside + port + "/here", false);
    if (inside == "[::ffff:8.8.8.8]") continue;  // public in another notation
    EXPECT_NE(got, "200 here") << inside;
  }
  EXPECT_LE(server->counters().accepted, before + 10) << "one connection for each redirect, none for its target";
}

TEST_F(Outside, ANameThatIsNotFoundInTimeHoldsNobodyUp) {
  const auto server = redirector();
  const std::string port = ":" + std::to_string(server->port());
  ClientOptions options;
  options.allow_private = true;
  options.connect_timeout = milliseconds(200);
  Client client(options);
  EXPECT_EQ(outcome(client.send(get("http://slow.test" + port + "/here"))), "timeout");
  EXPECT_EQ(outcome(client.send(get("http://city.test" + port + "/here"))), "200 here");
  const auto session = Session::connect("http://slow.test" + port, milliseconds(200));
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, base::Code::timeout) << session.error().message;
  testing::release_names();
}

}  // namespace
}  // namespace madang::net
