// Whatever the bytes and the cuts: the same records within the limits, in UTF-8.

#include "madang/formats/xml.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace madang::formats;
constexpr RecordLimits kLimits{.field_bytes = 64, .record_bytes = 512, .columns = 16, .depth = 12};

std::string run(std::string_view bytes, std::size_t piece, bool kml) {
  std::string seen;
  std::unique_ptr<RecordReader> reader;
  const auto take = [&](const Record& record) {
    seen += std::to_string(record.line) + ":";
    for (const Field& field : record.fields) {
      if (field.text.size() > 64 || !is_utf8(field.text)) std::abort();
      seen += reader->columns().name(field.column) + "=" + std::string(field.text) + '\x1F';
    }
    if (record.problem != nullptr) seen += record.problem->message;
  };
  if (kml) {
    reader = std::make_unique<KmlReader>(take, kLimits);
  } else {
    reader = *XmlReader::make(take, {.record = "//item", .limits = kLimits});
  }
  bool ok = true;
  for (; ok && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    ok = reader->push(bytes.substr(0, piece)).ok();
  }
  ok = ok && reader->finish().ok();
  if (reader->columns().size() > kLimits.columns) std::abort();
  return seen + (ok ? "done" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  const bool kml = (data[0] & 1) != 0;
  if (run(bytes, 1 + data[1] % 64, kml) != run(bytes, 1'000'000, kml)) std::abort();
  return 0;
}
