#include "madang/governance/principal.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace madang::governance {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kTokenBytes = 4'096;  // a longer one is nobody's
constexpr std::string_view kHex = "0123456789abcdef";

using Digest = std::array<unsigned char, kDigestBytes>;

Digest sha256(std::string_view text) {
  Digest digest{};
  unsigned int size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  assert(done == 1 && size == kDigestBytes);
  static_cast<void>(done);
  return digest;
}

base::Result<std::string> parse_digest(std::string_view hex, const std::string& name) {
  const auto broken = [&] {
    return error(Code::bad_request_data,
                 "sha256 of token \"" + name + "\" must be 64 hexadecimal digits; `madang token` makes such a line",
                 "auth.token");
  };
  if (hex.size() != 2 * kDigestBytes) return broken();
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = kHex.find(static_cast<char>(std::tolower(static_cast<unsigned char>(hex[i]))));
    const auto low = kHex.find(static_cast<char>(std::tolower(static_cast<unsigned char>(hex[i + 1]))));
    if (high == std::string_view::npos || low == std::string_view::npos) return broken();
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

base::Result<PrincipalPtr> principal_of(const TokenRule& rule) {
  if (rule.name.empty()) return error(Code::bad_request_data, "a token needs a name", "auth.token");
  if (rule.role == Role::none) {
    return error(Code::bad_request_data, "token \"" + rule.name + "\" needs the role read, write or admin",
                 "auth.token");
  }
  auto who = std::make_shared<Principal>();
  who->name = rule.name;
  who->role = rule.role;
  who->all_tenants = std::ranges::find(rule.tenants, "*") != rule.tenants.end();
  if (!who->all_tenants) who->tenants = rule.tenants.empty() ? std::vector<std::string>{""} : rule.tenants;
  return PrincipalPtr(std::move(who));
}

/// The token of `Bearer <token>` (RFC 6750, 2.1; the scheme's name in any case, RFC 9110, 11.1); empty where there is
/// none.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(authorization[i])) != kScheme[i]) return {};
  }
  authorization.remove_prefix(kScheme.size());
  while (!authorization.empty() && authorization.front() == ' ') authorization.remove_prefix(1);
  while (!authorization.empty() && authorization.back() == ' ') authorization.remove_suffix(1);
  return authorization.size() <= kTokenBytes ? authorization : std::string_view{};
}

/// The same principal, counted by this thread alone: on every request, loops would fight for the one count.
PrincipalPtr of_this_thread(const PrincipalPtr& shared) {
  thread_local PrincipalPtr mine;
  if (mine.get() != shared.get()) mine = PrincipalPtr(std::make_shared<PrincipalPtr>(shared), shared.get());
  return mine;
}

}  // namespace

bool Principal::may(Role wanted, std::string_view tenant) const {
  tenant = tenant_of(tenant);
  return role >= wanted && (all_tenants || std::ranges::find(tenants, tenant) != tenants.end());
}

base::Result<Authenticator> Authenticator::make(const AuthRules& rules) {
  Authenticator made;
  for (const TokenRule& rule : rules.tokens) {
    MADANG_TRY(auto who, principal_of(rule));
    MADANG_TRY(auto digest, parse_digest(rule.sha256, rule.name));
    for (const Entry& other : made.tokens_) {
      if (other.principal->name == rule.name) {
        return error(Code::bad_request_data, "two tokens are named \"" + rule.name + "\"", "auth.token");
      }
      if (other.digest == digest) {
        return error(Code::bad_request_data,
                     "tokens \"" + other.principal->name + "\" and \"" + rule.name + "\" have the same sha256",
                     "auth.token");
      }
    }
    made.tokens_.push_back({std::move(digest), std::move(who)});
  }

  if (rules.anonymous > Role::read) {
    return error(Code::bad_request_data, "auth.anonymous must be \"none\" or \"read\"", "auth.anonymous");
  }
  auto nobody = std::make_shared<Principal>();
  nobody->name = "anonymous";
  if (made.open()) {
    // Nothing is configured: whoever reaches the loopback interface of this machine may do everything.
    nobody->role = Role::admin;
    nobody->all_tenants = true;
  } else {
    nobody->role = rules.anonymous;
    nobody->tenants = {""};
  }
  made.anonymous_ = std::move(nobody);
  return made;
}

PrincipalPtr Authenticator::find(std::string_view name) const {
  for (const Entry& entry : tokens_)
    if (entry.principal->name == name) return entry.principal;
  return anonymous_ && anonymous_->name == name ? anonymous_ : nullptr;
}

base::Result<PrincipalPtr> Authenticator::authenticate(std::string_view authorization) const {
  if (open()) return of_this_thread(anonymous_);
  if (authorization.empty()) {
    if (anonymous_->role != Role::none) return of_this_thread(anonymous_);
    return error(Code::unauthenticated, "this server wants a token: Authorization: Bearer <token>");
  }
  const std::string_view token = bearer_token(authorization);
  if (token.empty()) {
    return error(Code::unauthenticated, "the Authorization header must read: Bearer <token>");
  }
  // Every entry is compared in full, so the time tells neither whether one nearly fits nor which one it was.
  const Digest digest = sha256(token);
  const Entry* found = nullptr;
  for (const Entry& entry : tokens_) {
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), kDigestBytes) == 0) found = &entry;
  }
  if (found == nullptr) return error(Code::unauthenticated, "this token is not known here");
  return found->principal;
}

base::Result<Role> parse_role(std::string_view text) {
  constexpr std::pair<std::string_view, Role> kRoles[] = {
      {"none", Role::none}, {"read", Role::read}, {"write", Role::write}, {"admin", Role::admin}};
  for (const auto& [name, role] : kRoles) {
    if (name == text) return role;
  }
  return error(Code::bad_request_data, "\"" + std::string(text) + "\" is no role; roles are none, read, write, admin");
}

std::string sha256_hex(std::string_view text) {
  std::string hex;
  for (const unsigned char byte : sha256(text)) {
    hex.push_back(kHex[byte >> 4]);
    hex.push_back(kHex[byte & 15]);
  }
  return hex;
}

}  // namespace madang::governance
