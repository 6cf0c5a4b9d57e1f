#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include <sys/epoll.h>
#include <unistd.h>

#include "madang/base/log.h"

#include "client_connection.h"
#include "inbox.h"
#include "redirect.h"

namespace madang::net {

using Done = std::function<void(base::Result<ClientResponse>)>;
using JobPtr = std::unique_ptr<Job>;

namespace {

constexpr int kEvents = 256;
constexpr std::chrono::milliseconds kSweep{10};         // how exactly limits of time are kept
constexpr std::chrono::milliseconds kIdleSweep{1'000};  // while nothing is under way

base::Error gone() {
  return base::error(base::Code::unavailable, "the client is shutting down");
}

/// What waits for one server, and what is connected to it.
struct Host {
  std::string key;
  std::deque<JobPtr> waiting;
  std::vector<ClientConnection*> idle;  // the last one was used last
  std::size_t busy = 0;
  bool listed = false;  // among those that could start something

  bool unused() const { return busy == 0 && !listed && waiting.empty() && idle.empty(); }
};

/// Done twice it is the same (RFC 9110, 9.2.2), or its sender says so.
bool may_be_repeated(const ClientRequest& request) {
  return request.repeatable || (request.method != Method::post && request.method != Method::patch);
}

}  // namespace

/// Everything but send() is on the one thread.
struct Client::Impl final : ClientConnection::Owner {
  explicit Impl(ClientOptions given)
      : options_(std::move(given)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        resolver_(std::max<std::size_t>(options_.concurrent, 1),
                  [this](std::function<void()> work) { inbox_.post(std::move(work)); }) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, inbox_.event(), &event);
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() override {
    inbox_.post([this] { stopping_ = true; });
    thread_.join();
    inbox_.close();
    ::close(epoll_);
  }

  void send(ClientRequest request, Done done) {
    auto job = std::make_shared<JobPtr>(std::make_unique<Job>());
    (*job)->request = std::move(request);
    (*job)->done = std::move(done);
    if (inbox_.on_thread()) {
      submitted_.push_back(std::move(*job));
    } else {
      inbox_.post([this, job] { submitted_.push_back(std::move(*job)); });
    }
  }

  // Owner
  const ClientOptions& options() const override { return options_; }
  Resolver& resolver() override { return resolver_; }
  TlsContext& tls() override { return tls_; }
  Job::Clock::time_point now() const override { return now_; }

  bool watch(int socket, ClientConnection& connection) override {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &connection}};
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0;
  }

  void finished(ClientConnection& connection, JobPtr job, base::Result<ClientResponse> outcome) override {
    settle(connection);
    ended_.push_back({std::move(job), std::move(outcome)});
  }

  void wants_another(ClientConnection& connection, JobPtr job) override {
    Host& host = settle(connection);
    host.waiting.push_front(std::move(job));
    ++waiting_;
    list(host);
  }

  void lost(ClientConnection& connection) override {
    Host& host = *hosts_.at(connection.host_key());
    std::erase(host.idle, &connection);
    idle_.erase(connection.idle_place);
    remove(connection);
  }

 private:
  struct Ended {
    JobPtr job;
    base::Result<ClientResponse> outcome;
  };

  // ---- the thread ----

  void run() {
    inbox_.adopt_thread();
    epoll_event events[kEvents];
    std::vector<std::function<void()>> work;
    while (!stopping_) {
      const int n = ::epoll_wait(epoll_, events, kEvents, wait_ms());
      now_ = Job::Clock::now();
      for (int i = 0; i < n; ++i) {
        if (events[i].data.ptr != nullptr) {
          static_cast<ClientConnection*>(events[i].data.ptr)->on_events(events[i].events);
          continue;
        }
        inbox_.acknowledge();
        inbox_.take(work);
        for (auto& piece : work) piece();
        work.clear();
      }
      if (now_ >= next_sweep_) sweep();
      go_on();
      removed_.clear();
    }
    give_up();
  }

  int wait_ms() const {
    if (!submitted_.empty() || !ended_.empty()) return 0;
    if (running_ > 0) return static_cast<int>(kSweep.count());
    return idle_.empty() ? -1 : static_cast<int>(kIdleSweep.count());
  }

  /// What came up in this round. What callbacks ask for in turn waits for the next, so that no chain of failures keeps
  /// the sockets waiting.
  void go_on() {
    auto submitted = std::exchange(submitted_, {});
    for (auto& job : submitted) submit(std::move(job));
    auto ended = std::exchange(ended_, {});
    for (auto& [job, outcome] : ended) conclude(std::move(job), std::move(outcome));
    start_some();
  }

  void sweep() {
    next_sweep_ = now_ + kSweep;
    if (now_ >= next_tidying_) {
      next_tidying_ = now_ + kIdleSweep;
      std::erase_if(hosts_, [](const auto& entry) { return entry.second->unused(); });
    }
    for (std::size_t i = connections_.size(); i-- > 0;) {
      if (i < connections_.size()) connections_[i]->check_deadline();
    }
    while (!idle_.empty() &&
           (idle_.size() > options_.idle || now_ - idle_.front()->idle_since() >= options_.idle_timeout)) {
      ClientConnection& oldest = *idle_.front();
      oldest.close();
      lost(oldest);
    }
  }

  /// The client ends: everybody is told.
  void give_up() {
    std::vector<std::function<void()>> work;
    inbox_.take(work);
    for (auto& piece : work) piece();
    for (auto& [key, host] : hosts_) {
      for (auto& job : host->waiting) call(*job, gone());
    }
    for (auto& [job, outcome] : ended_) call(*job, std::move(outcome));
    for (auto& connection : connections_) {
      if (const auto job = connection->close()) call(*job, gone());
    }
    while (!submitted_.empty()) {  // also by those who are told
      auto submitted = std::exchange(submitted_, {});
      for (auto& job : submitted) call(*job, gone());
    }
  }

  // ---- jobs ----

  void submit(JobPtr job) {
    auto url = base::parse_url(job->request.url);
    if (!url.ok()) return call(*job, std::move(url).error());
    job->url = std::move(*url);
    Host& host = host_of(job->url);
    host.waiting.push_back(std::move(job));
    ++waiting_;
    list(host);
    start_some();
    if (waiting_ <= options_.waiting || host.waiting.empty()) return;
    // The newcomer found no place: those that waited before keep theirs, and a host that is free was served at once.
    const JobPtr refused = std::move(host.waiting.back());
    host.waiting.pop_back();
    --waiting_;
    call(*refused, base::error(base::Code::too_many_requests, "too many requests to other servers are waiting"));
  }

  Host& host_of(const base::Url& url) {
    std::string key = url.scheme + "://" + url.host + ":" + url.port;
    auto& host = hosts_[key];
    if (!host) {
      host = std::make_unique<Host>();
      host->key = std::move(key);
    }
    return *host;
  }

  void list(Host& host) {
    if (host.listed || host.waiting.empty() || host.busy >= options_.concurrent_per_host) return;
    host.listed = true;
    ready_.push_back(&host);
  }

  /// One job of each host in turn; a busy host holds up only its own.
  void start_some() {
    while (running_ < options_.concurrent && !ready_.empty()) {
      Host& host = *ready_.front();
      ready_.pop_front();
      host.listed = false;
      if (host.waiting.empty() || host.busy >= options_.concurrent_per_host) continue;
      JobPtr job = std::move(host.waiting.front());
      host.waiting.pop_front();
      --waiting_;
      ++host.busy;
      ++running_;
      list(host);
      start(host, std::move(job));
    }
  }

  void start(Host& host, JobPtr job) {
    if (job->deadline == Job::Clock::time_point::max()) {
      job->deadline = now_ + (job->request.timeout.count() > 0 ? job->request.timeout : options_.timeout);
    }
    ClientConnection* connection = nullptr;
    if (!host.idle.empty() && !job->fresh && may_be_repeated(job->request)) {
      connection = host.idle.back();
      host.idle.pop_back();
      idle_.erase(connection->idle_place);
    } else {
      connections_.push_back(std::make_shared<ClientConnection>(*this, host.key));
      connection = connections_.back().get();
      connection->slot = connections_.size() - 1;
    }
    connection->start(std::move(job));
  }

  void conclude(JobPtr job, base::Result<ClientResponse> outcome) {
    if (!outcome.ok() || !is_redirect(*outcome) || options_.redirects == 0) return call(*job, std::move(outcome));
    if (job->hops++ >= options_.redirects) {
      return call(*job, base::error(base::Code::io, "more than " + std::to_string(options_.redirects) + " redirects"));
    }
    if (auto allowed = redirect(job->request, *outcome); !allowed.ok()) return call(*job, std::move(allowed).error());
    job->fresh = false;
    submit(std::move(job));
  }

  static void call(const Job& job, base::Result<ClientResponse> outcome) {
    try {
      job.done(std::move(outcome));
    } catch (const std::exception& e) {
      base::log::error("a client's callback threw", {{"what", e.what()}});
    }
  }

  // ---- connections ----

  /// A connection's job has ended: it is kept for the next one, or goes.
  Host& settle(ClientConnection& connection) {
    Host& host = *hosts_.at(connection.host_key());
    --host.busy;
    --running_;
    if (connection.idle()) {
      host.idle.push_back(&connection);
      connection.idle_place = idle_.insert(idle_.end(), &connection);
    } else {
      remove(connection);
    }
    list(host);
    return host;
  }

  /// It lives until this round's events are dealt with.
  void remove(ClientConnection& connection) {
    const std::size_t slot = connection.slot;
    std::swap(connections_[slot], connections_.back());
    connections_[slot]->slot = slot;
    removed_.push_back(std::move(connections_.back()));
    connections_.pop_back();
  }

  const ClientOptions options_;
  const int epoll_;
  Inbox inbox_;
  Resolver resolver_;
  TlsContext tls_;
  Job::Clock::time_point now_ = Job::Clock::now(), next_sweep_ = now_, next_tidying_ = now_;
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
  std::deque<Host*> ready_;
  std::vector<std::shared_ptr<ClientConnection>> connections_, removed_;
  std::list<ClientConnection*> idle_;  // the one that is idle for longest first
  std::vector<JobPtr> submitted_;
  std::vector<Ended> ended_;
  std::size_t running_ = 0, waiting_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

void Client::send(ClientRequest request, Done done) {
  impl_->send(std::move(request), std::move(done));
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
