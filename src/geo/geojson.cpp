// GeoJSON geometries (RFC 7946) read and written.

#include <algorithm>
#include <optional>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/geo/geometry.h"

namespace madang::geo {
namespace {

using base::Code;
using Kind = Geometry::Kind;
namespace ondemand = simdjson::ondemand;

constexpr std::string_view kNames[] = {"Point",           "MultiPoint", "LineString",
                                       "MultiLineString", "Polygon",    "MultiPolygon"};

std::optional<Kind> kind_of(std::string_view name) {
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Kind>(found - std::begin(kNames));
}

base::Error unknown_kind(std::string_view name) {
  std::string text =
      "\"" + std::string(name.substr(0, 40)) + "\" is not a geometry type that is accepted; use Point, MultiPoint, ";
  return base::error(Code::bad_request_data, text + "LineString, MultiLineString, Polygon or MultiPolygon.", "/type");
}

/// simdjson wants room behind the text. Kept for the next call unless it grew large.
class Padded {
 public:
  explicit Padded(std::string_view text) {
    const std::size_t room = text.size() + simdjson::SIMDJSON_PADDING;
    if (buffer_.size() < room) buffer_.resize(room);
    std::copy(text.begin(), text.end(), buffer_.begin());
    std::fill_n(buffer_.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, ' ');
    size_ = text.size();
  }
  ~Padded() {
    if (buffer_.size() > kKept) std::vector<char>().swap(buffer_);
  }
  simdjson::padded_string_view view() const {
    return simdjson::padded_string_view(buffer_.data(), size_, buffer_.size());
  }

 private:
  static constexpr std::size_t kKept = 1 << 20;
  static thread_local std::vector<char> buffer_;
  std::size_t size_ = 0;
};
thread_local std::vector<char> Padded::buffer_;

/// Reads coordinates and remembers where it is, for the pointer of an error.
class Coordinates {
 public:
  explicit Coordinates(const Limits& limits) : limits_(limits) {}

  base::Status read(ondemand::value value, Kind kind, Geometry& out) {
    out.kind = kind;
    switch (kind) {
      case Kind::point:
        return position(value, out.points.emplace_back());
      case Kind::multi_point:
        return each(value, out.points, 1, [this](auto item, Point& p) { return position(item, p); });
      case Kind::line:
        return line(value, out.lines.emplace_back());
      case Kind::multi_line:
        return each(value, out.lines, 1, [this](auto item, Line& made) { return line(item, made); });
      case Kind::polygon:
        return polygon(value, out.polygons.emplace_back());
      case Kind::multi_polygon:
        return each(value, out.polygons, 1, [this](auto item, Polygon& made) { return polygon(item, made); });
    }
    return fail(Code::internal, "No such kind of geometry.");
  }

 private:
  base::Status line(ondemand::value value, Line& out) {
    return each(value, out, 2, [this](auto item, Point& p) { return position(item, p); });
  }

  base::Status polygon(ondemand::value value, Polygon& out) {
    return each(value, out, 1, [this](auto item, Line& made) { return ring(item, made); });
  }

  base::Status ring(ondemand::value value, Line& out) {
    MADANG_CHECK(each(value, out, 4, [this](auto item, Point& p) { return position(item, p); }));
    if (out.front() != out.back()) return fail(Code::bad_request_data, "A polygon's ring must end where it begins.");
    return {};
  }

  /// Two numbers in range; an altitude behind them is checked and dropped.
  base::Status position(ondemand::value value, Point& out) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array))
      return broken(error, "A position is an array of longitude and latitude.");
    if (++vertices_ > limits_.vertices) {
      return fail(Code::too_large, "A geometry may have " + std::to_string(limits_.vertices) + " positions at most.");
    }
    std::size_t count = 0;
    for (auto item : array) {
      double number = 0;
      path_.push_back(count);
      if (const auto error = item.get_double().get(number)) return broken(error, "A coordinate is a number.");
      if (count == 0) MADANG_CHECK(in_range(number, 180, "longitude"));
      if (count == 1) MADANG_CHECK(in_range(number, 90, "latitude"));
      if (count < 2) (count == 0 ? out.lon : out.lat) = number;
      path_.pop_back();
      if (++count > kMostNumbers) return fail(Code::bad_request_data, "A position has too many numbers.");
    }
    if (count < 2) return fail(Code::bad_request_data, "A position needs a longitude and a latitude.");
    return {};
  }

  base::Status in_range(double number, double most, std::string_view name) {
    if (number >= -most && number <= most) return {};
    std::string text = "The " + std::string(name) + " ";
    base::json::append_number(text, number);
    const std::string limit = std::to_string(static_cast<int>(most));
    return fail(Code::bad_request_data,
                text + " is not within -" + limit + " and " + limit + "; positions are [longitude, latitude].");
  }

  template <class T, class Read>
  base::Status each(ondemand::value value, std::vector<T>& out, std::size_t least, Read&& read) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return broken(error, "The coordinates must be an array here.");
    for (auto item : array) {
      path_.push_back(out.size());
      ondemand::value inner;
      if (const auto error = item.get(inner)) return broken(error, "");
      MADANG_CHECK(read(inner, out.emplace_back()));
      path_.pop_back();
    }
    if (out.size() >= least) return {};
    if (out.empty()) return fail(Code::bad_request_data, "The coordinates must not be empty.");
    return fail(Code::bad_request_data, least == 4
                                            ? "A polygon's ring needs four positions at least, the last like the first."
                                            : "A line needs two positions at least.");
  }

  base::Error broken(simdjson::error_code error, std::string_view expected) {
    if (error == simdjson::INCORRECT_TYPE) return fail(Code::bad_request_data, std::string(expected));
    if (error == simdjson::NUMBER_ERROR)
      return fail(Code::bad_request_data, "A coordinate is a number that JSON allows.");
    return fail(Code::invalid_request, "The geometry is not valid JSON.");
  }

  base::Error fail(Code code, std::string message) const {
    std::string where;
    for (const std::size_t index : path_) where += "/" + std::to_string(index);
    return base::error(code, std::move(message), std::move(where));
  }

  static constexpr std::size_t kMostNumbers = 8;
  const Limits& limits_;
  std::size_t vertices_ = 0;
  std::vector<std::size_t> path_;
};

base::Error not_json() {
  return base::error(Code::invalid_request, "The geometry is not valid JSON.");
}

ondemand::parser& parser() {
  thread_local ondemand::parser own;
  return own;
}

/// Nothing but white space follows what was read.
bool ended(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// `text` is the JSON of the coordinates alone.
base::Result<Geometry> read_coordinates(Kind kind, std::string_view text, const Limits& limits) {
  const Padded padded(text);
  ondemand::document document;
  ondemand::value value;
  if (parser().iterate(padded.view()).get(document)) return not_json();
  if (document.get_value().get(value)) return base::error(Code::bad_request_data, "The coordinates must be an array.");
  Geometry out;
  MADANG_CHECK(Coordinates(limits).read(value, kind, out));
  if (!ended(document)) return not_json();
  return out;
}

struct Members {
  std::string type, coordinates;
  bool has_type = false, has_coordinates = false;
};

/// Finds the two members that matter. Others (bbox, foreign members: RFC 7946, 6.1) are passed over.
base::Status find_members(std::string_view json, Members& out) {
  const Padded padded(json);
  ondemand::document document;
  ondemand::object object;
  if (parser().iterate(padded.view()).get(document)) return not_json();
  if (const auto error = document.get_object().get(object)) {
    if (error != simdjson::INCORRECT_TYPE) return not_json();
    return base::error(Code::bad_request_data, "A geometry is an object with the members type and coordinates.");
  }
  for (auto field : object) {
    std::string_view key, text;
    if (field.unescaped_key().get(key)) return not_json();
    if (key == "type") {
      if (out.has_type) return base::error(Code::invalid_request, "The member type is there twice.", "/type");
      const auto error = field.value().get_string().get(text);
      if (error == simdjson::INCORRECT_TYPE)
        return base::error(Code::bad_request_data, "The type is a string.", "/type");
      if (error) return not_json();
      out.type = text;
      out.has_type = true;
    } else {
      const bool wanted = key == "coordinates";
      if (simdjson::to_json_string(field.value()).get(text)) return not_json();
      if (!wanted) continue;
      if (out.has_coordinates)
        return base::error(Code::invalid_request, "The member coordinates is there twice.", "/coordinates");
      out.coordinates = text;
      out.has_coordinates = true;
    }
  }
  if (!ended(document)) return not_json();
  return {};
}

void append_position(std::string& out, Point p) {
  out += '[';
  base::json::append_number(out, p.lon);
  out += ',';
  base::json::append_number(out, p.lat);
  out += ']';
}

template <class T, class Append>
void append_list(std::string& out, const std::vector<T>& items, Append&& append) {
  char before = '[';
  for (const T& item : items) {
    out += before;
    append(out, item);
    before = ',';
  }
  out += ']';
}

void append_line(std::string& out, const Line& line) {
  append_list(out, line, append_position);
}
void append_polygon(std::string& out, const Polygon& polygon) {
  append_list(out, polygon, append_line);
}

}  // namespace

std::string_view kind_name(Geometry::Kind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

base::Result<Geometry> parse_geojson(std::string_view json, const Limits& limits) {
  if (Point point; parse_point_fast(json, point)) {
    Geometry out;
    out.points.push_back(point);
    return out;
  }
  Members members;
  MADANG_CHECK(find_members(json, members));
  if (!members.has_type) return base::error(Code::bad_request_data, "A geometry needs a type.", "/type");
  const auto kind = kind_of(members.type);
  if (!kind) return unknown_kind(members.type);
  if (!members.has_coordinates)
    return base::error(Code::bad_request_data, "A geometry needs coordinates.", "/coordinates");
  auto out = read_coordinates(*kind, members.coordinates, limits);
  if (!out) {
    base::Error error = std::move(out).error();
    error.where.insert(0, "/coordinates");
    return error;
  }
  return out;
}

base::Result<Geometry> parse_coordinates(std::string_view kind, std::string_view coordinates, const Limits& limits) {
  const auto known = kind_of(kind);
  if (!known) return unknown_kind(kind);
  return read_coordinates(*known, coordinates, limits);
}

void append_geojson(std::string& out, const Geometry& geometry) {
  out += R"({"type":")";
  out += kind_name(geometry.kind);
  out += R"(","coordinates":)";
  switch (geometry.kind) {
    case Kind::point:
      append_position(out, geometry.points[0]);
      break;
    case Kind::multi_point:
      append_list(out, geometry.points, append_position);
      break;
    case Kind::line:
      append_line(out, geometry.lines[0]);
      break;
    case Kind::multi_line:
      append_list(out, geometry.lines, append_line);
      break;
    case Kind::polygon:
      append_polygon(out, geometry.polygons[0]);
      break;
    case Kind::multi_polygon:
      append_list(out, geometry.polygons, append_polygon);
      break;
  }
  out += '}';
}

}  // namespace madang::geo
