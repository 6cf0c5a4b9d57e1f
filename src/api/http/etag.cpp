#include "http/etag.h"

#include <charconv>
#include <optional>

namespace madang::api {
namespace {

struct Tag {
  bool weak = false;
  std::string_view text;  // with quotes
};

/// Calls visit(Tag) for each tag of a list until it returns false; stops at the first malformed one.
template <class Visit>
void each_tag(std::string_view list, Visit&& visit) {
  while (true) {
    const auto begin = list.find_first_not_of(" \t,");
    if (begin == list.npos) return;
    list.remove_prefix(begin);
    Tag tag;
    if (list.starts_with("W/")) tag.weak = true, list.remove_prefix(2);
    if (!list.starts_with('"')) return;
    const auto end = list.find('"', 1);
    if (end == list.npos) return;
    tag.text = list.substr(0, end + 1);
    list.remove_prefix(end + 1);
    if (!visit(tag)) return;
  }
}

std::optional<std::uint64_t> version_of(const Tag& tag) {
  std::string_view text = tag.text.substr(1, tag.text.size() - 2);
  if (tag.weak || !text.starts_with('v')) return std::nullopt;
  text.remove_prefix(1);
  std::uint64_t version = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool whole = end == text.data() + text.size() || *end == '-';
  if (fault != std::errc() || !whole) return std::nullopt;
  return version;
}

}  // namespace

void append_version_etag(std::string& out, std::uint64_t version) {
  char digits[20];
  const auto [end, fault] = std::to_chars(digits, digits + sizeof(digits), version);
  out += "\"v";
  out.append(digits, end);
  out += '"';
}

void append_etag(std::string& out, std::uint64_t version, std::uint32_t representation) {
  append_version_etag(out, version);
  out.back() = '-';
  char digits[8];
  const auto [end, fault] = std::to_chars(digits, digits + sizeof(digits), representation, 16);
  out.append(digits, end);
  out += '"';
}

bool none_match_hits(std::string_view header, std::string_view etag) {
  if (header == "*") return true;
  bool hit = false;
  each_tag(header, [&](const Tag& tag) { return !(hit = tag.text == etag); });
  return hit;
}

IfMatch parse_if_match(std::string_view header) {
  IfMatch wanted;
  if (header == "*") return wanted.any = true, wanted;
  constexpr std::size_t kMost = 100;
  each_tag(header, [&](const Tag& tag) {
    if (const auto version = version_of(tag)) wanted.versions.push_back(*version);
    return wanted.versions.size() < kMost;
  });
  if (wanted.versions.empty()) wanted.versions.push_back(0);  // journal positions begin at 1
  return wanted;
}

}  // namespace madang::api
