#include "madang/connect/declaration.h"

#include <algorithm>
#include <array>

#include "madang/base/json_value.h"
#include "madang/net/mqtt.h"

namespace madang::connect {
namespace {

using base::Result;
using base::Status;
using base::json::unknown;
using base::json::Value;
using base::json::wrong;
namespace dom = simdjson::dom;

constexpr std::array<std::pair<ValueKind, std::string_view>, 9> kKinds{{{ValueKind::automatic, "auto"},
                                                                        {ValueKind::number, "number"},
                                                                        {ValueKind::text, "text"},
                                                                        {ValueKind::boolean, "boolean"},
                                                                        {ValueKind::time, "time"},
                                                                        {ValueKind::json, "json"},
                                                                        {ValueKind::relationship, "relationship"},
                                                                        {ValueKind::list, "list"},
                                                                        {ValueKind::language, "language"}}};
constexpr std::array<std::pair<Source::Kind, std::string_view>, 5> kSources{{{Source::Kind::file, "file"},
                                                                             {Source::Kind::folder, "folder"},
                                                                             {Source::Kind::url, "url"},
                                                                             {Source::Kind::mqtt, "mqtt"},
                                                                             {Source::Kind::push, "push"}}};

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const auto& entry : names) (text += text.empty() ? "" : ", ") += entry.second;
  return text;
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

/// "90", "10s", "5 min", "1h", "7d" or an ISO 8601 duration of days and below.
Result<std::chrono::seconds> duration(const Value& value) {
  if (double seconds = 0; !value.json.get(seconds)) {
    if (seconds >= 1 && seconds <= 366.0 * 86'400) return std::chrono::seconds(static_cast<std::int64_t>(seconds));
    return wrong("From one second to a year.", value.at);
  }
  MADANG_TRY(std::string text, value.text(32));
  std::string_view rest = text;
  const bool iso = rest.starts_with('P');
  bool after_t = !iso;
  if (iso) rest.remove_prefix(1);
  std::int64_t seconds = 0;
  bool any = false;
  const auto fail = [&] {
    return wrong("\"" + text + "\" is no duration: write 30s, 5min, 1h, 7d or PT5M.", value.at);
  };
  while (!rest.empty()) {
    if (iso && rest.front() == 'T' && !after_t) {
      after_t = true, rest.remove_prefix(1);
      continue;
    }
    std::int64_t number = 0;
    std::size_t digits = 0;
    while (digits < rest.size() && digits < 9 && rest[digits] >= '0' && rest[digits] <= '9')
      number = number * 10 + (rest[digits++] - '0');
    if (digits == 0) return fail();
    rest.remove_prefix(digits);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    std::size_t letters = 0;
    while (letters < rest.size() && ((rest[letters] | 32) >= 'a' && (rest[letters] | 32) <= 'z') &&
           (!iso || letters < 1))
      ++letters;
    const std::string_view unit = rest.substr(0, letters);
    std::int64_t factor = 0;
    if (iso) {
      factor = !after_t && unit == "D"   ? 86'400
               : !after_t && unit == "W" ? 7 * 86'400
               : after_t && unit == "H"  ? 3'600
               : after_t && unit == "M"  ? 60
               : after_t && unit == "S"  ? 1
                                         : 0;
    } else {
      factor = unit.empty() || unit == "s"    ? 1
               : unit == "min" || unit == "m" ? 60
               : unit == "h"                  ? 3'600
               : unit == "d"                  ? 86'400
                                              : 0;
    }
    if (factor == 0) return fail();
    rest.remove_prefix(letters);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    seconds += number * factor;
    any = true;
  }
  if (!any || seconds < 1 || seconds > 3'700ll * 86'400) return fail();
  return std::chrono::seconds(seconds);
}

class Reader {
 public:
  explicit Reader(const DeclarationLimits& limits) : limits_(limits) {}

  Result<Declaration> read(dom::object members) {
    MADANG_CHECK(Value::each_field(
        members, "", [&](std::string_view name, const Value& value) -> Status { return member(name, value); }));
    return complete();
  }

 private:
  Status member(std::string_view name, const Value& value) {
    if (name == "source") return source(value);
    if (name == "format") return layout(value);
    if (name == "attributes") return attributes(value);
    if (name == "location") return location(value);
    if (name == "observed") return moment(value, out_.observed);
    if (name == "only") return conditions(value, out_.only);
    if (name == "except") return conditions(value, out_.except);
    if (name == "missing") return texts(value, out_.missing, true);
    if (name == "scope") return texts(value, out_.scopes, false);
    if (name == "name") return title(value);
    if (name == "decimal") return character(value, out_.decimal);
    if (name == "every") return put(out_.every, duration(value));
    if (name == "dayFirst") return put(out_.day_first, value.truth());
    if (name == "keepUnchanged") return put(out_.keep_unchanged, value.truth());
    if (name == "paused") return put(out_.paused, value.truth());
    if (name == "complete") return share(value);
    if (name == "schema") return schema(value);
    const std::array<std::pair<std::string_view, std::string*>, 10> plain{{{"id", &out_.id},
                                                                           {"tenant", &out_.tenant},
                                                                           {"owner", &out_.owner},
                                                                           {"licence", &out_.licence},
                                                                           {"attribution", &out_.attribution},
                                                                           {"context", &out_.context},
                                                                           {"type", &out_.type},
                                                                           {"identity", &out_.identity},
                                                                           {"zone", &out_.zone},
                                                                           {"license", &out_.licence}}};
    for (const auto& [known, place] : plain) {
      if (name != known) continue;
      if (name == "tenant" && value.json.is_string() && value.json.get_string().value_unsafe().empty()) return {};
      return put(*place, value.text(limits_.text_bytes));
    }
    return unknown(name, value);
  }

  template <class T>
  static Status put(T& place, Result<T> read) {
    if (!read.ok()) return std::move(read).error();
    place = std::move(read).value();
    return {};
  }
  template <class T>
  static Status put(std::optional<T>& place, Result<T> read) {
    if (!read.ok()) return std::move(read).error();
    place = std::move(read).value();
    return {};
  }

  static Result<double> number(const Value& value) {
    double found = 0;
    if (value.json.get(found) || !std::isfinite(found)) return wrong("A number was expected.", value.at);
    return found;
  }
  Status share(const Value& value) {
    MADANG_TRY(out_.complete, number(value));
    if (out_.complete < 0 || out_.complete > 1) return wrong("From 0 to 1.", value.at);
    return {};
  }
  static Status character(const Value& value, char& place) {
    MADANG_TRY(const std::string text, value.text(4));
    const std::string_view one = text == "tab" || text == "\\t" ? std::string_view("\t") : std::string_view(text);
    if (one.size() != 1) return wrong("One character was expected.", value.at);
    place = one.front();
    return {};
  }
  Status title(const Value& value) {
    if (value.json.is_string()) return put(out_.name, value.text(limits_.text_bytes));
    return value.members([&](std::string_view language, const Value& text) -> Status {
      if (language == "en") return put(out_.name, text.text(limits_.text_bytes));
      if (language == "ko") return put(out_.name_ko, text.text(limits_.text_bytes));
      return unknown(language, text);
    });
  }
  Status schema(const Value& value) {
    if (!value.json.is_object()) return wrong("A JSON Schema is an object.", value.at);
    out_.schema = simdjson::minify(value.json);
    return {};
  }

  Status texts(const Value& value, std::vector<std::string>& out, bool empty_too) const {
    const auto one = [&](const Value& item) -> Status {
      std::string_view text;
      if (!item.json.get(text) && text.empty() && empty_too) return out.emplace_back(), Status();
      if (double number = 0; empty_too && !item.json.get(number))
        return out.emplace_back(simdjson::minify(item.json)), Status();
      MADANG_TRY(std::string full, item.text(limits_.text_bytes));
      out.push_back(std::move(full));
      return {};
    };
    out.clear();
    if (simdjson::dom::array list; empty_too && !value.json.get(list) && list.size() == 0) return {};
    return value.json.is_array() ? value.each(limits_.list, one) : one(value);
  }

  /// {"field": "value" or ["value", ...], ...}
  Status conditions(const Value& value, std::vector<Condition>& out) const {
    return value.members([&](std::string_view field, const Value& wanted) -> Status {
      if (out.size() == limits_.list) return wrong("There are too many conditions.", wanted.at);
      Condition made{std::string(field), {}};
      MADANG_CHECK(texts(wanted, made.values, true));
      out.push_back(std::move(made));
      return {};
    });
  }

  Status moment(const Value& value, std::optional<TimeField>& place) const {
    TimeField made;
    if (value.json.is_string()) {
      MADANG_CHECK(put(made.field, value.text(limits_.text_bytes)));
    } else {
      MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
        if (name == "from") return put(made.field, item.text(limits_.text_bytes));
        if (name == "format") return put(made.format, item.text(256));
        if (name == "zone") return put(made.zone, item.text(64));
        return unknown(name, item);
      }));
      if (made.field.empty()) return wrong("\"from\" names the field that says when.", value.at);
    }
    place = std::move(made);
    return {};
  }

  Status source(const Value& value) {
    std::size_t kinds = 0;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "pattern") return put(out_.source.pattern, item.text(256));
      if (name == "headers") {
        return item.members([&](std::string_view header, const Value& text) -> Status {
          if (out_.source.headers.size() == 20) return wrong("There are more than 20 headers.", text.at);
          MADANG_TRY(std::string content, text.text(limits_.text_bytes));
          if (std::ranges::any_of(content, [](char c) { return static_cast<unsigned char>(c) < 32; }))
            return wrong("A header has no control characters.", text.at);
          out_.source.headers.emplace_back(std::string(header), std::move(content));
          return {};
        });
      }
      for (const auto& [kind, known] : kSources) {
        if (name != known) continue;
        ++kinds;
        out_.source.kind = kind;
        if (kind != Source::Kind::push) return put(out_.source.place, item.text(limits_.text_bytes));
        MADANG_TRY(const bool yes, item.truth());
        return yes ? Status() : Status(wrong("\"push\" is true or is not there.", item.at));
      }
      return unknown(name, item);
    }));
    if (kinds != 1) return wrong("A source has one of " + listed(kSources) + ".", value.at);
    const std::string& place = out_.source.place;
    if (out_.source.kind == Source::Kind::url && !place.starts_with("http://") && !place.starts_with("https://"))
      return wrong("A URL starts with http:// or https://.", value.at + "/url");
    if (out_.source.kind == Source::Kind::mqtt) {
      if (const auto read = net::parse_mqtt_url(place, net::MqttTopic::filter); !read.ok())
        return wrong("An MQTT source is mqtt://host/topic or mqtts://host/topic: " + read.error().message + ".",
                     value.at + "/mqtt");
    }
    return {};
  }

  Status layout(const Value& value) {
    if (value.json.is_string()) return put(out_.layout.kind, value.text(32));
    return value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "kind") return put(out_.layout.kind, item.text(32));
      if (name == "encoding") return put(out_.layout.encoding, item.text(32));
      if (name == "records") return put(out_.layout.records, item.text(256));
      if (name == "file") return put(out_.layout.file, item.text(256));
      if (name == "header") return put(out_.layout.header, item.truth());
      if (name == "delimiter") {
        char found = 0;
        MADANG_CHECK(character(item, found));
        out_.layout.delimiter = found;
        return {};
      }
      if (name == "skip") {
        std::uint64_t lines = 0;
        if (item.json.get(lines) || lines > 1'000) return wrong("A number of lines up to 1000.", item.at);
        out_.layout.skip = lines;
        return {};
      }
      return unknown(name, item);
    });
  }

  Status location(const Value& value) {
    if (value.json.is_string()) return put(out_.location.field, value.text(limits_.text_bytes));
    LocationRule& place = out_.location;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "from") return put(place.field, item.text(limits_.text_bytes));
      if (name == "lon" || name == "x") return put(place.x, item.text(limits_.text_bytes));
      if (name == "lat" || name == "y") return put(place.y, item.text(limits_.text_bytes));
      if (name == "crs") return put(place.crs, item.text(64));
      if (name == "moves") return put(place.moves, item.truth());
      return unknown(name, item);
    }));
    if (place.field.empty() == place.x.empty() || place.x.empty() != place.y.empty())
      return wrong("A location is {\"from\": field} or {\"lon\": field, \"lat\": field}, maybe with a \"crs\".",
                   value.at);
    return {};
  }

  Status attributes(const Value& value) {
    return value.members([&](std::string_view name, const Value& item) -> Status {
      if (out_.attributes.size() == limits_.attributes)
        return wrong("There are more than " + std::to_string(limits_.attributes) + " attributes.", item.at);
      AttributeRule rule;
      rule.name = name;
      MADANG_CHECK(attribute(item, rule));
      out_.attributes.push_back(std::move(rule));
      return {};
    });
  }

  Status attribute(const Value& value, AttributeRule& rule) {
    if (value.json.is_string()) return put(rule.from, value.text(limits_.text_bytes));
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "from") return put(rule.from, item.text(limits_.text_bytes));
      if (name == "value") {
        rule.constant = true;
        if (item.json.is_string()) return put(rule.from, item.text(limits_.text_bytes));
        rule.kind = ValueKind::json;
        rule.from = simdjson::minify(item.json);
        return {};
      }
      if (name == "kind") return kind(item, rule.kind);
      if (name == "unit") return put(rule.unit, item.text(16));
      if (name == "where") return conditions(item, rule.where);
      if (name == "missing") return texts(item, rule.missing, true);
      if (name == "words") return words(item, rule);
      if (name == "otherwise") return put(rule.otherwise, item.text(limits_.text_bytes));
      if (name == "factor") return put(rule.factor, number(item));
      if (name == "offset") return put(rule.offset, number(item));
      if (name == "split") return rule.kind = ValueKind::list, character(item, rule.split);
      if (name == "target") return rule.kind = ValueKind::relationship, put(rule.target, item.text(limits_.text_bytes));
      if (name == "languages") {
        rule.kind = ValueKind::language;
        return fields_by_language(item, rule);
      }
      if (name == "range") return range(item, rule);
      if (name == "step") return put(rule.step, item.positive());
      if (name == "frozen") return put(rule.frozen, duration(item));
      if (name == "observed" && item.json.is_bool()) return put(rule.timed, item.truth());
      if (name == "observed") return moment(item, rule.observed);
      return unknown(name, item);
    }));
    if (rule.from.empty() && rule.languages.empty())
      return wrong("An attribute has \"from\" (a field) or \"value\".", value.at);
    return {};
  }

  static Status kind(const Value& value, ValueKind& place) {
    MADANG_TRY(const std::string text, value.text(32));
    for (const auto& [kind, name] : kKinds) {
      if (name == text) return place = kind, Status();
    }
    return wrong("\"" + text + "\" is none of " + listed(kKinds) + ".", value.at);
  }
  Status fields_by_language(const Value& value, AttributeRule& rule) const {
    return value.members([&](std::string_view language, const Value& field) -> Status {
      if (rule.languages.size() == 50) return wrong("There are more than 50 languages.", field.at);
      MADANG_TRY(std::string from, field.text(limits_.text_bytes));
      rule.languages.emplace_back(std::string(language), std::move(from));
      return {};
    });
  }
  Status words(const Value& value, AttributeRule& rule) const {
    return value.members([&](std::string_view from, const Value& to) -> Status {
      if (rule.words.size() == limits_.list) return wrong("There are too many words.", to.at);
      MADANG_TRY(std::string text, to.text(limits_.text_bytes));
      rule.words.emplace_back(std::string(from), std::move(text));
      return {};
    });
  }
  static Status range(const Value& value, AttributeRule& rule) {
    std::vector<double> ends;
    MADANG_CHECK(value.each(2, [&](const Value& item) -> Status {
      MADANG_TRY(const double end, number(item));
      ends.push_back(end);
      return {};
    }));
    if (ends.size() != 2 || ends[0] > ends[1]) return wrong("A range is [least, greatest].", value.at);
    rule.least = ends[0], rule.greatest = ends[1];
    return {};
  }

  Result<Declaration> complete() {
    if (!is_id(out_.id)) return wrong("A feed's id has 1 to 64 letters, digits, - and _.", "/id");
    if (out_.type.empty()) return wrong("\"type\" is missing: what are the entities?", "/type");
    if (out_.identity.empty())
      return wrong("\"identity\" is missing: a template of ids, such as urn:ngsi-ld:" + out_.type + ":{id}",
                   "/identity");
    if (out_.identity.find('{') == std::string::npos && !out_.observed)
      return wrong("\"identity\" names no field in braces, and there is no \"observed\": all records would be one.",
                   "/identity");
    if (out_.attributes.empty() && !out_.location.given())
      return wrong("There is neither an attribute nor a location: nothing would be read.", "/attributes");
    return std::move(out_);
  }

  const DeclarationLimits& limits_;
  Declaration out_;
};

// ---- writing ----

class Writer {
 public:
  void open(std::string_view name = {}) { key(name), out_ += '{', first_ = true; }
  void close() { out_ += '}', first_ = false; }
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    if (!name.empty()) base::json::append_string(out_, name), out_ += ':';
  }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name), base::json::append_string(out_, value);
  }
  void number(std::string_view name, double value) { key(name), base::json::append_number(out_, value); }
  void truth(std::string_view name, bool value) { key(name), out_ += value ? "true" : "false"; }
  void raw(std::string_view name, std::string_view json) { key(name), out_ += json; }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    key(name), out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      base::json::append_string(out_, values[i]);
    }
    out_ += ']';
  }
  void conditions(std::string_view name, const std::vector<Condition>& list) {
    if (list.empty()) return;
    open(name);
    for (const Condition& one : list) texts(one.field, one.values);
    close();
  }
  void moment(std::string_view name, const std::optional<TimeField>& time) {
    if (!time) return;
    open(name);
    text("from", time->field), text("format", time->format), text("zone", time->zone);
    close();
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool first_ = true;
};

std::string_view kind_name(ValueKind kind) {
  return std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.first; })->second;
}

void write_attribute(Writer& out, const AttributeRule& rule) {
  out.open(rule.name);
  if (rule.constant && rule.kind == ValueKind::json) {
    out.raw("value", rule.from);
  } else {
    out.text(rule.constant ? "value" : "from", rule.from);
    if (rule.kind != ValueKind::automatic && rule.languages.empty()) out.text("kind", kind_name(rule.kind));
  }
  if (!rule.languages.empty()) {
    out.open("languages");
    for (const auto& [language, from] : rule.languages) out.text(language, from);
    out.close();
  }
  out.text("unit", rule.unit);
  out.conditions("where", rule.where);
  if (!rule.missing.empty()) out.texts("missing", rule.missing);
  if (!rule.words.empty()) {
    out.open("words");
    for (const auto& [from, to] : rule.words) out.text(from, to);
    out.close();
  }
  out.text("otherwise", rule.otherwise);
  if (rule.factor != 1) out.number("factor", rule.factor);
  if (rule.offset != 0) out.number("offset", rule.offset);
  if (rule.kind == ValueKind::list) out.text("split", std::string_view(&rule.split, 1));
  out.text("target", rule.target);
  if (rule.least) {
    std::string range = "[";
    base::json::append_number(range, *rule.least), range += ',';
    base::json::append_number(range, *rule.greatest), range += ']';
    out.raw("range", range);
  }
  if (rule.step) out.number("step", *rule.step);
  if (rule.frozen.count() > 0) out.number("frozen", static_cast<double>(rule.frozen.count()));
  out.moment("observed", rule.observed);
  if (rule.timed) out.truth("observed", *rule.timed);
  out.close();
}

}  // namespace

std::string_view source_name(Source::Kind kind) {
  return std::ranges::find(kSources, kind, [](const auto& entry) { return entry.first; })->second;
}

base::Result<Declaration> read_declaration(std::string_view json, const DeclarationLimits& limits) {
  if (json.size() > limits.bytes)
    return base::error(base::Code::too_large, "A declaration has at most " + std::to_string(limits.bytes) + " bytes.");
  dom::parser parser;
  dom::element whole;
  if (const auto code = parser.parse(json.data(), json.size()).get(whole))
    return base::error(base::Code::invalid_request, std::string("The declaration is not JSON: ") + error_message(code));
  dom::object members;
  if (whole.get(members)) return wrong("A declaration is a JSON object.", "");
  return Reader(limits).read(members);
}

namespace {

/// "https://user:secret@host/" without the secret.
std::string without_password(const std::string& place) {
  const auto scheme = place.find("://");
  const auto slash = scheme == place.npos ? place.npos : place.find('/', scheme + 3);
  const auto at = scheme == place.npos ? place.npos : place.substr(0, slash).rfind('@');
  const auto colon = at == place.npos ? place.npos : place.find(':', scheme + 3);
  if (colon == place.npos || colon > at) return place;
  return place.substr(0, colon + 1) + "***" + place.substr(at);
}

void write_source(Writer& out, const Source& source, bool secrets) {
  out.open("source");
  if (source.kind == Source::Kind::push) {
    out.truth("push", true);
  } else {
    out.text(source_name(source.kind), secrets ? source.place : without_password(source.place));
  }
  if (source.kind == Source::Kind::folder) out.text("pattern", source.pattern);
  if (!source.headers.empty()) {
    out.open("headers");
    for (const auto& [name, value] : source.headers)
      out.text(name, secrets || value.starts_with('$') ? std::string_view(value) : "***");
    out.close();
  }
  out.close();
}

void write_layout(Writer& out, const Layout& layout) {
  out.open("format");
  out.text("kind", layout.kind), out.text("encoding", layout.encoding);
  if (layout.delimiter) out.text("delimiter", std::string_view(&*layout.delimiter, 1));
  if (layout.header) out.truth("header", *layout.header);
  if (layout.skip > 0) out.number("skip", static_cast<double>(layout.skip));
  out.text("records", layout.records), out.text("file", layout.file);
  out.close();
}

}  // namespace

std::string write_declaration(const Declaration& feed, bool secrets) {
  Writer out;
  out.open();
  out.text("id", feed.id);
  out.text("tenant", feed.tenant);
  if (feed.name_ko.empty()) {
    out.text("name", feed.name);
  } else {
    out.open("name");
    out.text("en", feed.name), out.text("ko", feed.name_ko);
    out.close();
  }
  out.text("owner", feed.owner), out.text("licence", feed.licence), out.text("attribution", feed.attribution);
  write_source(out, feed.source, secrets);
  out.number("every", static_cast<double>(feed.every.count()));
  write_layout(out, feed.layout);
  out.text("context", feed.context), out.text("type", feed.type), out.text("identity", feed.identity);
  if (!feed.scopes.empty()) out.texts("scope", feed.scopes);
  out.text("zone", feed.zone);
  out.text("decimal", std::string_view(&feed.decimal, 1));
  out.truth("dayFirst", feed.day_first);
  out.texts("missing", feed.missing);
  out.conditions("only", feed.only), out.conditions("except", feed.except);
  out.moment("observed", feed.observed);
  if (feed.location.given()) {
    out.open("location");
    out.text("from", feed.location.field), out.text("lon", feed.location.x), out.text("lat", feed.location.y);
    out.text("crs", feed.location.crs);
    if (feed.location.moves) out.truth("moves", true);
    out.close();
  }
  out.open("attributes");
  for (const AttributeRule& rule : feed.attributes) write_attribute(out, rule);
  out.close();
  if (feed.keep_unchanged) out.truth("keepUnchanged", true);
  if (feed.complete > 0) out.number("complete", feed.complete);
  if (!feed.schema.empty()) out.raw("schema", feed.schema);
  if (feed.paused) out.truth("paused", true);
  out.close();
  return out.take();
}

}  // namespace madang::connect
