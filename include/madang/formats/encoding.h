#pragma once
// Text as the world writes it, to UTF-8: which encoding it is, and the change. In pieces, with bounded memory.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace madang::formats {

enum class Encoding : std::uint8_t { utf8, windows_1252, cp949, shift_jis, gb18030, utf16le, utf16be };

/// The IANA name: "UTF-8", "windows-1252" (which holds all of Latin-1), "CP949" (which holds EUC-KR), ...
std::string_view encoding_name(Encoding encoding);
/// By the names in use ("latin1", "ISO-8859-1", "euc-kr", "sjis", "gbk", ...), whatever their case.
std::optional<Encoding> find_encoding(std::string_view name);

/// Which encoding these bytes are most likely in: by a byte order mark; by the zeros of UTF-16; as UTF-8 where they are
/// valid (a character cut off at the end counts as valid); else by how well each of the other encodings would explain
/// them, in units of common characters of its language. Looks at the first 64 KiB at most.
struct DetectedEncoding {
  Encoding encoding = Encoding::utf8;
  std::size_t mark_bytes = 0;  // of the byte order mark
  bool ascii = false;          // nothing but ASCII: any of them would do
  double score = 1;            // 0 to 1: how well it explains what is beyond ASCII
};
DetectedEncoding detect_encoding(std::string_view bytes);

/// Bytes in pieces to UTF-8. Where no encoding is stated, ASCII passes until the first other byte comes; the decision
/// is made on what follows (64 KiB, or all there is). What cannot be decoded comes out as the byte 0xFF, which no UTF-8
/// holds: whoever checks the text finds it. Text that is UTF-8 already passes unchecked.
class Decoder {
 public:
  explicit Decoder(std::optional<Encoding> stated = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// What can be told so far, possibly nothing; valid until the next call, and as long as `bytes`.
  std::string_view push(std::string_view bytes);
  /// The rest.
  std::string_view finish();
  /// Stated or detected; nothing while all was ASCII.
  std::optional<Encoding> encoding() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whole small texts: detected where not stated.
std::string to_utf8(std::string_view bytes, std::optional<Encoding> stated = {});
bool is_utf8(std::string_view text);
/// With U+FFFD in place of every byte that is no UTF-8: to be shown.
std::string shown(std::string_view text);

}  // namespace madang::formats
