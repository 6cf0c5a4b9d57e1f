#include "madang/connect/unpack.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include "madang/base/log.h"
#include "madang/base/uri.h"
#include "madang/connect/readers.h"
#include "madang/formats/json_records.h"
#include "madang/formats/zip.h"

#include "gtfs.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;
using base::Result;
using base::Status;

constexpr std::size_t kLayers = 1'000;
constexpr std::size_t kListed = 50;  // names in an error
constexpr std::size_t kShown = 100;  // bytes of each
constexpr std::string_view kInZip = "/vsizip/";
/// What a Shapefile is made of beside the .shp (ESRI's description of 1998, and what came later).
constexpr std::array<std::string_view, 8> kCompanions{".dbf", ".shx", ".prj", ".cpg",
                                                      ".sbn", ".sbx", ".qix", ".shp.xml"};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i)
    out += (i > 0 ? ", " : "") + base::as_valid_utf8(names[i].substr(0, kShown));
  return names.size() > kListed ? out + ", …" : out;
}

std::string with_ending(const std::string& path, std::string_view ending, bool upper) {
  std::string out = path.substr(0, path.size() - std::string_view(".shp").size());
  for (const char c : ending) out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

Result<base::ChildCall> call_of(const std::string& path, const UnpackOptions& options) {
  base::ChildCall call;
  call.program = base::find_program("ogr2ogr");
  if (call.program.empty())
    return error(
        Code::unavailable,
        "GeoPackages and Shapefiles are read by ogr2ogr, and it is not installed here: apt-get install gdal-bin");
  call.environment = {
      "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "PROJ_NETWORK=OFF", "GDAL_DRIVER_PATH=disable",
      // What else a SQLite file or a folder might be taken for, and whatever asks elsewhere.
      "GDAL_SKIP=SQLite,MBTiles,Rasterlite,VRT,OGR_VRT,HTTP,WFS,OAPIF,OGCAPI,CSW,GMLAS,NGW,EEDA,Elasticsearch,"
      "PostgreSQL,MySQL,MSSQLSpatial,ODBC,PGeo,Carto,AmigoCloud,PLSCENES",
      "GDAL_DISABLE_READDIR_ON_OPEN=TRUE", "CPL_VSIL_CURL_ALLOWED_EXTENSIONS=.none", "OGR_SQLITE_LIST_VIRTUAL_OGR=NO",
      "OGR_SQLITE_LOAD_EXTENSIONS=NO", "CPL_LOG_ERRORS=ON"};
  call.arguments = {"-f", "GeoJSONSeq"};
  call.limits = options.limits;
  // Of what lies in a zip, the zip: "/vsizip/{/srv/a.zip}/a.shp".
  const bool zipped = path.starts_with(kInZip);
  call.readable = companions(path);
  call.readable.push_back(zipped ? path.substr(kInZip.size() + 1, path.rfind("}/") - kInZip.size() - 1) : path);
  call.stopping = options.stopping;
  return call;
}

/// What ogr2ogr says is wrong, without its warnings and lists; with what to do where that is known.
base::Error explained(base::Error fault) {
  std::string told;
  bool within = false;  // an error: it may go over several lines
  std::string_view rest = fault.message;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const auto error_at = one.find("ERROR ");
    const auto begin = error_at == one.npos ? one.npos : one.find(": ", error_at);
    if (begin != one.npos)
      within = one.find("Terminating translation") == one.npos;
    else if (one.starts_with("Warning") || one.starts_with("FAILURE") || one.empty())
      within = false;
    if (!within) continue;
    told += (told.empty() ? "" : " ") + std::string(begin == one.npos ? one : one.substr(begin + 2));
  }
  if (!told.empty()) fault.message = "ogr2ogr: " + base::as_valid_utf8(told);
  if (told.find("no coordinate system") != std::string::npos)
    fault.message += " Write the coordinate system beside it: gdalsrsinfo -o wkt_esri EPSG:5186 > FILE.prj";
  return fault;
}

/// Starts it; says once where the kernel lets it do more than it should.
Result<base::Child> start(const base::ChildCall& call) {
  MADANG_TRY(base::Child child, base::Child::start(call));
  static std::once_flag said;
  if (!child.cut_off() || !child.fenced_in()) {
    std::call_once(said, [&] {
      base::log::warning(
          "ogr2ogr reads feeds with less kept from it than could be: allow user name spaces, and Landlock",
          {{"network", child.cut_off() ? "cut off" : "by its settings only"},
           {"files", child.fenced_in() ? "the input only" : "what the server may read"}});
    });
  }
  return child;
}

/// The next bytes of a child, faults explained.
Result<std::string_view> next_of(base::Child& child) {
  auto piece = child.read();
  if (!piece.ok()) return explained(std::move(piece).error());
  return piece;
}

/// Names of the layers of a GeoPackage, by its table of contents (OGC 12-128r19, 1.1.3).
Result<std::vector<std::string>> layers_of(const std::string& path, const UnpackOptions& options) {
  MADANG_TRY(base::ChildCall call, call_of(path, options));
  call.arguments.insert(
      call.arguments.end(),
      {"/vsistdout/", path, "-sql",
       "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') ORDER BY table_name"});
  std::vector<std::string> names;
  formats::JsonReader* reading = nullptr;
  MADANG_TRY(const auto reader, formats::JsonReader::make(
                                    [&](const formats::Record& record) {
                                      const auto column = reading->columns().find("properties/table_name");
                                      const auto* field = column ? record.find(*column) : nullptr;
                                      if (field != nullptr && names.size() < kLayers) names.emplace_back(field->text);
                                    },
                                    {.lines = true}));
  reading = reader.get();
  MADANG_TRY(base::Child child, start(call));
  for (;;) {
    MADANG_TRY(const std::string_view piece, next_of(child));
    if (piece.empty()) break;
    MADANG_CHECK(reader->push(piece));
  }
  MADANG_CHECK(reader->finish());
  return names;
}

/// The layer that is meant.
Result<std::string> layer_of(const Layout& layout, const std::string& path, const UnpackOptions& options) {
  MADANG_TRY(const auto names, layers_of(path, options));
  if (layout.records.empty() && names.size() == 1) return names.front();
  if (!layout.records.empty() && std::ranges::find(names, layout.records) != names.end()) return layout.records;
  if (names.empty()) return error(Code::bad_request_data, "The GeoPackage has no layer of features or attributes.");
  return error(Code::bad_request_data,
               (layout.records.empty() ? std::string("The GeoPackage has several layers; say which by \"records\": ")
                                       : "The GeoPackage has no layer \"" + layout.records + "\"; it has: ") +
                   listed(names),
               "/format/records");
}

/// A Shapefile that is not whole, or leads out of its folder, is refused before anybody reads it.
Status check_companions(const std::string& path) {
  const auto there = companions(path);
  for (const std::string& one : there) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(one, ignored))
      return error(Code::forbidden, "What belongs to a Shapefile may not be a link.", one);
  }
  for (const std::string_view ending : {".shx", ".dbf"}) {
    const auto is = [&](const std::string& one) {
      return one == with_ending(path, ending, false) || one == with_ending(path, ending, true);
    };
    if (std::ranges::none_of(there, is))
      return error(Code::bad_request_data,
                   "A Shapefile is several files: " + with_ending(path, ending, false) +
                       " is missing. To send it, put all of them into one zip.",
                   path);
  }
  return {};
}

/// Records of the file as JSON, one a line.
Result<More> unpack(const Layout& layout, std::string_view kind, const std::string& path,
                    const UnpackOptions& options) {
  const bool package = kind == "gpkg";
  MADANG_TRY(base::ChildCall call, call_of(path, options));
  const auto add = [&](std::initializer_list<std::string> more) { call.arguments.insert(call.arguments.end(), more); };
  add({"-t_srs", "EPSG:4326"});
  if (package) {
    MADANG_TRY(std::string layer, layer_of(layout, path, options));
    // Through SQL, since a layer's name may begin as an option does.
    std::string quoted;
    for (const char c : layer) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    add({"-preserve_fid", "/vsistdout/", path, "-nln", "layer", "-sql", "SELECT * FROM \"" + quoted + "\""});
  } else {
    if (!layout.encoding.empty()) add({"-oo", "ENCODING=" + layout.encoding});
    if (!path.starts_with(kInZip)) MADANG_CHECK(check_companions(path));
    add({"/vsistdout/", path});
  }
  MADANG_TRY(base::Child started, start(call));
  return More([child = std::make_shared<base::Child>(std::move(started))] { return next_of(*child); });
}

std::string_view base_name(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // of none: all of it
}

/// Which of the names in a zip is meant.
Result<std::size_t> choose(const Layout& layout, const std::vector<std::string>& names) {
  std::vector<std::string> known;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!layout.file.empty()) {
      if (names[i] == layout.file || base_name(names[i]) == layout.file) return i;
    } else if (names.size() == 1 || has_known_ending(names[i])) {
      known.push_back(names[i]);
      chosen = i;
    }
  }
  if (known.size() == 1) return chosen;
  if (!layout.file.empty())
    return error(Code::bad_request_data, "The zip has no \"" + layout.file + "\"; it has: " + listed(names),
                 "/format/file");
  return error(Code::bad_request_data,
               known.empty() ? "The zip has nothing that is read: " + listed(names)
                             : "The zip has several files; say which by \"file\": " + listed(known),
               "/format/file");
}

Result<std::size_t> choose_table(std::string_view table, const std::vector<std::string>& names) {
  std::vector<std::string> tables;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = base_name(names[i]);
    if (!name.ends_with(".txt")) continue;
    if (is_table(table, name.substr(0, name.size() - 4))) return i;
    tables.emplace_back(name.substr(0, name.size() - 4));
  }
  return error(Code::bad_request_data,
               "The timetable has no \"" + std::string(table) + "\"; by \"records\" it has: " + listed(tables),
               "/format/records");
}

Result<Opened> open_zip(Layout layout, const std::shared_ptr<const std::string>& path, const UnpackOptions& options) {
  MADANG_TRY(auto file, base::real_files().open(*path, base::FileSystem::Open::read));
  MADANG_TRY(auto opened, formats::Zip::open(std::move(file)));
  const std::shared_ptr<formats::Zip> zip = std::move(opened);
  if (layout.kind == "zip") layout.kind.clear();
  const bool timetable =
      layout.kind == "gtfs" || (layout.kind.empty() && layout.file.empty() && is_timetable(zip->names()));
  if (timetable && layout.records.empty()) layout.records = "stops";
  MADANG_TRY(const std::size_t index,
             timetable ? choose_table(layout.records, zip->names()) : choose(layout, zip->names()));
  MADANG_CHECK(zip->enter(index));
  MADANG_TRY(std::string_view first, zip->read());
  More more = [path, zip] { return zip->read(); };
  if (timetable) return Opened{"gtfs", std::move(more), first, layout.records};
  const std::string& name = zip->names()[index];
  MADANG_TRY(std::string kind, kind_of(layout, name, {}, first));
  if (kind == "zip") return error(Code::not_supported, "A zip within a zip is not read: " + name);
  if (is_packed(kind)) {
    MADANG_TRY(More inner, unpack(layout, kind, std::string(kInZip) + '{' + *path + "}/" + name, options));
    MADANG_TRY(first, inner());
    more = [path, inner = std::move(inner)] { return inner(); };
  }
  return Opened{std::move(kind), std::move(more), first};
}

}  // namespace

bool is_packed(std::string_view kind) {
  return kind == "gpkg" || kind == "shp" || kind == "zip";
}

std::vector<std::string> companions(const std::string& path) {
  std::vector<std::string> out;
  if (!path.ends_with(".shp") && !path.ends_with(".SHP")) return out;
  for (const std::string_view ending : kCompanions) {
    for (const bool upper : {false, true}) {
      std::error_code ignored;
      std::string one = with_ending(path, ending, upper);
      if (std::filesystem::exists(one, ignored)) out.push_back(std::move(one));
    }
  }
  return out;
}

bool is_beside(const std::string& folder, std::string_view name) {
  std::string small(name);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  return std::ranges::any_of(kCompanions, [&](std::string_view ending) {
    if (!small.ends_with(ending)) return false;
    const std::string stem = folder + "/" + std::string(name.substr(0, name.size() - ending.size()));
    std::error_code ignored;
    return std::filesystem::exists(stem + ".shp", ignored) || std::filesystem::exists(stem + ".SHP", ignored);
  });
}

Result<Opened> open_input(const Layout& layout, const Input& input, std::string_view begin,
                          const UnpackOptions& options, const ToFile& to_file) {
  MADANG_TRY(std::string kind, kind_of(layout, input.name, input.media, begin));
  if (!is_packed(kind)) return Opened{std::move(kind), input.more, begin};
  auto path = std::make_shared<const std::string>(input.path);
  if (path->empty()) {
    MADANG_TRY(path, to_file(input, kind, begin));
  }
  if (kind == "zip") return open_zip(layout, path, options);
  MADANG_TRY(More inner, unpack(layout, kind, *path, options));
  MADANG_TRY(const std::string_view first, inner());
  return Opened{std::move(kind), [path, inner = std::move(inner)] { return inner(); }, first};
}

}  // namespace madang::connect
