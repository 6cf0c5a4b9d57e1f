#pragma once
// Writing JSON into a growing string: an appender, no tree. (Reading is simdjson's, inside the rooms that read.)

#include <cstdint>
#include <string>
#include <string_view>

namespace madang::base::json {

/// Appends `text` (UTF-8) as a JSON string with its quotes.
void append_string(std::string& out, std::string_view text);
/// Appends the shortest text that reads back as `value`; `null` where it is not finite.
void append_number(std::string& out, double value);
void append_integer(std::string& out, std::int64_t value);
void append_unsigned(std::string& out, std::uint64_t value);

/// The content of a JSON string literal given without its quotes: escapes resolved, into `scratch` where there are any.
/// The literal must be valid (it was checked when it came in).
std::string_view unescape(std::string_view literal, std::string& scratch);

/// RFC 6901: `~` and `/` escaped, for building JSON pointers.
void append_pointer(std::string& out, std::string_view token);

}  // namespace madang::base::json
