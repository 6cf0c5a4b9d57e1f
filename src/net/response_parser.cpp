#include "response_parser.h"

#include <algorithm>

#include <boost/beast/http/basic_parser.hpp>

#include "ascii.h"

namespace madang::net {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

namespace {

constexpr std::size_t kHeaderLimit = 64 << 10;
constexpr std::size_t kMaxHeaders = 200;

}  // namespace

class ResponseParser::Impl final : public http::basic_parser<false> {
 public:
  Impl(std::size_t limit, bool to_head) : limit_(limit) {
    header_limit(kHeaderLimit);
    body_limit(limit);
    skip(to_head);
    eager(true);
  }

  ClientResponse response;
  std::string partial;  // bytes of a header that is not whole yet

 private:
  void on_response_impl(int code, Text, int, error_code&) override { response.status = code; }
  void on_field_impl(http::field, Text name, Text value, error_code& ec) override {
    if (response.headers.size() >= kMaxHeaders) ec = http::error::header_limit;
    response.headers.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  std::size_t append(Text body, error_code& ec) {
    if (response.body.size() + body.size() > limit_) {
      ec = http::error::body_limit;
      return 0;
    }
    response.body.append(body.data(), body.size());
    return body.size();
  }
  std::size_t on_body_impl(Text body, error_code& ec) override { return append(body, ec); }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code& ec) override { return append(body, ec); }
  void on_request_impl(http::verb, Text, Text, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  const std::size_t limit_;
};

ResponseParser::ResponseParser(std::size_t limit, bool to_head) : limit_(limit), to_head_(to_head) {
  restart();
}
ResponseParser::~ResponseParser() = default;

void ResponseParser::restart() {
  impl_ = std::make_unique<Impl>(limit_, to_head_);
}

base::Status ResponseParser::feed(std::string_view bytes, std::size_t& used) {
  used = bytes.size();
  std::string joined = std::move(impl_->partial);
  joined.append(bytes);
  std::string_view rest = joined;
  while (!rest.empty() && !complete()) {
    error_code failed;
    const std::size_t n = impl_->put(boost::asio::const_buffer(rest.data(), rest.size()), failed);
    rest.remove_prefix(n);
    if (failed == http::error::need_more || (!failed && n == 0)) break;
    if (failed == http::error::body_limit || failed == http::error::header_limit) {
      return base::error(base::Code::too_large, "the answer is larger than " + std::to_string(limit_) + " bytes");
    }
    if (failed) return base::error(base::Code::io, "the answer is not HTTP: " + failed.message());
    if (complete() && impl_->response.status / 100 == 1) restart();  // an interim answer; the real one follows
  }
  if (complete()) {
    used -= std::min(rest.size(), used);
  } else {
    impl_->partial = std::string(rest);
  }
  return {};
}

base::Status ResponseParser::end() {
  if (complete()) return {};
  error_code failed = http::error::partial_message;
  if (impl_->got_some()) impl_->put_eof(failed);
  if (failed) return base::error(base::Code::io, "the connection ended before the answer did");
  return {};
}

bool ResponseParser::complete() const {
  return impl_->is_done();
}
bool ResponseParser::keep_alive() const {
  return impl_->is_done() && impl_->keep_alive() && !impl_->need_eof();
}
ClientResponse& ResponseParser::response() {
  return impl_->response;
}

base::Result<std::string> request_bytes(Method method, std::string_view authority, std::string_view target,
                                        std::span<const std::pair<std::string, std::string>> headers,
                                        std::string_view body, bool keep_alive) {
  const auto breaks_lines = [](std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  };
  const std::string_view verb = method_name(method);
  if (method == Method::other) return base::error(base::Code::invalid_request, "no such request method");
  if (breaks_lines(target) || target.find(' ') != std::string_view::npos) {
    return base::error(base::Code::invalid_request, "the request target has a character that it must not have");
  }
  std::string out;
  out.append(verb).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
  for (const auto& [name, value] : headers) {
    if (name.empty() || breaks_lines(name) || breaks_lines(value) || name.find_first_of(" :") != std::string::npos) {
      return base::error(base::Code::invalid_request, "a request header has a character that it must not have");
    }
    if (same_ignoring_case(name, "host") || same_ignoring_case(name, "content-length") ||
        same_ignoring_case(name, "transfer-encoding") || same_ignoring_case(name, "connection")) {
      continue;  // these are ours
    }
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (!body.empty() || method == Method::post || method == Method::put || method == Method::patch) {
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  if (!keep_alive) out.append("Connection: close\r\n");
  return out.append("\r\n").append(body);
}

std::string authority_of(std::string_view scheme, std::string_view host, std::string_view port) {
  std::string authority(host);
  if (host.find(':') != std::string_view::npos) authority = "[" + authority + "]";
  if (port != (scheme == "https" ? "443" : "80")) authority.append(":").append(port);
  return authority;
}

}  // namespace madang::net
