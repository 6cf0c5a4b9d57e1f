#include "madang/base/json.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::base::json {
namespace {

std::string written(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}
std::string number(double value) {
  std::string out;
  append_number(out, value);
  return out;
}
std::string plain(std::string_view literal) {
  std::string scratch;
  return std::string(unescape(literal, scratch));
}

TEST(Json, EscapesWhatMustBeAndNothingElse) {
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("plain text, long enough for words"), R"("plain text, long enough for words")");
  EXPECT_EQ(written("say \"hi\" \\ /"), R"("say \"hi\" \\ /")");
  EXPECT_EQ(written("\b\f\n\r\t\x01\x1F"), R"("\b\f\n\r\t\u0001\u001f")");
  EXPECT_EQ(written("마당 🏙"), "\"마당 🏙\"");
  EXPECT_EQ(written(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(Json, FindsAnEscapeAtEveryPlaceOfAWord) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (const char c : {'"', '\\', '\n', '\x7F', '\xC3'}) {
      std::string text(20, '!');
      text[at] = c;
      const std::string escape = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
      EXPECT_EQ(written(text), "\"" + std::string(at, '!') + escape + std::string(19 - at, '!') + "\"");
    }
  }
}

TEST(Json, PropertyUnescapeUndoesEscape) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string literal = written(text);
    RC_ASSERT(plain(std::string_view(literal).substr(1, literal.size() - 2)) == text);
  }));
}

TEST(Json, ResolvesUnicodeEscapes) {
  EXPECT_EQ(plain(R"(\u00e9\uD83C\uDFD9\ub9c8\/A)"), "é🏙마/A");
  EXPECT_EQ(plain(R"(no escape)"), "no escape");
}

TEST(Json, CutEscapesDoNotReadPastTheEnd) {
  for (const char* literal : {"\\", "a\\u12", "\\uD83C\\u", "\\uD83C"}) EXPECT_LE(plain(literal).size(), 4u);
}

TEST(Json, WritesNumbersForPeople) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-0.0), "-0");
  EXPECT_EQ(number(100'000), "100000");
  EXPECT_EQ(number(-42), "-42");
  EXPECT_EQ(number(21.5), "21.5");
  EXPECT_EQ(number(0.0001), "0.0001");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(1e21), "1e+21");
  EXPECT_EQ(number(123456789012345680.0), "123456789012345680");
  EXPECT_EQ(number(1e-7), "1e-07");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number(std::nan("")), "null");
}

TEST(Json, PropertyNumbersReadBackExactly) {
  EXPECT_TRUE(rc::check([](std::uint64_t bits) {
    double value = 0;
    bits *= 0x9E3779B97F4A7C15;
    std::memcpy(&value, &bits, sizeof value);
    RC_PRE(std::isfinite(value));
    const std::string text = number(value);
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    RC_ASSERT(back == value);
  }));
}

TEST(Json, WritesIntegersAndPointers) {
  std::string out;
  append_integer(out, std::numeric_limits<std::int64_t>::min());
  append_unsigned(out, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(out, "-922337203685477580818446744073709551615");
  out.clear();
  append_pointer(out, "a/b~c");
  EXPECT_EQ(out, "a~1b~0c");
}

}  // namespace
}  // namespace madang::base::json
