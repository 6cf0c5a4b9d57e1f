#include "http/negotiate.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "madang/ngsi/conform.h"

#include "http/ascii.h"
#include "http/parameters.h"

namespace madang::api {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The value of parameter `name` in `;a=b;c="d"`, unquoted.
std::string_view parameter(std::string_view text, std::string_view name) {
  while (true) {
    const auto semicolon = text.find(';');
    if (semicolon == text.npos) return {};
    text.remove_prefix(semicolon + 1);
    const std::string_view pair = trim(text.substr(0, text.find(';')));
    const auto equals = pair.find('=');
    if (equals == pair.npos || !equal_ignoring_case(trim(pair.substr(0, equals)), name)) continue;
    std::string_view value = trim(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
}

/// RFC 9110, 12.4.2. Anything that is no weight counts as 1.
int quality(std::string_view range) {
  const std::string_view text = parameter(range, "q");
  double value = 1;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return 1000;
  return static_cast<int>(value * 1000);
}

/// How specifically a media range names a type: 0 not at all, 1 by */*, 2 by type/*, 3 wholly.
int specificity(std::string_view range, std::string_view type) {
  if (range == "*/*" || range == "*") return 1;
  type = type.substr(0, type.find(';'));
  if (equal_ignoring_case(range, type)) return 3;
  const auto slash = type.find('/');
  return range.size() == slash + 2 && range.ends_with("/*") &&
                 equal_ignoring_case(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

}  // namespace

Media choose_media(std::string_view accept, std::uint16_t offered) {
  if (accept.empty() || accept == "*/*" || (accept == "application/json" && (offered & kJson))) {
    for (const Media media : kAllMedia) {
      if (offered & media) return media;
    }
  }
  Media best = kNoMedia;
  int best_quality = 0;
  for (const Media media : kAllMedia) {
    if (!(offered & media)) continue;
    int found = 0, weight = 0;
    each_item(accept, [&](std::string_view range) {
      const int how = specificity(trim(range.substr(0, range.find(';'))), media_name(media));
      if (how > found) found = how, weight = quality(range);
      return true;
    });
    if (weight > best_quality) best = media, best_quality = weight;
  }
  return best;
}

ContentType content_type(std::string_view header) {
  if (header.empty()) return ContentType::none;
  const std::string_view type = trim(header.substr(0, header.find(';')));
  if (const auto charset = parameter(header, "charset");
      !charset.empty() && !equal_ignoring_case(charset, "utf-8") && !equal_ignoring_case(charset, "utf8")) {
    return ContentType::other;
  }
  if (equal_ignoring_case(type, "application/json")) return ContentType::json;
  if (equal_ignoring_case(type, "application/ld+json")) return ContentType::ld_json;
  if (equal_ignoring_case(type, "application/merge-patch+json")) return ContentType::merge_patch;
  return ContentType::other;
}

std::vector<std::string> by_quality(std::string_view list) {
  std::vector<std::pair<int, std::string>> weighed;
  each_item(list, [&](std::string_view item) {
    const std::string_view name = trim(item.substr(0, item.find(';')));
    if (const int weight = quality(item); weight > 0 && !name.empty()) weighed.emplace_back(weight, name);
    return true;
  });
  std::stable_sort(weighed.begin(), weighed.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  names.reserve(weighed.size());
  for (auto& [weight, name] : weighed) names.push_back(std::move(name));
  return names;
}

std::optional<unsigned> preferred_version(std::string_view prefer) {
  constexpr std::string_view kName = "ngsi-ld=";
  while (!prefer.empty()) {
    const auto end = prefer.find_first_of(",;");
    std::string_view item = prefer.substr(0, end);
    prefer = end == prefer.npos ? std::string_view() : prefer.substr(end + 1);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    // RFC 7240, 2: names of preferences are compared without regard to case.
    if (item.size() < kName.size() || !equal_ignoring_case(item.substr(0, kName.size()), kName)) continue;
    item.remove_prefix(kName.size());
    if (item.starts_with('"')) item.remove_prefix(1);
    unsigned major = 0, minor = 0;
    const char* const last = item.data() + item.size();
    const auto dot = std::from_chars(item.data(), last, major);
    if (dot.ec != std::errc() || dot.ptr == last || *dot.ptr != '.' || major != 1) return std::nullopt;
    if (std::from_chars(dot.ptr + 1, last, minor).ec != std::errc()) return std::nullopt;
    return std::min(minor, ngsi::kNewestMinor);
  }
  return std::nullopt;
}

bool accepts_coding(std::string_view accept_encoding, std::string_view wanted) {
  int named = -1, any = -1;
  each_item(accept_encoding, [&](std::string_view item) {
    std::string_view coding = trim(item.substr(0, item.find(';')));
    if (equal_ignoring_case(coding, "x-gzip")) coding.remove_prefix(2);  // RFC 9110, 8.4.1.3
    if (equal_ignoring_case(coding, wanted)) named = quality(item);
    if (coding == "*") any = quality(item);
    return true;
  });
  return named > 0 || (named < 0 && any > 0);
}

}  // namespace madang::api
