#pragma once
// From method and path to an operation.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "http/operation.h"

namespace madang::api {

inline constexpr std::size_t kCaptures = 4;

struct Route {
  const Operation* operation = nullptr;  // null: unknown path (path_known false) or wrong method
  bool path_known = false;
  std::array<std::string_view, kCaptures> captures{};  // still percent-encoded
  std::string_view allow;                              // "GET, HEAD, OPTIONS", where the path is known
};

/// Built once from the table; looking up allocates nothing.
class Router {
 public:
  explicit Router(std::span<const Operation> operations);
  /// `path` without query, as sent. A trailing slash makes no difference (clause 6 writes both), but where only a path
  /// with an id behind it takes the method: then the id is captured as empty. HEAD finds GET's operation.
  Route find(net::Method method, std::string_view path) const;

 private:
  struct Entry {
    std::vector<std::string_view> segments;  // "{...}": captures
    std::array<const Operation*, 8> by_method{};
    std::string allow;
  };
  struct Rest {  // "/before/{rest...}"
    std::string_view before;
    std::array<const Operation*, 8> by_method{};
    std::string allow;
  };
  static constexpr std::size_t kDeepest = 8;
  Route match(net::Method method, std::span<const std::string_view> segments) const;
  std::array<std::vector<Entry>, kDeepest + 1> by_length_;
  std::vector<Rest> rests_;
};

}  // namespace madang::api
