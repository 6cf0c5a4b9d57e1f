#pragma once
// Answers of other servers: bytes to ClientResponse, with a limit (RFC 9112). Bodies by length, in chunks or up to the
// end of the connection; 1xx answers are skipped.

#include <memory>
#include <string_view>

#include "madang/net/http.h"

namespace madang::net {

class ResponseParser {
 public:
  /// `to_head`: the answer to a HEAD request has no body, whatever it says.
  ResponseParser(std::size_t limit, bool to_head);
  ~ResponseParser();

  /// Takes bytes; how many is told in `used` (fewer than all only when the answer is complete).
  base::Status feed(std::string_view bytes, std::size_t& used);
  /// The connection has ended. An error where the answer has not.
  base::Status end();
  bool complete() const;
  /// After completion: may the connection be used again?
  bool keep_alive() const;
  ClientResponse& response();

 private:
  class Impl;
  void restart();
  const std::size_t limit_;
  const bool to_head_;
  std::unique_ptr<Impl> impl_;
};

/// The bytes of a request. invalid_request where a header would break the message.
base::Result<std::string> request_bytes(Method method, std::string_view authority, std::string_view target,
                                        std::span<const std::pair<std::string, std::string>> headers,
                                        std::string_view body, bool keep_alive);
/// Host and, where it is not the scheme's own, port: for the Host header.
std::string authority_of(std::string_view scheme, std::string_view host, std::string_view port);

}  // namespace madang::net
