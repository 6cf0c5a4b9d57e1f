#include "madang/connect/readers.h"

#include <algorithm>
#include <array>

#include "madang/formats/csv.h"
#include "madang/formats/gtfs.h"
#include "madang/formats/json_records.h"
#include "madang/formats/osm_records.h"
#include "madang/formats/xml.h"

#include "gtfs.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;

struct Ending {
  std::string_view ending, kind;
};
constexpr std::array<Ending, 16> kEndings{{{".osm.pbf", "osm.pbf"},
                                           {".osm", "osm"},
                                           {".csv", "csv"},
                                           {".tsv", "csv"},
                                           {".txt", "csv"},
                                           {".tab", "csv"},
                                           {".geojson", "json"},
                                           {".json", "json"},
                                           {".ndjson", "ndjson"},
                                           {".jsonl", "ndjson"},
                                           {".kml", "kml"},
                                           {".gpkg", "gpkg"},
                                           {".shp", "shp"},
                                           {".xml", "xml"},
                                           {".rss", "xml"},
                                           {".atom", "xml"}}};
/// By a part of the media type.
constexpr std::array<Ending, 6> kMedia{
    {{"csv", "csv"}, {"ndjson", "ndjson"}, {"jsonl", "ndjson"}, {"json", "json"}, {"kml", "kml"}, {"xml", "xml"}}};

/// What many cities have, by its first bytes and its names' endings: the kind it is read as, or what to do with it.
struct Foreign {
  std::string_view magic;
  std::array<std::string_view, 2> endings;
  std::string_view what, way_out;
  std::string_view kind{};
};
using namespace std::string_view_literals;
constexpr std::array<Foreign, 6> kForeign{{
    {"PAR1\x15"sv,
     {".parquet", ".geoparquet"},
     "Parquet: Debian 12 has no library that reads it",
     "Turn it into something that is read: duckdb -c \"COPY 'FILE.parquet' TO 'FILE.csv'\""},
    {"SQLite format 3\0"sv, {".gpkg", ".gpkg"}, "a GeoPackage", R"(say so by "format": "gpkg")", "gpkg"},
    {"\0\0\x27\x0a"sv, {".shp", ".shp"}, "a Shapefile", R"(say so by "format": "shp")", "shp"},
    {"PK\x03\x04"sv, {".zip", ".kmz"}, "a zip", "", "zip"},
    {"\x1f\x8b"sv, {".gz", ".tgz"}, "compressed", "Turn it into something that is read: gunzip FILE"},
    {"\xd0\xcf\x11\xe0"sv,
     {".xls", ".xlsx"},
     "a spreadsheet",
     "Turn it into something that is read: libreoffice --convert-to csv FILE"},
}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  return out;
}

base::Error refuse(const Foreign& one, std::string_view name) {
  return error(Code::not_supported, "This is " + std::string(one.what) + ". " + std::string(one.way_out),
               std::string(name));
}

/// Whether it is one of those, of a kind that is read: that kind; of another: refused; by its name only where nothing
/// was declared. What is declared of a zip is what is in it.
base::Result<std::string> told_by_bytes(const Layout& layout, std::string_view name, std::string_view begin) {
  const std::string small = lower(name);
  const auto named = [&](std::string_view ending) { return small.ends_with(ending); };
  for (const bool by_name : {true, false}) {  // a zip may be a spreadsheet
    if (by_name && !layout.kind.empty()) continue;
    for (const Foreign& one : kForeign) {
      if (by_name ? one.kind.empty() && std::ranges::any_of(one.endings, named) : begin.starts_with(one.magic)) {
        const bool other = !layout.kind.empty() && layout.kind != one.kind && one.kind != "zip";
        if (one.kind.empty() || other) return refuse(one, name);
        return std::string(one.kind);
      }
    }
  }
  return layout.kind;
}

base::Result<std::string> told_by_names(std::string_view name, std::string_view media_type, std::string_view begin) {
  const std::string small = lower(name);
  for (const Ending& one : kEndings) {
    if (small.ends_with(one.ending)) return std::string(one.kind);
  }
  const std::string media = lower(media_type.substr(0, media_type.find(';')));
  for (const Ending& one : kMedia) {
    if (media.find(one.ending) != std::string::npos) return std::string(one.kind);
  }
  const auto first = begin.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != begin.npos && (begin[first] == '{' || begin[first] == '[')) return std::string("json");
  if (first != begin.npos && begin[first] == '<') return std::string("xml");
  return error(
      Code::not_supported,
      "What this is written in cannot be told; say it by \"format\": one of " + std::string(known_formats()) + ".",
      std::string(name));
}

}  // namespace

std::string_view known_formats() {
  return "csv, json (GeoJSON too), ndjson, xml (RSS and Atom too), kml, osm, osm.pbf, gpkg, shp, gtfs, or a zip of one "
         "of them";
}

bool has_known_ending(std::string_view name) {
  const std::string small = lower(name);
  return std::ranges::any_of(kEndings, [&](const Ending& one) { return small.ends_with(one.ending); });
}

base::Result<std::string> kind_of(const Layout& layout, std::string_view name, std::string_view media_type,
                                  std::string_view begin) {
  MADANG_TRY(std::string kind, told_by_bytes(layout, name, begin));
  if (kind.empty()) {
    MADANG_TRY(kind, told_by_names(name, media_type, begin));
  }
  // A program of a hundred formats reads these: it is to see none but them.
  for (const Foreign& one : kForeign) {
    if (one.kind == kind && !begin.starts_with(one.magic))
      return error(Code::bad_request_data, "This is not " + std::string(one.what) + ", by its first bytes.",
                   std::string(name));
  }
  if (kind != "xml" || !layout.kind.empty()) return kind;
  const std::string_view head = begin.substr(0, 2'000);
  return head.find("<rss") != head.npos    ? std::string("rss")
         : head.find("<feed") != head.npos ? std::string("atom")
                                           : std::move(kind);
}

base::Result<std::unique_ptr<formats::RecordReader>> make_reader(const Layout& layout, std::string_view kind,
                                                                 formats::TakeRecord take) {
  if (kind == "gpkg" || kind == "shp") {
    MADANG_TRY(auto reader, formats::JsonReader::make(std::move(take), {.lines = true}));
    return std::unique_ptr<formats::RecordReader>(std::move(reader));
  }
  std::optional<formats::Encoding> encoding;
  if (!layout.encoding.empty()) {
    encoding = formats::find_encoding(layout.encoding);
    if (!encoding)
      return error(Code::bad_request_data, "\"" + layout.encoding + "\" is no encoding that is known here.",
                   "/format/encoding");
  }
  if (kind == "csv") {
    formats::CsvOptions options;
    options.encoding = encoding;
    options.delimiter = layout.delimiter;
    options.header = layout.header;
    options.skip_lines = static_cast<std::uint32_t>(layout.skip);
    return std::unique_ptr<formats::RecordReader>(std::make_unique<formats::CsvReader>(std::move(take), options));
  }
  if (kind == "gtfs") {
    formats::CsvOptions options = formats::gtfs_table();
    options.encoding = encoding;
    if (is_table(layout.records, "shapes"))
      return std::unique_ptr<formats::RecordReader>(
          std::make_unique<formats::GtfsShapeReader>(std::move(take), formats::GtfsShapeOptions{.rows = options}));
    return std::unique_ptr<formats::RecordReader>(std::make_unique<formats::CsvReader>(std::move(take), options));
  }
  if (kind == "json" || kind == "ndjson") {
    formats::JsonOptions options;
    options.record = layout.records;
    options.lines = kind == "ndjson";
    options.encoding = encoding;
    MADANG_TRY(auto reader, formats::JsonReader::make(std::move(take), std::move(options)));
    return std::unique_ptr<formats::RecordReader>(std::move(reader));
  }
  if (kind == "xml" || kind == "rss" || kind == "atom") {
    formats::XmlOptions options;
    options.record = !layout.records.empty() ? layout.records
                     : kind == "rss"         ? "//item"
                     : kind == "atom"        ? "//entry"
                                             : "";
    options.encoding = encoding;
    if (options.record.empty())
      return error(Code::bad_request_data, "Which element repeats? Say it by \"records\": \"root/list/element\".",
                   "/format/records");
    MADANG_TRY(auto reader, formats::XmlReader::make(std::move(take), std::move(options)));
    return std::unique_ptr<formats::RecordReader>(std::move(reader));
  }
  if (kind == "osm" || kind == "osm.pbf") {
    const auto sort = formats::find_map_sort(layout.records);
    if (!sort)
      return error(Code::bad_request_data,
                   "What of the map? Say it by \"records\": streets, buildings, places or ground.", "/format/records");
    return std::unique_ptr<formats::RecordReader>(std::make_unique<formats::OsmReader>(
        std::move(take), formats::OsmOptions{.sort = *sort, .pbf = kind != "osm"}));
  }
  if (kind == "kml")
    return std::unique_ptr<formats::RecordReader>(std::make_unique<formats::KmlReader>(std::move(take)));
  return error(Code::not_supported,
               "\"" + std::string(kind) + "\" is no format that is read: one of " + std::string(known_formats()) + ".",
               "/format");
}

std::string describe(const formats::RecordReader& reader, std::string_view kind) {
  std::string out(kind);
  if (const auto* csv = dynamic_cast<const formats::CsvReader*>(&reader)) {
    const formats::CsvDialect dialect = csv->dialect();
    out += ", delimiter ";
    out += dialect.delimiter == '\t' ? std::string_view("tab") : std::string_view(&dialect.delimiter, 1);
    out += ", ";
    out += formats::encoding_name(dialect.encoding);
    if (!dialect.header) out += ", no header";
  }
  return out;
}

}  // namespace madang::connect
