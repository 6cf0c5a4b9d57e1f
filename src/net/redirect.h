#pragma once
// Where a client goes next, when a server sends it elsewhere (RFC 9110, 15.4).

#include "madang/net/http.h"

namespace madang::net {

bool is_redirect(const ClientResponse& response);
/// Makes the request the one to send next. forbidden where it would leave TLS.
base::Status redirect(ClientRequest& request, const ClientResponse& response);

}  // namespace madang::net
