#include "ogc/links.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

namespace madang::api::ogc {
namespace {

bool plain_in_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Links::Links(const Call& call) : call_(call), root_(call.root_url() + "/ogc") {
  for (const Param param : {Param::in_tenant, Param::in_context}) {
    if (!call.params.has(param)) continue;
    kept_.append(kept_.empty() ? "" : "&").append(info(param).name).append("=");
    base::append_percent_encoded(kept_, call.params[param]);
  }
}

std::string Links::url(std::string_view path, std::string_view query) const {
  std::string out = root_;
  out += path;
  if (!query.empty()) out.append("?").append(query);
  if (!kept_.empty()) out.append(query.empty() ? "?" : "&").append(kept_);
  return out;
}

std::string Links::self(std::initializer_list<std::pair<std::string_view, std::string_view>> replaced) const {
  std::string out = call_.root_url();
  out += call_.request().path;
  char between = '?';
  const auto add = [&](std::string_view pair) { out.append(1, between).append(pair), between = '&'; };
  std::string_view query = call_.request().query;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const std::string_view name = pair.substr(0, pair.find('='));
    const bool goes = std::any_of(replaced.begin(), replaced.end(), [&](const auto& one) { return one.first == name; });
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

void append_link(std::string& out, std::string_view relation, std::string_view type, std::string_view url,
                 std::string_view title) {
  if (out.back() != '[') out += ',';
  out += "{\"rel\":";
  base::json::append_string(out, relation);
  out += ",\"type\":";
  base::json::append_string(out, type);
  if (!title.empty()) out += ",\"title\":", base::json::append_string(out, title);
  out += ",\"href\":";
  base::json::append_string(out, url);
  out += '}';
}

std::string collection_id(std::string_view type) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : type) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain_in_path(c) || byte >= 0x80)
      out += c;
    else
      out.append(1, '~').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

std::string type_of_collection(std::string_view id) {
  std::string out;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const int high = i + 2 < id.size() ? hex_value(id[i + 1]) : -1;
    const int low = i + 2 < id.size() ? hex_value(id[i + 2]) : -1;
    if (id[i] == '~' && high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += id[i];
    }
  }
  return out;
}

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

std::string anchor(std::string_view url, std::string_view text) {
  std::string out = "<a href=\"";
  append_html(out, url);
  out += "\">";
  append_html(out, text);
  return out += "</a>";
}

std::string html_page(std::string_view title, std::string_view crumbs, std::string_view body) {
  std::string out = R"(<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>)";
  append_html(out, title);
  out += R"(</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem }
h1 { font-size: 1.6rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { text-align: start; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); vertical-align: top; overflow-wrap: anywhere }
pre { overflow-x: auto }
</style>
</head>
<body>
<nav aria-label="breadcrumb">)";
  out += crumbs;
  out += "</nav>\n<main>\n<h1>";
  append_html(out, title);
  out += "</h1>\n";
  out += body;
  return out += "</main>\n</body>\n</html>\n";
}

}  // namespace madang::api::ogc
