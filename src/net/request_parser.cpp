#include "request_parser.h"

#include <charconv>
#include <cstring>

#include <boost/beast/http/basic_parser.hpp>

#include "ascii.h"

namespace madang::net {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

namespace {

constexpr std::size_t kFirstRead = 8 << 10;
constexpr std::size_t kChunkLine = 256;  // a chunk's size and its extensions, which nobody uses

std::string_view view(Text text) {
  return {text.data(), text.size()};
}

Method to_method(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::delete_;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

/// Beast's header parser, its strings left where they are. It is given whole heads only. Beast itself accepts folded
/// lines and repeated equal lengths; this does not (RFC 9112, 5.2 and 6.3: both serve request smuggling).
class HeadParser final : public http::basic_parser<true> {
 public:
  HeadParser(std::string_view head, std::size_t max_headers, Request& request, Framing& framing)
      : head_(head), max_headers_(max_headers), request_(request), framing_(framing) {
    eager(false);
    header_limit(static_cast<std::uint32_t>(head.size() + 1));
    body_limit(boost::none);
  }

  Refusal run() {
    error_code ec;
    put(boost::asio::const_buffer(head_.data(), head_.size()), ec);
    if (refusal_.status != 0) return refusal_;
    if (ec == http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    if (ec == http::error::bad_method) return {400, "the method is not a token"};
    if (ec == http::error::bad_target) return {400, "the request target has a character that it must not have"};
    if (ec) return {400, "a header line is malformed"};
    if (!is_header_done()) return {400, "the header is malformed"};
    framing_.keep_alive = keep_alive();
    if (framing_.http11 && hosts_ != 1) return {400, "exactly one Host header is needed"};
    return {};
  }

 private:
  void refuse(int status, std::string_view detail, error_code& ec) {
    refusal_ = {status, detail};
    ec = http::error::bad_field;
  }

  void on_request_impl(http::verb verb, Text, Text target, int version, error_code&) override {
    request_.method = to_method(verb);
    request_.target = view(target);
    framing_.http11 = version == 11;
  }

  bool folded(std::string_view name, std::string_view value) const {
    const char* p = name.data() + name.size() + 1;
    if (value.data() < p || value.data() > head_.data() + head_.size()) return true;  // Beast joined lines elsewhere
    while (p != value.data() && (*p == ' ' || *p == '\t')) ++p;
    return p != value.data();
  }

  void on_field_impl(http::field field, Text name_text, Text value_text, error_code& ec) override {
    const std::string_view name = view(name_text), value = view(value_text);
    if (folded(name, value)) return refuse(400, "a header value is folded over lines", ec);
    if (request_.headers.size() >= max_headers_) return refuse(431, "too many headers", ec);
    request_.headers.emplace_back(name, value);
    switch (field) {
      case http::field::host:
        ++hosts_;
        return;
      case http::field::content_length:
        return on_length(value, ec);
      case http::field::transfer_encoding:
        if (framing_.chunked) return refuse(400, "Transfer-Encoding is given twice", ec);
        if (!same_ignoring_case(value, "chunked"))
          return refuse(501, "the only transfer coding understood is chunked", ec);
        framing_.chunked = true;
        return;
      case http::field::expect:
        if (!same_ignoring_case(value, "100-continue"))
          return refuse(417, "the only expectation met is 100-continue", ec);
        framing_.expects_continue = true;
        return;
      default:
        return;
    }
  }

  void on_length(std::string_view value, error_code& ec) {
    if (framing_.has_length) return refuse(400, "Content-Length is given twice", ec);
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), framing_.content_length);
    if (failed != std::errc() || end != value.data() + value.size()) {
      return refuse(400, "Content-Length is not a number", ec);
    }
    framing_.has_length = true;
  }

  void on_response_impl(int, Text, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  std::string_view head_;
  std::size_t max_headers_;
  Request& request_;
  Framing& framing_;
  Refusal refusal_;
  int hosts_ = 0;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return true;
  }
  return false;
}

}  // namespace

RequestParser::Step RequestParser::refuse(int status, std::string_view detail) {
  refusal_ = {status, detail};
  return Step::refused;
}

RequestParser::Step RequestParser::step(InputBuffer& in) {
  if (refusal_.status != 0) return Step::refused;
  switch (phase_) {
    case Phase::head:
      return step_head(in);
    case Phase::body:
      return framing_.chunked ? step_chunked(in) : step_body(in);
    case Phase::complete:
      return Step::complete;
  }
  return Step::more;
}

void RequestParser::next(InputBuffer& in) {
  in.consume(framing_.chunked ? raw_ : head_size_ + body_size_);
  phase_ = Phase::head;
  scanned_ = 0;
}

RequestParser::Step RequestParser::step_head(InputBuffer& in) {
  // RFC 9112, 2.2: empty lines before a request are skipped.
  while (scanned_ == 0 && in.size() >= 2 && in.data()[0] == '\r' && in.data()[1] == '\n') in.consume(2);
  const std::string_view bytes = in.view();
  if (bytes == "\r") return Step::more;  // perhaps the first half of such a line
  const std::size_t from = scanned_ < 3 ? 0 : scanned_ - 3;
  const void* end = bytes.empty() ? nullptr : ::memmem(bytes.data() + from, bytes.size() - from, "\r\n\r\n", 4);
  if (end == nullptr) return check_partial_head(bytes);

  head_size_ = static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data()) + 4;
  body_size_ = 0;
  raw_ = head_size_;
  chunk_ = Chunk::size;
  trailer_size_ = 0;
  continue_sent_ = false;
  const std::string_view head = bytes.substr(0, head_size_);
  if (const std::size_t line = head.find("\r\n"); line > limits_.target_bytes + 32) {
    return refuse(414, "the request target is too long");
  }
  if (head_size_ > limits_.header_bytes) return refuse(431, "the header is too large");
  if (parse_head(head) == Step::refused || check_framing() == Step::refused) return Step::refused;
  phase_ = Phase::body;
  return step(in);
}

/// Refuses as early as it can be known, so that nobody waits for a line end that will never count as one.
RequestParser::Step RequestParser::check_partial_head(std::string_view head) {
  for (std::size_t i = scanned_; i < head.size(); ++i) {
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return refuse(400, "a line ends without a carriage return");
    if (head[i] == '\0') return refuse(400, "a header line is malformed");
  }
  scanned_ = head.size();
  const std::size_t line = head.find('\r');
  if (std::min(line, head.size()) > limits_.target_bytes + 32) return refuse(414, "the request target is too long");
  if (head.size() >= limits_.header_bytes) return refuse(431, "the header is too large");
  return Step::more;
}

RequestParser::Step RequestParser::parse_head(std::string_view head) {
  request_.headers.clear();
  request_.body = {};
  framing_ = {};
  parsed_at_ = head.data();
  const Refusal refusal = HeadParser(head, limits_.headers, request_, framing_).run();
  if (refusal.status != 0) return refuse(refusal.status, refusal.detail);
  split_target();
  if (request_.path.empty()) return refuse(400, "the request target is neither a path nor an http address");
  return Step::complete;
}

RequestParser::Step RequestParser::check_framing() {
  if (framing_.chunked && framing_.has_length)
    return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
  if (framing_.chunked && !framing_.http11) return refuse(400, "HTTP/1.0 knows no Transfer-Encoding");
  if (framing_.content_length > limits_.body_bytes) return refuse(413, "the body is larger than is accepted");
  return Step::complete;
}

/// Origin form, absolute form (RFC 9112, 3.2.2) or `*`.
void RequestParser::split_target() {
  std::string_view rest = request_.target;
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!same_ignoring_case(rest.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = rest.find('/', scheme.size());
    rest = slash == std::string_view::npos ? std::string_view("/") : rest.substr(slash);
    break;
  }
  request_.path = request_.query = {};
  if (rest != "*" && !rest.starts_with('/')) return;
  if (rest.find('#') != std::string_view::npos) return;
  const std::size_t mark = rest.find('?');
  request_.path = rest.substr(0, mark);
  if (mark != std::string_view::npos) request_.query = rest.substr(mark + 1);
}

RequestParser::Step RequestParser::step_body(InputBuffer& in) {
  const auto length = static_cast<std::size_t>(framing_.content_length);
  body_size_ = std::min(in.size() - head_size_, length);
  return body_size_ < length ? Step::more : finish(in);
}

RequestParser::Step RequestParser::finish(const InputBuffer& in) {
  // The buffer grew or was compacted while the body came in: take the views anew.
  if (in.data() != parsed_at_ && parse_head(in.view().substr(0, head_size_)) == Step::refused) return Step::refused;
  request_.body = in.view().substr(head_size_, body_size_);
  phase_ = Phase::complete;
  return Step::complete;
}

/// Decodes in place: chunk data moves down to the end of the body so far, and what is decoded is cut out.
RequestParser::Step RequestParser::step_chunked(InputBuffer& in) {
  while (true) {
    const std::string_view rest = in.view().substr(raw_);
    if (chunk_ == Chunk::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), chunk_left_));
      in.move_down(head_size_ + body_size_, raw_, n);
      body_size_ += n;
      raw_ += n;
      chunk_left_ -= n;
      if (chunk_left_ != 0) break;
      chunk_ = Chunk::data_end;
      continue;
    }
    if (chunk_ == Chunk::data_end) {
      if (rest.size() < 2) break;
      if (!rest.starts_with("\r\n")) return refuse(400, "a chunk does not end where it said");
      raw_ += 2;
      chunk_ = Chunk::size;
      continue;
    }
    const std::size_t limit =
        chunk_ == Chunk::size ? kChunkLine : limits_.header_bytes - std::min(limits_.header_bytes, trailer_size_);
    const std::size_t end = rest.substr(0, limit).find('\n');
    if (end == std::string_view::npos) {
      if (rest.size() < limit) break;
      return chunk_ == Chunk::size ? refuse(400, "a chunk's size line is too long")
                                   : refuse(431, "the trailer is too large");
    }
    if (end == 0 || rest[end - 1] != '\r') return refuse(400, "a line ends without a carriage return");
    raw_ += end + 1;
    const Step step = step_chunk_line(rest.substr(0, end - 1));
    if (step == Step::refused) return step;
    if (step == Step::complete) return finish(in);
  }
  in.cut(head_size_ + body_size_, raw_);
  raw_ = head_size_ + body_size_;
  return Step::more;
}

/// A chunk's size line or a line of the trailer section, which is checked and dropped (RFC 9112, 7.1.2).
RequestParser::Step RequestParser::step_chunk_line(std::string_view line) {
  if (has_control(line)) return refuse(400, "a chunk's line has a control character");
  if (chunk_ == Chunk::trailer) {
    trailer_size_ += line.size() + 2;
    if (line.empty()) return Step::complete;
    const std::size_t colon = line.find_first_of(": \t");
    if (colon == std::string_view::npos || colon == 0 || line[colon] != ':')
      return refuse(400, "a trailer line is malformed");
    return Step::more;
  }
  std::size_t digits = 0;
  for (chunk_left_ = 0; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
    if (digits == 15) return refuse(400, "a chunk's size has too many digits");
    chunk_left_ = chunk_left_ * 16 + static_cast<std::uint64_t>(hex_digit(line[digits]));
  }
  const std::string_view extension = trim(line.substr(digits));
  if (digits == 0 || (!extension.empty() && extension.front() != ';'))
    return refuse(400, "a chunk's size is not a number");
  if (extension.empty() && digits != line.size()) return refuse(400, "a chunk's size is not a number");
  if (chunk_left_ > limits_.body_bytes - body_size_) return refuse(413, "the body is larger than is accepted");
  chunk_ = chunk_left_ == 0 ? Chunk::trailer : Chunk::data;
  return Step::more;
}

std::size_t RequestParser::wanted() const {
  if (phase_ != Phase::body) return std::max(kFirstRead, limits_.header_bytes);
  if (!framing_.chunked) return head_size_ + static_cast<std::size_t>(framing_.content_length);
  return head_size_ + body_size_ + std::max(limits_.header_bytes, kFirstRead) +
         static_cast<std::size_t>(chunk_ == Chunk::data ? chunk_left_ : 0);
}

bool RequestParser::take_continue() {
  if (phase_ != Phase::body || !framing_.expects_continue || !framing_.http11 || continue_sent_ || body_size_ != 0)
    return false;
  return continue_sent_ = true;
}

}  // namespace madang::net
