// Whatever the bytes and the cuts: the same elements, features on the map, or an error.

#include "madang/formats/osm.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "madang/formats/encoding.h"

namespace {

using namespace madang::formats;
using namespace madang::formats::osm;

struct Outcome {
  std::uint64_t elements = 0, features = 0;
  bool ok = false;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::string_view bytes, std::size_t piece, bool xml) {
  FeatureBuilder builder(
      [](const Feature& feature) {
        for (const Tag& tag : feature.tags) {
          if (!is_utf8(tag.key) || !is_utf8(tag.value)) std::abort();
        }
        static_cast<void>(street_of(feature.tags));
        std::string text;
        madang::geo::append_geojson(text, feature.geometry);
        if (!madang::geo::parse_geojson(text).ok()) std::abort();
      },
      1u << 20);
  const auto reader = xml ? read_xml(builder) : read_pbf(builder, {.blob_bytes = 1u << 20, .items = 100});
  Outcome outcome{.ok = true};
  for (; outcome.ok && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    outcome.ok = reader->push(bytes.substr(0, piece)).ok();
  }
  outcome.ok = outcome.ok && reader->finish().ok();
  if (const auto counts = builder.finish(); counts.ok()) {
    outcome.elements = counts->nodes + counts->ways + counts->relations;
    outcome.features = counts->features;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const bool xml = (data[0] & 1) != 0;
  if (!(run(bytes, 1 + data[1] % 64, xml) == run(bytes, 1'000'000, xml))) std::abort();
  return 0;
}
