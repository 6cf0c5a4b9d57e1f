#include "madang/connect/mapping.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/geo/projection.h"

#include "values.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;
using base::Status;
using base::json::append_string;

/// A field of a record; `there` false: the record has none.
struct Cell {
  bool there = false;
  bool json = false;  // an object, array, number or boolean, as JSON has it
  std::string_view text;
};
using Cells = std::vector<Cell>;

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out = "\"" + base::as_valid_utf8(text.substr(0, kShown));
  if (text.size() > kShown) out += "…";
  return out += '"';
}

/// "{street} {number}" taken apart: literals and fields in turn.
struct Template {
  struct Part {
    std::string literal;
    std::size_t field = 0;  // of Impl::fields, where there is no literal
    bool is_field = false;
  };
  std::vector<Part> parts;
  bool is_one_field() const { return parts.size() == 1 && parts[0].is_field; }
};

/// What an id may not hold (RFC 3987), escaped.
void append_id_part(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 32 || byte == 127 || std::string_view("<>\"{}|\\^`%?#[]").find(c) != std::string_view::npos) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      out += '%', out += kDigits[byte >> 4], out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

struct Where {
  std::size_t field;
  const std::vector<std::string>* values;
};

struct Rule {
  const AttributeRule* declared = nullptr;
  std::string head;  // `,"name":{"type":"Property","value":`
  std::string tail;  // unit and the like
  Template from;
  Template target;
  std::vector<std::pair<std::string_view, Template>> languages;
  std::vector<Where> where;
  std::vector<std::string> missing;  // sorted
  std::unordered_map<std::string_view, std::string_view> words;
  std::optional<std::size_t> moment;  // of Impl::moments
};

struct Moment {
  Template from;
  MomentReader reader;
};

}  // namespace

struct Mapping::Impl {
  Declaration feed;
  std::vector<std::string> fields;
  Template identity;
  std::string head;  // `","type":"…"` and scope
  std::vector<Where> only, except;
  std::vector<Rule> rules;
  std::vector<Moment> moments;
  std::optional<std::size_t> observed;
  std::optional<geo::Projection> projection;
  Template geometry;
  std::size_t x = 0, y = 0;
  // Of the record at hand.
  std::string id, json, scratch, number;
  std::vector<std::optional<base::Timestamp>> times;
  Cells cells_;
  std::vector<std::optional<std::string>> given_;  // of each field: what the input's name says of it
  std::vector<std::uint32_t> column_of_;           // of each field
  std::size_t columns_seen_ = 0;
  std::size_t number_field_ = SIZE_MAX;  // "@record"
  static constexpr std::uint32_t kNoColumn = 0xffffffff;

  // ---- compiling ----

  std::size_t field(std::string_view name) {
    const auto found = std::find(fields.begin(), fields.end(), name);
    if (found != fields.end()) return static_cast<std::size_t>(found - fields.begin());
    fields.emplace_back(name);
    return fields.size() - 1;
  }

  base::Result<Template> compile(std::string_view text, const std::string& where, bool braces_only = false) {
    Template made;
    if (!braces_only && text.find('{') == text.npos) {
      made.parts.push_back({{}, field(text), true});
      return made;
    }
    while (!text.empty()) {
      const auto open = text.find('{');
      if (open > 0) made.parts.push_back({std::string(text.substr(0, open)), 0, false});
      if (open == text.npos) break;
      const auto close = text.find('}', open);
      if (close == text.npos || close == open + 1)
        return error(Code::bad_request_data, "A field's name stands in braces: {name}.", where);
      made.parts.push_back({{}, field(text.substr(open + 1, close - open - 1)), true});
      text.remove_prefix(close + 1);
    }
    return made;
  }

  base::Result<std::size_t> moment(const TimeField& time, const std::string& where) {
    MADANG_TRY(Template from, compile(time.field, where + "/from"));
    auto reader = MomentReader::make(time.format, time.zone.empty() ? feed.zone : time.zone, feed.day_first);
    if (!reader.ok()) return error(Code::bad_request_data, reader.error().message, where);
    moments.push_back({std::move(from), std::move(*reader)});
    return moments.size() - 1;
  }

  std::vector<Where> conditions(const std::vector<Condition>& list) {
    std::vector<Where> made;
    for (const Condition& one : list) made.push_back({field(one.field), &one.values});
    return made;
  }

  Status compile() {
    MADANG_TRY(identity, compile(feed.identity, "/identity", true));
    head = ",\"type\":";
    append_string(head, feed.type);
    if (!feed.scopes.empty()) {
      head += ",\"scope\":[";
      for (const std::string& scope : feed.scopes) {
        if (head.back() != '[') head += ',';
        append_string(head, scope);
      }
      head += ']';
    }
    only = conditions(feed.only), except = conditions(feed.except);
    if (feed.observed) {
      MADANG_TRY(observed, moment(*feed.observed, "/observed"));
    }
    if (feed.location.given()) MADANG_CHECK(compile_location());
    for (const AttributeRule& rule : feed.attributes) MADANG_CHECK(compile_rule(rule));
    if (fields.size() > 2'000) return error(Code::bad_request_data, "There are more than 2000 fields.", "/attributes");
    times.resize(moments.size());
    cells_.resize(fields.size());
    column_of_.assign(fields.size(), kNoColumn);
    given_.assign(fields.size(), std::nullopt);
    number_field_ = static_cast<std::size_t>(std::ranges::find(fields, "@record") - fields.begin());
    return {};
  }

  Status compile_location() {
    auto made = geo::Projection::make(feed.location.crs);
    if (!made.ok()) return error(Code::bad_request_data, made.error().message, "/location/crs");
    projection = std::move(*made);
    if (!feed.location.field.empty()) {
      if (!projection->is_plain())
        return error(Code::not_supported, "Geometries of a field are longitude and latitude.", "/location/crs");
      MADANG_TRY(geometry, compile(feed.location.field, "/location/from"));
      return {};
    }
    x = field(feed.location.x), y = field(feed.location.y);
    return {};
  }

  Status compile_rule(const AttributeRule& declared) {
    std::string where = "/attributes/";
    base::json::append_pointer(where, declared.name);
    Rule rule;
    rule.declared = &declared;
    rule.head = ",";
    append_string(rule.head, declared.name);
    rule.head += declared.kind == ValueKind::relationship ? R"(:{"type":"Relationship","object":)"
                 : declared.kind == ValueKind::language   ? R"(:{"type":"LanguageProperty","languageMap":)"
                                                          : R"(:{"type":"Property","value":)";
    if (!declared.unit.empty()) {
      rule.tail += R"(,"unitCode":)";
      append_string(rule.tail, declared.unit);
    }
    for (const auto& [language, from] : declared.languages) {
      MADANG_TRY(Template made, compile(from, where + "/languages/" + language));
      rule.languages.emplace_back(language, std::move(made));
    }
    if (!declared.constant && declared.languages.empty()) {
      MADANG_TRY(rule.from, compile(declared.from, where + "/from"));
    }
    if (!declared.target.empty()) {
      if (declared.target.find("{}") == std::string::npos)
        return error(Code::bad_request_data, "\"target\" has {} where the value goes.", where + "/target");
    }
    rule.where = conditions(declared.where);
    rule.missing = feed.missing;
    rule.missing.insert(rule.missing.end(), declared.missing.begin(), declared.missing.end());
    std::sort(rule.missing.begin(), rule.missing.end());
    for (const auto& [from, to] : declared.words) rule.words.emplace(from, to);
    if (declared.observed) {
      MADANG_TRY(rule.moment, moment(*declared.observed, where + "/observed"));
    }
    rules.push_back(std::move(rule));
    return {};
  }

  // ---- one record ----

  static std::string_view text_of(const Cell& cell) { return trimmed(cell.text); }

  static bool meets(const std::vector<Where>& list, const Cells& cells) {
    return std::all_of(list.begin(), list.end(), [&](const Where& one) {
      const std::string_view text = text_of(cells[one.field]);
      return std::find(one.values->begin(), one.values->end(), text) != one.values->end();
    });
  }
  static bool meets_any(const std::vector<Where>& list, const Cells& cells) {
    return std::any_of(list.begin(), list.end(), [&](const Where& one) {
      const std::string_view text = text_of(cells[one.field]);
      return std::find(one.values->begin(), one.values->end(), text) != one.values->end();
    });
  }

  /// The text of a template; empty where all its fields are.
  std::string_view filled(const Template& from, const Cells& cells) {
    if (from.is_one_field()) return text_of(cells[from.parts[0].field]);
    scratch.clear();
    bool any = false;
    for (const auto& part : from.parts) {
      const std::string_view text = part.is_field ? text_of(cells[part.field]) : part.literal;
      any = any || (part.is_field && !text.empty());
      scratch += text;
    }
    return any ? trimmed(scratch) : std::string_view();
  }

  Status identify(const Cells& cells) {
    id.clear();
    for (const auto& part : identity.parts) {
      if (!part.is_field) {
        id += part.literal;
        continue;
      }
      const std::string_view text = text_of(cells[part.field]);
      if (text.empty())
        return error(Code::bad_request_data, "\"" + fields[part.field] + "\", which makes the id, is empty.");
      append_id_part(id, text);
    }
    if (!base::is_absolute_uri(id)) return error(Code::bad_request_data, quoted(id) + " is no URI.");
    return {};
  }

  Status read_times(const Cells& cells) {
    for (std::size_t i = 0; i < moments.size(); ++i) {
      const std::string_view text = filled(moments[i].from, cells);
      times[i] = text.empty() ? std::nullopt : moments[i].reader.read(text);
      if (times[i]) continue;
      const std::string name = feed.observed && observed == i ? feed.observed->field : std::string();
      if (observed == i) {
        return error(Code::bad_request_data, text.empty() ? "\"" + name + "\", which says when, is empty."
                                                          : quoted(text) + " is no moment as \"observed\" has them.");
      }
    }
    return {};
  }

  void note(Mapped& out, Problem::Kind kind, std::uint32_t attribute, std::string what) {
    out.problems.push_back({kind, attribute, std::move(what)});
  }

  bool is_missing(const Rule& rule, std::string_view text) const {
    return std::binary_search(rule.missing.begin(), rule.missing.end(), text, std::less<>());
  }

  void append_observed(const Rule& rule) {
    if (rule.moment)
      append_moment(times[*rule.moment]);
    else if (observed && rule.declared->is_timed())
      append_moment(times[*observed]);
  }
  void append_moment(const std::optional<base::Timestamp>& time) {
    if (!time) return;
    json += R"(,"observedAt":")";
    base::append_timestamp(json, *time);
    json += '"';
  }

  /// A number into `json`, believed or not. False: `json` is as it was, and the problem is noted.
  bool append_number(const Rule& rule, std::uint32_t place, std::string_view text, char decimal, Mapped& out) {
    const AttributeRule& declared = *rule.declared;
    number.clear();
    if (!append_json_number(number, text, decimal)) {
      note(out, Problem::Kind::invalid, place, quoted(text) + " is no number");
      return false;
    }
    if (is_missing(rule, number)) return note(out, Problem::Kind::missing, place, {}), false;
    const bool ruled = declared.least || declared.step || declared.frozen.count() > 0;
    const bool scaled = declared.factor != 1 || declared.offset != 0;
    if (ruled || scaled) {
      auto value = number_of(number);
      if (!value) return note(out, Problem::Kind::invalid, place, quoted(text) + " is no number"), false;
      if (scaled) {
        *value = *value * declared.factor + declared.offset;
        number.clear();
        base::json::append_number(number, *value);
      }
      if (declared.least && (*value < *declared.least || *value > *declared.greatest)) {
        std::string what = number + " is not from ";
        base::json::append_number(what, *declared.least), what += " to ";
        base::json::append_number(what, *declared.greatest);
        note(out, Problem::Kind::out_of_range, place, std::move(what));
        return false;
      }
      if (declared.step || declared.frozen.count() > 0) {
        const auto& time = rule.moment ? times[*rule.moment] : observed ? times[*observed] : std::nullopt;
        out.watched.push_back({place, *value, time.value_or(base::Timestamp{})});
      }
    }
    json += number;
    return true;
  }

  /// The value of a rule into `json`; false: there is none, which is noted.
  bool append_value(const Rule& rule, std::uint32_t place, const Cells& cells, Mapped& out) {
    const AttributeRule& declared = *rule.declared;
    if (declared.constant) {
      if (declared.kind == ValueKind::json)
        json += declared.from;
      else
        append_string(json, declared.from);
      return true;
    }
    if (!rule.languages.empty()) return append_languages(rule, place, cells, out);
    const Cell* cell = rule.from.is_one_field() ? &cells[rule.from.parts[0].field] : nullptr;
    std::string_view text = filled(rule.from, cells);
    const bool as_json = cell && cell->json;
    if (is_missing(rule, text)) return note(out, Problem::Kind::missing, place, {}), false;
    if (!rule.words.empty()) {
      if (const auto word = rule.words.find(text); word != rule.words.end())
        text = word->second;
      else if (!declared.otherwise.empty())
        text = declared.otherwise;
    }
    const auto invalid = [&](std::string_view what) {
      note(out, Problem::Kind::invalid, place, quoted(text) + std::string(what));
      return false;
    };
    switch (declared.kind) {
      case ValueKind::number:
        return append_number(rule, place, text, as_json ? '.' : feed.decimal, out);
      case ValueKind::text:
        return append_string(json, text), true;
      case ValueKind::boolean: {
        const auto truth = formats::parse_boolean(text);
        if (!truth) return invalid(" is neither yes nor no");
        return json += *truth ? "true" : "false", true;
      }
      case ValueKind::time: {
        if (!rule.moment) {
          const auto time = plain_times_->read(text);
          if (!time) return invalid(" is no moment");
          json += R"({"@type":"DateTime","@value":")";
          base::append_timestamp(json, *time);
          return json += "\"}", true;
        }
        return invalid(" is no moment");
      }
      case ValueKind::json:
        if (!as_json) return append_string(json, text), true;
        return json += text, true;
      case ValueKind::relationship:
        return append_target(declared, text, invalid);
      case ValueKind::list: {
        json += '[';
        while (!text.empty()) {
          const auto end = text.find(declared.split);
          if (json.back() != '[') json += ',';
          append_string(json, trimmed(text.substr(0, end)));
          text = end == text.npos ? std::string_view() : text.substr(end + 1);
        }
        return json += ']', true;
      }
      default:
        if (as_json) return json += text, true;
        if (is_plain_number(text, feed.decimal)) return append_number(rule, place, text, feed.decimal, out);
        return append_string(json, text), true;
    }
  }

  bool append_languages(const Rule& rule, std::uint32_t place, const Cells& cells, Mapped& out) {
    const std::size_t begin = json.size();
    json += '{';
    for (const auto& [language, from] : rule.languages) {
      const std::string_view text = filled(from, cells);
      if (is_missing(rule, text)) continue;
      if (json.back() != '{') json += ',';
      append_string(json, language);
      json += ':';
      append_string(json, text);
    }
    if (json.back() != '{') return json += '}', true;
    json.resize(begin);
    return note(out, Problem::Kind::missing, place, {}), false;
  }

  template <class Invalid>
  bool append_target(const AttributeRule& declared, std::string_view text, const Invalid& invalid) {
    std::string target;
    if (declared.target.empty()) {
      target = text;
    } else {
      const auto at = declared.target.find("{}");
      target = declared.target.substr(0, at);
      append_id_part(target, text);
      target += declared.target.substr(at + 2);
    }
    if (!base::is_absolute_uri(target)) return invalid(" is no URI");
    append_string(json, target);
    return true;
  }

  void append_location(const Cells& cells, Mapped& out) {
    const std::size_t begin = json.size();
    json += R"(,"location":{"type":"GeoProperty","value":)";
    if (append_place(cells, out)) {
      if (observed && feed.location.moves) append_moment(times[*observed]);
      json += '}';
      ++out.values;
    } else {
      json.resize(begin);
    }
  }

  bool append_place(const Cells& cells, Mapped& out) {
    if (!geometry.parts.empty()) {
      const Cell& cell = cells[geometry.parts[0].field];
      const std::string_view text = text_of(cell);
      if (text.empty() || text == "null") return note(out, Problem::Kind::missing, kLocation, {}), false;
      if (text.front() != '{')
        return note(out, Problem::Kind::invalid, kLocation, quoted(text) + " is no GeoJSON geometry"), false;
      if (auto parsed = geo::parse_geojson(text); !parsed.ok())
        return note(out, Problem::Kind::invalid, kLocation, parsed.error().message), false;
      return json += text, true;
    }
    const std::string_view east = text_of(cells[x]), north = text_of(cells[y]);
    if (east.empty() || north.empty()) return note(out, Problem::Kind::missing, kLocation, {}), false;
    const auto degrees = [&](std::string_view text) {
      scratch.clear();
      return append_json_number(scratch, text, feed.decimal) ? number_of(scratch) : std::nullopt;
    };
    const auto first = degrees(east), second = degrees(north);
    geo::Point point;
    if (!first || !second || !projection->to_earth(*first, *second, point)) {
      note(out, Problem::Kind::invalid, kLocation,
           quoted(east) + ", " + quoted(north) + " is no place in " + feed.location.crs);
      return false;
    }
    if (point.lon == 0 && point.lat == 0) {  // "null island": where places are that have none
      note(out, Problem::Kind::missing, kLocation, "0, 0 stands for no place");
      return false;
    }
    constexpr double kDigits = 1e7;  // a centimetre
    json += R"({"type":"Point","coordinates":[)";
    base::json::append_number(json, std::round(point.lon * kDigits) / kDigits);
    json += ',';
    base::json::append_number(json, std::round(point.lat * kDigits) / kDigits);
    return json += "]}", true;
  }

  void begin(std::string_view name) {
    columns_seen_ = 0;
    std::fill(column_of_.begin(), column_of_.end(), kNoColumn);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] == "@topic")
        given_[i] = name;
      else if (fields[i].starts_with("@topic/"))
        given_[i] = part_of(name, std::string_view(fields[i]).substr(7));
    }
  }

  /// "2" of "air/7/pm10" is "7"; empty: there is none.
  static std::string part_of(std::string_view name, std::string_view number) {
    std::size_t wanted = 0;
    std::from_chars(number.data(), number.data() + number.size(), wanted);
    for (std::size_t i = 1; wanted > 0; ++i) {
      const auto end = name.find('/');
      if (i == wanted) return std::string(name.substr(0, end));
      if (end == name.npos) break;
      name.remove_prefix(end + 1);
    }
    return {};
  }

  void pick(const formats::Record& record, const formats::Columns& columns) {
    if (columns.size() != columns_seen_) {
      columns_seen_ = columns.size();
      for (std::size_t i = 0; i < fields.size(); ++i) column_of_[i] = columns.find(fields[i]).value_or(kNoColumn);
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i == number_field_) given_[i] = std::to_string(record.number);
      if (given_[i]) {
        cells_[i] = {true, false, *given_[i]};
        continue;
      }
      const formats::Field* field = column_of_[i] == kNoColumn ? nullptr : record.find(column_of_[i]);
      cells_[i] = field ? Cell{true,
                               field->kind == formats::FieldKind::json || field->kind == formats::FieldKind::number ||
                                   field->kind == formats::FieldKind::boolean,
                               field->text}
                        : Cell{};
    }
  }

  Status map(const Cells& cells, Mapped& out) {
    out.passed_over = false;
    out.values = 0;
    out.problems.clear(), out.watched.clear();
    if (!meets(only, cells) || meets_any(except, cells)) return out.passed_over = true, Status();
    MADANG_CHECK(identify(cells));
    MADANG_CHECK(read_times(cells));
    json.assign(R"({"id":)");
    append_string(json, id);
    json += head;
    if (projection) append_location(cells, out);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Rule& rule = rules[i];
      if (!meets(rule.where, cells)) continue;
      const std::size_t begin = json.size();
      json += rule.head;
      if (!append_value(rule, static_cast<std::uint32_t>(i), cells, out)) {
        json.resize(begin);
        continue;
      }
      json += rule.tail;
      append_observed(rule);
      json += '}';
      ++out.values;
    }
    out.id = id, out.json = json;
    out.observed = observed ? times[*observed] : std::nullopt;
    return {};
  }

  std::optional<MomentReader> plain_times_;
};

Mapping::Mapping(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

base::Result<Mapping> Mapping::make(const Declaration& feed) {
  auto impl = std::make_unique<Impl>();
  impl->feed = feed;
  auto times = MomentReader::make({}, feed.zone, feed.day_first);
  if (!times.ok()) return error(Code::bad_request_data, times.error().message, "/zone");
  impl->plain_times_ = std::move(*times);
  MADANG_CHECK(impl->compile());
  return Mapping(std::move(impl));
}

const std::vector<std::string>& Mapping::fields() const {
  return impl_->fields;
}

void Mapping::begin(std::string_view name) {
  impl_->begin(name);
}

base::Status Mapping::map(const formats::Record& record, const formats::Columns& columns, Mapped& out) {
  impl_->pick(record, columns);
  return impl_->map(impl_->cells_, out);
}

}  // namespace madang::connect
