// The connection's parser: whatever comes, in whatever pieces, it stays inside its buffer and its limits, and pieces
// make no difference to the requests that come out.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../src/net/request_parser.h"
#include "../src/net/response_parser.h"

namespace {

using namespace madang;

const net::ServerOptions& limits() {
  static const net::ServerOptions options = [] {
    net::ServerOptions small;
    small.header_bytes = 1024;
    small.target_bytes = 256;
    small.headers = 16;
    small.body_bytes = 512;
    return small;
  }();
  return options;
}

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string> requests_of(std::string_view bytes, std::size_t piece) {
  std::vector<std::string> requests;
  net::InputBuffer in;
  net::RequestParser parser(limits());
  while (!bytes.empty() && parser.refusal().status == 0) {
    const std::string_view some = bytes.substr(0, piece);
    bytes.remove_prefix(some.size());
    in.reserve(in.size() + some.size());
    std::memcpy(in.tail(), some.data(), some.size());
    in.commit(some.size());
    while (parser.step(in) == net::RequestParser::Step::complete) {
      const net::Request& request = parser.request();
      require(request.body.size() <= limits().body_bytes && request.headers.size() <= limits().headers);
      require(!request.path.empty());
      std::string text(request.target);
      for (const auto& [name, value] : request.headers) text.append("|").append(name).append("=").append(value);
      text.append("|").append(request.body);
      // Must be readable: the address sanitizer looks on. A copy cannot be left out by the compiler.
      text.append(request.body.data() + request.body.size(), net::kBodyPadding);
      text.resize(text.size() - net::kBodyPadding);
      requests.push_back(std::move(text));
      parser.next(in);
    }
    require(parser.refusal().status == 0 || (parser.refusal().status >= 400 && parser.refusal().status < 600));
    require(in.size() <= limits().header_bytes + limits().body_bytes + piece + 2048);
  }
  return requests;
}

void feed_response(std::string_view bytes, std::size_t piece) {
  net::ResponseParser parser(512, false);
  for (std::size_t at = 0; at < bytes.size() && !parser.complete(); at += piece) {
    std::size_t used = 0;
    if (!parser.feed(bytes.substr(at, piece), used).ok()) return;
    require(used <= piece && parser.response().body.size() <= 512);
  }
  (void)parser.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  require(requests_of(bytes, bytes.size()) == requests_of(bytes, piece));
  feed_response(bytes, piece);
  return 0;
}
