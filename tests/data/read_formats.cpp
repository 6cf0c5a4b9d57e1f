// Reads a file by one of the rooms under formats/ and prints what it found, one JSON line a record, for a second
// opinion by programs in other languages (tests/data/formats.py).
//   read_formats csv|xml|json FILE [PATH]

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "madang/base/json.h"
#include "madang/formats/csv.h"
#include "madang/formats/json_records.h"
#include "madang/formats/record.h"
#include "madang/formats/xml.h"

namespace {

using namespace madang;
using namespace madang::formats;

constexpr std::size_t kPiece = 60'000;

void print(const Record& record, const Columns& columns) {
  std::string out = "{\"line\":" + std::to_string(record.line);
  if (record.problem != nullptr) {
    out += ",\"problem\":";
    base::json::append_string(out, record.problem->where + ": " + record.problem->message);
  }
  out += ",\"fields\":[";
  for (const Field& field : record.fields) {
    if (out.back() != '[') out += ',';
    out += '[';
    base::json::append_string(out, columns.name(field.column));
    out += ',';
    base::json::append_string(out, record.problem != nullptr ? shown(field.text) : std::string(field.text));
    out += ']';
  }
  std::puts((out + "]}").c_str());
}

int read_records(RecordReader& reader, const char* file) {
  std::ifstream in(file, std::ios::binary);
  std::string piece(kPiece, '\0');
  base::Status status;
  while (status.ok() && in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    status = reader.push(std::string_view(piece).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  if (status.ok()) status = reader.finish();
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s: %s\n", file, status.error().where.c_str(), status.error().message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string format = argv[1];
  std::unique_ptr<RecordReader> reader;
  const auto take = [&](const Record& record) { print(record, reader->columns()); };
  if (format == "csv") {
    reader = std::make_unique<CsvReader>(take);
    const int code = read_records(*reader, argv[2]);
    const CsvDialect dialect = static_cast<const CsvReader&>(*reader).dialect();
    std::fprintf(stderr, "%s %c %d\n", std::string(encoding_name(dialect.encoding)).c_str(), dialect.delimiter,
                 dialect.header);
    return code;
  }
  if (format == "kml") reader = std::make_unique<KmlReader>(take);
  if (format == "json" && argc > 3) {
    auto made = JsonReader::make(take, {.record = argv[3]});
    if (made.ok()) reader = std::move(*made);
  }
  if (format == "xml" && argc > 3) {
    auto made = XmlReader::make(take, {.record = argv[3]});
    if (made.ok()) reader = std::move(*made);
  }
  return reader ? read_records(*reader, argv[2]) : 2;
}
