#include "madang/connect/readers.h"

#include <algorithm>
#include <array>

#include "madang/formats/csv.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;

struct Ending {
  std::string_view ending, kind;
};
constexpr std::array<Ending, 4> kEndings{{{".csv", "csv"}, {".tsv", "csv"}, {".txt", "csv"}, {".tab", "csv"}}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  return out;
}

}  // namespace

std::string_view known_formats() {
  return "csv";
}

base::Result<std::string> kind_of(const Layout& layout, std::string_view name, std::string_view media_type,
                                  std::string_view begin) {
  if (!layout.kind.empty()) return layout.kind;
  const std::string small = lower(name);
  for (const Ending& one : kEndings) {
    if (small.ends_with(one.ending)) return std::string(one.kind);
  }
  const std::string media = lower(media_type.substr(0, media_type.find(';')));
  if (media.find("csv") != std::string::npos) return std::string("csv");
  (void)begin;
  return error(
      Code::not_supported,
      "What this is written in cannot be told; say it by \"format\": one of " + std::string(known_formats()) + ".",
      std::string(name));
}

base::Result<std::unique_ptr<formats::RecordReader>> make_reader(const Layout& layout, std::string_view kind,
                                                                 formats::TakeRecord take) {
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
