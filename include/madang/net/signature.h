#pragma once
// Signing requests, so that who receives one can tell who sent it and that nobody changed it.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/net/http.h"

namespace madang::net {

enum class SignatureScheme : std::uint8_t {
  none,
  hub,      // X-Hub-Signature-256: sha256=<hex of HMAC-SHA256 of the body>, as WebSub and many webhooks have it
  rfc9421,  // Content-Digest (RFC 9530), Signature-Input and Signature (RFC 9421)
};

struct SigningOptions {
  SignatureScheme scheme = SignatureScheme::none;
  std::string secret;       // shared: HMAC-SHA256
  std::string private_key;  // or, for rfc9421: an Ed25519 key, PEM
  std::string key_id = "madang";
};

/// May be used from any thread.
class Signer {
 public:
  /// bad_request_data where a key is missing or cannot be read.
  static base::Result<std::shared_ptr<const Signer>> make(const SigningOptions& options);
  virtual ~Signer() = default;
  /// Adds the headers. RFC 9421: covers method, target URI, Content-Type and the digest of the body.
  virtual void sign(ClientRequest& request, base::Timestamp now) const = 0;
};

/// RFC 9421, 2.5: the text that is signed. `components` are names with their values; `parameters` is what follows the
/// list of names (";created=…;keyid=…"). Appends the value of Signature-Input to `input`.
std::string signature_base(const std::vector<std::pair<std::string, std::string>>& components,
                           std::string_view parameters, std::string& input);
std::string hmac_sha256(std::string_view key, std::string_view text);  // 32 bytes
std::string base64(std::string_view bytes);

}  // namespace madang::net
