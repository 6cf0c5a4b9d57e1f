#include "resolver.h"

#include <mutex>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace madang::net {

struct Resolver::State {
  std::mutex mutex;
  std::function<void(std::function<void()>)> deliver;  // empty: the owner has gone
  std::size_t running = 0, limit = 0;
};

namespace {

base::Result<Addresses> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); failed != 0) {
    return base::error(base::Code::io, "the host " + host + " cannot be found: " + ::gai_strerror(failed));
  }
  Addresses addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const void* address =
        entry->ai_family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr)
            : &reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr;
    if ((entry->ai_family == AF_INET || entry->ai_family == AF_INET6) &&
        ::inet_ntop(entry->ai_family, address, text, sizeof text) != nullptr) {
      addresses.emplace_back(text);
    }
  }
  ::freeaddrinfo(list);
  return addresses;
}

}  // namespace

Resolver::Resolver(std::size_t limit, std::function<void(std::function<void()>)> deliver)
    : state_(std::make_shared<State>()) {
  state_->deliver = std::move(deliver);
  state_->limit = limit;
}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->deliver = nullptr;
}

void Resolver::resolve(const std::string& host, std::function<void(base::Result<Addresses>)> done) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->running >= state_->limit) {
      return done(base::error(base::Code::too_many_requests, "too many host names are being looked up"));
    }
    ++state_->running;
  }
  try {
    std::thread([state = state_, host, done]() mutable {
      auto addresses = std::make_shared<base::Result<Addresses>>(look_up(host));
      const std::lock_guard lock(state->mutex);
      --state->running;
      if (state->deliver) state->deliver([addresses, done = std::move(done)] { done(std::move(*addresses)); });
    }).detach();
  } catch (const std::system_error&) {
    {
      const std::lock_guard lock(state_->mutex);
      --state_->running;
    }
    done(base::error(base::Code::unavailable, "no thread to look the host up"));
  }
}

}  // namespace madang::net
