#pragma once
// Header values are compared without regard to the case of ASCII letters (RFC 9110).

#include <algorithm>
#include <string_view>

namespace madang::api {

inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace madang::api
