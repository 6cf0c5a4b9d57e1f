// A feature, whatever it holds, gives an entity in valid UTF-8 or an error and nothing.

#include "madang/formats/geojson.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "madang/base/uri.h"

using madang::formats::FeatureConverter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static auto plain = *FeatureConverter::make({.type = "Place", .id_template = "urn:ngsi-ld:Place:{id}:{line}"});
  static auto entities = FeatureConverter::for_entities();
  for (FeatureConverter* converter : {&plain, &entities}) {
    std::string out = "kept";
    const bool ok = converter->convert(text, 1, out).ok();
    if (!ok && out != "kept") std::abort();
    if (ok && (!out.starts_with("kept{\"id\":") || !out.ends_with("}") || !madang::base::is_valid_utf8(out)))
      std::abort();
  }
  static_cast<void>(madang::formats::is_feature(text));
  if (madang::base::is_valid_utf8(text) && !madang::base::is_valid_utf8(madang::formats::entity_name(text)))
    std::abort();
  return 0;
}
