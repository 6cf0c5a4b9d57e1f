#include "madang/net/signature.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace madang::net {
namespace {

std::string from_base64(const std::string& text) {
  std::string out(text.size(), '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  std::size_t size = n < 0 ? 0 : static_cast<std::size_t>(n);
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '='; --i) --size;
  out.resize(size);
  return out;
}

/// RFC 9421, B.2.5, with its key (B.1.5).
TEST(Signature, MakesTheExampleOfTheRfc) {
  std::string input;
  const std::string text = signature_base(
      {{"date", "Tue, 20 Apr 2021 02:07:55 GMT"}, {"@authority", "example.com"}, {"content-type", "application/json"}},
      ";created=1618884473;keyid=\"test-shared-secret\"", input);
  EXPECT_EQ(input, R"(("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret")");
  const std::string key =
      from_base64("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==");
  EXPECT_EQ(base64(hmac_sha256(key, text)), "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

/// RFC 4231, test case 2.
TEST(Signature, HubSignaturesAreHmacsOfTheBody) {
  const auto signer = Signer::make({.scheme = SignatureScheme::hub, .secret = "Jefe", .private_key = {}, .key_id = {}});
  ASSERT_TRUE(signer.ok());
  ClientRequest request;
  request.body = "what do ya want for nothing?";
  (*signer)->sign(request, {});
  ASSERT_EQ(request.headers.size(), 1u);
  EXPECT_EQ(request.headers[0].first, "X-Hub-Signature-256");
  EXPECT_EQ(request.headers[0].second, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Signature, Ed25519VerifiesWithThePublicKey) {
  EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* pem = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &pem));
  const auto signer = Signer::make(
      {.scheme = SignatureScheme::rfc9421, .secret = {}, .private_key = std::string(pem, size), .key_id = "city"});
  ASSERT_TRUE(signer.ok()) << signer.error().message;
  ClientRequest request;
  request.method = Method::post;
  request.url = "https://receiver.test/notify?x=1";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{}";
  (*signer)->sign(request, base::Timestamp{1'700'000'000'000'000'000});
  ASSERT_EQ(request.headers.size(), 4u);
  EXPECT_EQ(request.headers[1].second, "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:");
  const std::string params =
      R"(("@method" "@target-uri" "content-type" "content-digest");created=1700000000;keyid="city";alg="ed25519")";
  EXPECT_EQ(request.headers[2].second, "madang=" + params);
  const std::string text =
      "\"@method\": POST\n\"@target-uri\": https://receiver.test/notify?x=1\n\"content-type\": "
      "application/json\n\"content-digest\": " +
      request.headers[1].second + "\n\"@signature-params\": " + params;
  const std::string& shown = request.headers[3].second;
  ASSERT_TRUE(shown.starts_with("madang=:") && shown.ends_with(":"));
  std::string signature = from_base64(shown.substr(8, shown.size() - 9));
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const auto verify = [&] {
    EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key);
    return EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size());
  };
  EXPECT_EQ(verify(), 1);
  signature[3] = static_cast<char>(signature[3] ^ 1);
  EXPECT_NE(verify(), 1);
  EVP_MD_CTX_free(context);
  BIO_free(bio);
  EVP_PKEY_free(key);
}

TEST(Signature, KeysThatAreNoneAreRefused) {
  const auto refused = [](SigningOptions options) { return !Signer::make(options).ok(); };
  EXPECT_TRUE(refused({.scheme = SignatureScheme::hub, .secret = {}, .private_key = {}, .key_id = "k"}));
  EXPECT_TRUE(refused({.scheme = SignatureScheme::rfc9421, .secret = {}, .private_key = "no key", .key_id = "k"}));
  EXPECT_TRUE(refused({.scheme = SignatureScheme::rfc9421, .secret = "s", .private_key = {}, .key_id = "a\"b"}));
  EXPECT_FALSE(refused({}));
}

}  // namespace
}  // namespace madang::net
