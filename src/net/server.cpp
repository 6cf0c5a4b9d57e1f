#include <thread>

#include "listener.h"
#include "loop.h"

namespace madang::net {

namespace {

class LoopServer final : public Server {
 public:
  LoopServer(ServerOptions options, Handler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    if (shared_.options.threads == 0) shared_.options.threads = 1;
  }

  ~LoopServer() override { stop(); }

  base::Status start() {
    const ServerOptions& options = shared_.options;
    MADANG_TRY(const Listeners listeners, open_listeners(options.address, options.port, options.threads));
    port_ = listeners.port;
    for (const int socket : listeners.sockets) {
      loops_.push_back(std::make_unique<EventLoop>(shared_, loops_.size(), socket));
    }
    for (auto& loop : loops_) threads_.emplace_back([&runs = *loop] { runs.run(); });
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
    // Once in a server's life: a look every few milliseconds costs less than a signal on every close.
    while (!ended() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    stop();
  }

  ServerCounters counters() const override {
    ServerCounters sum;
    sum.connections = shared_.connections.load(std::memory_order_relaxed);
    for (const auto& loop : loops_) {
      const LoopCounters& one = loop->counters();
      sum.accepted += one.accepted.load(std::memory_order_relaxed);
      sum.refused += one.refused.load(std::memory_order_relaxed);
      sum.requests += one.requests.load(std::memory_order_relaxed);
      sum.timeouts += one.timeouts.load(std::memory_order_relaxed);
      sum.bytes_in += one.bytes_in.load(std::memory_order_relaxed);
      sum.bytes_out += one.bytes_out.load(std::memory_order_relaxed);
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
