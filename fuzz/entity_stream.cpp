// Whatever the bytes and however they are cut, the stream ends, keeps its bounds, and cuts the same items.

#include "madang/formats/entity_stream.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using madang::formats::EntityStream;
using madang::formats::StreamItem;

constexpr std::size_t kItemBytes = 256;

struct Seen {
  std::vector<std::string> items;
  bool ok = true;
};

Seen run(std::string_view bytes, std::size_t piece, bool lines) {
  Seen seen;
  EntityStream stream(
      [&](const StreamItem& item) {
        if (item.json.empty() || item.json.size() > kItemBytes || item.line == 0) std::abort();
        seen.items.push_back(std::to_string(item.line) + ":" + std::string(item.json));
      },
      lines, kItemBytes);
  for (; seen.ok && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    seen.ok = stream.push(bytes.substr(0, piece)).ok();
  }
  seen.ok = seen.ok && stream.finish().ok();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const bool lines = (data[0] & 1) != 0;
  const Seen whole = run(bytes, std::max<std::size_t>(bytes.size(), 1), lines);
  const Seen pieces = run(bytes, 1 + data[1] % 16, lines);
  if (whole.items != pieces.items || whole.ok != pieces.ok) std::abort();
  return 0;
}
