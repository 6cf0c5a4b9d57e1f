#include "http/gzip.h"

#include <algorithm>
#include <cassert>

#include <zlib.h>

#include "madang/net/http.h"

namespace madang::api {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, gzip's header and trailer

Bytef* bytes(const char* text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text));
}

}  // namespace

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kMemory = 8;
  [[maybe_unused]] int code = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY);
  assert(code == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = bytes(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  code = deflate(&stream, Z_FINISH);
  assert(code == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

base::Result<std::string> gunzip_padded(std::string_view data, std::size_t most) {
  const auto broken = [] {
    return base::error(base::Code::invalid_request, "The body is not gzip, as its Content-Encoding says.");
  };
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK)
    return base::error(base::Code::unavailable, "No memory to read the body.");
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } end{&stream};
  std::string out;
  std::size_t size = 0;
  stream.next_in = bytes(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  while (true) {
    // One byte more than allowed, to see that there is more.
    const std::size_t room = std::min(most + 1, std::max<std::size_t>(size * 2, 64 << 10));
    out.resize(room);
    stream.next_out = bytes(out.data() + size);
    stream.avail_out = static_cast<uInt>(room - size);
    const int code = inflate(&stream, Z_NO_FLUSH);
    size = room - stream.avail_out;
    if (size > most) {
      return base::error(base::Code::too_large,
                         "The body is larger than " + std::to_string(most) + " bytes after decompression.");
    }
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return broken();
    } else if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return broken();
    }
  }
  out.resize(size + net::kBodyPadding);
  return out;
}

}  // namespace madang::api
