#include "madang/base/uri.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::base {
namespace {

TEST(Uri, KnowsAbsoluteOnes) {
  for (const char* text :
       {"urn:ngsi-ld:Vehicle:A4567", "http://example.org", "a:b", "https://uri.etsi.org/ngsi-ld/default-context/a#b",
        "urn:ngsi-ld:역:서울", "http://[::1]:8080/x", "x+y-z.1:%41%ff", "http://h/?q=\xEE\x80\x80", "tel:+82-2-120"}) {
    EXPECT_TRUE(is_absolute_uri(text)) << text;
  }
  for (const char* text : {"",
                           "a",
                           "a:",
                           ":b",
                           "1a:b",
                           "/path",
                           "urn:a b",
                           "urn:<x>",
                           "urn:\"",
                           "urn:{x}",
                           "urn:a|b",
                           "urn:a\\b",
                           "urn:^",
                           "urn:`",
                           "urn:%4",
                           "urn:%zz",
                           "urn:\xFF",
                           "urn:\xC0\xAF",
                           "urn:\xED\xA0\x80",
                           "urn:\x7F",
                           "urn:a#b#c",
                           "urn:[1]",
                           "http://h/[1]",
                           "urn:\xC2\x85",
                           "urn:\xEE\x80\x80",
                           "urn:\n"}) {
    EXPECT_FALSE(is_absolute_uri(text)) << text;
  }
}

TEST(Uri, HasNothingInvisible) {
  for (const char* text : {"\u00A0", "\u00AD", "\u115F", "\u200B", "\u200D", "\u2028", "\u202E", "\u2800", "\u3000",
                           "\u3164", "\uFE0F", "\uFEFF", "\uFFA0", "\U0001D173", "\U000E0100"}) {
    EXPECT_FALSE(is_absolute_uri("urn:ngsi-ld:Vehicle:A" + std::string(text) + "B")) << text;
  }
}

TEST(Uri, SplitsWebAddresses) {
  const auto url = parse_url("HTTPS://City.Example:8443/a/b?c=d#e").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "city.example");
  EXPECT_EQ(url.port, "8443");
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_TRUE(url.tls());
  EXPECT_EQ(parse_url("http://h").value().target, "/");
  EXPECT_EQ(parse_url("http://h?x").value().target, "/?x");
  EXPECT_EQ(parse_url("http://h").value().port, "80");
  EXPECT_EQ(parse_url("https://h:").value().port, "443");
  EXPECT_EQ(parse_url("http://[2001:db8::1]:81/").value().host, "2001:db8::1");
  EXPECT_EQ(parse_url("http://h/서").value().target, "/%EC%84%9C");
  for (const char* text :
       {"ftp://h/", "http:/h", "http:///x", "http://u:p@h/", "http://h:0/", "http://h:65536/", "http://h:1x/",
        "http://[::1", "http://[12]/", "http://a b/", "http://h\r\nX: y/", "http://%41/", "http://[::1]8080/"}) {
    const auto bad = parse_url(text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_EQ(bad.error().code, Code::bad_request_data);
  }
}

TEST(Uri, ResolvesTheExamplesOfTheRfc) {  // RFC 3986, 5.4
  const std::pair<const char*, const char*> examples[] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {";x", "http://a/b/c/;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
  };
  for (const auto& [reference, expected] : examples) {
    const auto resolved = resolve_url("http://a/b/c/d;p?q", reference);
    ASSERT_TRUE(resolved.ok()) << reference;
    EXPECT_EQ(*resolved, expected) << reference;
  }
  EXPECT_FALSE(resolve_url("no base", "g").ok());
  EXPECT_FALSE(resolve_url("http://a/", "b c").ok());
}

TEST(Uri, PercentEscapesBothWays) {
  EXPECT_EQ(percent_decode("a%20b+c").value(), "a b+c");
  EXPECT_EQ(percent_decode("a%20b+c", true).value(), "a b c");
  for (const char* text : {"%", "%4", "%4g", "ab%"})
    EXPECT_EQ(percent_decode(text).error().code, Code::invalid_request) << text;
  EXPECT_TRUE(rc::check([](const std::string& text) {
    std::string encoded;
    append_percent_encoded(encoded, text);
    RC_ASSERT(percent_decode(encoded).value() == text);
    RC_ASSERT(text.empty() || is_absolute_uri("x:" + encoded));
  }));
}

TEST(Utf8, TellsValidFromBroken) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("eight bytes and 마당 🏙 behind them"));
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                           "\xF8\x88\x80\x80\x80", "12345678\xC3", "\xE2\x82", "\xF0\x9F\x8F"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Utf8, WhatIsNoCharacterIsReplacedByteByByte) {
  EXPECT_EQ(as_valid_utf8("a마당"), "a마당");
  EXPECT_EQ(as_valid_utf8("a\xF1\x80z"), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  EXPECT_TRUE(is_valid_utf8(as_valid_utf8("\xED\xA0\x80\xC0\xAF\xFF")));
}

}  // namespace
}  // namespace madang::base
