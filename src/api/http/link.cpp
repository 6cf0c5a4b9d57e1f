#include "http/link.h"

#include <algorithm>
#include <string>
#include <vector>

#include "madang/base/uri.h"

#include "http/ascii.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

void skip_space(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// A token or a quoted string (escapes stay as they are: no relation or type has any).
std::optional<std::string_view> take_value(std::string_view& text) {
  if (text.starts_with('"')) {
    for (std::size_t at = 1; at < text.size(); ++at) {
      if (text[at] == '\\') {
        ++at;
      } else if (text[at] == '"') {
        const auto value = text.substr(1, at - 1);
        text.remove_prefix(at + 1);
        return value;
      }
    }
    return std::nullopt;
  }
  const auto end = text.find_first_of(" \t;,");
  const auto value = text.substr(0, end);
  text.remove_prefix(value.size());
  return value;
}

/// `rel` may hold several relations, parted by spaces.
bool has_relation(std::string_view relations, std::string_view wanted) {
  while (!relations.empty()) {
    skip_space(relations);
    const auto end = relations.find(' ');
    if (equal_ignoring_case(relations.substr(0, end), wanted)) return true;
    relations = end == relations.npos ? std::string_view() : relations.substr(end);
  }
  return false;
}

struct LinkValue {
  std::string_view target;
  std::string_view relations;
};

/// One link-value from the front of `rest`; nothing where it is malformed.
std::optional<LinkValue> take_link(std::string_view& rest) {
  LinkValue link;
  if (!rest.starts_with('<')) return std::nullopt;
  const auto close = rest.find('>');
  if (close == rest.npos) return std::nullopt;
  link.target = rest.substr(1, close - 1);
  rest.remove_prefix(close + 1);
  bool has_rel = false;
  while (true) {
    skip_space(rest);
    if (!rest.starts_with(';')) return link;
    rest.remove_prefix(1);
    skip_space(rest);
    const auto end = rest.find_first_of("= \t;,");
    const auto name = rest.substr(0, end);
    rest.remove_prefix(name.size());
    skip_space(rest);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    skip_space(rest);
    const auto value = take_value(rest);
    if (!value) return std::nullopt;
    // RFC 8288, 3.3: of several rel parameters the first one counts.
    if (!has_rel && equal_ignoring_case(name, "rel")) link.relations = *value, has_rel = true;
  }
}

/// A query part as it is written without need of escapes (RFC 3986, 6.2.2.2), so that a link looks the same however the
/// request wrote it. What means something to a query stays as it is; only characters of a URI reach a header.
void append_normal(std::string& out, std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:@/*,!$()'").find(c) != std::string_view::npos;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto escaped = base::percent_decode(c == '%' ? text.substr(i, 3) : std::string_view());
    if (escaped.ok() && !escaped->empty()) {
      out += plain(escaped->front()) ? std::string_view(*escaped) : text.substr(i, 3);
      i += 2;
    } else if (c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '"') {
      out += c;
    } else {
      base::append_percent_encoded(out, std::string_view(&c, 1));
    }
  }
}

}  // namespace

base::Result<std::optional<std::string_view>> context_link(std::string_view header) {
  std::optional<std::string_view> found;
  while (true) {
    while (!header.empty() && (header.front() == ' ' || header.front() == '\t' || header.front() == ',')) {
      header.remove_prefix(1);
    }
    if (header.empty()) return found;
    const auto link = take_link(header);
    skip_space(header);
    if (!link || (!header.empty() && header.front() != ',')) {
      return error(Code::invalid_request, "The Link header is not of the form <URL>; rel=\"...\" (RFC 8288).", "Link");
    }
    if (!has_relation(link->relations, kContextRelation)) continue;
    if (found) return error(Code::bad_request_data, "The Link header names more than one JSON-LD context.", "Link");
    if (!base::parse_url(link->target).ok()) {
      return error(Code::bad_request_data, "The JSON-LD context of the Link header is not an http or https URL.",
                   "Link");
    }
    found = link->target;
  }
}

void append_context_link(std::string& out, std::string_view url) {
  out += "Link: <";
  out += url;
  out += ">; rel=\"";
  out += kContextRelation;
  out += "\"; type=\"application/ld+json\"\r\n";
}

void append_page_link(std::string& out, std::string_view relation, std::string_view path, std::string_view query,
                      std::uint64_t limit, std::uint64_t offset, std::string_view after, std::string_view media) {
  std::vector<std::string> pairs{"limit=" + std::to_string(limit)};
  pairs.push_back("offset=" + std::to_string(offset));
  if (!after.empty()) base::append_percent_encoded(pairs.emplace_back("after="), after);
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty() || pair.starts_with("limit=") || pair.starts_with("offset=") || pair.starts_with("after="))
      continue;
    append_normal(pairs.emplace_back(), pair);
  }
  std::sort(pairs.begin(), pairs.end());
  out += "Link: <";
  out += path.substr(0, path.find_last_not_of('/') + 1);
  for (const std::string& pair : pairs) (out += &pair == &pairs.front() ? '?' : '&') += pair;
  out += ">; rel=\"";
  out += relation;
  out += "\"; type=\"";
  out += media;
  out += "\"\r\n";
}

}  // namespace madang::api
