#include "response_head.h"

#include <charconv>

#include "madang/base/time.h"

namespace madang::net {

namespace {

constexpr std::size_t kDigits = 12;
constexpr std::string_view kLength = "Content-Length:             \r\n\r\n";
static_assert(kLength.size() == 15 + 1 + kDigits + 4);

bool has_no_body(int status) {
  return status == 204 || status == 304 || status < 200;
}

}  // namespace

std::string_view reason_of(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    default:
      return "Status";
  }
}

namespace {

void append_status(std::string& out, int status, std::string_view content_type, std::string_view headers,
                   std::string_view date) {
  char line[13] = {'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '0', '0', '0', ' '};
  line[9] = static_cast<char>('0' + status / 100 % 10);
  line[10] = static_cast<char>('0' + status / 10 % 10);
  line[11] = static_cast<char>('0' + status % 10);
  out.append(line, sizeof line).append(reason_of(status)).append("\r\n").append(date);
  if (!content_type.empty()) out.append("Content-Type: ").append(content_type).append("\r\n");
  out.append(headers);
}

}  // namespace

OpenAnswer open_answer(std::string& out, int status, std::string_view content_type, std::string_view headers,
                       const HeadContext& context) {
  OpenAnswer answer;
  answer.start = out.size();
  append_status(out, status, content_type, headers, context.date);
  if (!context.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (!context.http11) {
    out.append("Connection: keep-alive\r\n");
  }
  if (has_no_body(status)) {
    out.append("\r\n");
  } else {
    out.append(kLength);
    answer.length_end = out.size() - 4;
  }
  answer.body = out.size();
  return answer;
}

void close_answer(std::string& out, const OpenAnswer& answer, bool with_body) {
  if (answer.length_end != 0) {
    char digits[kDigits + 1];
    const auto result = std::to_chars(digits, digits + sizeof digits, out.size() - answer.body);
    const auto n = static_cast<std::size_t>(result.ptr - digits);
    out.replace(answer.length_end - n, n, digits, n);
  }
  if (!with_body || answer.length_end == 0) out.resize(answer.body);
}

void append_stream_head(std::string& out, int status, std::string_view content_type, std::string_view headers,
                        const HeadContext& context) {
  append_status(out, status, content_type, headers, context.date);
  if (status == 101) {
    out.append("Connection: Upgrade\r\n\r\n");
    return;
  }
  if (context.http11) out.append("Transfer-Encoding: chunked\r\n");
  out.append("Connection: close\r\n\r\n");
}

std::string date_line() {
  return "Date: " + base::to_http_date(base::system_clock().now()) + "\r\n";
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  const std::size_t start = out.size();
  out.append(name).append(": ").append(value);
  for (std::size_t i = start; i < out.size(); ++i) {
    if (static_cast<unsigned char>(out[i]) < 0x20 && out[i] != '\t') out[i] = ' ';
  }
  out.append("\r\n");
}

}  // namespace madang::net
