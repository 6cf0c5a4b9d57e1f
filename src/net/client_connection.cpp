#include "client_connection.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "madang/net/egress.h"

namespace madang::net {

namespace {

constexpr std::size_t kRead = 64 << 10;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Size 0 where the text is no address. A zone ("fe80::1%eth0") is none: look-ups that give one are not for us.
SocketAddress socket_address(const std::string& text, const std::string& port_text) {
  SocketAddress made;
  const auto port = htons(static_cast<std::uint16_t>(std::strtoul(port_text.c_str(), nullptr, 10)));
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    made.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    made.size = sizeof *v6;
  }
  return made;
}

base::Error timed_out(const std::string& what) {
  return base::error(base::Code::timeout, what + ": no answer in time");
}

}  // namespace

ClientConnection::ClientConnection(Owner& owner, std::string host_key)
    : owner_(owner), host_key_(std::move(host_key)) {}

ClientConnection::~ClientConnection() {
  close_socket();
}

void ClientConnection::start(std::unique_ptr<Job> job) {
  job_ = std::move(job);
  const base::Url& url = job_->url;
  auto bytes = request_bytes(job_->request.method, authority_of(url.scheme, url.host, url.port), url.target,
                             job_->request.headers, job_->request.body, true);
  if (!bytes.ok()) return fail(std::move(bytes).error());
  out_ = std::move(*bytes);
  sent_ = 0;
  heard_ = leftover_ = false;
  parser_.emplace(owner_.options().response_bytes, job_->request.method == Method::head);
  if (phase_ == Phase::made) return resolve();
  phase_ = Phase::sending;
  send();
}

// ---- getting there ----

void ClientConnection::resolve() {
  phase_ = Phase::resolving;
  connect_deadline_ = std::min(job_->deadline, owner_.now() + owner_.options().connect_timeout);
  const std::string& host = job_->url.host;
  if (socket_address(host, "0").size != 0) return resolved(Addresses(1, host));
  owner_.resolver().resolve(host, [weak = weak_from_this()](base::Result<Addresses> addresses) {
    if (const auto alive = weak.lock()) alive->resolved(std::move(addresses));
  });
}

void ClientConnection::resolved(base::Result<Addresses> addresses) {
  if (phase_ != Phase::resolving) return;  // too late
  if (!addresses.ok()) return fail(std::move(addresses).error());
  addresses_ = std::move(*addresses);
  last_error_ = base::error(base::Code::io, "the host " + job_->url.host + " has no address");
  connect_next();
}

/// Only to addresses that the policy allows, and it looks at the address itself, so that no name can mean one thing
/// when checked and another when used.
void ClientConnection::connect_next() {
  while (next_address_ < addresses_.size()) {
    const std::string& address = addresses_[next_address_++];
    if (!owner_.options().allow_private && !is_public_address(address)) {
      last_error_ = base::error(base::Code::forbidden, "the address of " + job_->url.host + " is not a public one");
    } else if (connect_to(address)) {
      return;
    }
  }
  fail(std::move(last_error_));
}

/// False: cannot be connected to; last_error_ says why.
bool ClientConnection::connect_to(const std::string& address) {
  const SocketAddress to = socket_address(address, job_->url.port);
  if (to.size == 0) return false;
  socket_ = ::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const bool started =
      socket_ >= 0 &&
      (::connect(socket_, reinterpret_cast<const sockaddr*>(&to.storage), to.size) == 0 || errno == EINPROGRESS);
  if (started && owner_.watch(socket_, *this)) {
    phase_ = Phase::connecting;  // epoll tells, also of one that is connected already
    return true;
  }
  last_error_ = base::error(base::Code::io, explain("cannot connect to " + job_->url.host, errno));
  close_socket();
  return false;
}

void ClientConnection::connected() {
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) {
    last_error_ = base::error(base::Code::io, explain("cannot connect to " + job_->url.host, failed));
    close_socket();
    return connect_next();
  }
  addresses_ = {};
  if (!job_->url.tls()) {
    phase_ = Phase::sending;
    return send();
  }
  tls_.emplace(owner_.tls(), socket_, job_->url.host);
  phase_ = Phase::securing;
  secure();
}

void ClientConnection::secure() {
  if (tls_->handshake() == 1) {
    phase_ = Phase::sending;
    return send();
  }
  if (errno == EAGAIN) return;
  fail(base::error(base::Code::io, explain("no trusted TLS connection to " + job_->url.host, errno)));
}

// ---- request and answer ----

void ClientConnection::send() {
  while (sent_ < out_.size()) {
    const char* const bytes = out_.data() + sent_;
    const std::size_t left = out_.size() - sent_;
    const ssize_t n = tls_ ? tls_->send(bytes, left) : ::send(socket_, bytes, left, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      // A server may answer and close before it has read all: look for that answer.
      if (errno != EPIPE && errno != ECONNRESET) {
        return fail(base::error(base::Code::io, explain("cannot send the request", errno)));
      }
      break;
    }
    sent_ += static_cast<std::size_t>(n);
  }
  phase_ = Phase::receiving;
  if (tls_ || sent_ < out_.size()) receive();  // what TLS has read already is no news to epoll
}

void ClientConnection::receive() {
  static thread_local char buffer[kRead];
  for (;;) {
    const ssize_t n = tls_ ? tls_->receive(buffer, sizeof buffer) : ::recv(socket_, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return fail(base::error(base::Code::io, explain("cannot read the answer", errno)));
    if (n == 0) return ended();
    if (!take({buffer, static_cast<std::size_t>(n)})) return;
    // Less than asked for: more would be another edge.
    if (!tls_ && static_cast<std::size_t>(n) < sizeof buffer && !hung_up_) return;
  }
}

/// True: more is to come.
bool ClientConnection::take(std::string_view bytes) {
  heard_ = true;
  std::size_t used = 0;
  if (auto fed = parser_->feed(bytes, used); !fed.ok()) return fail(std::move(fed).error()), false;
  if (!parser_->complete()) return true;
  leftover_ = used < bytes.size();
  complete();
  return false;
}

void ClientConnection::ended() {
  hung_up_ = true;
  if (auto end = parser_->end(); !end.ok()) return fail(std::move(end).error());
  complete();
}

void ClientConnection::complete() {
  const bool keep = parser_->keep_alive() && !hung_up_ && !leftover_ && sent_ == out_.size();
  ClientResponse response = std::move(parser_->response());
  auto job = std::move(job_);
  if (keep) {
    phase_ = Phase::idle;
    kept_ = true;
    idle_since_ = owner_.now();
    if (out_.capacity() > kRead) out_ = {};
  } else {
    close();
  }
  owner_.finished(*this, std::move(job), std::move(response));
}

/// It was kept too long: nothing came back, because nobody was there any more.
bool ClientConnection::may_try_another() const {
  return kept_ && !heard_ && (phase_ == Phase::sending || phase_ == Phase::receiving);
}

void ClientConnection::fail(base::Error error) {
  const bool another = error.code == base::Code::io && may_try_another();
  auto job = close();
  if (!another) return owner_.finished(*this, std::move(job), std::move(error));
  job->fresh = true;
  owner_.wants_another(*this, std::move(job));
}

// ---- events ----

void ClientConnection::on_events(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool writable = broken || (events & EPOLLOUT) != 0;
  const bool readable = broken || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  if (phase_ == Phase::connecting) {
    if (writable) connected();
    if (phase_ == Phase::connecting) return;  // to the next address
  } else if (phase_ == Phase::securing) {
    secure();
  } else if (phase_ == Phase::sending && writable) {
    send();
  }
  hung_up_ = hung_up_ || broken || (events & EPOLLRDHUP) != 0;
  if (!readable) return;
  // An edge is told once: what has come is read, whatever else the event was about.
  if (phase_ == Phase::sending || phase_ == Phase::receiving) {
    receive();
  } else if (phase_ == Phase::idle) {
    // A word without a question, or the end: nothing to build on.
    close();
    owner_.lost(*this);
  }
}

void ClientConnection::check_deadline() {
  if (!job_) return;
  const bool getting_there = phase_ == Phase::resolving || phase_ == Phase::connecting;
  if (owner_.now() < (getting_there ? connect_deadline_ : job_->deadline)) return;
  const std::string& host = job_->url.host;
  switch (phase_) {
    case Phase::resolving:
      return fail(base::error(base::Code::timeout, "the host " + host + " was not found in time"));
    case Phase::connecting:
      return fail(timed_out("cannot connect to " + host));
    case Phase::securing:
      return fail(timed_out("no trusted TLS connection to " + host));
    case Phase::sending:
      return fail(timed_out("cannot send the request"));
    default:
      return fail(timed_out("cannot read the answer"));
  }
}

std::unique_ptr<Job> ClientConnection::close() {
  if (tls_ && phase_ >= Phase::sending && phase_ != Phase::closed) tls_->end();
  close_socket();
  phase_ = Phase::closed;
  return std::move(job_);
}

void ClientConnection::close_socket() {
  tls_.reset();
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::string ClientConnection::explain(std::string_view what, int error) const {
  const std::string reason = tls_ ? tls_->reason() : std::string();
  return std::string(what) + ": " + (reason.empty() ? std::strerror(error) : reason);
}

}  // namespace madang::net
