#include "madang/geo/wkt.h"

#include <charconv>
#include <cmath>

#include "madang/base/json.h"

namespace madang::geo {
namespace {

using base::Code;
using Kind = Geometry::Kind;

// ---- writing ----

void append_position(std::string& out, Point p) {
  base::json::append_number(out, p.lon);
  out += ' ';
  base::json::append_number(out, p.lat);
}

template <class List, class Append>
void append_list(std::string& out, const List& list, Append&& append) {
  out += '(';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    append(list[i]);
  }
  out += ')';
}

// ---- reading ----

constexpr std::string_view kWords[] = {"POINT",           "MULTIPOINT", "LINESTRING",
                                       "MULTILINESTRING", "POLYGON",    "MULTIPOLYGON"};

class Reader {
 public:
  Reader(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  base::Result<Geometry> read() {
    const std::string word = take_word();
    Geometry out;
    bool known = false;
    for (std::size_t i = 0; i < std::size(kWords); ++i) {
      if (word != kWords[i]) continue;
      out.kind = static_cast<Kind>(i);
      known = true;
    }
    if (!known) return fail("A shape begins with POINT, LINESTRING, POLYGON or one of these with MULTI before it.");
    const std::size_t before = at_;
    if (const std::string more = take_word(); !more.empty() && more != "Z" && more != "M" && more != "ZM") {
      at_ = before;
      return fail(more == "EMPTY" ? "An empty shape is nowhere." : "Only Z, M and ZM stand behind the kind of shape.");
    }
    MADANG_CHECK(body(out));
    return out;
  }

  std::size_t at() const { return at_; }
  bool ended() { return skip_space(), at_ == text_.size(); }
  base::Error fail(std::string message) const {
    return base::error(Code::bad_request_data, std::move(message), std::to_string(at_ + 1));
  }

 private:
  base::Status body(Geometry& out) {
    const auto point = [this](Point& p) -> base::Status { return position(p); };
    const auto line = [&](Line& made) -> base::Status {
      MADANG_CHECK(list(made, point));
      if (made.size() < 2) return fail("A line needs two positions at least.");
      return {};
    };
    const auto ring = [&](Line& made) -> base::Status {
      MADANG_CHECK(list(made, point));
      if (made.size() < 4) return fail("A ring needs four positions at least.");
      if (made.front() != made.back()) return fail("A ring must end where it begins.");
      return {};
    };
    const auto polygon = [&](Polygon& made) -> base::Status { return list(made, ring); };
    switch (out.kind) {
      case Kind::point:
        MADANG_CHECK(list(out.points, point));
        if (out.points.size() != 1) return fail("A point has one position.");
        return {};
      case Kind::multi_point:  // both MULTIPOINT(1 2,3 4) and MULTIPOINT((1 2),(3 4)) are written
        return list(out.points, [&](Point& p) -> base::Status {
          if (!next_is('(')) return position(p);
          ++at_;
          MADANG_CHECK(position(p));
          return expect(')');
        });
      case Kind::line:
        return line(out.lines.emplace_back());
      case Kind::multi_line:
        return list(out.lines, line);
      case Kind::polygon:
        return polygon(out.polygons.emplace_back());
      case Kind::multi_polygon:
        return list(out.polygons, polygon);
    }
    return fail("No such kind of shape.");
  }

  template <class T, class Read>
  base::Status list(std::vector<T>& out, Read&& read) {
    MADANG_CHECK(expect('('));
    do {
      MADANG_CHECK(read(out.emplace_back()));
    } while (take(','));
    return expect(')');
  }

  base::Status position(Point& out) {
    if (++vertices_ > limits_.vertices) {
      return base::error(Code::too_large,
                         "A shape may have " + std::to_string(limits_.vertices) + " positions at most.",
                         std::to_string(at_ + 1));
    }
    MADANG_CHECK(number(out.lon));
    MADANG_CHECK(number(out.lat));
    double dropped = 0;
    for (int more = 0; more < 2 && !next_is(',') && !next_is(')'); ++more) MADANG_CHECK(number(dropped));
    return {};
  }

  base::Status number(double& out) {
    skip_space();
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    const bool plus = begin != end && *begin == '+';
    const auto [stop, fault] = std::from_chars(begin + plus, end, out);
    if (fault != std::errc() || !std::isfinite(out)) return fail("Here a number is missing.");
    at_ = static_cast<std::size_t>(stop - text_.data());
    return {};
  }

  std::string take_word() {
    skip_space();
    std::string word;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c >= 'a' && c <= 'z')
        word += static_cast<char>(c - 'a' + 'A');
      else if (c >= 'A' && c <= 'Z')
        word += c;
      else
        break;
    }
    return word;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool next_is(char c) { return skip_space(), at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    return ++at_, true;
  }
  base::Status expect(char c) {
    if (take(c)) return {};
    return fail(std::string("Here \"") + c + "\" is missing.");
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0, vertices_ = 0;
};

}  // namespace

void append_wkt(std::string& out, const Geometry& geometry) {
  const auto point = [&](Point p) { append_position(out, p); };
  const auto line = [&](const Line& one) { append_list(out, one, point); };
  const auto polygon = [&](const Polygon& one) { append_list(out, one, line); };
  out += kWords[static_cast<std::size_t>(geometry.kind)];
  switch (geometry.kind) {
    case Kind::point:
    case Kind::multi_point:
      return append_list(out, geometry.points, point);
    case Kind::line:
      return line(geometry.lines.front());
    case Kind::multi_line:
      return append_list(out, geometry.lines, line);
    case Kind::polygon:
      return polygon(geometry.polygons.front());
    case Kind::multi_polygon:
      return append_list(out, geometry.polygons, polygon);
  }
}

base::Result<Geometry> parse_wkt(std::string_view text, const Limits& limits, std::size_t* used) {
  Reader reader(text, limits);
  MADANG_TRY(Geometry out, reader.read());
  if (used)
    *used = reader.at();
  else if (!reader.ended())
    return reader.fail("Nothing may follow the shape.");
  return out;
}

}  // namespace madang::geo
