#include "text/scores.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <string>

#include <iconv.h>

#include "madang/formats/encoding.h"

namespace madang::formats::text {

namespace {

using Byte = std::uint8_t;

/// The commonest syllables of Korean and characters of Chinese, those of administration among them. Two texts in the
/// same range of bytes are told apart by them.
constexpr std::string_view kKorean =
    "이다의는가을에하고지도한로기사은서를인어리시대정나자아스해수일그구장부전주상제동원보과면안성있것유여연선국신만공조"
    "우"
    "소경마비계세용당라관회개들물강미울산건문북남중분년월적치학교심모내반통무방물행생화관민청역류기노단강거천";
constexpr std::string_view kChinese =
    "的一是不了在人有我他这中大来上国和地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工"
    "使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表"
    "化老"
    "给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结"
    "反受"
    "目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难"
    "且权"
    "思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运广场街站车京园湖省"
    "县镇";

/// Which two-byte codes an alphabet's commonest characters have.
using Codes = std::bitset<65'536>;

std::string encoded(std::string_view utf8, const char* to);

Codes codes_of(std::string_view utf8, const char* encoding) {
  const std::string bytes = encoded(utf8, encoding);
  Codes codes;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    codes.set(static_cast<std::size_t>(static_cast<Byte>(bytes[i])) << 8 | static_cast<Byte>(bytes[i + 1]));
  }
  return codes;
}

constexpr bool within(Byte b, int low, int high) {
  return b >= low && b <= high;
}

/// One character: how many bytes, and what it is worth. No bytes: not in this encoding.
struct Seen {
  std::size_t bytes = 0;
  double worth = 0;
};
constexpr double kImpossible = -3;

Seen korean(Byte lead, Byte trail) {
  static const Codes common = codes_of(kKorean, "CP949");
  const bool basic = trail >= 0xA1 && trail != 0xFF;
  if (!within(lead, 0x81, 0xFE) || trail == 0xFF) return {};
  if (!basic) {
    // Syllables that the first standard left out.
    const bool there = within(trail, 0x41, 0x5A) || within(trail, 0x61, 0x7A) || trail >= 0x81;
    return there && lead <= 0xC6 ? Seen{2, 0.1} : Seen{};
  }
  if (within(lead, 0xB0, 0xC8)) return {2, common[static_cast<std::size_t>(lead << 8 | trail)] ? 1 : 0.65};
  if (within(lead, 0xA1, 0xAC)) return {2, 0.5};
  return {2, within(lead, 0xCA, 0xFD) ? 0.25 : 0.1};
}

Seen chinese(Byte lead, Byte trail) {
  static const Codes common = codes_of(kChinese, "GB18030");
  if (!within(lead, 0x81, 0xFE)) return {};
  if (within(trail, 0x30, 0x39)) return {4, 0.1};  // four bytes; the other two are taken on trust
  if (trail < 0x40 || trail == 0x7F || trail == 0xFF) return {};
  const bool basic = trail >= 0xA1;
  if (basic && within(lead, 0xB0, 0xD7)) {
    return {2, common[static_cast<std::size_t>(lead << 8 | trail)] ? 1 : 0.65};
  }
  if (basic && within(lead, 0xA1, 0xA3)) return {2, 0.6};
  if (basic && within(lead, 0xD8, 0xF7)) return {2, 0.3};
  return {2, 0.05};
}

Seen japanese(Byte lead, Byte trail) {
  if (within(lead, 0xA1, 0xDF)) return {1, 0.2};  // katakana of half width
  if (!within(lead, 0x81, 0x9F) && !within(lead, 0xE0, 0xFC)) return {};
  if (trail < 0x40 || trail == 0x7F || trail > 0xFC) return {};
  if (lead == 0x82 && within(trail, 0x9F, 0xF1)) return {2, 1};  // hiragana
  if (lead == 0x83 && within(trail, 0x40, 0x96)) return {2, 1};  // katakana
  if (lead == 0x81 || lead == 0x82) return {2, 0.6};
  if (within(lead, 0x88, 0x97)) return {2, 0.9};  // the common characters
  if (within(lead, 0x98, 0x9F) || within(lead, 0xE0, 0xEA)) return {2, 0.3};
  return {2, 0.05};
}

/// Letters and signs of windows-1252 by how usual they are.
double latin_worth(Byte b) {
  constexpr std::string_view kLetters =
      "\xC4\xD6\xDC\xE4\xF6\xFC\xDF\xE9\xE8\xEA\xEB\xE0\xE2\xE7\xEE\xEF\xF4\xFB\xF9\xE1\xED\xF3\xFA\xF1\xE3\xF5\xE5"
      "\xE6\xF8\xC5\xC6\xD8\xC9\xC7\xC0\xC8\xC1\xCD\xD3\xDA\xD1\xF2\xEC";
  constexpr std::string_view kSigns =
      "\xB0\xB2\xB3\xA7\xB5\x80\xAB\xBB\x96\x97\x92\x91\x93\x94\x84\x85\xB7\xBD\xB1\xA0";
  const char c = static_cast<char>(b);
  if (kLetters.find(c) != std::string_view::npos) return 1;
  if (kSigns.find(c) != std::string_view::npos) return 0.8;
  if (b == 0x81 || b == 0x8D || b == 0x8F || b == 0x90 || b == 0x9D) return kImpossible;
  return b >= 0xC0 ? 0.5 : 0.1;
}

double latin_score(std::string_view bytes) {
  double sum = 0;
  std::size_t units = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t run = i;
    double worth = 0;
    for (; run < bytes.size() && static_cast<Byte>(bytes[run]) >= 0x80; ++run)
      worth += latin_worth(static_cast<Byte>(bytes[run]));
    // Words in Latin letters have few of these in a row.
    sum += run - i > 3 && worth > 0 ? worth * 0.2 : worth;
    units += run - i;
    i = std::max(run, i + 1);
  }
  return units == 0 ? 0 : sum / static_cast<double>(units);
}

double pairs_score(std::string_view bytes, Seen (*see)(Byte, Byte)) {
  double sum = 0;
  std::size_t units = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<Byte>(bytes[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if (i + 1 == bytes.size()) break;
    const Seen seen = see(lead, static_cast<Byte>(bytes[i + 1]));
    sum += seen.bytes == 0 ? kImpossible : seen.worth;
    i += std::max<std::size_t>(seen.bytes, 1);
    ++units;
  }
  return units == 0 ? 0 : sum / static_cast<double>(units);
}

/// The other way round, for the tables above.
std::string encoded(std::string_view utf8, const char* to) {
  const auto converter = ::iconv_open(to, "UTF-8");
  std::string out(utf8.size() * 2, '\0');
  if (converter == reinterpret_cast<iconv_t>(-1)) return {};
  char* in = const_cast<char*>(utf8.data());
  char* at = out.data();
  std::size_t left = utf8.size(), room = out.size();
  ::iconv(converter, &in, &left, &at, &room);
  ::iconv_close(converter);
  out.resize(out.size() - room);
  return out;
}

}  // namespace

std::size_t utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<Byte>(text[i]) : Byte{0}; };
  const Byte lead = byte(0);
  const auto follows = [&](std::size_t i, int low = 0x80, int high = 0xBF) { return within(byte(i), low, high); };
  if (lead < 0x80) return 1;
  if (within(lead, 0xC2, 0xDF)) return follows(1) ? 2 : 0;
  if (within(lead, 0xE0, 0xEF)) {
    return follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  }
  if (within(lead, 0xF0, 0xF4)) {
    return follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

double utf8_score(std::string_view bytes, bool cut) {
  std::size_t good = 0, bad = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t size = utf8_size(bytes.substr(i));
    if (size == 0 && cut && i + 4 > bytes.size()) break;
    good += size > 1;
    bad += size == 0;
    i += std::max<std::size_t>(size, 1);
  }
  return bad == 0 ? 1 : static_cast<double>(good) / static_cast<double>(good + 3 * bad);
}

double score(Encoding encoding, std::string_view bytes) {
  switch (encoding) {
    case Encoding::windows_1252:
      return latin_score(bytes);
    case Encoding::cp949:
      return pairs_score(bytes, korean);
    case Encoding::shift_jis:
      return pairs_score(bytes, japanese);
    case Encoding::gb18030:
      return pairs_score(bytes, chinese);
    default:
      return 0;
  }
}

}  // namespace madang::formats::text
