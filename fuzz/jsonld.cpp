// General JSON-LD from strangers: a document, a context to compact it with and a remote context, parted by lines "---".
// Nothing crashes or runs on for ever, and what was expanded, expanded again, is the same.

#include "madang/ngsi/jsonld.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace madang;

std::string_view take(std::string_view& rest) {
  constexpr std::string_view kMark = "\n---\n";
  const auto end = rest.find(kMark);
  const std::string_view part = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + kMark.size());
  return part;
}

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  const std::string_view document = take(rest), context = take(rest), remote = take(rest);
  ngsi::jsonld::Options options;
  options.base = "https://a.example/dir/doc";
  options.remote_documents = 8;
  options.json_ld_1_0 = size % 7 == 0;
  options.compact_arrays = size % 3 != 0;
  options.load = [&](const std::string&) -> base::Result<ngsi::jsonld::RemoteDocument> {
    return ngsi::jsonld::RemoteDocument{std::string(remote), ""};
  };
  const auto expanded = ngsi::jsonld::expand(document, options);
  if (!expanded.ok()) return must(!expanded.error().message.empty()), 0;
  const auto again = ngsi::jsonld::expand(*expanded, options);
  must(again.ok() || !again.error().message.empty());
  const auto compacted = ngsi::jsonld::compact(document, context, options);
  must(compacted.ok() || !compacted.error().message.empty());
  return 0;
}
