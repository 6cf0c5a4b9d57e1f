#pragma once
// How well an encoding explains bytes that are beyond ASCII: 1 for text of common characters, 0 and less for what
// nobody writes.

#include <string_view>

#include "madang/formats/encoding.h"

namespace madang::formats::text {

/// The length of the valid UTF-8 character at the beginning of `text`, which is not empty; 0 where there is none.
std::size_t utf8_size(std::string_view text);
/// 1 where all is valid. `cut`: the last character may lack its end.
double utf8_score(std::string_view bytes, bool cut);
/// Of windows_1252, cp949, shift_jis or gb18030.
double score(Encoding encoding, std::string_view bytes);

}  // namespace madang::formats::text
