#pragma once
// Tables of a timetable (GTFS) that need more than a table's reader.

#include <memory>

#include "madang/formats/csv.h"
#include "madang/formats/record.h"

namespace madang::formats {

/// How the tables of GTFS are written: commas and a header. (UTF-8, says the standard; found out, since not all are.)
CsvOptions gtfs_table();

/// shapes.txt: a row is a point, a record is a shape. Its rows may stand anywhere and in any order.
struct GtfsShapeOptions {
  std::size_t points = 5'000'000;  // of all shapes, which are held (32 bytes each) until the end
  std::size_t shapes = 200'000;
  CsvOptions rows = gtfs_table();
};

/// Fields: "shape_id"; "geometry", a GeoJSON LineString (lon, lat) in the order of shape_pt_sequence; "points", how
/// many; "shape_dist_traveled", an array of a number for each, where all have one. Shapes come at finish(), in the
/// order in which the table first names them. A row that is no point, and a shape of less than two, is a record with a
/// problem. bad_request_data where a column is missing, too_large beyond the limits.
class GtfsShapeReader : public RecordReader {
 public:
  explicit GtfsShapeReader(TakeRecord take, GtfsShapeOptions options = {});
  ~GtfsShapeReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
