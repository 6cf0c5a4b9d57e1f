#include "madang/net/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "ascii.h"

namespace madang::net {

namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string sha256(std::string_view text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

Key read_key(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Key key(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return key;
}

std::string header_of(const ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (same_ignoring_case(key, name)) return value;
  }
  return {};
}

class HubSigner final : public Signer {
 public:
  explicit HubSigner(std::string secret) : secret_(std::move(secret)) {}
  void sign(ClientRequest& request, base::Timestamp) const override {
    request.headers.emplace_back("X-Hub-Signature-256", "sha256=" + hex(hmac_sha256(secret_, request.body)));
  }

 private:
  const std::string secret_;
};

class MessageSigner final : public Signer {
 public:
  MessageSigner(std::string secret, Key key, const std::string& key_id)
      : secret_(std::move(secret)),
        key_(std::move(key)),
        named_(";keyid=\"" + key_id + "\";alg=\"" + (key_ ? "ed25519" : "hmac-sha256") + "\"") {}

  void sign(ClientRequest& request, base::Timestamp now) const override {
    std::string digest = "sha-256=:" + base64(sha256(request.body)) + ":";
    std::string parameters = ";created=" + std::to_string(now.ns / 1'000'000'000) + named_;
    std::string input = "madang=";
    const std::string text = signature_base({{"@method", std::string(method_name(request.method))},
                                             {"@target-uri", request.url},
                                             {"content-type", header_of(request, "Content-Type")},
                                             {"content-digest", digest}},
                                            parameters, input);
    request.headers.emplace_back("Content-Digest", std::move(digest));
    request.headers.emplace_back("Signature-Input", std::move(input));
    request.headers.emplace_back("Signature", "madang=:" + base64(signature(text)) + ":");
  }

 private:
  std::string signature(const std::string& text) const {
    if (!key_) return hmac_sha256(secret_, text);
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    std::string bytes(64, '\0');
    std::size_t size = bytes.size();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get());
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(bytes.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    bytes.resize(size);
    return bytes;
  }

  const std::string secret_;
  const Key key_;
  const std::string named_;
};

base::Error wrong(std::string what) {
  return base::error(base::Code::bad_request_data, std::move(what));
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string signature_base(const std::vector<std::pair<std::string, std::string>>& components,
                           std::string_view parameters, std::string& input) {
  std::string text, names = "(";
  for (const auto& [name, value] : components) {
    text += "\"" + name + "\": " + value + "\n";
    names += (names.size() > 1 ? " \"" : "\"") + name + "\"";
  }
  names.append(")").append(parameters);
  input += names;
  return text + "\"@signature-params\": " + names;
}

base::Result<std::shared_ptr<const Signer>> Signer::make(const SigningOptions& options) {
  if (options.scheme == SignatureScheme::none) return std::shared_ptr<const Signer>();
  if (options.secret.empty() && options.private_key.empty()) return wrong("a signature needs a key");
  if (options.key_id.find_first_of("\"\\\r\n") != std::string::npos) {
    return wrong("a key's name has no quotes, backslashes or ends of lines");
  }
  if (options.scheme == SignatureScheme::hub) {
    if (options.secret.empty()) return wrong("this signature is made with a shared secret");
    return std::shared_ptr<const Signer>(std::make_shared<HubSigner>(options.secret));
  }
  Key key;
  if (!options.private_key.empty()) {
    key = read_key(options.private_key);
    if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return wrong("this is no Ed25519 private key in PEM");
  }
  return std::shared_ptr<const Signer>(std::make_shared<MessageSigner>(options.secret, std::move(key), options.key_id));
}

}  // namespace madang::net
