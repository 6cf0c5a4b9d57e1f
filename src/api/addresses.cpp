#include "addresses.h"

#include <algorithm>

#include "madang/base/uri.h"

namespace madang::api {
namespace {

bool plain_in_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Addresses::Addresses(const Call& call, std::string_view below)
    : root_(call.root_url().append(below)),
      own_(call.root_url().append(call.request().path)),
      query_(call.request().query) {
  for (const Param param : {Param::in_tenant, Param::in_context}) {
    if (!call.params.has(param)) continue;
    kept_.append(kept_.empty() ? "" : "&").append(info(param).name).append("=");
    base::append_percent_encoded(kept_, call.params[param]);
  }
}

std::string Addresses::url(std::string_view path, std::string_view query) const {
  std::string out = root_;
  out += path;
  if (!query.empty()) out.append("?").append(query);
  if (!kept_.empty()) out.append(query.empty() ? "?" : "&").append(kept_);
  return out;
}

std::string Addresses::self(std::initializer_list<std::pair<std::string_view, std::string_view>> replaced) const {
  std::string out = own_;
  char between = '?';
  const auto add = [&](std::string_view pair) { out.append(1, between).append(pair), between = '&'; };
  std::string_view query = query_;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const auto name = base::percent_decode(pair.substr(0, pair.find('=')), true);
    const bool goes =
        name.ok() && std::any_of(replaced.begin(), replaced.end(), [&](const auto& one) { return one.first == *name; });
    if (!goes && !pair.empty()) add(pair);
  }
  for (const auto& [name, value] : replaced) {
    if (value.empty()) continue;
    std::string pair = std::string(name) + "=";
    base::append_percent_encoded(pair, value);
    add(pair);
  }
  return out;
}

std::string tilde_encode(std::string_view text, std::string_view also) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain_in_path(c) || byte >= 0x80 || also.find(c) != also.npos)
      out += c;
    else
      out.append(1, '~').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

std::string tilde_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (text[i] == '~' && high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace madang::api
