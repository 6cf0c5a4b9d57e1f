#pragma once
// Who asks, and what they may do. Until policies come, a principal is a role over a list of tenants.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/query.h"

namespace madang::governance {

enum class Role : std::uint8_t { none, read, write, admin };

/// What a principal may see and do with entities of a tenant. A policy engine hands these out; null parts allow
/// everything.
class Policy {
 public:
  virtual ~Policy() = default;
  /// The mandatory filter of every question; null: sees everything. Lives as long as the policy.
  virtual const ngsi::Filter* reading(std::string_view tenant) const = 0;
  /// May this entity (as it is; null where there is none) be changed into that (null: deleted), these attributes
  /// touched?
  virtual base::Status writing(std::string_view tenant, const ngsi::EntityView& before, const ngsi::EntityView& after,
                               const std::vector<ngsi::Symbol>& attributes) const = 0;
};

/// The tenant that a place for entities belongs to: what a snapshot holds (clause 5.5.15) is in a place of its own,
/// "tenant~number", and under the rules of its tenant. No tenant's name has a "~".
inline constexpr char kPlaceMark = '~';
inline std::string_view tenant_of(std::string_view place) {
  return place.substr(0, place.find(kPlaceMark));
}

struct Principal {
  std::string name;  // "anonymous", a token's name
  Role role = Role::none;
  bool all_tenants = false;
  std::vector<std::string> tenants;  // "" is the default tenant
  std::shared_ptr<const Policy> policy;

  bool may(Role wanted, std::string_view tenant) const;
};
using PrincipalPtr = std::shared_ptr<const Principal>;

/// One `[[auth.token]]` of the config.
struct TokenRule {
  std::string name;
  std::string sha256;  // lower-case hex of the SHA-256 of the bearer token
  Role role = Role::read;
  std::vector<std::string> tenants;  // empty: the default tenant; {"*"}: all
};

struct AuthRules {
  std::vector<TokenRule> tokens;
  Role anonymous = Role::none;  // none or read; without any token: admin, and the server binds to loopback only
};

/// Turns an Authorization header into a principal.
class Authenticator {
 public:
  static base::Result<Authenticator> make(const AuthRules& rules);
  /// `unauthenticated` for a missing, malformed or unknown token. Takes the same time for any unknown token.
  base::Result<PrincipalPtr> authenticate(std::string_view authorization) const;
  /// The principal that a token, or its absence, gives; null: nobody has this name.
  PrincipalPtr find(std::string_view name) const;
  bool open() const { return tokens_.empty(); }  // nothing is configured

 private:
  struct Entry {
    std::string digest;  // 32 bytes
    PrincipalPtr principal;
  };
  std::vector<Entry> tokens_;
  PrincipalPtr anonymous_;
};

base::Result<Role> parse_role(std::string_view text);
/// Lower-case hex SHA-256, for making config lines.
std::string sha256_hex(std::string_view text);

}  // namespace madang::governance
