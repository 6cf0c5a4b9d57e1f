#include "madang/formats/encoding.h"

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include <iconv.h>
#include <simdjson.h>

#include "text/scores.h"

namespace madang::formats {

namespace {

constexpr std::size_t kWindow = 64u << 10;
constexpr char kUndecodable = '\xFF';
constexpr std::size_t kMarkBytes = 3;  // the longest byte order mark

struct Name {
  std::string_view label;
  Encoding encoding;
};
constexpr std::array<Name, 35> kNames{{{"utf-8", Encoding::utf8},
                                       {"utf8", Encoding::utf8},
                                       {"us-ascii", Encoding::utf8},
                                       {"ascii", Encoding::utf8},
                                       {"windows-1252", Encoding::windows_1252},
                                       {"cp1252", Encoding::windows_1252},
                                       {"iso-8859-1", Encoding::windows_1252},
                                       {"iso8859-1", Encoding::windows_1252},
                                       {"iso_8859-1", Encoding::windows_1252},
                                       {"latin1", Encoding::windows_1252},
                                       {"latin-1", Encoding::windows_1252},
                                       {"cp949", Encoding::cp949},
                                       {"euc-kr", Encoding::cp949},
                                       {"euckr", Encoding::cp949},
                                       {"ks_c_5601-1987", Encoding::cp949},
                                       {"ksc5601", Encoding::cp949},
                                       {"windows-949", Encoding::cp949},
                                       {"uhc", Encoding::cp949},
                                       {"shift_jis", Encoding::shift_jis},
                                       {"shift-jis", Encoding::shift_jis},
                                       {"sjis", Encoding::shift_jis},
                                       {"cp932", Encoding::shift_jis},
                                       {"windows-31j", Encoding::shift_jis},
                                       {"ms932", Encoding::shift_jis},
                                       {"gb18030", Encoding::gb18030},
                                       {"gbk", Encoding::gb18030},
                                       {"gb2312", Encoding::gb18030},
                                       {"cp936", Encoding::gb18030},
                                       {"euc-cn", Encoding::gb18030},
                                       {"utf-16le", Encoding::utf16le},
                                       {"utf-16", Encoding::utf16le},
                                       {"utf16", Encoding::utf16le},
                                       {"utf16le", Encoding::utf16le},
                                       {"utf-16be", Encoding::utf16be},
                                       {"utf16be", Encoding::utf16be}}};

/// glibc's name. Shift_JIS as Windows has it: with the signs that its users write.
const char* iconv_name(Encoding encoding) {
  switch (encoding) {
    case Encoding::windows_1252:
      return "CP1252";
    case Encoding::cp949:
      return "CP949";
    case Encoding::shift_jis:
      return "CP932";
    case Encoding::gb18030:
      return "GB18030";
    case Encoding::utf16le:
      return "UTF-16LE";
    case Encoding::utf16be:
      return "UTF-16BE";
    case Encoding::utf8:
      break;
  }
  return "UTF-8";
}

bool is_ascii(std::string_view bytes) {
  for (const char c : bytes) {
    if (c <= 0) return false;  // zeros too: no text holds them, but UTF-16
  }
  return true;
}

/// The encoding that a byte order mark names, and its length.
std::optional<std::pair<Encoding, std::size_t>> byte_order_mark(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return std::pair{Encoding::utf8, std::size_t{3}};
  if (bytes.starts_with("\xFF\xFE")) return std::pair{Encoding::utf16le, std::size_t{2}};
  if (bytes.starts_with("\xFE\xFF")) return std::pair{Encoding::utf16be, std::size_t{2}};
  return std::nullopt;
}

/// Without a mark: ASCII characters are half zeros there, and text in any script has some (line ends, delimiters).
std::optional<Encoding> by_zeros(std::string_view bytes) {
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < bytes.size(); ++i) zeros[i & 1] += bytes[i] == 0;
  const std::size_t enough = 1 + bytes.size() / 64;
  if (zeros[1] >= enough && zeros[1] > 4 * zeros[0]) return Encoding::utf16le;
  if (zeros[0] >= enough && zeros[0] > 4 * zeros[1]) return Encoding::utf16be;
  return std::nullopt;
}

}  // namespace

std::string_view encoding_name(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8:
      return "UTF-8";
    case Encoding::windows_1252:
      return "windows-1252";
    case Encoding::cp949:
      return "CP949";
    case Encoding::shift_jis:
      return "Shift_JIS";
    case Encoding::gb18030:
      return "GB18030";
    case Encoding::utf16le:
      return "UTF-16LE";
    case Encoding::utf16be:
      break;
  }
  return "UTF-16BE";
}

std::optional<Encoding> find_encoding(std::string_view name) {
  std::string lower(name.substr(0, 32));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const Name& known : kNames) {
    if (known.label == lower) return known.encoding;
  }
  return std::nullopt;
}

DetectedEncoding detect_encoding(std::string_view bytes) {
  const bool cut = bytes.size() > kWindow;
  bytes = bytes.substr(0, kWindow);
  DetectedEncoding found;
  if (const auto mark = byte_order_mark(bytes)) {
    found.encoding = mark->first;
    found.mark_bytes = mark->second;
    return found;
  }
  if (is_ascii(bytes)) {
    found.ascii = true;
    return found;
  }
  if (const auto utf16 = by_zeros(bytes)) {
    found.encoding = *utf16;
    return found;
  }
  found.score = text::utf8_score(bytes, cut);
  if (found.score == 1) return found;
  for (const Encoding other : {Encoding::windows_1252, Encoding::cp949, Encoding::gb18030, Encoding::shift_jis}) {
    const double score = text::score(other, bytes);
    if (score > found.score) {
      found.encoding = other;
      found.score = score;
    }
  }
  return found;
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string shown(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t size = text::utf8_size(text);
    if (size == 0) {
      out.append("\xEF\xBF\xBD");
    } else {
      out.append(text.substr(0, size));
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

struct Decoder::Impl {
  std::optional<Encoding> stated, encoding;
  bool begun = false;  // the byte order mark was looked for
  std::string held;    // not decided yet, or the beginning of a character
  std::string out;
  iconv_t converter = reinterpret_cast<iconv_t>(-1);

  ~Impl() {
    if (is_open()) ::iconv_close(converter);
  }
  bool is_open() const { return converter != reinterpret_cast<iconv_t>(-1); }

  std::string_view take(std::string_view bytes, bool last);
  bool decide(bool last);
  std::string_view convert(std::string_view bytes, bool last);
  void step(std::string_view& bytes, bool last);
};

/// With all that is held: false while more is needed to know.
bool Decoder::Impl::decide(bool last) {
  if (!begun) {
    if (held.size() < kMarkBytes && !last) return false;
    begun = true;
    if (const auto mark = byte_order_mark(held)) {
      stated = mark->first;
      held.erase(0, mark->second);
    }
  }
  if (!stated) {
    if (is_ascii(held)) return true;
    if (held.size() < kWindow && !last) return false;
    stated = detect_encoding(held).encoding;
  }
  encoding = stated;
  if (*encoding != Encoding::utf8) converter = ::iconv_open("UTF-8", iconv_name(*encoding));
  return true;
}

std::string_view Decoder::Impl::take(std::string_view bytes, bool last) {
  if (encoding) return *encoding == Encoding::utf8 ? bytes : convert(bytes, last);
  if (begun && held.empty() && !stated && is_ascii(bytes)) return bytes;
  held.append(bytes);
  if (!decide(last)) return {};
  if (!encoding || *encoding == Encoding::utf8) {
    out = std::exchange(held, {});
    return out;
  }
  const std::string begin = std::exchange(held, {});
  return convert(begin, last);
}

std::string_view Decoder::Impl::convert(std::string_view bytes, bool last) {
  out.clear();
  if (!held.empty()) {
    // The rest of one character: four bytes decide on any.
    const std::size_t before = held.size();
    const std::size_t more = std::min<std::size_t>(bytes.size(), 8);
    held.append(bytes.substr(0, more));
    std::string_view begin = held;
    step(begin, last && more == bytes.size());
    const std::size_t used = held.size() - begin.size();
    if (used < before || begin.size() > more) {
      held.erase(0, used);
      return out;
    }
    held.clear();
    bytes.remove_prefix(used - before);
  }
  step(bytes, last);
  held.assign(bytes);
  return out;
}

/// Converts what it can; leaves the beginning of a character, unless this is the end.
void Decoder::Impl::step(std::string_view& bytes, bool last) {
  const bool wide = encoding == Encoding::utf16le || encoding == Encoding::utf16be;
  std::array<char, 16'384> piece;
  while (!bytes.empty()) {
    char* in = const_cast<char*>(bytes.data());  // iconv reads only
    std::size_t left = bytes.size();
    char* to = piece.data();
    std::size_t room = piece.size();
    const auto done = is_open() ? ::iconv(converter, &in, &left, &to, &room) : static_cast<std::size_t>(-1);
    const int why = is_open() ? errno : EILSEQ;
    out.append(piece.data(), piece.size() - room);
    bytes.remove_prefix(bytes.size() - left);
    if (done != static_cast<std::size_t>(-1) || why == E2BIG) continue;
    if (why == EINVAL && !last) return;
    out.push_back(kUndecodable);
    bytes.remove_prefix(std::min<std::size_t>(wide ? 2 : 1, bytes.size()));
    if (is_open()) ::iconv(converter, nullptr, nullptr, nullptr, nullptr);
  }
}

Decoder::Decoder(std::optional<Encoding> stated) : impl_(std::make_unique<Impl>()) {
  impl_->stated = stated;
}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

std::string_view Decoder::push(std::string_view bytes) {
  return impl_->take(bytes, false);
}
std::string_view Decoder::finish() {
  return impl_->take({}, true);
}
std::optional<Encoding> Decoder::encoding() const {
  return impl_->encoding;
}

std::string to_utf8(std::string_view bytes, std::optional<Encoding> stated) {
  Decoder decoder(stated);
  std::string text(decoder.push(bytes));
  text.append(decoder.finish());
  return text;
}

}  // namespace madang::formats
