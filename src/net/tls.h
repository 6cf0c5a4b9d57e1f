#pragma once
// TLS of a client over a non-blocking socket: certificates verified, nothing below TLS 1.2.

#include <memory>
#include <string>

#include <sys/types.h>

#include "madang/base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace madang::net {

/// What all connections of a client share: the system's trusted roots. Reading them takes a while: made at first need.
class TlsContext {
 public:
  ssl_ctx_st* get();

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

/// One connection. Results are as of send() and recv(): bytes, 0 at the peer's end, -1 with errno (EAGAIN: wait for the
/// socket).
class TlsStream {
 public:
  /// `host` is the name, or IP address, that the certificate must bear. The socket stays the caller's.
  TlsStream(TlsContext& context, int socket, const std::string& host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// 1: done; -1 with errno as above, EPROTO where the peer cannot be trusted or speaks no TLS.
  int handshake();
  ssize_t send(const void* bytes, std::size_t size);
  ssize_t receive(void* bytes, std::size_t room);
  /// Says good-bye, if that needs no waiting.
  void end();
  /// Why the last call failed.
  std::string reason() const;

 private:
  ssize_t result(int returned);
  struct Free {
    void operator()(ssl_st* tls) const;
  };
  std::unique_ptr<ssl_st, Free> tls_;
  std::string reason_;
};

}  // namespace madang::net
