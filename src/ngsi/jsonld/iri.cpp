#include "jsonld/iri.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace madang::ngsi::jsonld {

namespace {

constexpr std::array<std::string_view, 23> kKeywords{
    "@base",      "@container", "@context",  "@direction", "@graph", "@id",      "@import", "@included",
    "@index",     "@json",      "@language", "@list",      "@nest",  "@none",    "@prefix", "@propagate",
    "@protected", "@reverse",   "@set",      "@type",      "@value", "@version", "@vocab"};
static_assert(std::is_sorted(kKeywords.begin(), kKeywords.end()));

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::size_t scheme_size(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == ':') return at;
    const char c = text[at];
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return 0;
  }
  return 0;
}

/// RFC 3986, appendix B. An absent part differs from an empty one.
struct Parts {
  std::string_view scheme;
  std::optional<std::string_view> authority;
  std::string_view path;
  std::optional<std::string_view> query, fragment;

  explicit Parts(std::string_view text) {
    if (const std::size_t size = scheme_size(text); size > 0) {
      scheme = text.substr(0, size);
      text.remove_prefix(size + 1);
    }
    if (const auto hash = text.find('#'); hash != text.npos) {
      fragment = text.substr(hash + 1);
      text = text.substr(0, hash);
    }
    if (const auto mark = text.find('?'); mark != text.npos) {
      query = text.substr(mark + 1);
      text = text.substr(0, mark);
    }
    if (text.starts_with("//")) {
      const auto slash = std::min(text.find('/', 2), text.size());
      authority = text.substr(2, slash - 2);
      text.remove_prefix(slash);
    }
    path = text;
  }
};

/// RFC 3986, 5.2.4.
std::string without_dots(std::string_view in) {
  std::string out;
  while (!in.empty()) {
    if (in.starts_with("../")) {
      in.remove_prefix(3);
    } else if (in.starts_with("./")) {
      in.remove_prefix(2);
    } else if (in.starts_with("/./")) {
      in.remove_prefix(2);
    } else if (in == "/.") {
      in = "/";
    } else if (in.starts_with("/../") || in == "/..") {
      in = in == "/.." ? std::string_view("/") : in.substr(3);
      out.erase(std::min(out.rfind('/'), out.size()));
    } else if (in == "." || in == "..") {
      in = {};
    } else {
      const auto end = std::min(in.find('/', 1), in.size());
      out += in.substr(0, end);
      in.remove_prefix(end);
    }
  }
  return out;
}

std::string merged(const Parts& base, std::string_view path) {
  if (base.authority && base.path.empty()) return '/' + std::string(path);
  const auto slash = base.path.rfind('/');
  return std::string(base.path.substr(0, slash == base.path.npos ? 0 : slash + 1)).append(path);
}

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    all.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

}  // namespace

bool is_keyword(std::string_view text) {
  return std::binary_search(kKeywords.begin(), kKeywords.end(), text);
}

bool looks_like_keyword(std::string_view text) {
  return text.size() > 1 && text.front() == '@' && std::all_of(text.begin() + 1, text.end(), is_letter);
}

bool is_iri(std::string_view text) {
  if (scheme_size(text) == 0) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || std::string_view("<>\"{}|\\^`").find(c) != std::string_view::npos;
  });
}

bool split_compact_iri(std::string_view text, std::string_view& prefix, std::string_view& suffix) {
  const std::size_t colon = text.find(':', 1);
  if (text.empty() || colon == std::string_view::npos) return false;
  prefix = text.substr(0, colon);
  suffix = text.substr(colon + 1);
  return prefix != "_" && !suffix.starts_with("//");
}

std::string resolve(std::string_view base_text, std::string_view reference) {
  if (base_text.empty()) return std::string(reference);
  const Parts base(base_text), r(reference);
  std::string out;
  std::string path;
  std::optional<std::string_view> authority = r.authority, query = r.query;
  if (!r.scheme.empty()) {
    path = without_dots(r.path);
  } else if (r.authority) {
    path = without_dots(r.path);
  } else {
    authority = base.authority;
    if (r.path.empty()) {
      path = base.path;
      if (!query) query = base.query;
    } else {
      path = without_dots(r.path.front() == '/' ? std::string(r.path) : merged(base, r.path));
    }
  }
  const std::string_view scheme = r.scheme.empty() ? base.scheme : r.scheme;
  if (!scheme.empty()) out.append(scheme) += ':';
  if (authority) out.append("//").append(*authority);
  out += path;
  if (query) out.append("?").append(*query);
  if (r.fragment) out.append("#").append(*r.fragment);
  return out;
}

std::string relative_to(std::string_view base_text, std::string_view iri) {
  const Parts base(base_text), to(iri);
  if (base.scheme.empty() || to.scheme != base.scheme || to.authority != base.authority) return std::string(iri);
  if (!to.path.starts_with('/') && base.path != to.path) return std::string(iri);
  std::string out;
  const bool same_path = base.path == to.path;
  if (!same_path || (base.query && !to.query)) {
    const auto from = segments(base.path), where = segments(to.path);
    std::size_t common = 0;
    while (common + 1 < from.size() && common + 1 < where.size() && from[common] == where[common]) ++common;
    for (std::size_t i = common + 1; i < from.size(); ++i) out += "../";
    for (std::size_t i = common; i < where.size(); ++i) {
      out += where[i];
      if (i + 1 < where.size()) out += '/';
    }
    if (out.empty()) out = "./";
  }
  const bool same_query = to.query == base.query;
  if (to.query && (!same_path || !same_query || !to.fragment)) out.append("?").append(*to.query);
  if (to.fragment) out.append("#").append(*to.fragment);
  if (out.empty()) {  // the same place: its last segment
    const auto where = segments(to.path);
    out = std::string(where.back());
    if (to.query) out.append("?").append(*to.query);
    if (out.empty()) out = "./";
  }
  // What looks like a scheme would be read as one; what looks like a keyword as that (6.1.2, "make relative").
  if (scheme_size(out) > 0 || looks_like_keyword(out)) out.insert(0, "./");
  return out;
}

}  // namespace madang::ngsi::jsonld
