#pragma once
// Looking for a text in another at the speed of the C library.

#include <cstddef>
#include <cstring>
#include <string_view>

namespace madang::base {

/// As std::string_view::find from the beginning. npos: it is not there.
inline std::size_t find_text(std::string_view where, std::string_view text) {
  if (where.empty()) return text.empty() ? 0 : std::string_view::npos;
  const void* const found = ::memmem(where.data(), where.size(), text.data(), text.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - where.data());
}
inline bool holds_text(std::string_view where, std::string_view text) {
  return find_text(where, text) != std::string_view::npos;
}

}  // namespace madang::base
