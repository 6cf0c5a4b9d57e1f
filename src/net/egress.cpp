#include "madang/net/egress.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include <arpa/inet.h>

namespace madang::net {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

struct Network4 {
  std::uint32_t prefix;
  int bits;
};

constexpr std::uint32_t ip(std::uint32_t a, std::uint32_t b, std::uint32_t c = 0, std::uint32_t d = 0) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's IPv4 special-purpose address registry (RFC 6890 and its successors), multicast and class E.
constexpr Network4 kSpecial4[] = {
    {ip(0, 0), 8},     {ip(10, 0), 8},         {ip(100, 64), 10},     {ip(127, 0), 8},       {ip(169, 254), 16},
    {ip(172, 16), 12}, {ip(192, 0), 24},       {ip(192, 0, 2), 24},   {ip(192, 88, 99), 24}, {ip(192, 168), 16},
    {ip(198, 18), 15}, {ip(198, 51, 100), 24}, {ip(203, 0, 113), 24}, {ip(224, 0), 4},       {ip(240, 0), 4},
};

bool public4(std::uint32_t address) {
  for (const auto& [prefix, bits] : kSpecial4) {
    if ((address ^ prefix) >> (32 - bits) == 0) return false;
  }
  return true;
}

std::uint32_t embedded4(const Bytes& address, std::size_t at) {
  return ip(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

bool starts_with(const Bytes& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

bool public6(const Bytes& address) {
  if (starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
    return public4(embedded4(address, 12));  // mapped
  if (starts_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
    return public4(embedded4(address, 12));                                       // NAT64
  if (starts_with(address, {0x20, 0x02})) return public4(embedded4(address, 2));  // 6to4
  // All that is assigned for global use lies in 2000::/3: loopback, compatible, unique-local, link-local, site-local,
  // multicast and local NAT64 prefixes lie outside.
  if (address[0] >> 5 != 1) return false;
  if (starts_with(address, {0x20, 0x01}) && address[2] < 2) return false;   // 2001::/23: Teredo, ORCHID, …
  if (starts_with(address, {0x20, 0x01, 0x0d, 0xb8})) return false;         // documentation
  return !(address[0] == 0x3f && address[1] == 0xff && address[2] < 0x10);  // 3fff::/20: documentation
}

}  // namespace

bool is_public_address(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));  // a zone makes no address more public
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return public4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  Bytes bytes;
  std::memcpy(bytes.data(), &v6, bytes.size());
  return public6(bytes);
}

}  // namespace madang::net
