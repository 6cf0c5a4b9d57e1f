// Whatever the bytes, the encoding and the cuts: the same records, within the limits, in UTF-8 where nothing is said
// against them.

#include "madang/formats/csv.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace madang::formats;

std::string run(std::string_view bytes, std::size_t piece, CsvOptions options) {
  std::string seen;
  options.limits = {.field_bytes = 64, .record_bytes = 256, .columns = 8};
  std::uint64_t line = 0;
  CsvReader reader(
      [&](const Record& record) {
        if (record.line < line) std::abort();
        line = record.line;
        seen += std::to_string(record.line) + ":";
        for (const Field& field : record.fields) {
          if (record.problem == nullptr && (field.text.size() > 64 || !is_utf8(field.text))) std::abort();
          seen.append(field.text) += '\x1F';
        }
        if (record.problem != nullptr) seen += record.problem->where + record.problem->message;
      },
      options);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!reader.push(bytes.substr(0, piece)).ok()) std::abort();
  }
  if (!reader.finish().ok()) std::abort();
  for (const std::string& name : reader.columns().names()) {
    if (!is_utf8(name)) std::abort();
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
  CsvOptions options;
  if ((data[0] & 7) < 7) options.encoding = static_cast<Encoding>(data[0] & 7);
  if ((data[0] & 8) != 0) options.delimiter = ';';
  if ((data[0] & 16) != 0) options.header = (data[0] & 32) != 0;
  options.ragged = (data[0] & 64) != 0;
  options.skip_lines = data[0] >> 7;
  if (run(bytes, 1 + data[1] % 16, options) != run(bytes, 1'000'000, options)) std::abort();
  return 0;
}
