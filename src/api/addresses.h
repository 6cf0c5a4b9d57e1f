#pragma once
// Addresses within answers.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "call.h"

namespace madang::api {

/// What answers say of one another, below one path. Tenant and context that the request named by parameters stay in
/// every address.
class Addresses {
 public:
  Addresses(const Call& call, std::string_view below);
  /// Of no request: `root` is "http://host" + below.
  explicit Addresses(std::string root) : root_(std::move(root)) {}

  /// "http://host" + below + path, with `query` ("f=html" or empty) and what stays.
  std::string url(std::string_view path, std::string_view query = {}) const;
  /// The address of the request itself, but for the parameters named, each of which is replaced or, with an empty
  /// value, left out.
  std::string self(std::initializer_list<std::pair<std::string_view, std::string_view>> replaced) const;

 private:
  std::string root_, kept_;
  std::string own_, query_;  // of the request
};

/// A name as part of an address: letters, digits, `-_.` and what `also` has stay, any other ASCII byte becomes `~` and
/// two hex digits.
std::string tilde_encode(std::string_view text, std::string_view also = {});
std::string tilde_decode(std::string_view text);

}  // namespace madang::api
