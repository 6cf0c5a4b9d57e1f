#include "http/router.h"

#include <algorithm>
#include <cassert>

namespace madang::api {
namespace {

/// The segments of "/a/b/" into `out`; how many, or more than out.size() where they are too many.
template <std::size_t N>
std::size_t split(std::string_view path, std::array<std::string_view, N>& out) {
  std::size_t count = 0;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (count == N) return N + 1;
    out[count++] = path.substr(0, slash);
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  }
  return count;
}

bool captures(std::string_view segment) {
  return segment.starts_with('{');
}

constexpr std::string_view kRest = "...}";

/// The methods of an entry as a header tells them.
std::string allow_line(std::span<const Operation* const> by_method) {
  std::string allow;
  for (std::size_t method = 0; method < by_method.size(); ++method) {
    if (!by_method[method]) continue;
    if (!allow.empty()) allow += ", ";
    allow += net::method_name(static_cast<net::Method>(method));
    if (static_cast<net::Method>(method) == net::Method::get) allow += ", HEAD";
  }
  return allow += ", OPTIONS";
}

}  // namespace

Router::Router(std::span<const Operation> operations) {
  for (const Operation& operation : operations) {
    if (operation.path.ends_with(kRest)) {
      const std::string_view before = operation.path.substr(0, operation.path.rfind('{'));
      auto found = std::find_if(rests_.begin(), rests_.end(), [&](const Rest& rest) { return rest.before == before; });
      if (found == rests_.end()) found = rests_.insert(found, Rest{before, {}, {}});
      found->by_method[static_cast<std::size_t>(operation.method)] = &operation;
      continue;
    }
    std::array<std::string_view, kDeepest> segments;
    const std::size_t count = split(operation.path, segments);
    assert(count <= kDeepest);
    auto& bucket = by_length_[count];
    const auto same = [&](const Entry& entry) {
      return std::equal(entry.segments.begin(), entry.segments.end(), segments.begin(),
                        [](auto a, auto b) { return a == b || (captures(a) && captures(b)); });
    };
    auto found = std::find_if(bucket.begin(), bucket.end(), same);
    if (found == bucket.end()) {
      bucket.push_back({{segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(count)}, {}, {}});
      found = bucket.end() - 1;
    }
    found->by_method[static_cast<std::size_t>(operation.method)] = &operation;
  }
  for (auto& bucket : by_length_) {
    for (Entry& entry : bucket) entry.allow = allow_line(entry.by_method);
  }
  for (Rest& rest : rests_) rest.allow = allow_line(rest.by_method);
}

Route Router::match(net::Method method, std::span<const std::string_view> segments) const {
  for (const Entry& entry : by_length_[segments.size()]) {
    Route route;
    std::size_t captured = 0;
    const bool matches =
        std::equal(segments.begin(), segments.end(), entry.segments.begin(), [&](auto given, auto own) {
          if (!captures(own)) return given == own;
          if (captured == kCaptures) return false;
          route.captures[captured++] = given;
          return true;
        });
    if (!matches) continue;
    route.path_known = true;
    route.allow = entry.allow;
    route.operation = entry.by_method[static_cast<std::size_t>(method)];
    return route;
  }
  return {};
}

Route Router::find(net::Method method, std::string_view path) const {
  std::array<std::string_view, kDeepest> segments;
  if (!path.starts_with('/')) return {};
  if (method == net::Method::head) method = net::Method::get;
  for (const Rest& rest : rests_) {
    if (!path.starts_with(rest.before) || path.size() == rest.before.size()) continue;
    Route route;
    route.path_known = true;
    route.allow = rest.allow;
    route.operation = rest.by_method[static_cast<std::size_t>(method)];
    route.captures[0] = path.substr(rest.before.size());
    return route;
  }
  const std::size_t count = split(path, segments);
  if (count > kDeepest) return {};
  const Route route = match(method, std::span(segments).first(count));
  if (route.operation || !path.ends_with('/') || count == kDeepest) return route;
  segments[count] = {};
  const Route deeper = match(method, std::span(segments).first(count + 1));
  return deeper.operation && deeper.captures[0].empty() ? deeper : route;
}

}  // namespace madang::api
