#pragma once
// Host names to addresses, each on a thread of its own: getaddrinfo blocks for as long as a broken name server likes,
// and must hold up nobody else.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "madang/base/result.h"

namespace madang::net {

using Addresses = std::vector<std::string>;

/// At most `limit` look-ups run at once. Look-ups may outlive the Resolver; their answers are then dropped.
class Resolver {
 public:
  /// `deliver` runs a piece of work on the owner's thread; it is not called any more once the Resolver is gone.
  Resolver(std::size_t limit, std::function<void(std::function<void()>)> deliver);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` gets the IP addresses, in the system's order of preference.
  void resolve(const std::string& host, std::function<void(base::Result<Addresses>)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace madang::net
