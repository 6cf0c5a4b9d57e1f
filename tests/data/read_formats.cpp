// Reads a file by one of the rooms under formats/ and prints what it found, one JSON line a record, for a second
// opinion by programs in other languages (tests/data/formats.py).
//   read_formats csv|xml|kml|json|osm FILE [PATH]

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "madang/base/json.h"
#include "madang/formats/csv.h"
#include "madang/formats/json_records.h"
#include "madang/formats/osm.h"
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

template <class Reader>
int read_all(Reader& reader, const char* file) {
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

void print(const osm::Feature& feature) {
  std::string out = "{\"id\":\"";
  out += "nwr"[static_cast<std::size_t>(feature.kind)];
  out += std::to_string(feature.id) + "\",\"is\":\"";
  if (feature.street) out += 's';
  if (feature.building) out += 'b';
  if (feature.place) out += 'p';
  out += "\",\"tags\":{";
  for (const osm::Tag& tag : feature.tags) {
    if (out.back() != '{') out += ',';
    base::json::append_string(out, tag.key);
    out += ':';
    base::json::append_string(out, tag.value);
  }
  out += "},\"geometry\":";
  geo::append_geojson(out, feature.geometry);
  std::puts((out + "}").c_str());
}

int read_map(const char* file) {
  osm::FeatureBuilder builder([](const osm::Feature& feature) { print(feature); });
  const bool pbf = std::string_view(file).ends_with(".pbf");
  const auto reader = pbf ? osm::read_pbf(builder) : osm::read_xml(builder);
  if (const int code = read_all(*reader, file); code != 0) return code;
  const auto counts = builder.finish();
  if (!counts.ok()) return 1;
  std::fprintf(stderr, "%lu %lu %lu %lu\n", counts->nodes, counts->ways, counts->relations, counts->incomplete);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string format = argv[1];
  std::unique_ptr<RecordReader> reader;
  const auto take = [&](const Record& record) { print(record, reader->columns()); };
  if (format == "csv") {
    reader = std::make_unique<CsvReader>(take);
    const int code = read_all(*reader, argv[2]);
    const CsvDialect dialect = static_cast<const CsvReader&>(*reader).dialect();
    std::fprintf(stderr, "%s %c %d\n", std::string(encoding_name(dialect.encoding)).c_str(), dialect.delimiter,
                 dialect.header);
    return code;
  }
  if (format == "osm") return read_map(argv[2]);
  if (format == "kml") reader = std::make_unique<KmlReader>(take);
  if (format == "json" && argc > 3) {
    auto made = JsonReader::make(take, {.record = argv[3]});
    if (made.ok()) reader = std::move(*made);
  }
  if (format == "xml" && argc > 3) {
    auto made = XmlReader::make(take, {.record = argv[3]});
    if (made.ok()) reader = std::move(*made);
  }
  return reader ? read_all(*reader, argv[2]) : 2;
}
