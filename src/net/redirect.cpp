#include "redirect.h"

#include "madang/base/uri.h"

#include "ascii.h"

namespace madang::net {

namespace {

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
  std::erase_if(request.headers,
                [](const auto& header) { return same_ignoring_case(header.first.substr(0, 8), "content-"); });
}

}  // namespace

bool is_redirect(const ClientResponse& response) {
  const int status = response.status;
  const bool elsewhere = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return elsewhere && !response.header("Location").empty();
}

base::Status redirect(ClientRequest& request, const ClientResponse& response) {
  MADANG_TRY(const base::Url url, base::parse_url(request.url));
  MADANG_TRY(std::string next, base::resolve_url(request.url, response.header("Location")));
  MADANG_TRY(const base::Url next_url, base::parse_url(next));
  if (url.tls() && !next_url.tls()) {
    return base::error(base::Code::forbidden, "a redirect from https to http is not followed");
  }
  if (next_url.host != url.host || next_url.port != url.port) drop_credentials(request);
  change_method(request, response.status);
  request.url = std::move(next);
  return {};
}

}  // namespace madang::net
