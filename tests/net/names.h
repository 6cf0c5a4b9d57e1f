#pragma once
// A name service and a network of the tests' own: what the client looks up and connects to ends here. It stands in for
// getaddrinfo(3) and connect(2) of the whole test program; other names and addresses mean what they always do.

#include <string>

namespace madang::net::testing {

/// From now on `name` has this address. An empty one: looking it up takes until release_names().
void set_name(const std::string& name, const std::string& address);
void release_names();

/// A public address (RFC 9110 knows none for tests): who connects to it reaches the same port of 127.0.0.1.
inline constexpr const char* kPublicAddress = "8.8.8.8";

}  // namespace madang::net::testing
