#pragma once
// Inputs whose records lie in them as in a box: zips, and GeoPackages and Shapefiles, which GDAL's ogr2ogr reads, a
// child with little leave (docs/decisions/0020-gdal-as-a-child.md).

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/child.h"
#include "madang/connect/declaration.h"

namespace madang::connect {

/// The next bytes of an input, valid until it is asked again; empty: the end.
using More = std::function<base::Result<std::string_view>()>;

/// It takes a file, and unpack(), to read this kind.
bool is_packed(std::string_view kind);

struct UnpackOptions {
  base::ChildLimits limits{};
  std::function<bool()> stopping{};  // true: nobody waits for it any more
};

struct Input {
  std::string name, media;  // media: its type, empty where nothing says it
  More more;
  std::string path{};  // of the file that it is; empty: it is none
};

/// An input as a reader of `kind` takes it.
struct Opened {
  std::string kind;
  More more;
  std::string_view first;  // piece, valid until more() is called
  std::string records{};   // of a timetable: the table that was taken
};

/// Makes a file of an input that is none, for the time that somebody holds its path.
using ToFile = std::function<base::Result<std::shared_ptr<const std::string>>(const Input& input, std::string_view kind,
                                                                              std::string_view begin)>;

/// `begin`: the first piece of `input`. Of a GeoPackage, the layer is `layout.records`; without it there has to be one
/// alone. Of a timetable (GTFS) that is the table, without it the stops. Of another zip, the file is `layout.file`;
/// without it the one that is of a known kind. not_supported: no kind that is read. bad_request_data: what there is to
/// choose from. unavailable: a program is missing, and which. What is wrong further on comes from more().
base::Result<Opened> open_input(const Layout& layout, const Input& input, std::string_view begin,
                                const UnpackOptions& options, const ToFile& to_file);

/// The files that belong to a Shapefile, the .shp itself not among them: those there are.
std::vector<std::string> companions(const std::string& path);
/// Whether a file of the folder belongs to a Shapefile there ("streets.dbf" beside "streets.shp").
bool is_beside(const std::string& folder, std::string_view name);

}  // namespace madang::connect
