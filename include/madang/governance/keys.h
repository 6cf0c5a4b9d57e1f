#pragma once
// Keys for copies that leave our hands: one for every entity, of which any can be destroyed for ever, with little to
// keep. What a destroyed key had sealed cannot be opened again, wherever its copies are.
//
// The keys are the leaves of a binary tree in which a node's two children follow from it by a hash, and never the other
// way round (a puncturable pseudo-random function: Goldreich, Goldwasser, Micali 1986; Boneh, Waters 2013). At first
// only the root is kept. To destroy a leaf, the nodes on its path go and their other children stay: about one node for
// each level, whatever the number of entities.
//
// What comes again under a name whose key was destroyed has another leaf: that of the next life of the name.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::governance {

using Secret = std::array<std::byte, 32>;

class KeyTree {
 public:
  /// A new one; its root is random.
  static base::Result<KeyTree> make();
  /// As to_text() wrote it. corrupt where it is not.
  static base::Result<KeyTree> from_text(std::string_view text);
  std::string to_text() const;

  // 40 bits of the tenant's hash, 48 of the id's: among a million entities, to destroy one reaches another with
  // probability 4e-9.
  static constexpr std::size_t kTenantBits = 40, kBits = 88;
  using Path = std::array<std::uint8_t, kBits / 8>;

  /// The leaf of an entity, or (id empty) of whatever belongs to the tenant and to no entity of it: of the first of its
  /// lives that was not destroyed.
  Path leaf_of(std::string_view tenant, std::string_view id) const;
  /// Nothing: it was destroyed.
  std::optional<Secret> key_at(const Path& path) const;
  Secret key_of(std::string_view tenant, std::string_view id) const { return *key_at(leaf_of(tenant, id)); }
  /// The key that the entity has now.
  void destroy(std::string_view tenant, std::string_view id);
  void destroy_all_of(std::string_view tenant);
  std::size_t nodes() const { return nodes_.size(); }

 private:
  struct Node {
    std::size_t depth = 0;  // how many bits of its path count, the rest is zeros
    Secret secret{};
  };
  using Nodes = std::map<Path, Node>;
  Nodes::const_iterator above(const Path& path) const;  // the node that it follows from; end: none
  void destroy(const Path& path, std::size_t depth);
  Nodes nodes_;  // no two of them one above the other
};

/// From the system's source of secrets.
base::Status random_bytes(std::span<std::byte> out);

/// AES-256-GCM under SHA-256(key, salt), which makes it a key of one copy, and the number of the piece in that copy as
/// nonce: no pair is used twice. The text gets 16 bytes longer.
base::Status seal(const Secret& key, std::span<const std::byte, 16> salt, std::uint64_t number,
                  std::span<const std::byte> plain, std::vector<std::byte>& out);
/// corrupt where it was not sealed so, or was changed.
base::Status unseal(const Secret& key, std::span<const std::byte, 16> salt, std::uint64_t number,
                    std::span<const std::byte> sealed, std::vector<std::byte>& out);
inline constexpr std::size_t kSealBytes = 16;

}  // namespace madang::governance
