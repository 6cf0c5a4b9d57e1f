#include "madang/governance/keys.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "madang/base/bytes.h"

namespace madang::governance {

namespace {

using base::Code;
using Path = KeyTree::Path;

constexpr std::string_view kFirstLine = "madang keys 1\n";

using Digest = std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* c) { EVP_MD_CTX_free(c); })>;

/// SHA-256. Fails only where there is no memory, and then nothing must go on.
Secret hash(std::initializer_list<std::span<const std::byte>> parts) {
  static thread_local const Digest digest(EVP_MD_CTX_new());
  Secret out;
  bool done = EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1;
  for (const auto part : parts) done = done && EVP_DigestUpdate(digest.get(), part.data(), part.size()) == 1;
  done = done && EVP_DigestFinal_ex(digest.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1;
  if (!done) std::abort();
  return out;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

bool bit(const Path& path, std::size_t at) {
  return (path[at / 8] >> (7 - at % 8) & 1) != 0;
}
void flip(Path& path, std::size_t at) {
  path[at / 8] = static_cast<std::uint8_t>(path[at / 8] ^ (1u << (7 - at % 8)));
}
/// The first `depth` bits, and zeros.
Path cut(const Path& path, std::size_t depth) {
  Path out{};
  std::memcpy(out.data(), path.data(), depth / 8);
  if (depth % 8 != 0) out[depth / 8] = static_cast<std::uint8_t>(path[depth / 8] & (0xff << (8 - depth % 8)));
  return out;
}

Secret child(const Secret& parent, bool right) {
  const std::byte side{static_cast<unsigned char>(right ? 1 : 0)};
  return hash({parent, std::span(&side, 1)});
}

base::Error corrupt() {
  return base::error(Code::corrupt, "This is no file of keys, or it is damaged.");
}

void append_hex(std::string& out, std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
}

bool read_hex(std::string_view text, std::span<std::byte> out) {
  if (text.size() != out.size() * 2) return false;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::byte>(high << 4 | low);
  }
  return true;
}

}  // namespace

base::Result<KeyTree> KeyTree::make() {
  KeyTree tree;
  Node root;
  MADANG_CHECK(random_bytes(root.secret));
  tree.nodes_.emplace(Path{}, root);
  return tree;
}

KeyTree::Nodes::const_iterator KeyTree::above(const Path& path) const {
  auto at = nodes_.upper_bound(path);
  if (at == nodes_.begin()) return nodes_.end();
  --at;
  return cut(path, at->second.depth) == at->first ? at : nodes_.end();
}

/// Each life that was destroyed has left a gap among the nodes, so that they tell how many there were.
KeyTree::Path KeyTree::leaf_of(std::string_view tenant, std::string_view id) const {
  Path path{};
  constexpr std::size_t kTenantBytes = kTenantBits / 8;
  const auto set = [&path](std::size_t from, std::size_t to, std::string_view sort, std::string_view name,
                           std::uint64_t life) {
    std::array<std::byte, 8> number;
    base::store_le(number.data(), life);
    const Secret hashed = hash({bytes_of(sort), bytes_of(name), std::span(number).first(life == 0 ? 0 : 8)});
    std::memcpy(path.data() + from, hashed.data(), to - from);
  };
  const std::size_t end = path.size();
  // No entity has an empty id: this leaf goes with its tenant only.
  set(kTenantBytes, end, "entity", {}, 0);
  for (std::uint64_t life = 0; life == 0 || above(path) == nodes_.end(); ++life)
    set(0, kTenantBytes, "tenant", tenant, life);
  for (std::uint64_t life = 0; life == 0 || above(path) == nodes_.end(); ++life)
    set(kTenantBytes, end, "entity", id, life);
  return path;
}

std::optional<Secret> KeyTree::key_at(const Path& path) const {
  const auto from = above(path);
  if (from == nodes_.end()) return std::nullopt;
  Secret secret = from->second.secret;
  for (std::size_t depth = from->second.depth; depth < kBits; ++depth) secret = child(secret, bit(path, depth));
  return secret;
}

void KeyTree::destroy(std::string_view tenant, std::string_view id) {
  destroy(leaf_of(tenant, id), kBits);
}

void KeyTree::destroy_all_of(std::string_view tenant) {
  destroy(cut(leaf_of(tenant, {}), kTenantBits), kTenantBits);
}

void KeyTree::destroy(const Path& path, std::size_t depth) {
  // What is left below, where a part was destroyed before.
  for (auto at = nodes_.lower_bound(path); at != nodes_.end() && cut(at->first, depth) == path;)
    at = at->second.depth >= depth ? nodes_.erase(at) : std::next(at);
  const auto from = above(path);
  if (from == nodes_.end() || from->second.depth >= depth) return;
  Node node = from->second;
  nodes_.erase(from);
  while (node.depth < depth) {
    const bool right = bit(path, node.depth);
    Path other = cut(path, node.depth + 1);
    flip(other, node.depth);
    nodes_.emplace(other, Node{node.depth + 1, child(node.secret, !right)});
    node = {node.depth + 1, child(node.secret, right)};
  }
}

std::string KeyTree::to_text() const {
  std::string text(kFirstLine);
  for (const auto& [path, node] : nodes_) {
    append_hex(text, std::as_bytes(std::span(path)));
    text.append(" ").append(std::to_string(node.depth)).append(" ");
    append_hex(text, node.secret);
    text += '\n';
  }
  const Secret check = hash({bytes_of(text)});
  text += "check ";
  append_hex(text, check);
  return text += '\n';
}

base::Result<KeyTree> KeyTree::from_text(std::string_view text) {
  if (!text.starts_with(kFirstLine)) return corrupt();
  const std::size_t end = text.rfind("check ");
  if (end == std::string_view::npos || text.size() != end + 6 + 2 * sizeof(Secret) + 1 || text.back() != '\n')
    return corrupt();
  Secret check;
  if (!read_hex(text.substr(end + 6, 2 * sizeof(Secret)), check)) return corrupt();
  if (check != hash({bytes_of(text.substr(0, end))})) return corrupt();
  KeyTree tree;
  for (std::string_view rest = text.substr(kFirstLine.size(), end - kFirstLine.size()); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    Path path;
    Node node;
    const std::size_t first = line.find(' '), second = line.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return corrupt();
    for (const char c : line.substr(first + 1, second - first - 1)) {
      if (c < '0' || c > '9') return corrupt();
      node.depth = node.depth * 10 + static_cast<std::size_t>(c - '0');
    }
    if (!read_hex(line.substr(0, first), std::as_writable_bytes(std::span(path))) ||
        !read_hex(line.substr(second + 1), node.secret) || node.depth > kBits || cut(path, node.depth) != path)
      return corrupt();
    tree.nodes_.emplace(path, node);
  }
  return tree;
}

// ---- sealing ----

base::Status random_bytes(std::span<std::byte> out) {
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1) return {};
  return base::error(Code::internal, "The machine gives no random numbers for keys.");
}

namespace {

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* c) { EVP_CIPHER_CTX_free(c); })>;

struct Nonce {
  std::array<unsigned char, 12> bytes{};
  explicit Nonce(std::uint64_t number) { base::store_le(reinterpret_cast<std::byte*>(bytes.data()), number); }
};

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* writable(std::vector<std::byte>& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

base::Status seal(const Secret& key, std::span<const std::byte, 16> salt, std::uint64_t number,
                  std::span<const std::byte> plain, std::vector<std::byte>& out) {
  static thread_local const Cipher cipher(EVP_CIPHER_CTX_new());
  const Secret once = hash({key, salt});
  const Nonce nonce(number);
  out.resize(plain.size() + kSealBytes);
  const auto tag = std::span(out).subspan(plain.size());
  int done = 0, rest = 0;
  const bool sealed =
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(once), nonce.bytes.data()) == 1 &&
      EVP_EncryptUpdate(cipher.get(), writable(out), &done, raw(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), writable(out) + done, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kSealBytes, tag.data()) == 1;
  return sealed ? base::Status() : base::error(Code::internal, "Something could not be sealed.");
}

base::Status unseal(const Secret& key, std::span<const std::byte, 16> salt, std::uint64_t number,
                    std::span<const std::byte> sealed, std::vector<std::byte>& out) {
  static thread_local const Cipher cipher(EVP_CIPHER_CTX_new());
  if (sealed.size() < kSealBytes) return base::error(Code::corrupt, "What was sealed is broken off.");
  const Secret once = hash({key, salt});
  const Nonce nonce(number);
  const auto text = sealed.first(sealed.size() - kSealBytes);
  std::array<std::byte, kSealBytes> tag;
  std::memcpy(tag.data(), sealed.data() + text.size(), tag.size());
  out.resize(text.size());
  int done = 0, rest = 0;
  const bool opened =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(once), nonce.bytes.data()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), writable(out), &done, raw(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kSealBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), writable(out) + done, &rest) == 1;
  if (!opened) return base::error(Code::corrupt, "What was sealed was changed, or sealed with other keys.");
  return {};
}

}  // namespace madang::governance
