// The one shape that arrives a hundred thousand times a second: a compact GeoJSON point.

#include <charconv>
#include <cstring>

#include "madang/geo/geometry.h"

namespace madang::geo {
namespace {

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kExactDigits = 15;  // that many fit a double's 53 bits, so one division rounds right (Clinger 1990)

struct Cursor {
  const char* at;
  const char* end;

  bool skip(std::string_view text) {
    if (static_cast<std::size_t>(end - at) < text.size() || std::memcmp(at, text.data(), text.size()) != 0)
      return false;
    at += text.size();
    return true;
  }
  bool digit() const { return at != end && *at >= '0' && *at <= '9'; }
};

/// A number in JSON's grammar without exponent.
bool number(Cursor& in, double& out) {
  const char* const begin = in.at;
  const bool negative = in.at != in.end && *in.at == '-';
  in.at += negative;
  if (!in.digit()) return false;
  std::uint64_t digits = 0;
  const char* const first = in.at;
  for (; in.digit(); ++in.at) digits = digits * 10 + static_cast<std::uint64_t>(*in.at - '0');
  if (*first == '0' && in.at - first > 1) return false;
  std::ptrdiff_t count = in.at - first, decimals = 0;
  if (in.at != in.end && *in.at == '.') {
    const char* const point = in.at++;
    for (; in.digit(); ++in.at) digits = digits * 10 + static_cast<std::uint64_t>(*in.at - '0');
    decimals = in.at - point - 1;
    if (decimals == 0) return false;
    count += decimals;
  }
  if (count <= kExactDigits) {
    const double value = static_cast<double>(digits) / kPowers[decimals];
    out = negative ? -value : value;
    return true;
  }
  const auto [stop, error] = std::from_chars(begin, in.at, out);
  return error == std::errc{} && stop == in.at;
}

bool position(Cursor& in, Point& out) {
  if (!in.skip("[") || !number(in, out.lon) || !in.skip(",") || !number(in, out.lat) || !in.skip("]")) return false;
  return out.lon >= -180 && out.lon <= 180 && out.lat >= -90 && out.lat <= 90;
}

}  // namespace

bool parse_point_fast(std::string_view json, Point& out) {
  Cursor in{json.data(), json.data() + json.size()};
  Point point;
  if (in.skip(R"({"type":"Point","coordinates":)")) {
    if (!position(in, point) || !in.skip("}")) return false;
  } else if (in.skip(R"({"coordinates":)")) {
    if (!position(in, point) || !in.skip(R"(,"type":"Point"})")) return false;
  } else {
    return false;
  }
  if (in.at != in.end) return false;
  out = point;
  return true;
}

}  // namespace madang::geo
