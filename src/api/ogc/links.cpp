#include "ogc/links.h"

#include "madang/base/json.h"

namespace madang::api::ogc {

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
  return tilde_encode(type, ":");
}

std::string type_of_collection(std::string_view id) {
  return tilde_decode(id);
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
