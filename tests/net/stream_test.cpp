// Answers without an end: their framing, clients that take nothing, clients that go, a server that ends.

#include <atomic>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "madang/net/http.h"

#include "net/raw_client.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using testing::eventually;
using testing::RawClient;

/// Notes what happens; what happens on the loop is read by the test afterwards.
struct Owner final : StreamOwner, std::enable_shared_from_this<Owner> {
  void on_taken() override { ++taken; }
  void on_input(std::string_view bytes) override {
    if (stream) stream->write(std::make_shared<const std::string>("<" + std::string(bytes) + ">"));
  }
  void on_drain() override {
    stream->write(std::make_shared<const std::string>("bye"));
    stream->close();
  }
  void on_end() override {
    ended = true;
    stream.reset();
  }
  std::shared_ptr<Stream> stream;
  std::atomic<int> taken = 0;
  std::atomic<bool> ended = false;
};

class Streams : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    auto started = Server::start(options, [this](const Request& request, Responder responder) {
      if (request.path == "/plain") {
        return responder.send({.status = 200, .content_type = "text/plain", .headers = {}, .body = "plain"});
      }
      auto owner = std::make_shared<Owner>();
      owner->stream = request.path == "/upgrade"
                          ? responder.upgrade("Upgrade: echo\r\n", owner)
                          : responder.stream(200, "text/event-stream", "Cache-Control: no-store\r\n", owner);
      const std::lock_guard lock(mutex);
      last = owner;
    });
    ASSERT_TRUE(started.ok());
    server = std::move(*started);
  }
  std::shared_ptr<Owner> owner() {
    std::shared_ptr<Owner> found;
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      found = last;
      return found != nullptr;
    }));
    return found;
  }
  /// On the loop, and waits for it.
  void do_there(const std::function<void()>& work) {
    std::atomic<bool> done = false;
    server->loops().front()->post([&] {
      work();
      done = true;
    });
    EXPECT_TRUE(eventually([&] { return done.load(); }));
  }

  std::mutex mutex;
  std::shared_ptr<Owner> last;
  std::unique_ptr<Server> server;
};

std::shared_ptr<const std::string> text(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

TEST_F(Streams, AreChunkedForHttp11) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  do_there([&] {
    open->stream->write(text("hello"));
    open->stream->write(text("a world of bytes"));
    open->stream->write(text(""));
    open->stream->close();
  });
  const std::string all = client.rest();
  const std::size_t end = all.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  const std::string head = all.substr(0, end + 2);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_EQ(all.substr(end + 4), "5\r\nhello\r\n10\r\na world of bytes\r\n0\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return open->ended.load(); }));
}

TEST_F(Streams, OneThatIsAbortedHasNoEnd) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  do_there([&] { open->stream->write(text("hello")); });
  ASSERT_TRUE(eventually([&] { return open->stream->unsent() == 0; }));
  do_there([&] {
    open->stream->abort();
    EXPECT_FALSE(open->stream->open());
    open->stream->abort();  // does nothing
  });
  const std::string all = client.rest();
  EXPECT_TRUE(all.ends_with("\r\n\r\n5\r\nhello\r\n")) << all;
  EXPECT_TRUE(eventually([&] { return open->ended.load(); }));
}

TEST_F(Streams, EndWithTheConnectionForHttp10) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.0\r\n\r\n"));
  const auto open = owner();
  do_there([&] {
    open->stream->write(text("hello"));
    open->stream->close();
  });
  const std::string all = client.rest();
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\nhello")) << all;
}

TEST_F(Streams, AreNeverDisturbedByWhatTheClientSendsNext) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\nGET /plain HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  ASSERT_TRUE(client.send(std::string(100'000, 'x')));
  do_there([&] {
    open->stream->write(text("one"));
    open->stream->close();
  });
  const std::string all = client.rest();
  EXPECT_TRUE(all.ends_with("3\r\none\r\n0\r\n\r\n")) << all;
  EXPECT_EQ(all.find("plain"), std::string::npos);
}

TEST_F(Streams, EveryByteArrivesHoweverSlowlyItIsTaken) {
  start();
  RawClient client(server->port(), 4'096);
  ASSERT_TRUE(client.send("GET /s HTTP/1.0\r\n\r\n"));
  const auto open = owner();
  std::string expected;
  do_there([&] {
    for (int i = 0; i < 500; ++i) {
      const auto piece =
          text(std::string(static_cast<std::size_t>(i) * 7 % 5'000 + 1, static_cast<char>('a' + i % 26)));
      expected += *piece;
      open->stream->write(piece);
    }
    EXPECT_GT(open->stream->unsent(), 0u) << "more than the system takes at once";
    open->stream->close();
  });
  const std::string all = client.rest();
  EXPECT_EQ(all.substr(all.find("\r\n\r\n") + 4), expected);
}

TEST_F(Streams, TheOwnerLearnsWhenAllIsTaken) {
  start();
  RawClient client(server->port(), 4'096);
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  do_there([&] { open->stream->write(text(std::string(1 << 20, 'x'))); });
  EXPECT_EQ(open->taken, 0);
  EXPECT_TRUE(eventually([&] {
    client.receive_some(1 << 20);
    return open->taken == 1;
  }));
  do_there([&] { EXPECT_EQ(open->stream->unsent(), 0u); });
}

TEST_F(Streams, AClientThatGoesIsNoticed) {
  start();
  {
    RawClient client(server->port());
    ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
    owner();
  }
  EXPECT_TRUE(eventually([&] { return owner()->ended.load(); }));
  EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

TEST_F(Streams, AClientThatTakesNothingIsDropped) {
  ServerOptions options;
  options.write_timeout = std::chrono::seconds(1);
  start(options);
  RawClient client(server->port(), 4'096);
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  do_there([&] { open->stream->write(text(std::string(8 << 20, 'x'))); });
  EXPECT_TRUE(eventually([&] { return open->ended.load(); }));
}

TEST_F(Streams, OneThatIsSilentStays) {
  ServerOptions options;
  options.idle_timeout = options.header_timeout = options.write_timeout = std::chrono::seconds(1);
  start(options);
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  // Another connection that does nothing is closed meanwhile: so much time has passed.
  RawClient other(server->port());
  EXPECT_TRUE(other.closed());
  do_there([&] {
    ASSERT_TRUE(open->stream);
    open->stream->write(text("still here"));
    open->stream->close();
  });
  EXPECT_NE(client.rest().find("still here"), std::string::npos);
}

TEST_F(Streams, AServerThatEndsSaysGoodBye) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  std::thread ending([&] { server->drain(milliseconds(5'000)); });
  EXPECT_TRUE(client.rest().ends_with("3\r\nbye\r\n0\r\n\r\n"));
  ending.join();
  EXPECT_TRUE(open->ended);
}

TEST_F(Streams, AServerThatIsStoppedTellsTheOwner) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto open = owner();
  server.reset();
  EXPECT_TRUE(open->ended);
}

TEST_F(Streams, AnUpgradedConnectionBelongsToTheOtherProtocol) {
  start();
  RawClient client(server->port());
  ASSERT_TRUE(client.send("GET /upgrade HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nearly"));
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 101);
  EXPECT_NE(answer.head.find("Connection: Upgrade\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("Upgrade: echo\r\n"), std::string::npos);
  const auto open = owner();
  ASSERT_TRUE(client.send("late"));
  do_there([] {});
  client.end_input();
  const std::string all = client.rest();
  EXPECT_TRUE(all == "<early><late>" || all == "<earlylate>") << all;
  EXPECT_TRUE(eventually([&] { return open->ended.load(); }));
}

}  // namespace
}  // namespace madang::net
