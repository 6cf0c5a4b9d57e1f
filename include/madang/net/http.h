#pragma once
// HTTP/1.1: a server that answers many requests with one write, and a small client. Knows nothing of cities; no
// Boost type in sight.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"

namespace madang::net {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
std::string_view method_name(Method method);

/// Room that the server keeps readable after every body, so that a SIMD parser needs no copy.
inline constexpr std::size_t kBodyPadding = 64;

/// One request. Views are valid until its Responder has answered (or was dropped).
struct Request {
  Method method = Method::get;
  std::string_view target;                                             // as sent: "/a%20b?c=d"
  std::string_view path;                                               // before '?', still encoded
  std::string_view query;                                              // after '?', still encoded
  std::string_view body;                                               // kBodyPadding readable bytes follow
  std::string_view peer;                                               // "127.0.0.1:54321"
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // names as sent

  /// The first header of this name (any case), or empty. Trimmed.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

/// An answer. Content-Length, Date and Connection are the server's.
struct Response {
  int status = 200;
  std::string_view content_type;                                  // a constant
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are constants
  std::string body;
};

/// The thread of one group of connections. Handlers run on it; work posted to it too.
class Loop : public base::Executor {
 public:
  /// Runs `work` when nothing else is ready, at most one such piece between two polls for I/O, so that sliced work (a
  /// scan) never delays requests by more than its slice. From the loop's thread only.
  virtual void post_idle(std::function<void()> work) = 0;
  virtual void after(std::chrono::milliseconds delay, std::function<void()> work) = 0;
  virtual std::size_t index() const = 0;  // 0, 1, ... of the server's loops
};

/// An answer without an end (Server-Sent Events), or what takes the place of HTTP on a connection (a WebSocket). Of the
/// loop's thread, as long as the loop lives.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual Loop& loop() const = 0;
  /// Sends bytes that many streams may share. All that is written in one turn of the loop goes with few system calls.
  /// The caller sees to it that unsent() stays bounded: the stream takes everything.
  virtual void write(std::shared_ptr<const std::string> bytes) = 0;
  virtual std::size_t unsent() const = 0;  // bytes that the client has not taken
  virtual bool open() const = 0;
  virtual void close() = 0;  // once what was written is out
  virtual void abort() = 0;  // at once, so that a client over HTTP/1.1 sees that it does not have all
};

/// Who writes a stream, as the connection sees it. Called on the loop's thread.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  /// Everything written has been taken, after it had to wait.
  virtual void on_taken() {}
  /// Of an upgraded connection: what the client sent.
  virtual void on_input(std::string_view) {}
  /// The server is about to end: a last word may be written, then close().
  virtual void on_drain() = 0;
  /// The client has gone, or took nothing for the server's write_timeout. Nothing is called after it.
  virtual void on_end() = 0;
};

/// Answers one request, exactly once, now or later. Dropped unanswered, it answers 500. It may be moved, dropped and
/// given a Response on any thread, also after the server's end; all else is for the loop's thread.
class Responder {
 public:
  struct Sink;
  explicit Responder(std::shared_ptr<Sink> sink, std::uint64_t ticket);
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  ~Responder();

  /// The request, while unanswered and while its connection lives (else it is an empty one).
  const Request& request() const;
  Loop& loop() const;
  /// True: unanswered, and the connection lives. A client that shut its sending side may still wait.
  bool awaited() const;
  /// False: the client went away, or shut its sending side, which mostly is the same: long work for it can stop.
  bool alive() const;
  void send(Response&& response);
  /// The hot path: the body is appended by `write` straight into the connection's output buffer. `headers` is a block
  /// of complete header lines ("Name: value\r\n"), may be empty.
  template <class Write>  // write(std::string& out)
  void send(int status, std::string_view content_type, std::string_view headers, Write&& write) {
    std::string& out = begin(status, content_type, headers);
    write(out);
    end();
  }
  /// Answers with a stream: chunked where the client knows that (HTTP/1.1), else up to the connection's end. `headers`
  /// as above. Null where the client has gone.
  std::shared_ptr<Stream> stream(int status, std::string_view content_type, std::string_view headers,
                                 std::shared_ptr<StreamOwner> owner);
  /// 101: from now on the connection belongs to another protocol. `headers` names it (Upgrade).
  std::shared_ptr<Stream> upgrade(std::string_view headers, std::shared_ptr<StreamOwner> owner);

 private:
  std::string& begin(int status, std::string_view content_type, std::string_view headers);
  void end();
  std::shared_ptr<Sink> sink_;
  std::uint64_t ticket_ = 0;
};

/// What the server calls for each request, on the request's loop.
using Handler = std::function<void(const Request&, Responder)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;            // 0: any free one
  std::size_t threads = 1;              // loops, each with its own listening socket (SO_REUSEPORT)
  std::size_t connections = 10'000;     // in all; beyond: accepted, answered 503 with Retry-After, closed
  std::size_t header_bytes = 32 << 10;  // 431
  std::size_t target_bytes = 16 << 10;  // 414
  std::size_t headers = 100;
  std::size_t body_bytes = 16 << 20;  // 413
  std::uint64_t buffered_bytes =
      1ull << 30;  // request bodies and unsent answers of all connections; beyond: 503 with Retry-After
  std::size_t output_bytes = 1 << 20;  // unsent answers of one connection before it is not read from
  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{60};  // and at least `minimum_rate` after the first seconds
  std::size_t minimum_rate = 1'000;       // bytes a second of body or of taken output
  std::chrono::seconds idle_timeout{75};
  std::chrono::seconds write_timeout{30};  // with no byte taken
  int stream_buffer = 128 << 10;           // of the system, for one stream: what is in it cannot be coalesced any more
  /// Makes the body of the server's own refusals (400, 408, 413, 414, 431, 501, 503); default: problem+json.
  std::function<Response(int status, std::string_view title, std::string_view detail)> refusal;
};

struct ServerCounters {
  std::uint64_t connections = 0, accepted = 0, refused = 0, requests = 0, timeouts = 0, bytes_in = 0, bytes_out = 0;
};

class Server {
 public:
  static base::Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::vector<Loop*> loops() const = 0;
  /// Stops accepting, lets running requests finish (Connection: close), then ends; at most `limit`.
  virtual void drain(std::chrono::milliseconds limit) = 0;
  virtual ServerCounters counters() const = 0;
};

// ---- client ----

struct ClientRequest {
  Method method = Method::get;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{0};  // of the whole exchange; 0: as the options say
  /// To be done twice does no harm, whatever the method (a notification: at least once): it may go over a connection
  /// that was kept, and once more where that turns out to have been closed by then (RFC 9110, 9.2.2).
  bool repeatable = false;
};
struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string_view header(std::string_view name) const;
};
struct ClientOptions {
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds timeout{10000};  // of the whole exchange, redirects included
  std::size_t response_bytes = 8 << 20;
  int redirects = 5;
  bool allow_private = false;  // loopback, private, link-local, multicast, unspecified, unique-local and IPv4-mapped
                               // such: refused after name resolution and on every redirect, by the address connected to
  std::size_t concurrent = 64;  // exchanges at once; further ones wait
  std::size_t waiting = 1'000;  // beyond: too_many_requests
  std::size_t concurrent_per_host = 8;
  std::size_t idle = 64;  // connections kept open for the next request; beyond: the oldest closes
  std::chrono::milliseconds idle_timeout{30'000};  // so does one that nobody used for so long
};

/// Asks other servers, TLS verified, on a thread of its own, over connections that it keeps. `done` is called once, on
/// that thread, and may send() in turn.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  void send(ClientRequest request, std::function<void(base::Result<ClientResponse>)> done);
  /// For tools: waits.
  base::Result<ClientResponse> send(ClientRequest request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A kept-open connection for tools that send much (import, bench): blocking, pipelining allowed.
class Session {
 public:
  static base::Result<std::unique_ptr<Session>> connect(const std::string& url, std::chrono::milliseconds timeout);
  virtual ~Session() = default;
  virtual base::Result<ClientResponse> exchange(Method method, std::string_view target,
                                                std::span<const std::pair<std::string, std::string>> headers,
                                                std::string_view body) = 0;
};

}  // namespace madang::net
