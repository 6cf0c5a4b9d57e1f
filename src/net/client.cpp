#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "madang/base/log.h"

#include "exchange.h"

namespace madang::net {

namespace asio = boost::asio;

using Done = std::function<void(base::Result<ClientResponse>)>;

/// All but the entry to send() runs on the one thread.
struct Client::Impl {
  explicit Impl(ClientOptions given)
      : options(std::move(given)),
        resolver(std::max<std::size_t>(options.concurrent, 1),
                 [this](std::function<void()> work) { asio::post(io, std::move(work)); }),
        thread([this] { io.run(); }) {}

  ~Impl() {
    asio::post(io, [this] {
      stopping = true;
      for (auto& job : std::exchange(waiting, {})) job.done(gone());
      io.stop();
    });
    thread.join();
    // Exchanges under way end with the io_context, which destroys their coroutines: say so first.
    for (auto& [id, done] : running) done(gone());
  }

  struct Job {
    ClientRequest request;
    std::string host;
    Done done;
  };

  static base::Error gone() { return base::error(base::Code::unavailable, "the client is shutting down"); }

  void submit(ClientRequest request, Done done) {
    auto url = base::parse_url(request.url);
    if (!url.ok()) return done(std::move(url).error());
    if (stopping) return done(gone());
    waiting.push_back({std::move(request), url->host + ":" + url->port, std::move(done)});
    start_some();
    if (waiting.size() <= options.waiting) return;
    // The newcomer found no place: those that waited before keep theirs, and a host that is free was served at once.
    const Job refused = std::move(waiting.back());
    waiting.pop_back();
    refused.done(base::error(base::Code::too_many_requests, "too many requests to other servers are waiting"));
  }

  /// Starts what may start, in order; a busy host holds up only its own.
  void start_some() {
    for (auto job = waiting.begin(); job != waiting.end() && running.size() < options.concurrent;) {
      std::size_t& of_host = per_host[job->host];
      if (of_host >= options.concurrent_per_host) {
        ++job;
        continue;
      }
      ++of_host;
      Job started = std::move(*job);
      job = waiting.erase(job);
      start(std::move(started));
    }
  }

  void start(Job job) {
    const std::uint64_t id = next_id++;
    running.emplace(id, std::move(job.done));
    asio::co_spawn(io, run(id, std::move(job.host), std::move(job.request)), asio::detached);
  }

  asio::awaitable<void> run(std::uint64_t id, std::string host, ClientRequest request) {
    base::Result<ClientResponse> result = base::error(base::Code::internal, "a request to another server failed");
    try {
      const ExchangeContext context{options, resolver, [this]() -> asio::ssl::context& { return tls_context(); }};
      result = co_await exchange(context, std::move(request));
    } catch (const std::exception& e) {
      base::log::error("a request to another server threw", {{"what", e.what()}});
    }
    finish(id, host, std::move(result));
  }

  void finish(std::uint64_t id, const std::string& host, base::Result<ClientResponse> result) {
    const auto node = running.extract(id);
    if (const auto counted = per_host.find(host); --counted->second == 0) per_host.erase(counted);
    start_some();
    if (node.empty()) return;
    try {
      node.mapped()(std::move(result));
    } catch (const std::exception& e) {
      base::log::error("a client's callback threw", {{"what", e.what()}});
    }
  }

  asio::ssl::context& tls_context() {
    if (!tls) {
      tls.emplace(asio::ssl::context::tls_client);
      SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
      boost::system::error_code ignored;
      tls->set_default_verify_paths(ignored);
    }
    return *tls;
  }

  const ClientOptions options;
  std::unordered_map<std::uint64_t, Done> running;
  std::unordered_map<std::string, std::size_t> per_host;
  std::deque<Job> waiting;
  std::uint64_t next_id = 0;
  bool stopping = false;
  std::optional<asio::ssl::context> tls;
  asio::io_context io{1};
  Resolver resolver;
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
  std::thread thread;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

void Client::send(ClientRequest request, Done done) {
  asio::post(impl_->io, [impl = impl_.get(), request = std::move(request), done = std::move(done)]() mutable {
    impl->submit(std::move(request), std::move(done));
  });
}

base::Result<ClientResponse> Client::send(ClientRequest request) {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<base::Result<ClientResponse>> result;
  send(std::move(request), [&](base::Result<ClientResponse> got) {
    const std::lock_guard lock(mutex);
    result = std::move(got);
    came.notify_one();
  });
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return result.has_value(); });
  return std::move(*result);
}

}  // namespace madang::net
