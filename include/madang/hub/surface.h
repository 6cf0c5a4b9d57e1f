#pragma once
// Routes that rooms beside `api` bring (feeds, services): each says what it offers, `api` finds who asks, checks the
// parameters, lists all of it in /openapi.json and hands over what was asked. Knows nothing of HTTP but its words.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"
#include "madang/governance/principal.h"

namespace madang::hub {

/// One route. Constants all.
struct Offer {
  struct Parameter {
    std::string_view name, about;
    std::uint32_t bytes = 256;  // longest value
  };
  std::string_view method;  // "GET", "POST", "PUT", "DELETE"
  std::string_view path;    // "/admin/feeds/{feedId}": at most three in braces
  std::string_view name;    // operationId
  std::string_view summary;
  governance::Role role = governance::Role::read;
  bool takes_body = false;
  std::string_view body_schema = "{}";  // JSON Schema of a JSON body; with `any_body` bodies of any type are taken
  bool any_body = false;
  std::string_view answer_schema = "{}";  // of a 200 or 201
  std::span<const Parameter> parameters = {};
  std::span<const int> statuses = {};  // beside those that every route has
};

/// A request for one of them. Owns what it holds.
struct Question {
  std::size_t offer = 0;  // place in offers()
  governance::PrincipalPtr who;
  std::string tenant;
  std::vector<std::string> captures;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string content_type, body;

  /// Empty where it is not given.
  std::string_view parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return value;
    }
    return {};
  }
};

struct Answer {
  int status = 200;
  std::string_view type = "application/json";  // a constant
  std::string body = {};
  std::string location = {};  // of what was made; empty: none
};

class Surface {
 public:
  virtual ~Surface() = default;
  virtual std::span<const Offer> offers() const = 0;
  using Answered = std::function<void(base::Result<Answer>)>;
  /// Never waits. `answered` is called once, on `home`, maybe before this returns.
  virtual void ask(Question&& question, base::Executor& home, Answered answered) = 0;
  /// Appends members of what the server says of its health, `,"feeds":{…}`. From any thread; never waits. Everybody may
  /// read it: figures, no names.
  virtual void append_health(std::string&) const {}
};

}  // namespace madang::hub
