#include "madang/formats/encoding.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <iconv.h>
#include <rapidcheck.h>

namespace madang::formats {
namespace {

/// The other way round: texts as files have them.
std::string encoded(std::string_view utf8, const char* to) {
  const auto converter = ::iconv_open(to, "UTF-8");
  std::string out(utf8.size() * 4 + 8, '\0');
  char* in = const_cast<char*>(utf8.data());
  char* at = out.data();
  std::size_t left = utf8.size(), room = out.size();
  EXPECT_EQ(::iconv(converter, &in, &left, &at, &room), 0u) << utf8 << " in " << to;
  ::iconv_close(converter);
  out.resize(out.size() - room);
  return out;
}

std::string_view detected(std::string_view bytes) {
  return encoding_name(detect_encoding(bytes).encoding);
}

std::string decoded(std::string_view bytes, std::size_t piece, std::optional<Encoding> stated = {}) {
  Decoder decoder(stated);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    out += decoder.push(bytes.substr(0, piece));
  out += decoder.finish();
  return out;
}

TEST(Encoding, Names) {
  EXPECT_EQ(find_encoding("ISO-8859-1"), Encoding::windows_1252);
  EXPECT_EQ(find_encoding("EUC-KR"), Encoding::cp949);
  EXPECT_EQ(find_encoding("GBK"), Encoding::gb18030);
  EXPECT_EQ(find_encoding("ebcdic"), std::nullopt);
  for (const auto e : {Encoding::utf8, Encoding::windows_1252, Encoding::cp949, Encoding::shift_jis, Encoding::gb18030,
                       Encoding::utf16le, Encoding::utf16be}) {
    EXPECT_EQ(find_encoding(encoding_name(e)), e);
  }
}

TEST(Encoding, MarksAndUtf8) {
  EXPECT_EQ(detected(""), "UTF-8");
  EXPECT_TRUE(detect_encoding("plain, text\n").ascii);
  EXPECT_EQ(detect_encoding("\xEF\xBB\xBF"
                            "a")
                .mark_bytes,
            3u);
  EXPECT_EQ(detected("\xFF\xFE"
                     "a"),
            "UTF-16LE");
  EXPECT_EQ(detected("Zürich, 서울"), "UTF-8");
  EXPECT_EQ(detected(encoded("name,값\n서울,1\n", "UTF-16LE")), "UTF-16LE");
  EXPECT_EQ(detected(encoded("name,값\n서울,1\n", "UTF-16BE")), "UTF-16BE");
}

TEST(Encoding, Utf8WithABrokenByteIsStillUtf8) {
  EXPECT_EQ(detected("서울특별시, 부산광역시, 대구광역시 \xFF 인천광역시"), "UTF-8");
}

/// Words and short tables as open data has them; each must be told by what it holds.
TEST(Encoding, LatinTexts) {
  for (const char* text : {"\"date\",\"value\",\"id\"\n\"2018-01-01\",4,\"niederschlag_SMA_Zürich_Fluntern\"\n",
                           "Straße;Größe\nMünchner Straße;12\n", "é", "Temperature (°C),Wind\n1,2\n", "Genève",
                           "Œuvre à l’été", "m²,µg/m³", "Århus, Ærø, Ø", "São Paulo;Açúcar"}) {
    EXPECT_EQ(detected(encoded(text, "CP1252")), "windows-1252") << text;
  }
}

TEST(Encoding, KoreanTexts) {
  for (const char* text :
       {"날짜,대여소,건수\n2018-01-01,여의나루역 1번출구 앞,12\n", "서울특별시", "구로구,강남구,종로구",
        "미세먼지(PM10)", "주소: 경기도 성남시 분당구 판교역로", "뷁똠방각하 펩시콜라와 함께하는 도시", "강남역"}) {
    EXPECT_EQ(detected(encoded(text, "CP949")), "CP949") << text;
  }
}

TEST(Encoding, JapaneseTexts) {
  for (const char* text : {"施設名,住所\n品川区立小学校,東京都品川区\n", "避難所の一覧です", "カタカナ",
                           "横浜市西区みなとみらい", "①駅前広場", "千代田区大手町"}) {
    EXPECT_EQ(detected(encoded(text, "CP932")), "Shift_JIS") << text;
  }
}

TEST(Encoding, ChineseTexts) {
  for (const char* text : {"日期,站点,数量\n2018-01-01,人民广场站,12\n", "北京市朝阳区", "上海市浦东新区",
                           "宁波市公共自行车站点", "杭州市西湖区文三路", "空气质量指数"}) {
    EXPECT_EQ(detected(encoded(text, "GB18030")), "GB18030") << text;
  }
}

TEST(Decoder, DecidesWhenSomethingBeyondAsciiComes) {
  Decoder decoder;
  EXPECT_EQ(decoder.push("a,b\n"), "a,b\n");
  EXPECT_EQ(decoder.encoding(), std::nullopt);
  EXPECT_EQ(decoder.push("Z\xFC"), "");
  EXPECT_EQ(decoder.push("rich"), "");
  EXPECT_EQ(decoder.finish(), "Zürich");
  EXPECT_EQ(decoder.encoding(), Encoding::windows_1252);
}

TEST(Decoder, MarksGoWhateverIsStated) {
  EXPECT_EQ(decoded("\xEF\xBB\xBFZ\xC3\xBC", 1, Encoding::windows_1252), "Zü");
  EXPECT_EQ(decoded("\xEF\xBB\xBF", 1), "");
  EXPECT_EQ(decoded("\xEF\xBB", 1, Encoding::utf8), "\xEF\xBB");
  EXPECT_EQ(decoded(std::string("\xFF\xFE"
                                "a\0",
                                4),
                    1),
            "a");
}

TEST(Decoder, WhatCannotBeDecodedIsSeen) {
  EXPECT_EQ(decoded("a\x81z", 100, Encoding::windows_1252), "a\xFFz");
  EXPECT_EQ(decoded("a\xB0", 100, Encoding::cp949), "a\xFF");
  EXPECT_EQ(decoded(std::string("\0\xD8"
                                "a\0",
                                4),
                    100, Encoding::utf16le),
            "\xFF"
            "a");
  EXPECT_EQ(shown("a\xFFz\xE2\x82"), "a\uFFFDz\uFFFD\uFFFD");
}

TEST(Decoder, HoweverTheBytesAreCut) {
  const std::string text = "서울, Z\u4e2d文 \U0001F600 끝 中\n";
  const std::vector<std::pair<Encoding, const char*>> all{{Encoding::gb18030, "GB18030"},
                                                          {Encoding::utf16le, "UTF-16LE"},
                                                          {Encoding::utf16be, "UTF-16BE"},
                                                          {Encoding::utf8, "UTF-8"}};
  for (const auto& [encoding, name] : all) {
    const std::string bytes = encoded(text, name);
    for (std::size_t piece = 1; piece < 12; ++piece) EXPECT_EQ(decoded(bytes, piece, encoding), text) << name << piece;
  }
}

TEST(Decoder, CutsDoNotMatter) {
  rc::check("any bytes, any encoding", [](const std::string& bytes) {
    const auto encoding = static_cast<Encoding>(*rc::gen::inRange(0, 7));
    const auto piece = *rc::gen::inRange<std::size_t>(1, 9);
    RC_ASSERT(decoded(bytes, piece, encoding) == decoded(bytes, 1'000'000, encoding));
  });
}

}  // namespace
}  // namespace madang::formats
