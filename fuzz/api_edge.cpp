// What strangers write into targets, headers and bodies: nothing of it may crash the edge, and what it gives back must
// hold together.
#include <cstdint>
#include <cstdlib>
#include <forward_list>
#include <string>
#include <string_view>

#include "madang/net/http.h"

#include "http/body_reader.h"
#include "http/etag.h"
#include "http/gzip.h"
#include "http/link.h"
#include "http/negotiate.h"
#include "http/parameters.h"
#include "http/router.h"

namespace {

using namespace madang::api;

void check(bool holds) {
  if (!holds) std::abort();
}

void headers(std::string_view text) {
  if (auto link = context_link(text); link.ok() && *link) check(text.find(**link) != text.npos);
  const Media media = choose_media(text, kJson | kGeoJson);
  check(media == kNoMedia || media == kJson || media == kGeoJson);
  content_type(text);
  accepts_coding(text, "gzip");
  check(parse_if_match(text).any || !parse_if_match(text).versions.empty());
  none_match_hits(text, "\"v1-a\"");
}

void target(std::string_view text) {
  static const Router router(all_operations());
  const auto question = text.find('?');
  const Route route = router.find(madang::net::Method::get, text.substr(0, question));
  if (!route.operation || question == text.npos) return;
  Parameters params;
  std::forward_list<std::string> decoded;
  (void)params.parse(text.substr(question + 1), *route.operation, decoded).ok();
  std::string line;
  append_page_link(line, "next", "/p", text.substr(question + 1), 1, 2, text, "application/json");
  check(line.find('\n') == line.size() - 1);  // one header line, whatever came in
}

void body(std::string_view text) {
  const std::string padded = std::string(text) + std::string(madang::net::kBodyPadding, '\0');
  const std::string_view json(padded.data(), text.size());
  static BodyReader reader;
  if (auto context = reader.context(json); context.ok() && *context) check(!(*context)->empty());
  (void)reader.items(json, 10).ok();
  if (auto bare = reader.without_context(json); bare.ok()) {
    const std::string_view rest = std::string_view(*bare).substr(0, bare->size() - madang::net::kBodyPadding);
    auto again = reader.context(rest);
    check(!again.ok() || !*again);
  }
  (void)reader.strings(json, 10).ok();
  (void)reader.query(json, true).ok();
  (void)reader.index(json).ok();
  (void)reader.id_of(json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      headers(text);
      break;
    case 1:
      target(text);
      break;
    case 2:
      body(text);
      break;
    default:
      (void)gunzip_padded(text, 1 << 16).ok();
      break;
  }
  return 0;
}
