#include "madang/base/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace madang::base {
namespace {

constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
constexpr bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
constexpr bool is_escape(std::string_view text, std::size_t at) {
  return at + 2 < text.size() && hex_value(text[at + 1]) >= 0 && hex_value(text[at + 2]) >= 0;
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

/// Characters that may stand for themselves anywhere after the scheme (RFC 3986, 2.2 and 2.3, without `[]#%`).
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0; c < 128; ++c) plain[c] = is_unreserved(static_cast<char>(c));
  for (const char c : {'!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@', '/', '?'}) {
    plain[static_cast<unsigned char>(c)] = true;
  }
  return plain;
}();

/// Decodes the UTF-8 sequence at `at` (RFC 3629: shortest form, no surrogates); 0 bytes where it is broken.
struct Decoded {
  std::uint32_t code = 0;
  std::size_t bytes = 0;
};
Decoded decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < bytes) return {};
  std::uint32_t code = first & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes};
}

/// `ucschar` of RFC 3987, and its `iprivate`, which only a query may hold.
constexpr bool is_ucschar(std::uint32_t c) {
  if (c < 0x10000) return (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) || (c >= 0xFDF0 && c <= 0xFFEF);
  return c >= 0xE1000 ? c <= 0xEFFFD : c < 0xE0000 && (c & 0xFFFF) <= 0xFFFD;
}
/// Of these, what nobody sees or what turns the direction of text around: an address with one of them shows as another
/// (RFC 3987, 4.1 and 7.5; Unicode's Default_Ignorable_Code_Point, its white space and its blanks).
constexpr bool is_invisible(std::uint32_t c) {
  constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 21> kRanges{
      {{0xA0, 0xA0},       {0xAD, 0xAD},       {0x34F, 0x34F},    {0x61C, 0x61C},   {0x115F, 0x1160}, {0x1680, 0x1680},
       {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200F},  {0x2028, 0x202F}, {0x205F, 0x206F}, {0x2800, 0x2800},
       {0x3000, 0x3000},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},  {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFC},
       {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}}};
  return std::any_of(kRanges.begin(), kRanges.end(), [c](auto range) { return c >= range.first && c <= range.second; });
}
constexpr bool is_iprivate(std::uint32_t c) {
  return (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && c <= 0x10FFFD && (c & 0xFFFF) <= 0xFFFD);
}

/// The length of a leading scheme, without its colon; 0 where there is none.
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !is_alpha(text[0])) return 0;
  std::size_t i = 1;
  while (i < text.size() &&
         (is_alpha(text[i]) || is_digit(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.')) {
    ++i;
  }
  return i < text.size() && text[i] == ':' ? i : 0;
}

/// The five parts of a reference (RFC 3986, appendix B). An absent part differs from an empty one.
struct Parts {
  std::string_view scheme, path;
  std::optional<std::string_view> authority, query, fragment;
};

Parts split(std::string_view text) {
  Parts parts;
  if (const std::size_t length = scheme_length(text); length > 0) {
    parts.scheme = text.substr(0, length);
    text.remove_prefix(length + 1);
  }
  const auto cut_tail = [&](char mark) -> std::optional<std::string_view> {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    const auto tail = text.substr(at + 1);
    text = text.substr(0, at);
    return tail;
  };
  parts.fragment = cut_tail('#');
  parts.query = cut_tail('?');
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const std::size_t end = std::min(text.find('/'), text.size());
    parts.authority = text.substr(0, end);
    text.remove_prefix(end);
  }
  parts.path = text;
  return parts;
}

/// RFC 3986, 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  const auto drop_last = [&] {
    const std::size_t slash = out.rfind('/');
    out.resize(slash == std::string::npos ? 0 : slash);
  };
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./") || path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../")) {
      path.remove_prefix(3);
      drop_last();
    } else if (path == "/..") {
      path = "/";
      drop_last();
    } else if (path == "." || path == "..") {
      path = {};
    } else {
      const std::size_t end = std::min(path.find('/', 1), path.size());
      out.append(path.substr(0, end));
      path.remove_prefix(end);
    }
  }
  return out;
}

/// RFC 3986, 5.2.3.
std::string merge_paths(const Parts& base, std::string_view path) {
  if (base.authority && base.path.empty()) return "/" + std::string(path);
  const std::size_t slash = base.path.rfind('/');
  return std::string(base.path.substr(0, slash == std::string_view::npos ? 0 : slash + 1)).append(path);
}

Error bad_url(std::string_view text, std::string_view why) {
  std::string message("'");
  message.append(text.substr(0, 200)).append("' is not an http or https address: ").append(why);
  return error(Code::bad_request_data, std::move(message));
}

bool is_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > 255) return false;
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return bracketed ? hex_value(c) >= 0 || c == ':' || c == '.'
                     : is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

/// Splits `host:port` or `[v6]:port`; an empty reason is success.
std::string_view parse_authority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) return "it holds user information";
  const bool bracketed = authority.starts_with('[');
  std::size_t end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == std::string_view::npos) return "its host lacks a bracket";
  const std::string_view host = authority.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  if (!is_host(host, bracketed) || (bracketed && host.find(':') == std::string_view::npos))
    return "its host is not valid";
  url.host = lower(host);
  if (bracketed) ++end;
  std::string_view port = authority.substr(end);
  if (port.empty() || port == ":") return {};
  port.remove_prefix(1);
  unsigned number = 0;
  const auto [rest, status] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (authority[end] != ':' || status != std::errc{} || rest != port.data() + port.size() || number < 1 ||
      number > 65'535) {
    return "its port is not valid";
  }
  url.port = std::to_string(number);
  return {};
}

/// RFC 3987, 3.1: what a URI cannot hold becomes percent escapes of its UTF-8 bytes.
void append_as_uri(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      append_percent_encoded(out, {&c, 1});
    }
  }
}

}  // namespace

bool is_absolute_uri(std::string_view text) {
  const std::size_t scheme = scheme_length(text);
  if (scheme == 0 || scheme + 1 == text.size()) return false;
  const auto plain = [](char c) { return kPlain[static_cast<unsigned char>(c)]; };
  if (std::all_of(text.begin() + static_cast<std::ptrdiff_t>(scheme), text.end(), plain)) return true;  // most are

  const std::string_view authority = split(text).authority.value_or(std::string_view{});
  bool in_query = false;
  bool in_fragment = false;
  for (std::size_t i = scheme + 1; i < text.size();) {
    const char c = text[i];
    if (plain(c)) {
      in_query = in_query || c == '?';
      ++i;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      const Decoded decoded = decode_utf8(text, i);
      if (decoded.bytes == 0) return false;
      if (is_invisible(decoded.code)) return false;
      if (!is_ucschar(decoded.code) && !(in_query && !in_fragment && is_iprivate(decoded.code))) return false;
      i += decoded.bytes;
    } else if (c == '%' && is_escape(text, i)) {
      i += 3;
    } else if (c == '#' && !in_fragment) {
      in_fragment = true;
      ++i;
    } else if ((c == '[' || c == ']') && &text[i] >= authority.data() &&
               &text[i] < authority.data() + authority.size()) {
      ++i;  // an IPv6 host
    } else {
      return false;
    }
  }
  return true;
}

Result<Url> parse_url(std::string_view text) {
  if (!is_absolute_uri(text)) return bad_url(text, "it is not a valid address");
  const Parts parts = split(text);
  Url url;
  url.scheme = lower(parts.scheme);
  if (url.scheme != "http" && url.scheme != "https") return bad_url(text, "its scheme is another");
  if (!parts.authority) return bad_url(text, "it names no host");
  url.port = url.tls() ? "443" : "80";
  if (const auto why = parse_authority(*parts.authority, url); !why.empty()) return bad_url(text, why);
  if (parts.path.empty()) url.target = "/";
  append_as_uri(url.target, parts.path);
  if (parts.query) append_as_uri(url.target += '?', *parts.query);
  return url;
}

Result<std::string> resolve_url(std::string_view base, std::string_view reference) {
  const Parts from = split(base);
  const Parts to = split(reference);
  if (from.scheme.empty())
    return error(Code::bad_request_data, "'" + std::string(base) + "' is not an absolute address");
  Parts result = to;
  std::string path;
  if (!to.scheme.empty() || to.authority) {
    path = remove_dot_segments(to.path);
  } else {
    result.authority = from.authority;
    if (to.path.empty()) {
      path = from.path;
      if (!to.query) result.query = from.query;
    } else {
      path = remove_dot_segments(to.path.starts_with('/') ? std::string(to.path) : merge_paths(from, to.path));
    }
  }
  std::string out(to.scheme.empty() ? from.scheme : to.scheme);
  out += ':';
  if (result.authority) out.append("//").append(*result.authority);
  out += path;
  if (result.query) out.append("?").append(*result.query);
  if (result.fragment) out.append("#").append(*result.fragment);
  if (!is_absolute_uri(out))
    return error(Code::bad_request_data, "'" + std::string(reference) + "' is not a valid reference");
  return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (!is_escape(text, i)) {
        return error(Code::invalid_request, "a '%' is not followed by two hexadecimal digits", std::to_string(i));
      }
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    std::uint64_t word = ~std::uint64_t{0};
    if (text.size() - i >= 8) std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080) == 0) {  // eight ASCII characters
      i += 8;
      continue;
    }
    const std::size_t bytes = decode_utf8(text, i).bytes;
    if (bytes == 0) return false;
    i += bytes;
  }
  return true;
}

std::string as_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = decode_utf8(text, i).bytes;
    out += bytes == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(i, bytes);
    i += bytes == 0 ? 1 : bytes;
  }
  return out;
}

}  // namespace madang::base
