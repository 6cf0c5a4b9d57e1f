#pragma once
// Writing the head of an answer before its body's length is known.

#include <cstddef>
#include <string>
#include <string_view>

namespace madang::net {

std::string_view reason_of(int status);

/// What the server adds to each answer.
struct HeadContext {
  bool http11 = true;
  bool keep_alive = true;
  std::string_view date;  // a whole header line
};

/// Where the parts of an answer lie in the output, so that its length can be filled in when the body is there.
struct OpenAnswer {
  std::size_t start = 0;
  std::size_t length_end = 0;  // behind the blanks that take the digits; 0: no Content-Length in this answer
  std::size_t body = 0;
};

/// Appends status line and header. RFC 9110, 5.5 allows any white space before a value: the length is written into it.
OpenAnswer open_answer(std::string& out, int status, std::string_view content_type, std::string_view headers,
                       const HeadContext& context);
/// Fills in the length; `with_body` false takes the body out again (HEAD, 204, 304).
void close_answer(std::string& out, const OpenAnswer& answer, bool with_body);

/// The head of an answer without a length: chunked (HTTP/1.1) or up to the connection's end; 101 is not followed by an
/// answer.
void append_stream_head(std::string& out, int status, std::string_view content_type, std::string_view headers,
                        const HeadContext& context);

/// "Date: …\r\n" for now.
std::string date_line();

/// Appends "name: value\r\n" with anything that could end the line early made blank.
void append_header(std::string& out, std::string_view name, std::string_view value);

}  // namespace madang::net
