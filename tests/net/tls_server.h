#pragma once
// A small TLS server with a certificate made for the occasion.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace madang::net::testing {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* thing) const {
    release(thing);
  }
};
template <class T, auto release>
using Held = std::unique_ptr<T, Release<release>>;

/// A key and a certificate that it signed itself.
class Certificate {
 public:
  /// `names` as OpenSSL writes them: "DNS:city.test,IP:127.0.0.1". Valid from an hour ago for `seconds`.
  explicit Certificate(const std::string& names, long seconds = 7'200) : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
    X509* const x509 = x509_.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(x509), seconds - 3'600);
    X509_set_pubkey(x509, key_.get());
    const auto* const title = reinterpret_cast<const unsigned char*>("madang test");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, title, -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    add(NID_basic_constraints, "critical,CA:TRUE");
    add(NID_subject_alt_name, names);
    X509_sign(x509, key_.get(), EVP_sha256());
  }

  EVP_PKEY* key() const { return key_.get(); }
  X509* x509() const { return x509_.get(); }

  void write(const std::string& path) const {
    const Held<BIO, BIO_free> file(BIO_new_file(path.c_str(), "w"));
    PEM_write_bio_X509(file.get(), x509_.get());
  }

 private:
  void add(int what, const std::string& value) {
    const Held<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()));
    X509_add_ext(x509_.get(), extension.get(), -1);
  }

  Held<EVP_PKEY, EVP_PKEY_free> key_;
  Held<X509, X509_free> x509_;
};

/// Answers every request with the same bytes, one connection after another.
class TlsServer {
 public:
  TlsServer(const Certificate& certificate, std::string answer)
      : answer_(std::move(answer)),
        context_(SSL_CTX_new(TLS_server_method())),
        listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    SSL_CTX_use_certificate(context_.get(), certificate.x509());
    SSL_CTX_use_PrivateKey(context_.get(), certificate.key());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0) std::abort();
    ::getsockname(listener_, generic, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TlsServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string port() const { return std::to_string(port_); }
  int requests() const { return requests_; }

 private:
  void run() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(client)) {
      const Held<SSL, SSL_free> tls(SSL_new(context_.get()));
      SSL_set_fd(tls.get(), client);
      if (SSL_accept(tls.get()) != 1) continue;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const int n = SSL_read(tls.get(), buffer, sizeof buffer);
        if (n <= 0) break;
        request.append(buffer, static_cast<std::size_t>(n));
      }
      if (request.empty()) continue;
      ++requests_;
      SSL_write(tls.get(), answer_.data(), static_cast<int>(answer_.size()));
      SSL_shutdown(tls.get());
    }
  }

  const std::string answer_;
  const Held<SSL_CTX, SSL_CTX_free> context_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

}  // namespace madang::net::testing
