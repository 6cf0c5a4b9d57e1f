#include "madang/base/bytes.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "madang/base/result.h"

namespace madang::base {
namespace {

TEST(Bytes, PropertyNumbersReadBack) {
  EXPECT_TRUE(rc::check([](std::uint64_t value, std::int64_t signed_value, unsigned shift) {
    value >>= shift % 64;
    std::string out;
    append_varint(out, value);
    RC_ASSERT(out.size() <= kMaxVarint);
    append_varint(out, zigzag(signed_value));
    append_le(out, static_cast<std::uint32_t>(value));
    ByteReader reader(out);
    RC_ASSERT(reader.varint() == value);
    RC_ASSERT(reader.signed_varint() == signed_value);
    RC_ASSERT(reader.le<std::uint32_t>() == static_cast<std::uint32_t>(value));
    RC_ASSERT(reader.ok());
    RC_ASSERT(reader.left() == 0u);
  }));
}

TEST(Bytes, KnowsItsEnds) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  EXPECT_EQ(unzigzag(zigzag(std::numeric_limits<std::int64_t>::min())), std::numeric_limits<std::int64_t>::min());
  std::byte stored[4];
  store_le(stored, 0x01020304u);
  EXPECT_EQ(stored[0], std::byte{4});

  for (const std::string_view broken :
       {std::string_view(""), std::string_view("\x80"), std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"),
        std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")}) {
    ByteReader reader(broken);
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_FALSE(reader.ok());
  }
  ByteReader reader(std::string_view("abc"));
  EXPECT_EQ(reader.text(2), "ab");
  EXPECT_EQ(reader.le<std::uint16_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.text(1), "");  // stays failed
}

TEST(Result, CarriesAValueOrAnError) {
  const auto half = [](int value) -> Result<int> {
    if (value % 2 != 0) return error(Code::bad_request_data, "odd", "/value");
    return value / 2;
  };
  const auto quarter = [&](int value) -> Result<int> {
    MADANG_TRY(const int first, half(value));
    MADANG_TRY(const int second, half(first));
    return second;
  };
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().where, "/value");
  EXPECT_EQ(code_name(quarter(5).error().code), "bad_request_data");
  const auto check = [&](int value) -> Status {
    MADANG_CHECK(half(value));
    return {};
  };
  EXPECT_TRUE(check(2).ok());
  EXPECT_FALSE(check(3).ok());
}

TEST(Result, EveryCodeHasAName) {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    EXPECT_NE(code_name(static_cast<Code>(code)), "unknown");
  }
  EXPECT_EQ(code_name(Code::newer_format), "newer_format");
}

}  // namespace
}  // namespace madang::base
