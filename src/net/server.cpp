#include <thread>

#include <boost/asio/ip/address.hpp>

#include "loop.h"

namespace madang::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// Finds out whether the port is free (listening sockets that share a port would share it with another server of the
/// same user, too) and which one it is where any will do.
base::Result<tcp::endpoint> claim(const ServerOptions& options) {
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(options.address, failed);
  if (failed) return base::error(base::Code::bad_request_data, "not an IP address to listen on: " + options.address);
  asio::io_context io;
  tcp::acceptor probe(io);
  tcp::endpoint endpoint(address, options.port);
  probe.open(endpoint.protocol(), failed);
  if (!failed) probe.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) probe.bind(endpoint, failed);
  if (!failed) probe.listen(1, failed);
  if (!failed) endpoint = probe.local_endpoint(failed);
  if (failed) {
    return base::error(base::Code::io, "cannot listen on " + options.address + ":" + std::to_string(options.port) +
                                           ": " + failed.message());
  }
  return endpoint;
}

class LoopServer final : public Server {
 public:
  LoopServer(ServerOptions options, Handler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    if (shared_.options.threads == 0) shared_.options.threads = 1;
  }

  ~LoopServer() override { stop(); }

  base::Status start() {
    MADANG_TRY(const tcp::endpoint endpoint, claim(shared_.options));
    port_ = endpoint.port();
    for (std::size_t i = 0; i < shared_.options.threads; ++i) {
      loops_.push_back(std::make_unique<EventLoop>(shared_, i));
      MADANG_CHECK(loops_.back()->listen(endpoint));
    }
    for (auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
    return {};
  }

  std::uint16_t port() const override { return port_; }

  std::vector<Loop*> loops() const override {
    std::vector<Loop*> all;
    for (const auto& loop : loops_) all.push_back(loop.get());
    return all;
  }

  void drain(std::chrono::milliseconds limit) override {
    for (auto& loop : loops_) loop->drain();
    const auto end = std::chrono::steady_clock::now() + limit;
    const auto ended = [this] { return shared_.connections.load(std::memory_order_relaxed) == 0; };
    // Rare and short: a few looks a second cost less than a signal on every close.
    while (!ended() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop();
  }

  ServerCounters counters() const override {
    ServerCounters sum;
    sum.connections = shared_.connections.load(std::memory_order_relaxed);
    for (const auto& loop : loops_) {
      const LoopCounters& of_loop = loop->counters();
      sum.accepted += of_loop.accepted.load(std::memory_order_relaxed);
      sum.refused += of_loop.refused.load(std::memory_order_relaxed);
      sum.requests += of_loop.requests.load(std::memory_order_relaxed);
      sum.timeouts += of_loop.timeouts.load(std::memory_order_relaxed);
      sum.bytes_in += of_loop.bytes_in.load(std::memory_order_relaxed);
      sum.bytes_out += of_loop.bytes_out.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  void stop() {
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  Shared shared_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  auto server = std::make_unique<LoopServer>(std::move(options), std::move(handler));
  MADANG_CHECK(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace madang::net
