#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "madang/formats/xml.h"
#include "madang/geo/geometry.h"

#include "text/collector.h"
#include "text/trim.h"
#include "xml/events.h"

namespace madang::formats {

using base::Code;
using base::error;
using geo::Geometry;

namespace {

constexpr std::size_t kVertices = 1'000'000;  // of one placemark

std::string_view local(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// "lon,lat[,height] lon,lat[,height] ..."; false where it is anything else.
bool read_coordinates(std::string_view text, geo::Line& out) {
  for (text = text::trim(text); !text.empty(); text = text::trim(text)) {
    const std::string_view tuple = text.substr(0, text.find_first_of(" \t\r\n"));
    const char* end = tuple.data() + tuple.size();
    geo::Point point;
    const auto lon = std::from_chars(tuple.data(), end, point.lon);
    if (lon.ec != std::errc() || lon.ptr == end || *lon.ptr != ',') return false;
    const auto lat = std::from_chars(lon.ptr + 1, end, point.lat);
    if (lat.ec != std::errc() || (lat.ptr != end && *lat.ptr != ',')) return false;
    if (!(point.lon >= -180 && point.lon <= 180 && point.lat >= -90 && point.lat <= 90)) return false;
    if (out.size() == kVertices) return false;
    out.push_back(point);
    text.remove_prefix(tuple.size());
  }
  return !out.empty();
}

}  // namespace

struct KmlReader::Impl : xml::Handler {
  RecordLimits limits;
  text::Collector record;
  xml::Events events;
  std::vector<std::string> open;     // local names
  std::vector<std::string> folders;  // names of the open Folders and Documents
  std::size_t placemark = 0;         // the depth of the open one; 0: none
  std::string text_, datum;
  Geometry shape;
  std::size_t vertices = 0;
  bool any = false;

  Impl(TakeRecord take, const RecordLimits& bounds)
      : limits(bounds),
        record(std::move(take), bounds),
        events(*this, std::nullopt, bounds.depth, bounds.record_bytes) {}

  void start(std::string_view name, const char** attributes) override;
  void end(std::string_view name) override;
  void text(std::string_view text) override;
  void end_in_placemark(std::string_view name, std::string_view content);
  void take_coordinates(std::string_view content);
  void take_shape(Geometry::Kind kind, geo::Line line);
  std::string_view parent(std::size_t up = 1) const {
    return open.size() > up ? std::string_view(open[open.size() - 1 - up]) : std::string_view();
  }
};

void KmlReader::Impl::start(std::string_view full, const char** attributes) {
  const std::string_view name = local(full);
  open.emplace_back(name);
  text_.clear();
  if (name == "Folder" || name == "Document") folders.emplace_back();
  if (placemark == 0 && name == "Placemark") {
    placemark = open.size();
    record.begin(events.line());
    shape = {};
    any = false;
    vertices = 0;
    if (const char* id = xml::attribute(attributes, "id")) record.add("@id", FieldKind::text, id);
    std::string all;
    for (const std::string& folder : folders) {
      if (!folder.empty()) all += (all.empty() ? "" : " / ") + folder;
    }
    if (!all.empty()) record.add("folder", FieldKind::text, all);
  } else if (placemark != 0 && (name == "Data" || name == "SimpleData")) {
    const char* given = xml::attribute(attributes, "name");
    datum = given != nullptr ? given : "";
  } else if (placemark != 0 && name == "Polygon") {
    if (any && shape.kind != Geometry::Kind::polygon) {
      record.fail(error(Code::not_supported, "its shapes are of several kinds", events.where()));
    }
    any = true;
    shape.kind = Geometry::Kind::polygon;
    shape.polygons.emplace_back();
  }
}

void KmlReader::Impl::text(std::string_view text) {
  if (text_.size() <= limits.record_bytes) text_.append(text);
}

void KmlReader::Impl::take_shape(Geometry::Kind kind, geo::Line line) {
  if (any && shape.kind != kind) {
    return record.fail(error(Code::not_supported, "its shapes are of several kinds", events.where()));
  }
  any = true;
  shape.kind = kind;
  if (kind == Geometry::Kind::point) {
    shape.points.push_back(line.front());
  } else {
    shape.lines.push_back(std::move(line));
  }
}

void KmlReader::Impl::take_coordinates(std::string_view content) {
  geo::Line line;
  if (!read_coordinates(content, line) || (vertices += line.size()) > kVertices) {
    return record.fail(error(Code::bad_request_data, "coordinates are written lon,lat lon,lat ...", events.where()));
  }
  if (parent() == "Point") return take_shape(Geometry::Kind::point, std::move(line));
  const bool ring = parent() == "LinearRing" && !shape.polygons.empty() &&
                    (parent(2) == "outerBoundaryIs" || parent(2) == "innerBoundaryIs");
  if (!ring) {
    if (line.size() < 2) return record.fail(error(Code::bad_request_data, "a line of one point", events.where()));
    return take_shape(Geometry::Kind::line, std::move(line));
  }
  if (!(line.front() == line.back())) line.push_back(line.front());
  if (line.size() < 4)
    return record.fail(error(Code::bad_request_data, "a ring of less than three points", events.where()));
  geo::Polygon& rings = shape.polygons.back();
  // The outer ring may stand behind the inner ones.
  rings.insert(parent(2) == "outerBoundaryIs" ? rings.begin() : rings.end(), std::move(line));
}

void KmlReader::Impl::end_in_placemark(std::string_view name, std::string_view content) {
  if (name == "coordinates") return take_coordinates(content);
  if (name == "SimpleData" || (name == "value" && parent() == "Data")) {
    return record.add("data/" + datum, FieldKind::text, content);
  }
  constexpr std::array<std::string_view, 4> kOwn{"name", "description", "address", "phoneNumber"};
  constexpr std::array<std::string_view, 3> kTimes{"when", "begin", "end"};
  for (const std::string_view own : kOwn) {
    if (name == own && open.size() == placemark + 1) record.add(own, FieldKind::text, content);
  }
  for (const std::string_view time : kTimes) {
    if (name == time && open.size() == placemark + 2) record.add(time, FieldKind::text, content);
  }
}

void KmlReader::Impl::end(std::string_view full) {
  const std::string_view name = local(full);
  const std::string_view content = text::trim(text_);
  if (placemark == open.size()) {
    if (any && !record.failed()) {
      const bool several = shape.points.size() + shape.lines.size() + shape.polygons.size() > 1;
      if (several) shape.kind = static_cast<Geometry::Kind>(static_cast<int>(shape.kind) + 1);
      bool whole = true;
      for (const geo::Polygon& polygon : shape.polygons) whole = whole && !polygon.empty();
      std::string json;
      if (whole) geo::append_geojson(json, shape);
      if (whole) record.add("geometry", FieldKind::json, json);
      if (!whole) record.fail(error(Code::bad_request_data, "a polygon without a ring"));
    }
    record.end();
    placemark = 0;
  } else if (placemark != 0) {
    if (!record.failed()) end_in_placemark(name, content);
  } else if (name == "name" && !folders.empty() && (parent() == "Folder" || parent() == "Document")) {
    folders.back() = std::string(content.substr(0, 1'000));
  }
  if ((name == "Folder" || name == "Document") && !folders.empty()) folders.pop_back();
  open.pop_back();
  text_.clear();
}

KmlReader::KmlReader(TakeRecord take, RecordLimits limits) : impl_(std::make_unique<Impl>(std::move(take), limits)) {}
KmlReader::~KmlReader() = default;

base::Status KmlReader::push(std::string_view bytes) {
  return impl_->events.push(bytes);
}
base::Status KmlReader::finish() {
  return impl_->events.finish();
}
const Columns& KmlReader::columns() const {
  return impl_->record.columns();
}

}  // namespace madang::formats
