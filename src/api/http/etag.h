#pragma once
// Entity tags (RFC 9110, 8.8.3): `"v<version>-<hash>"`. The version is that of the entity (a journal position), the
// hash that of the representation. Reading compares whole tags; writing compares versions, so that a client may change
// what it has seen in whatever representation.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace madang::api {

/// FNV-1a, fed piece by piece.
class RepresentationHash {
 public:
  RepresentationHash& add(std::string_view text) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0xff);  // so that "a","b" differs from "ab",""
    return *this;
  }
  RepresentationHash& add(std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8) mix(static_cast<unsigned char>(value));
    return *this;
  }
  std::uint32_t value() const { return static_cast<std::uint32_t>(state_ ^ (state_ >> 32)); }

 private:
  void mix(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001b3ull; }
  std::uint64_t state_ = 0xcbf29ce484222325ull;
};

/// The tag with its quotes.
void append_etag(std::string& out, std::uint64_t version, std::uint32_t representation);
/// A tag of the version alone, for answers to changes: If-Match takes it as well.
void append_version_etag(std::string& out, std::uint64_t version);

/// If-None-Match: does the list hold this tag, or `*`? Weak comparison.
bool none_match_hits(std::string_view header, std::string_view etag);

struct IfMatch {
  bool any = false;                     // `*`
  std::vector<std::uint64_t> versions;  // those named; a lone 0, which no entity has, where no tag can be ours
};
/// If-Match. Weak tags never match (RFC 9110, 13.1.1).
IfMatch parse_if_match(std::string_view header);

}  // namespace madang::api
