#include "tls.h"

#include <cerrno>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace madang::net {

namespace {

int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int send_some(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int receive_some(BIO* bio, char* bytes, int room) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::recv(socket_of(bio), bytes, static_cast<std::size_t>(room), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int created(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

/// OpenSSL's own socket BIO writes with write(), and a peer that went away would end the process with SIGPIPE.
const BIO_METHOD* quiet_socket() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, send_some);
    BIO_meth_set_read(made, receive_some);
    BIO_meth_set_ctrl(made, control);
    BIO_meth_set_create(made, created);
    return made;
  }();
  return method;
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

ssl_ctx_st* TlsContext::get() {
  if (!context_) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_verify_paths(context_.get());
  }
  return context_.get();
}

void TlsStream::Free::operator()(ssl_st* tls) const {
  SSL_free(tls);
}

TlsStream::TlsStream(TlsContext& context, int socket, const std::string& host) : tls_(SSL_new(context.get())) {
  BIO* const bio = BIO_new(quiet_socket());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_connect_state(tls_.get());
  X509_VERIFY_PARAM* const expected = SSL_get0_param(tls_.get());
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str());
  } else {
    SSL_set_tlsext_host_name(tls_.get(), host.c_str());  // only a name is one for SNI (RFC 6066, 3)
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  }
}

TlsStream::~TlsStream() = default;

ssize_t TlsStream::result(int returned) {
  if (returned > 0) return returned;
  const int kept = errno;
  switch (SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_SYSCALL:
      // An end without close_notify may be an attacker's cut: an answer that its length does not end is not whole.
      errno = kept == 0 ? ECONNRESET : kept;
      reason_ = "the connection ended";
      return -1;
    default:
      break;
  }
  if (const long verified = SSL_get_verify_result(tls_.get()); verified != X509_V_OK) {
    reason_ = X509_verify_cert_error_string(verified);
  } else if (const char* text = ERR_reason_error_string(ERR_peek_error())) {
    reason_ = text;
  } else {
    reason_ = "a fault of TLS";
  }
  errno = EPROTO;
  return -1;
}

int TlsStream::handshake() {
  ERR_clear_error();
  errno = 0;
  return static_cast<int>(result(SSL_do_handshake(tls_.get())));
}

ssize_t TlsStream::send(const void* bytes, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  return result(SSL_write(tls_.get(), bytes, static_cast<int>(std::min<std::size_t>(size, 1 << 20))));
}

ssize_t TlsStream::receive(void* bytes, std::size_t room) {
  ERR_clear_error();
  errno = 0;
  return result(SSL_read(tls_.get(), bytes, static_cast<int>(std::min<std::size_t>(room, 1 << 20))));
}

void TlsStream::end() {
  ERR_clear_error();
  SSL_shutdown(tls_.get());
}

std::string TlsStream::reason() const {
  return reason_;
}

}  // namespace madang::net
