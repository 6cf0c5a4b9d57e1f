#pragma once
// Which addresses a server that fetches on others' behalf may connect to.

#include <string_view>

namespace madang::net {

/// True for an IPv4 or IPv6 address of the public internet. False for loopback, private, link-local, carrier-shared,
/// documentation, benchmarking, multicast, reserved and unspecified ones (IANA's special-purpose registries), for IPv6
/// addresses that carry such an IPv4 one (mapped, compatible, NAT64, 6to4), for Teredo, and for what is no address.
bool is_public_address(std::string_view address);

}  // namespace madang::net
