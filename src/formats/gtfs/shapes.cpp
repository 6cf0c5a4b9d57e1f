#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "madang/base/json.h"
#include "madang/formats/gtfs.h"

namespace madang::formats {
namespace {

using base::Code;
using base::error;

enum Column : std::uint32_t { id, geometry, points, distance };
constexpr std::array<std::string_view, 4> kColumns{"shape_id", "geometry", "points", "shape_dist_traveled"};
enum Source : std::size_t { shape, latitude, longitude, sequence, travelled };
constexpr std::array<std::string_view, 5> kSources{"shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence",
                                                   "shape_dist_traveled"};

struct Point {
  double lon, lat;
  double travelled;  // below 0: not said
  std::uint32_t at;
};
struct Shape {
  std::vector<Point> points;
  std::uint64_t line = 0;
  bool sorted = true, measured = true;
};

template <class Number>
bool read(std::string_view text, Number& out) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  return fault == std::errc() && end == text.data() + text.size();
}

}  // namespace

struct GtfsShapeReader::Impl {
  Impl(TakeRecord t, GtfsShapeOptions o)
      : take(std::move(t)), options(o), rows([this](const Record& record) { point(record); }, o.rows) {
    for (const std::string_view name : kColumns) columns.add(name);
  }
  /// Where the table has its columns; false where one that has to be there is not.
  bool find() {
    found = true;
    for (std::size_t i = 0; i < kSources.size(); ++i) {
      const auto column = rows.columns().find(kSources[i]);
      if (column) source[i] = *column;
      if (!column && i != travelled) {
        status = error(Code::bad_request_data, "The shapes have no column " + std::string(kSources[i]) + ".", "line 1");
        return false;
      }
      has_distance = column.has_value();  // the last of them
    }
    return true;
  }

  std::string_view text(const Record& record, Source which) const {
    const Field* field = record.find(source[which]);
    return field == nullptr ? std::string_view() : field->text;
  }

  void give(std::uint64_t line, std::span<const Field> fields, const base::Error* problem) {
    take(Record{.number = ++number, .line = line, .fields = fields, .problem = problem});
  }
  void refuse(std::uint64_t line, std::string_view name, std::string what, std::string_view column) {
    const std::array<Field, 1> fields{{{Column::id, FieldKind::text, name}}};
    const base::Error problem =
        error(Code::bad_request_data, std::move(what), "line " + std::to_string(line) + ", " + std::string(column));
    give(line, fields, &problem);
  }

  void point(const Record& record) {
    if (!status.ok() || (!found && !find())) return;
    const std::string_view name = text(record, Source::shape);
    if (record.problem != nullptr) {
      const std::array<Field, 1> fields{{{Column::id, FieldKind::text, name}}};
      return give(record.line, fields, record.problem);
    }
    Point made{};
    if (name.empty())
      return refuse(record.line, name, "A point belongs to a shape, and this one does not say which.", kSources[shape]);
    if (!read(text(record, latitude), made.lat) || !(std::fabs(made.lat) <= 90))
      return refuse(record.line, name, "A latitude is a number from -90 to 90.", kSources[latitude]);
    if (!read(text(record, longitude), made.lon) || !(std::fabs(made.lon) <= 180))
      return refuse(record.line, name, "A longitude is a number from -180 to 180.", kSources[longitude]);
    if (!read(text(record, sequence), made.at))
      return refuse(record.line, name, "The place in the sequence is a whole number.", kSources[sequence]);
    add(record, name, made);
  }

  void add(const Record& record, std::string_view name, Point made) {
    if (held >= options.points || (shapes.size() >= options.shapes && !numbers.contains(std::string(name)))) {
      status = error(Code::too_large,
                     "There are more than " + std::to_string(options.points) + " points or " +
                         std::to_string(options.shapes) + " shapes.",
                     "line " + std::to_string(record.line));
      return;
    }
    // Rows of a shape mostly stand together.
    if (last == nullptr || last->first != name) {
      const auto [at, fresh] = numbers.try_emplace(std::string(name), shapes.size());
      if (fresh) shapes.emplace_back().line = record.line;
      last = &*at;
    }
    Shape& one = shapes[last->second];
    made.travelled = -1;
    if (has_distance && !(read(text(record, travelled), made.travelled) && std::isfinite(made.travelled)))
      made.travelled = -1;
    one.measured = one.measured && made.travelled >= 0;
    one.sorted = one.sorted && (one.points.empty() || one.points.back().at <= made.at);
    one.points.push_back(made);
    ++held;
  }

  void give_shape(std::string_view name, Shape& one) {
    if (one.points.size() < 2) return refuse(one.line, name, "A line has two points at least.", kSources[sequence]);
    if (!one.sorted) std::ranges::stable_sort(one.points, {}, &Point::at);
    std::string line = R"({"type":"LineString","coordinates":[)", count = std::to_string(one.points.size()),
                length = "[";
    for (const Point& at : one.points) {
      line += line.back() == '[' ? "[" : ",[";
      base::json::append_number(line, at.lon), line += ',', base::json::append_number(line, at.lat), line += ']';
    }
    for (const Point& at : one.points) {
      if (!one.measured) break;
      if (length.size() > 1) length += ',';
      base::json::append_number(length, at.travelled);
    }
    line += "]}", length += ']';
    if (line.size() > options.rows.limits.field_bytes)
      return refuse(one.line, name,
                    "Its points are more than " + std::to_string(options.rows.limits.field_bytes) + " bytes.",
                    kColumns[Column::geometry]);
    const std::array<Field, 4> fields{{{Column::id, FieldKind::text, name},
                                       {Column::geometry, FieldKind::json, line},
                                       {Column::points, FieldKind::number, count},
                                       {Column::distance, FieldKind::json, length}}};
    give(one.line, std::span(fields).first(one.measured ? 4 : 3), nullptr);
  }

  base::Status finish() {
    const base::Status end = status.ok() ? rows.finish() : status;
    if (status.ok()) status = end;  // the last rows may have ended it themselves
    if (!status.ok()) return status;
    std::vector<std::string_view> names(shapes.size());
    for (const auto& [name, at] : numbers) names[at] = name;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      give_shape(names[i], shapes[i]);
      shapes[i].points = {};
    }
    return {};
  }

  const TakeRecord take;
  const GtfsShapeOptions options;
  CsvReader rows;
  Columns columns;
  base::Status status;
  bool found = false, has_distance = false;
  std::array<std::uint32_t, kSources.size()> source{};
  std::unordered_map<std::string, std::size_t> numbers;  // of shapes
  const std::pair<const std::string, std::size_t>* last = nullptr;
  std::vector<Shape> shapes;
  std::size_t held = 0;  // points
  std::uint64_t number = 0;
};

GtfsShapeReader::GtfsShapeReader(TakeRecord take, GtfsShapeOptions options)
    : impl_(std::make_unique<Impl>(std::move(take), options)) {}
GtfsShapeReader::~GtfsShapeReader() = default;

base::Status GtfsShapeReader::push(std::string_view bytes) {
  if (impl_->status.ok()) {
    if (auto status = impl_->rows.push(bytes); !status.ok() && impl_->status.ok()) impl_->status = std::move(status);
  }
  return impl_->status;
}

base::Status GtfsShapeReader::finish() {
  return impl_->finish();
}

const Columns& GtfsShapeReader::columns() const {
  return impl_->columns;
}

CsvOptions gtfs_table() {
  CsvOptions made;
  made.delimiter = ',';
  made.header = true;
  return made;
}

}  // namespace madang::formats
