// Whatever the bytes and the cuts: the same shapes, within the limits, as lines that are valid GeoJSON.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "madang/formats/gtfs.h"

namespace {

using namespace madang::formats;

std::string run(std::string_view bytes, std::size_t piece) {
  std::string seen;
  GtfsShapeOptions options{.points = 40, .shapes = 8};
  options.rows.limits = {.field_bytes = 600, .record_bytes = 256, .columns = 8};
  std::uint64_t number = 0;
  GtfsShapeReader reader(
      [&](const Record& record) {
        if (record.number != ++number) std::abort();
        for (const Field& field : record.fields) {
          if (field.text.size() > 600) std::abort();
          if (field.kind == FieldKind::json && (field.text.find("nan") != field.text.npos ||
                                                field.text.find("null") != field.text.npos || field.text.back() < ']'))
            std::abort();
          seen.append(field.text) += '\x1F';
        }
        if (record.problem != nullptr) seen += record.problem->where + record.problem->message;
        seen += '\n';
      },
      options);
  bool ok = true;
  for (; ok && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    ok = reader.push(bytes.substr(0, piece)).ok();
  const auto end = reader.finish();
  return seen + (end.ok() ? "whole" : end.error().message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (run(bytes, 1 + data[0] % 16) != run(bytes, 1'000'000)) std::abort();
  return 0;
}
