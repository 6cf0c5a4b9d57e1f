#include "madang/net/load.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ascii.h"

namespace madang::net {

// ---- histogram ----

std::size_t LatencyHistogram::bucket_of(std::uint64_t ns) {
  if (ns < kSteps) return static_cast<std::size_t>(ns);
  const auto doubling = static_cast<std::size_t>(std::bit_width(ns)) - 6;  // ns >> doubling is in [32, 64)
  return std::min(kSteps * (doubling + 1) + static_cast<std::size_t>((ns >> doubling) - kSteps), kSteps * 60 - 1);
}

std::uint64_t LatencyHistogram::upper_bound(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::size_t doubling = bucket / kSteps - 1;
  return ((kSteps + bucket % kSteps + 1) << doubling) - 1;
}

void LatencyHistogram::add(std::uint64_t ns, std::uint64_t times) {
  buckets_[bucket_of(ns)] += times;
  count_ += times;
  sum_ += ns * times;
  max_ = std::max(max_, ns);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double LatencyHistogram::quantile(double quantile) const {
  if (count_ == 0) return 0;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return static_cast<double>(std::min(upper_bound(i), max_)) / 1e9;
  }
  return max();
}

double LatencyHistogram::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_) / 1e9;
}

// ---- requests ----

std::function<std::string_view(std::uint64_t)> round_robin(std::vector<std::string> requests) {
  auto kept = std::make_shared<const std::vector<std::string>>(std::move(requests));
  return [kept](std::uint64_t index) { return std::string_view((*kept)[index % kept->size()]); };
}

std::string raw_request(std::string_view method, std::string_view target, std::string_view headers,
                        std::string_view body) {
  std::string request;
  request.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return request.append("\r\n").append(body);
}

// ---- load ----

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

struct Answer {
  std::size_t size = 0;  // head and body; 0: not all there
  int status = 0;
};

/// Cuts one answer off. Negative status: this is not an answer that can be measured (no length).
Answer first_answer(std::string_view in) {
  const void* end = ::memmem(in.data(), in.size(), "\r\n\r\n", 4);
  if (end == nullptr) return {};
  const std::string_view head = in.substr(0, static_cast<std::size_t>(static_cast<const char*>(end) - in.data()) + 4);
  if (head.size() < 16 || !head.starts_with("HTTP/1.")) return {head.size(), -1};
  const int status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
  std::size_t length = 0;
  bool measured = status == 204 || status == 304 || status < 200;
  for (std::size_t at = head.find('\n'); !measured && at + 16 < head.size(); at = head.find('\n', at + 1)) {
    if (lower(head[at + 1]) != 'c' || !same_ignoring_case(head.substr(at + 1, 15), "content-length:")) continue;
    std::size_t digits = at + 16;
    while (head[digits] == ' ') ++digits;
    std::from_chars(head.data() + digits, head.data() + head.size(), length);
    measured = true;
  }
  if (!measured) return {head.size(), -1};
  return in.size() >= head.size() + length ? Answer{head.size() + length, status} : Answer{};
}

struct LoadConnection {
  int fd = -1;
  std::string in, out;
  std::size_t used = 0, sent = 0;
  std::vector<Clock::time_point> due;  // of the requests under way, oldest first (a ring)
  std::size_t first = 0, under_way = 0;
  bool waits_to_write = false;
};

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options) : options_(options), connections_(options.connections) {}
  ~LoadRun() {
    for (auto& connection : connections_) {
      if (connection.fd >= 0) ::close(connection.fd);
    }
    if (epoll_ >= 0) ::close(epoll_);
  }

  base::Result<LoadReport> run();

 private:
  base::Status connect(LoadConnection& connection, std::uint32_t index);
  bool may_send() const { return !ended_ && (options_.requests == 0 || issued_ < options_.requests); }
  void fill(LoadConnection& connection, Clock::time_point now);
  void issue(LoadConnection& connection, Clock::time_point due);
  void pace(Clock::time_point now);
  bool write(LoadConnection& connection, std::uint32_t index);
  bool read(LoadConnection& connection, Clock::time_point& now);
  void watch(LoadConnection& connection, std::uint32_t index, std::uint32_t events, int operation) const;
  void count(const LoadConnection& connection, const Answer& answer, Clock::time_point now);
  void on_event(std::uint32_t index, std::uint32_t events, Clock::time_point& now);
  void restart(LoadConnection& connection, std::uint32_t index);
  int wait_ms(Clock::time_point now) const;

  const LoadOptions& options_;
  std::vector<LoadConnection> connections_;
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
  int epoll_ = -1;
  LoadReport report_;
  std::uint64_t issued_ = 0, answered_ = 0, paced_ = 0;
  std::size_t next_ = 0;  // the connection that takes the next paced request
  Clock::time_point start_, measured_from_, end_, last_answer_;
  bool ended_ = false;
};

base::Status LoadRun::connect(LoadConnection& connection, std::uint32_t index) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, options_.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options_.port);
    size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, options_.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options_.port);
    size = sizeof *v6;
  } else {
    return base::error(base::Code::bad_request_data, "not an IP address: " + options_.address);
  }
  connection.fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection.fd < 0 || ::connect(connection.fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    return base::error(base::Code::io, "cannot connect to " + options_.address + ":" + std::to_string(options_.port) +
                                           ": " + std::strerror(errno));
  }
  const int one = 1;
  ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  connection.due.resize(std::max<std::size_t>(options_.pipeline, 1));
  connection.in.clear();
  connection.out.clear();
  connection.used = connection.sent = connection.first = connection.under_way = 0;
  connection.waits_to_write = false;
  watch(connection, index, EPOLLIN, EPOLL_CTL_ADD);
  return {};
}

void LoadRun::watch(LoadConnection& connection, std::uint32_t index, std::uint32_t events, int operation) const {
  epoll_event event{.events = events, .data = {.u32 = index}};
  ::epoll_ctl(epoll_, operation, connection.fd, &event);
}

void LoadRun::issue(LoadConnection& connection, Clock::time_point due) {
  connection.out.append(options_.request(issued_++));
  connection.due[(connection.first + connection.under_way++) % connection.due.size()] = due;
}

void LoadRun::fill(LoadConnection& connection, Clock::time_point now) {
  while (options_.rate <= 0 && connection.under_way < connection.due.size() && may_send()) issue(connection, now);
}

/// Hands every request that is due to a connection with a free place. Those that find none stay due: their latency
/// runs.
void LoadRun::pace(Clock::time_point now) {
  while (may_send()) {
    const auto due = start_ + Nanoseconds(static_cast<std::int64_t>(static_cast<double>(paced_) * 1e9 / options_.rate));
    if (due > now) return;
    std::size_t tried = 0;
    while (tried < connections_.size() && connections_[next_].under_way == connections_[next_].due.size()) {
      next_ = (next_ + 1) % connections_.size();
      ++tried;
    }
    if (tried == connections_.size()) return;
    const auto index = static_cast<std::uint32_t>(next_);
    issue(connections_[next_], due);
    ++paced_;
    if (!write(connections_[next_], index)) restart(connections_[next_], index);
    next_ = (next_ + 1) % connections_.size();
  }
}

bool LoadRun::write(LoadConnection& connection, std::uint32_t index) {
  while (connection.sent < connection.out.size()) {
    const ssize_t n = ::send(connection.fd, connection.out.data() + connection.sent,
                             connection.out.size() - connection.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      if (!connection.waits_to_write) watch(connection, index, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      return connection.waits_to_write = true;
    }
    if (n < 0) return false;
    connection.sent += static_cast<std::size_t>(n);
    report_.bytes_out += static_cast<std::size_t>(n);
  }
  connection.out.clear();
  connection.sent = 0;
  if (connection.waits_to_write) watch(connection, index, EPOLLIN, EPOLL_CTL_MOD);
  connection.waits_to_write = false;
  return true;
}

void LoadRun::count(const LoadConnection& connection, const Answer& answer, Clock::time_point now) {
  const auto status_class = static_cast<std::size_t>(answer.status / 100);
  ++answered_;
  last_answer_ = now;
  if (now < measured_from_) return;
  ++report_.requests;
  ++report_.by_class[status_class < 6 ? status_class : 0];
  report_.latency.add(static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, Nanoseconds(now - connection.due[connection.first]).count())));
}

bool LoadRun::read(LoadConnection& connection, Clock::time_point& now) {
  const ssize_t n = ::recv(connection.fd, buffer_.data(), buffer_.size(), 0);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return false;
  report_.bytes_in += static_cast<std::size_t>(n);
  now = Clock::now();
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
  if (!connection.in.empty()) bytes = connection.in.append(bytes);
  while (!bytes.empty() && connection.under_way > 0) {
    const Answer answer = first_answer(bytes);
    if (answer.size == 0) break;
    if (answer.status < 0) return false;
    bytes.remove_prefix(answer.size);
    if (answer.status < 200) continue;
    count(connection, answer, now);
    connection.first = (connection.first + 1) % connection.due.size();
    --connection.under_way;
  }
  connection.in = std::string(bytes);
  return true;
}

/// A broken connection counts, and is made again: a server that closes after each answer can be measured, too.
void LoadRun::restart(LoadConnection& connection, std::uint32_t index) {
  ++report_.failures;
  report_.by_class[0] += connection.under_way;
  answered_ += connection.under_way;
  ::close(connection.fd);
  connection.fd = -1;
  connection.under_way = 0;
  if (!connect(connection, index).ok()) {
    ended_ = true;
    return;
  }
  fill(connection, Clock::now());
  write(connection, index);
}

void LoadRun::on_event(std::uint32_t index, std::uint32_t events, Clock::time_point& now) {
  LoadConnection& connection = connections_[index];
  bool good = true;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    good = read(connection, now);
    if (good) fill(connection, now);
  }
  if (good && !connection.out.empty()) good = write(connection, index);
  if (!good) restart(connection, index);
}

int LoadRun::wait_ms(Clock::time_point now) const {
  if (options_.rate <= 0) return 100;
  const auto due = start_ + Nanoseconds(static_cast<std::int64_t>(static_cast<double>(paced_) * 1e9 / options_.rate));
  return due - now > std::chrono::milliseconds(2) ? 1 : 0;
}

base::Result<LoadReport> LoadRun::run() {
  if (!options_.request || options_.connections == 0 || (options_.requests == 0 && options_.duration.count() == 0)) {
    return base::error(base::Code::bad_request_data, "a load needs requests, connections and an end");
  }
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::uint32_t i = 0; i < connections_.size(); ++i) MADANG_CHECK(connect(connections_[i], i));
  start_ = last_answer_ = Clock::now();
  measured_from_ = start_ + options_.warm_up;
  end_ = options_.duration.count() > 0 ? measured_from_ + options_.duration : Clock::time_point::max();
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    fill(connections_[i], start_);
    if (!write(connections_[i], i)) return base::error(base::Code::io, "the server closed a new connection");
  }
  epoll_event events[512];
  Clock::time_point now = start_;
  while (!ended_ && now < end_ && (options_.requests == 0 || answered_ < options_.requests)) {
    const int n = ::epoll_wait(epoll_, events, 512, wait_ms(now));
    now = Clock::now();
    for (int i = 0; i < n; ++i) on_event(events[i].data.u32, events[i].events, now);
    if (options_.rate > 0) pace(now);
    if (now - last_answer_ > options_.patience) return base::error(base::Code::timeout, "the server stopped answering");
  }
  report_.seconds = std::chrono::duration<double>(std::min(now, end_) - measured_from_).count();
  return std::move(report_);
}

}  // namespace

base::Result<LoadReport> run_load(const LoadOptions& options) {
  cpu_set_t before;
  const bool pinned = options.cpu >= 0 && ::sched_getaffinity(0, sizeof before, &before) == 0;
  if (pinned) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(options.cpu), &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  auto report = LoadRun(options).run();
  if (pinned) ::sched_setaffinity(0, sizeof before, &before);
  return report;
}

}  // namespace madang::net
