#include "request_parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace madang::net {
namespace {

/// What came out of a stream of bytes: one line for each request, and the refusal that ended it.
std::vector<std::string> parse_in_pieces(std::string_view bytes, const std::vector<std::size_t>& pieces,
                                         const ServerOptions& limits = {}) {
  std::vector<std::string> seen;
  InputBuffer in;
  RequestParser parser(limits);
  std::size_t piece = 0;
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), pieces.empty() ? bytes.size() : pieces[piece++ % pieces.size()]);
    in.reserve(in.size() + n);
    std::memcpy(in.tail(), bytes.data(), n);
    in.commit(n);
    bytes.remove_prefix(n);
    while (parser.step(in) == RequestParser::Step::complete) {
      const Request& request = parser.request();
      std::string line(method_name(request.method));
      line.append(" ").append(request.path).append("?").append(request.query);
      for (const auto& [name, value] : request.headers) line.append("|").append(name).append("=").append(value);
      line.append("|").append(request.body);
      seen.push_back(std::move(line));
      parser.next(in);
    }
    if (parser.refusal().status != 0) {
      seen.push_back(std::to_string(parser.refusal().status));
      break;
    }
  }
  return seen;
}

std::string one(std::string_view bytes, const ServerOptions& limits = {}) {
  const auto seen = parse_in_pieces(bytes, {}, limits);
  return seen.empty() ? "more" : seen.front();
}

TEST(RequestParser, ReadsARequest) {
  EXPECT_EQ(one("GET /a%20b?c=d HTTP/1.1\r\nHost: h\r\nAccept:  x \r\n\r\n"), "GET /a%20b?c=d|Host=h|Accept=x|");
  EXPECT_EQ(one("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"), "POST /?|Content-Length=3|abc");
  EXPECT_EQ(one("GET http://h/x?y HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /x?y|Host=h|");
  EXPECT_EQ(one("\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS *?|Host=h|");
}

TEST(RequestParser, DecodesChunksAndDropsTrailers) {
  EXPECT_EQ(one("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n"),
            "POST /?|Host=h|Transfer-Encoding=chunked|abc0123456789");
}

TEST(RequestParser, RefusesWhatCouldBeReadInTwoWays) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (const std::string& bad : {
           post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
           post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
           post + "Content-Length: 3, 3\r\n\r\nabc",
           post + "Content-Length: +3\r\n\r\nabc",
           post + "Content-Length: -1\r\n\r\n",
           post + "Content-Length: 0x3\r\n\r\nabc",
           post + "Content-Length:\r\n\r\n",
           post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
           post + "X: a\r\n folded\r\n\r\n",
           post + "X:\r\n folded\r\n\r\n",
           post + "X: a\r\n \r\n\r\n",
           post + "X: a\nY: b\r\n\r\n",
           post + std::string("X: a\0b\r\n\r\n", 10),
           post + "X: a\x01"
                  "b\r\n\r\n",
           post + "X: a\rb\r\n\r\n",
           post + ": empty\r\n\r\n",
           post + "no colon\r\n\r\n",
           post + "Host: again\r\n\r\n",
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: h\n\n"),
           std::string("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("GET relative HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("G(T / HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
       }) {
    EXPECT_EQ(one(bad), "400") << bad;
  }
  EXPECT_EQ(one(post + "Transfer-Encoding: gzip, chunked\r\n\r\n"), "501");
  EXPECT_EQ(one(post + "Transfer-Encoding: chunked, identity\r\n\r\n").substr(0, 1), "5");
  EXPECT_EQ(one(post + "Expect: miracles\r\n\r\n"), "417");
  EXPECT_EQ(one("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), "505");
}

TEST(RequestParser, RefusesBrokenChunks) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* bad : {"x\r\n", "-1\r\n", "\r\n", "3\nabc\r\n", "3 x\r\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n",
                          "0x3\r\nabc\r\n", "0\r\nno colon\r\n\r\n", "11111111111111111\r\n", "3 \r\nabc\r\n"}) {
    EXPECT_EQ(one(post + bad), "400") << bad;
  }
  EXPECT_EQ(one(post + "1;" + std::string(300, 'x')), "400");
}

TEST(RequestParser, HoldsItsLimits) {
  ServerOptions limits;
  limits.header_bytes = 512;
  limits.target_bytes = 100;
  limits.headers = 4;
  limits.body_bytes = 10;
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(one("GET /" + std::string(200, 'a'), limits), "414");
  EXPECT_EQ(one("GET /" + std::string(200, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", limits), "414");
  EXPECT_EQ(one(get + "X: " + std::string(600, 'a'), limits), "431");
  EXPECT_EQ(one(get + "X: " + std::string(600, 'a') + "\r\n\r\n", limits), "431");
  EXPECT_EQ(one(get + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", limits), "431");
  EXPECT_EQ(one(get + "Content-Length: 11\r\n\r\n", limits), "413");
  EXPECT_EQ(one(get + "Content-Length: 18446744073709551615\r\n\r\n", limits), "413");
  EXPECT_EQ(one(get + "Transfer-Encoding: chunked\r\n\r\nB\r\n", limits), "413");
  EXPECT_EQ(one(get + "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", limits), "413");
  EXPECT_EQ(one(get + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(600, 'a'), limits), "431");
  EXPECT_EQ(one(get + "Content-Length: 10\r\n\r\n0123456789", limits), "GET /?|Host=h|Content-Length=10|0123456789");
}

TEST(RequestParser, LeavesReadableRoomBehindTheBody) {
  const std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  ServerOptions limits;
  RequestParser parser(limits);
  InputBuffer in;
  in.reserve(bytes.size());
  std::memcpy(in.tail(), bytes.data(), bytes.size());
  in.commit(bytes.size());
  ASSERT_EQ(parser.step(in), RequestParser::Step::complete);
  int sum = 0;  // the address sanitizer looks on
  for (std::size_t i = 0; i < kBodyPadding; ++i) sum += parser.request().body.data()[3 + i];
  EXPECT_EQ(sum, 0);
}

rc::Gen<std::string> any_request() {
  return rc::gen::apply(
      [](const std::string& body, bool chunked, std::size_t cut, std::size_t headers) {
        std::string text = (body.empty() ? "GET /p?" : "PUT /p?") + std::to_string(cut) + " HTTP/1.1\r\nHost: h\r\n";
        for (std::size_t i = 0; i < headers; ++i) text += "X-" + std::to_string(i) + ": v" + std::to_string(i) + "\r\n";
        if (body.empty()) return text + "\r\n";
        if (!chunked) return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        text += "Transfer-Encoding: chunked\r\n\r\n";
        char size[20];
        for (std::size_t at = 0; at < body.size(); at += cut) {
          const std::string chunk = body.substr(at, cut);
          std::snprintf(size, sizeof size, "%zx", chunk.size());
          text += std::string(size) + "\r\n" + chunk + "\r\n";
        }
        return text + "0\r\n\r\n";
      },
      rc::gen::arbitrary<std::string>(), rc::gen::arbitrary<bool>(), rc::gen::inRange<std::size_t>(1, 40),
      rc::gen::inRange<std::size_t>(0, 5));
}

RC_GTEST_PROP(RequestParser, PiecesMakeNoDifference, ()) {
  const auto requests = *rc::gen::container<std::vector<std::string>>(any_request());
  const auto pieces =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 30)));
  std::string bytes;
  for (const auto& request : requests) bytes += request;
  const auto whole = parse_in_pieces(bytes, {});
  RC_ASSERT(whole.size() == requests.size());
  RC_ASSERT(parse_in_pieces(bytes, pieces) == whole);
}

RC_GTEST_PROP(RequestParser, PiecesMakeNoDifferenceToRefusals, ()) {
  std::string bytes = *any_request();
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = *rc::gen::elementOf(std::string("\r\n\0 :,;xX0\x7f\x80", 12));
  const auto pieces =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 30)));
  // Refused early or late, with one status or another: but never taken in one way and refused in the other.
  const auto whole = parse_in_pieces(bytes, {});
  const auto split = parse_in_pieces(bytes, pieces);
  const auto requests_of = [](std::vector<std::string> seen) {
    if (!seen.empty() && seen.back().size() == 3) seen.pop_back();
    return seen;
  };
  RC_ASSERT(requests_of(whole) == requests_of(split));
}

}  // namespace
}  // namespace madang::net
