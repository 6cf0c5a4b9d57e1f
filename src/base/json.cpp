#include "madang/base/json.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace madang::base::json {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

/// The high bit of every byte of `word` that a JSON string must escape: below 0x20, quote, backslash. Bits above the
/// lowest one set may be wrong (borrows run upwards), so only the lowest counts; bytes from 0x80 are never marked.
constexpr std::uint64_t escape_marks(std::uint64_t word) {
  const std::uint64_t control = word - kOnes * 0x20;
  const std::uint64_t quote = (word ^ kOnes * '"') - kOnes;
  const std::uint64_t backslash = (word ^ kOnes * '\\') - kOnes;
  return (control | quote | backslash) & ~word & kHighs;
}

constexpr bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// How many bytes from `at` need no escape: eight at a time while they last.
std::size_t clean_run(const char* at, const char* end) {
  const char* start = at;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      if (const std::uint64_t marks = escape_marks(word)) {
        return static_cast<std::size_t>(at - start) + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
      }
    }
  }
  while (at != end && !needs_escape(*at)) ++at;
  return static_cast<std::size_t>(at - start);
}

void append_escape(std::string& out, char c) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      (out += "\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
  }
}

unsigned hex4(const char* at) {
  unsigned value = 0;
  std::from_chars(at, at + 4, value, 16);
  return value;
}

void append_utf8(std::string& out, unsigned code) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6)), tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0);
  }
}

/// Resolves the escape whose backslash is at `at`; returns where the text goes on.
const char* resolve_escape(std::string& out, const char* at, const char* end) {
  if (end - at < 2) return end;
  switch (at[1]) {
    case 'b':
      out += '\b';
      return at + 2;
    case 'f':
      out += '\f';
      return at + 2;
    case 'n':
      out += '\n';
      return at + 2;
    case 'r':
      out += '\r';
      return at + 2;
    case 't':
      out += '\t';
      return at + 2;
    case 'u':
      break;
    default:
      out += at[1];
      return at + 2;
  }
  if (end - at < 6) return end;
  unsigned code = hex4(at + 2);
  at += 6;
  if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    code = 0x10000 + ((code - 0xD800) << 10) + ((hex4(at + 2) - 0xDC00) & 0x3FF);
    at += 6;
  }
  append_utf8(out, code);
  return at;
}

template <class Number, class... Format>
void append_chars(std::string& out, Number value, Format... format) {
  std::array<char, 48> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...).ptr;
  out.append(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  out += '"';
  while (true) {
    const std::size_t run = clean_run(at, end);
    out.append(at, run);
    at += run;
    if (at == end) break;
    append_escape(out, *at++);
  }
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const double size = std::abs(value);
  // Whole numbers are most numbers, and "100000" reads better than the one character shorter "1e+05".
  if (size < 1e15 && size >= 1 && value == std::trunc(value))
    return append_chars(out, static_cast<std::int64_t>(value));
  if (size >= 1e-6 && size < 1e21) return append_chars(out, value, std::chars_format::fixed);
  append_chars(out, value);
}

void append_integer(std::string& out, std::int64_t value) {
  append_chars(out, value);
}
void append_unsigned(std::string& out, std::uint64_t value) {
  append_chars(out, value);
}

std::string_view unescape(std::string_view literal, std::string& scratch) {
  const char* at = literal.data();
  const char* const end = at + literal.size();
  const auto next_escape = [&] {
    const void* found = at == end ? nullptr : std::memchr(at, '\\', static_cast<std::size_t>(end - at));
    return found != nullptr ? static_cast<const char*>(found) : end;
  };
  const char* escape = next_escape();
  if (escape == end) return literal;
  scratch.clear();
  while (true) {
    scratch.append(at, escape);
    if (escape == end) return scratch;
    at = resolve_escape(scratch, escape, end);
    escape = next_escape();
  }
}

void append_pointer(std::string& out, std::string_view token) {
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
}

}  // namespace madang::base::json
