// WebSockets against clients of all sorts, most of them bad.

#include "madang/net/websocket.h"

#include <atomic>
#include <mutex>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/raw_client.h"

namespace madang::net {
namespace {

using Kind = WebSocketParser::Kind;
using testing::eventually;
using testing::RawClient;

/// A client's frame.
std::string frame(int opcode, std::string_view data, bool last = true) {
  std::string out(1, static_cast<char>((last ? 0x80 : 0) | opcode));
  if (data.size() < 126) {
    out.push_back(static_cast<char>(0x80 | data.size()));
  } else if (data.size() <= 0xffff) {
    out.push_back(static_cast<char>(0xfe));
    out.push_back(static_cast<char>(data.size() >> 8));
    out.push_back(static_cast<char>(data.size()));
  } else {
    out.push_back(static_cast<char>(0xff));
    for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(data.size() >> (8 * i)));
  }
  const std::string mask = "\x11\xa2\x33\xf4";
  out += mask;
  for (std::size_t i = 0; i < data.size(); ++i) out.push_back(static_cast<char>(data[i] ^ mask[i % 4]));
  return out;
}

std::string code_text(int code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code)};
}

std::string told(std::string_view bytes, std::size_t piece = 1'000'000, std::size_t limit = 100'000) {
  WebSocketParser parser(limit);
  std::string out;
  while (!bytes.empty()) {
    const CloseCode wrong = parser.feed(bytes.substr(0, piece), [&](WebSocketParser::Message&& message) {
      out += std::string("tbpoc").substr(static_cast<std::size_t>(message.kind), 1) + ":" + message.data + ";";
      return true;
    });
    if (wrong != CloseCode::normal) return out + "!" + std::to_string(static_cast<int>(wrong));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return out;
}

TEST(WebSocketFrames, AreRead) {
  EXPECT_EQ(told(frame(1, "hello") + frame(2, "\x01") + frame(9, "p") + frame(10, "")), "t:hello;b:\x01;p:p;o:;");
  EXPECT_EQ(told(frame(1, "he", false) + frame(9, "p") + frame(0, "l", false) + frame(0, "lo")), "p:p;t:hello;");
  EXPECT_EQ(told(frame(8, code_text(1000) + "bye")), "c:bye;");
  EXPECT_EQ(told(frame(8, "")), "c:;");
  EXPECT_EQ(told(frame(1, std::string(70'000, 'x'))), "t:" + std::string(70'000, 'x') + ";");
}

TEST(WebSocketFrames, BadOnesAreTold) {
  const std::string unmasked{char(0x81), char(1), 'x'};
  EXPECT_EQ(told(unmasked), "!1002");
  EXPECT_EQ(told(std::string{char(0xc1), char(0x80)}), "!1002") << "a reserved bit";
  EXPECT_EQ(told(frame(3, "x")), "!1002");
  EXPECT_EQ(told(frame(11, "x")), "!1002");
  EXPECT_EQ(told(frame(0, "x")), "!1002") << "nothing to continue";
  EXPECT_EQ(told(frame(1, "x", false) + frame(1, "y")), "!1002") << "a message in a message";
  EXPECT_EQ(told(frame(9, "x", false)), "!1002") << "a ping in pieces";
  EXPECT_EQ(told(frame(9, std::string(126, 'x'))), "!1002");
  EXPECT_EQ(told(frame(8, "x")), "!1002") << "half a code";
  EXPECT_EQ(told(frame(8, code_text(1005))), "!1002");
  EXPECT_EQ(told(frame(8, code_text(999))), "!1002");
  EXPECT_EQ(told(frame(8, code_text(1000) + "\xff")), "!1007");
  EXPECT_EQ(told(frame(1, "\xc0\x80")), "!1007");
  EXPECT_EQ(told(frame(1, std::string(101, 'x')), 1'000, 100), "!1009");
  EXPECT_EQ(told(frame(1, std::string(60, 'x'), false) + frame(0, std::string(41, 'x')), 1'000, 100), "!1009");
  EXPECT_EQ(told("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "!1002");
  EXPECT_EQ(told(std::string{char(0x81), char(0xfe), 0, 5, 1, 2, 3, 4}), "!1002") << "not the shortest form";
  const std::string huge{char(0x81), char(0xff), char(0x7f), 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
  EXPECT_EQ(told(huge), "!1009") << "told from its header";
}

RC_GTEST_PROP(WebSocketFrames, PiecesMakeNoDifference, (std::vector<std::string> texts)) {
  std::string bytes;
  for (const std::string& text : texts) bytes += frame(2, text);
  const auto piece = *rc::gen::inRange<std::size_t>(1, 20);
  RC_ASSERT(told(bytes, piece) == told(bytes));
}

RC_GTEST_PROP(WebSocketFrames, NoiseIsNoFault, (const std::string& noise)) {
  const auto piece = *rc::gen::inRange<std::size_t>(1, 20);
  RC_ASSERT(told(noise, piece, 50) == told(noise, 1'000, 50));
}

// ---- a server ----

constexpr std::string_view kHello =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Echo final : WebSocketOwner {
  void on_text(std::string&& text) override {
    if (text == "flood") return socket->send_text(std::string(8 << 20, 'x'));
    socket->send_text("<" + text + ">");
  }
  void on_drain() override { socket->close(CloseCode::going_away, "the server ends"); }
  void on_end() override {
    ended = true;
    socket.reset();
  }
  std::shared_ptr<WebSocket> socket;
  std::atomic<bool> ended = false;
};

class WebSockets : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.port = 0;
    options.write_timeout = std::chrono::seconds(1);
    auto started = Server::start(options, [this](const Request& request, Responder responder) {
      const auto accept = websocket_accept(request);
      if (!accept.ok()) {
        const int status = accept.error().code == base::Code::not_supported ? 426 : 400;
        return responder.send({.status = status, .content_type = {}, .headers = {}, .body = accept.error().message});
      }
      auto owner = std::make_shared<Echo>();
      owner->socket = WebSocket::open(std::move(responder), *accept, owner, 1'000);
      const std::lock_guard lock(mutex);
      last = owner;
    });
    ASSERT_TRUE(started.ok());
    server = std::move(*started);
  }
  bool ended() {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return last && last->ended;
    });
  }
  /// Says hello, sends `bytes`, and gives back all that comes until the server closes.
  std::string talk(std::string_view bytes) {
    RawClient client(server->port());
    EXPECT_TRUE(client.send(kHello));
    EXPECT_EQ(client.answer().status, 101);
    EXPECT_TRUE(client.send(bytes));
    return client.rest();
  }

  std::mutex mutex;
  std::shared_ptr<Echo> last;
  std::unique_ptr<Server> server;
};

std::string reply(int opcode, std::string_view data) {
  std::string out(1, static_cast<char>(0x80 | opcode));
  out.push_back(static_cast<char>(data.size()));
  return out.append(data);
}

TEST_F(WebSockets, BeginAsTheRfcShows) {
  RawClient client(server->port());
  ASSERT_TRUE(client.send(kHello));
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 101);
  EXPECT_NE(answer.head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("Upgrade: websocket\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("Connection: Upgrade\r\n"), std::string::npos);
}

TEST_F(WebSockets, HandshakesThatAreNoneAreRefused) {
  const auto status_of = [&](std::string from, const std::string& to, std::string hello = std::string(kHello)) {
    hello.replace(hello.find(from), from.size(), to);
    RawClient client(server->port());
    EXPECT_TRUE(client.send(hello));
    return client.answer().status;
  };
  EXPECT_EQ(status_of("Version: 13", "Version: 8"), 426);
  EXPECT_EQ(status_of("keep-alive, Upgrade", "keep-alive"), 400);
  EXPECT_EQ(status_of("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400);
  EXPECT_EQ(status_of("GET", "POST"), 400);
  EXPECT_EQ(status_of("websocket", "h2c"), 400);
}

TEST_F(WebSockets, MessagesAreEchoedAndPingsAnswered) {
  EXPECT_EQ(talk(frame(1, "hi") + frame(9, "p1") + frame(1, "a", false) + frame(0, "b") + frame(8, code_text(1000))),
            reply(1, "<hi>") + reply(10, "p1") + reply(1, "<ab>") + reply(8, code_text(1000)));
  EXPECT_TRUE(ended());
}

TEST_F(WebSockets, NothingIsHeardAfterAClose) {
  EXPECT_EQ(talk(frame(8, code_text(1001)) + frame(1, "more")), reply(8, code_text(1001)));
}

TEST_F(WebSockets, FaultsEndTheConnectionWithTheirCode) {
  EXPECT_EQ(talk("\x81\x01x"), reply(8, code_text(1002)));
  EXPECT_EQ(talk(frame(1, std::string(1'001, 'x'))), reply(8, code_text(1009)));
  EXPECT_EQ(talk(frame(1, "\xff")), reply(8, code_text(1007)));
  EXPECT_TRUE(talk(frame(2, "x")).starts_with(std::string("\x88")));
  EXPECT_TRUE(ended());
}

TEST_F(WebSockets, OneThatTakesNothingIsDropped) {
  RawClient client(server->port(), 4'096);
  ASSERT_TRUE(client.send(kHello));
  ASSERT_TRUE(client.send(frame(1, "flood")));
  for (int i = 0; i < 100; ++i) client.send(frame(9, std::string(120, 'p')));  // nor do pongs pile up
  EXPECT_TRUE(ended());
}

TEST_F(WebSockets, AServerThatEndsSaysSo) {
  RawClient client(server->port());
  ASSERT_TRUE(client.send(kHello));
  EXPECT_EQ(client.answer().status, 101);
  std::thread ending([&] { server->drain(std::chrono::milliseconds(5'000)); });
  EXPECT_EQ(client.rest(), reply(8, code_text(1001) + "the server ends"));
  ending.join();
}

}  // namespace
}  // namespace madang::net
