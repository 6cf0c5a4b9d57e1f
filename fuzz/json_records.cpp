// Whatever the bytes and the cuts: the same records within the limits, every text UTF-8.

#include "madang/formats/json_records.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "madang/formats/encoding.h"

namespace {

using namespace madang::formats;
constexpr RecordLimits kLimits{.field_bytes = 64, .record_bytes = 256, .columns = 16, .depth = 8};

std::string run(std::string_view bytes, std::size_t piece, const JsonOptions& options) {
  std::string seen;
  std::unique_ptr<JsonReader> reader;
  reader = *JsonReader::make(
      [&](const Record& record) {
        seen += std::to_string(record.line) + ":";
        for (const Field& field : record.fields) {
          if (field.text.size() > 256 || !is_utf8(field.text)) std::abort();
          seen += reader->columns().name(field.column) + "=" + std::string(field.text) + '\x1F';
        }
        if (record.problem != nullptr) seen += record.problem->message;
      },
      options);
  bool ok = true;
  for (; ok && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    ok = reader->push(bytes.substr(0, piece)).ok();
  }
  ok = ok && reader->finish().ok();
  return seen + (ok ? "done" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  constexpr const char* kPaths[] = {"", "a", "a/*", "*/b"};
  const JsonOptions options{.record = kPaths[data[0] & 3], .lines = (data[0] & 7) == 4, .limits = kLimits};
  if (run(bytes, 1 + data[1] % 16, options) != run(bytes, 1'000'000, options)) std::abort();
  return 0;
}
