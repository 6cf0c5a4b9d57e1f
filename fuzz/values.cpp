// Texts of values: no crash, and what is read as a moment is read again from what it is written as.

#include "madang/formats/values.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace madang::formats;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto cut = all.find('\n');
  const std::string_view pattern = all.substr(0, cut);
  const std::string_view text = cut == std::string_view::npos ? all : all.substr(cut + 1);
  static const TimeZone zurich = *TimeZone::find("Europe/Zurich");
  if (const auto made = TimePattern::make(pattern); made.ok()) {
    static_cast<void>(made->read_day(text));
    if (const auto moment = made->read(text, zurich)) {
      const auto again = TimePattern::make("iso")->read(madang::base::to_string(*moment));
      if (!again || again->ns != moment->ns) std::abort();
    }
  }
  for (const NumberStyle style :
       {NumberStyle{}, NumberStyle{',', '.'}, NumberStyle{'.', '\''}, NumberStyle{',', ' '}}) {
    static_cast<void>(parse_number(text, style));
  }
  if (is_json_number(text) && text.size() < 60 && text.find_first_of("eE") == std::string_view::npos &&
      !parse_number(text))
    std::abort();
  static_cast<void>(looks_like_value(text));
  static_cast<void>(parse_boolean(text));
  static_cast<void>(parse_clock(text));
  return 0;
}
