#include <future>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "madang/base/uri.h"

#include "resolver.h"
#include "response_parser.h"

namespace madang::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kAnswerLimit = 1 << 30;

class BlockingSession final : public Session {
 public:
  BlockingSession(base::Url url, std::chrono::milliseconds timeout)
      : url_(std::move(url)), timeout_(timeout), authority_(authority_of(url_.scheme, url_.host, url_.port)) {}

  base::Status open() {
    MADANG_TRY(const std::vector<tcp::endpoint> endpoints, resolve());
    tls_.reset();
    socket_ = tcp::socket(io_);
    error_code failed = within([&](auto done) {
      asio::async_connect(socket_, endpoints, [done](const error_code& ec, const tcp::endpoint&) { done(ec); });
    });
    if (failed) return explain("cannot connect to ", failed);
    socket_.set_option(tcp::no_delay(true), failed);
    leftover_.clear();
    usable_ = true;
    return url_.tls() ? open_tls() : base::Status();
  }

  base::Result<ClientResponse> exchange(Method method, std::string_view target,
                                        std::span<const std::pair<std::string, std::string>> headers,
                                        std::string_view body) override {
    MADANG_TRY(const std::string bytes, request_bytes(method, authority_, target, headers, body, true));
    if (!usable_) MADANG_CHECK(open());
    usable_ = false;  // until the answer is whole
    const error_code failed = within([&](auto done) {
      const auto written = [done](const error_code& ec, std::size_t) { done(ec); };
      tls_ ? asio::async_write(*tls_, asio::buffer(bytes), written)
           : asio::async_write(socket_, asio::buffer(bytes), written);
    });
    // A server that refuses may have closed before it read all; its answer may be there all the same.
    if (failed && failed != asio::error::broken_pipe && failed != asio::error::connection_reset) {
      return explain("cannot send to ", failed);
    }
    ResponseParser parser(kAnswerLimit, method == Method::head);
    MADANG_CHECK(read_answer(parser));
    usable_ = parser.keep_alive();
    return std::move(parser.response());
  }

 private:
  /// Looking a name up has no limit of time of its own.
  base::Result<std::vector<tcp::endpoint>> resolve() const {
    const auto promise = std::make_shared<std::promise<base::Result<Addresses>>>();
    auto answer = promise->get_future();
    Resolver resolver(1, [](const std::function<void()>& work) { work(); });
    resolver.resolve(url_.host, [promise](base::Result<Addresses> found) { promise->set_value(std::move(found)); });
    if (answer.wait_for(timeout_) != std::future_status::ready) {
      return base::error(base::Code::timeout, "the host " + url_.host + " was not found in time");
    }
    MADANG_TRY(const Addresses addresses, answer.get());
    const auto port = static_cast<std::uint16_t>(std::strtoul(url_.port.c_str(), nullptr, 10));
    std::vector<tcp::endpoint> endpoints;
    for (const std::string& address : addresses) {
      error_code failed;
      const auto parsed = asio::ip::make_address(address, failed);
      if (!failed) endpoints.emplace_back(parsed, port);
    }
    return endpoints;
  }

  /// Runs one asynchronous step and waits for it, for the session's time: blocking calls have no limit of time in Asio.
  template <class Start>
  error_code within(Start start) {
    error_code result = asio::error::timed_out;
    bool ended = false;
    start([&](const error_code& failed) {
      ended = true;
      result = failed;
    });
    io_.restart();
    io_.run_for(timeout_);
    if (ended) return result;
    error_code ignored;
    socket_.close(ignored);  // ends the step
    io_.restart();
    io_.run();
    return asio::error::timed_out;
  }

  base::Error explain(std::string_view what, const error_code& failed) const {
    const auto code = failed == asio::error::timed_out ? base::Code::timeout : base::Code::io;
    return base::error(code, std::string(what) + authority_ + ": " + failed.message());
  }

  base::Status open_tls() {
    error_code failed;
    if (!context_) {
      context_.emplace(asio::ssl::context::tls_client);
      SSL_CTX_set_min_proto_version(context_->native_handle(), TLS1_2_VERSION);
      context_->set_default_verify_paths(failed);
    }
    tls_.emplace(socket_, *context_);
    SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
    tls_->set_verify_mode(asio::ssl::verify_peer);
    tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host));
    failed = within([&](auto done) { tls_->async_handshake(asio::ssl::stream_base::client, done); });
    if (failed) return explain("no trusted TLS connection to ", failed);
    return {};
  }

  base::Status read_answer(ResponseParser& parser) {
    std::string bytes = std::exchange(leftover_, {});
    while (true) {
      std::size_t used = 0;
      MADANG_CHECK(parser.feed(bytes, used));
      if (parser.complete()) {
        leftover_ = bytes.substr(used);
        return {};
      }
      std::size_t n = 0;
      const error_code failed = within([&](auto done) {
        const auto read = [done, &n](const error_code& ec, std::size_t got) {
          n = got;
          done(ec);
        };
        tls_ ? tls_->async_read_some(asio::buffer(buffer_), read)
             : socket_.async_read_some(asio::buffer(buffer_), read);
      });
      if (failed == asio::error::eof) return parser.end();
      if (failed) return explain("no answer from ", failed);
      bytes.assign(buffer_.data(), n);
    }
  }

  const base::Url url_;
  const std::chrono::milliseconds timeout_;
  const std::string authority_;
  asio::io_context io_{1};
  tcp::socket socket_{io_};
  std::optional<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  std::vector<char> buffer_ = std::vector<char>(64 << 10);
  std::string leftover_;
  bool usable_ = false;
};

}  // namespace

base::Result<std::unique_ptr<Session>> Session::connect(const std::string& url, std::chrono::milliseconds timeout) {
  MADANG_TRY(base::Url parsed, base::parse_url(url));
  auto session = std::make_unique<BlockingSession>(std::move(parsed), timeout);
  MADANG_CHECK(session->open());
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace madang::net
