#include "exchange.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "madang/net/egress.h"

#include "ascii.h"
#include "response_parser.h"

// GCC 12 takes the frames' own operator new and delete for a mismatched pair.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace madang::net {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Outcome = base::Result<ClientResponse>;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// Closes a socket when its time is up.
class Watchdog {
 public:
  Watchdog(tcp::socket& socket, Clock::time_point deadline)
      : timer_(socket.get_executor(), deadline), state_(std::make_shared<State>(State{&socket, false})) {
    timer_.async_wait([state = state_](const error_code& failed) {
      if (failed || state->socket == nullptr) return;
      state->expired = true;
      error_code ignored;
      state->socket->close(ignored);
    });
  }
  ~Watchdog() { state_->socket = nullptr; }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  base::Error explain(std::string what, const error_code& failed) const {
    if (state_->expired) return base::error(base::Code::timeout, what + ": no answer in time");
    return base::error(base::Code::io, what + ": " + failed.message());
  }

 private:
  struct State {
    tcp::socket* socket;
    bool expired;
  };
  asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

struct Waiting {
  Waiting(const asio::any_io_executor& executor, Clock::time_point deadline, const std::string& host)
      : timer(executor, deadline),
        result(base::error(base::Code::timeout, "the host " + host + " was not found in time")) {}
  asio::steady_timer timer;
  base::Result<Addresses> result;
};

/// Waits for the resolver, but not beyond the deadline.
awaitable<base::Result<Addresses>> resolve(Resolver& resolver, const std::string& host, Clock::time_point deadline) {
  error_code not_literal;
  asio::ip::make_address(host, not_literal);
  if (!not_literal) co_return Addresses(1, host);
  const auto executor = co_await asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor, deadline, host);
  resolver.resolve(host, [weak = std::weak_ptr(waiting)](base::Result<Addresses> result) {
    if (const auto alive = weak.lock()) {
      alive->result = std::move(result);
      alive->timer.expires_at(Clock::time_point::min());  // wakes the waiter, also one that has not begun to wait
    }
  });
  co_await waiting->timer.async_wait(kTuple);
  co_return std::move(waiting->result);
}

/// Connects to one of the host's addresses: only to those that the policy allows, and it looks at the address itself,
/// so that no name can mean one thing when checked and another when used.
awaitable<base::Status> connect(const ExchangeContext& context, const base::Url& url, tcp::socket& socket,
                                Clock::time_point deadline) {
  deadline = std::min(deadline, Clock::now() + context.options.connect_timeout);
  auto addresses = co_await resolve(context.resolver, url.host, deadline);
  if (!addresses.ok()) co_return std::move(addresses).error();
  base::Error last = base::error(base::Code::io, "the host " + url.host + " has no address");
  for (const std::string& text : *addresses) {
    if (!context.options.allow_private && !is_public_address(text)) {
      last = base::error(base::Code::forbidden, "the address of " + url.host + " is not a public one");
      continue;
    }
    error_code failed;
    const auto address = asio::ip::make_address(text, failed);
    if (failed) continue;
    socket = tcp::socket(socket.get_executor());
    const Watchdog watchdog(socket, deadline);
    const auto port = static_cast<std::uint16_t>(std::strtoul(url.port.c_str(), nullptr, 10));
    std::tie(failed) = co_await socket.async_connect(tcp::endpoint(address, port), kTuple);
    if (!failed) {
      socket.set_option(tcp::no_delay(true), failed);
      co_return base::Status();
    }
    last = watchdog.explain("cannot connect to " + url.host, failed);
    if (last.code == base::Code::timeout) break;
  }
  co_return last;
}

template <class Stream>
awaitable<Outcome> talk(Stream& stream, const Watchdog& watchdog, const std::string& bytes, ResponseParser& parser) {
  {
    const auto [failed, n] = co_await asio::async_write(stream, asio::buffer(bytes), kTuple);
    // A server may answer and close before it has read all: look for that answer.
    if (failed && failed != asio::error::broken_pipe && failed != asio::error::connection_reset) {
      co_return watchdog.explain("cannot send the request", failed);
    }
  }
  std::vector<char> buffer(16 << 10);
  while (!parser.complete()) {
    const auto [failed, n] = co_await stream.async_read_some(asio::buffer(buffer), kTuple);
    if (failed == asio::error::eof) {
      if (auto ended = parser.end(); !ended.ok()) co_return ended.error();
      break;
    }
    if (failed) co_return watchdog.explain("cannot read the answer", failed);
    std::size_t used = 0;
    if (auto fed = parser.feed({buffer.data(), n}, used); !fed.ok()) co_return fed.error();
  }
  co_return std::move(parser.response());
}

awaitable<Outcome> one_exchange(const ExchangeContext& context, const ClientRequest& request, const base::Url& url,
                                Clock::time_point deadline) {
  auto bytes = request_bytes(request.method, authority_of(url.scheme, url.host, url.port), url.target, request.headers,
                             request.body, false);
  if (!bytes.ok()) co_return std::move(bytes).error();
  const auto executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  if (auto connected = co_await connect(context, url, socket, deadline); !connected.ok()) co_return connected.error();
  ResponseParser parser(context.options.response_bytes, request.method == Method::head);
  if (!url.tls()) {
    const Watchdog watchdog(socket, deadline);
    co_return co_await talk(socket, watchdog, *bytes, parser);
  }
  asio::ssl::stream<tcp::socket&> tls(socket, context.tls());
  const Watchdog watchdog(socket, deadline);
  // The name the certificate must bear; as SNI only where it is a name (RFC 6066, 3).
  error_code literal;
  asio::ip::make_address(url.host, literal);
  if (literal) SSL_set_tlsext_host_name(tls.native_handle(), url.host.c_str());
  tls.set_verify_mode(asio::ssl::verify_peer);
  tls.set_verify_callback(asio::ssl::host_name_verification(url.host));
  const auto [failed] = co_await tls.async_handshake(asio::ssl::stream_base::client, kTuple);
  if (failed) co_return watchdog.explain("no trusted TLS connection to " + url.host, failed);
  co_return co_await talk(tls, watchdog, *bytes, parser);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Secrets meant for one server are not carried to another one.
void drop_credentials(ClientRequest& request) {
  std::erase_if(request.headers, [](const auto& header) {
    return same_ignoring_case(header.first, "authorization") || same_ignoring_case(header.first, "cookie") ||
           same_ignoring_case(header.first, "proxy-authorization");
  });
}

/// RFC 9110, 15.4: after 303 always, after 301 and 302 a POST becomes a GET.
void change_method(ClientRequest& request, int status) {
  const bool to_get = status == 303 ? request.method != Method::head : status < 303 && request.method == Method::post;
  if (!to_get) return;
  request.method = Method::get;
  request.body.clear();
  std::erase_if(request.headers, [](const auto& header) {
    return lower(header.first.front()) == 'c' && same_ignoring_case(header.first.substr(0, 8), "content-");
  });
}

}  // namespace

awaitable<Outcome> exchange(ExchangeContext context, ClientRequest request) {
  const auto deadline = Clock::now() + context.options.timeout;
  for (int hop = 0;; ++hop) {
    auto url = base::parse_url(request.url);
    if (!url.ok()) co_return std::move(url).error();
    auto response = co_await one_exchange(context, request, *url, deadline);
    if (!response.ok() || !is_redirect(response->status) || response->header("Location").empty()) co_return response;
    if (context.options.redirects == 0) co_return response;
    if (hop >= context.options.redirects) {
      co_return base::error(base::Code::io, "more than " + std::to_string(context.options.redirects) + " redirects");
    }
    auto next = base::resolve_url(request.url, response->header("Location"));
    if (!next.ok()) co_return std::move(next).error();
    auto next_url = base::parse_url(*next);
    if (!next_url.ok()) co_return std::move(next_url).error();
    if (url->tls() && !next_url->tls()) {
      co_return base::error(base::Code::forbidden, "a redirect from https to http is not followed");
    }
    if (next_url->host != url->host || next_url->port != url->port) drop_credentials(request);
    change_method(request, response->status);
    request.url = std::move(*next);
  }
}

}  // namespace madang::net
