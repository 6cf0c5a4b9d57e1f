#pragma once
// One request to another server, redirects included, as a coroutine on the client's thread.

#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>

#include "madang/base/uri.h"
#include "madang/net/http.h"

#include "resolver.h"

namespace madang::net {

struct ExchangeContext {
  const ClientOptions& options;
  Resolver& resolver;
  std::function<boost::asio::ssl::context&()> tls;  // made at the first need: reading the system's roots takes a while
};

boost::asio::awaitable<base::Result<ClientResponse>> exchange(ExchangeContext context, ClientRequest request);

}  // namespace madang::net
