#include "madang/connect/propose.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <unordered_set>

#include "madang/base/json.h"
#include "madang/connect/readers.h"
#include "madang/formats/encoding.h"

#include "gtfs.h"
#include "values.h"

namespace madang::connect {
namespace {

constexpr std::size_t kRecords = 5'000;
constexpr std::size_t kDistinct = 5'000;
constexpr std::array<std::string_view, 5> kNone{"NA", "N/A", "NaN", "null", "-"};  // as a declaration has it

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  return out;
}

/// What the values of one field look like.
struct Seen {
  std::string name;
  std::uint64_t present = 0, empty = 0, numbers = 0, comma_numbers = 0, moments = 0, sentinels = 0;
  double least = HUGE_VAL, greatest = -HUGE_VAL;
  bool geometry = false;
  std::unordered_set<std::string> distinct;
  bool is_unique() const {
    return empty == 0 && present > 0 && distinct.size() == std::min<std::size_t>(present, kDistinct);
  }
  bool all(std::uint64_t count) const { return present > 0 && count == present; }
  /// All but a slip here and there.
  bool nearly_all(std::uint64_t count) const {
    return count > 0 && (present < 20 ? count + 1 >= present && present > 2 : count * 20 >= present * 19);
  }
  bool any_numbers() const { return numbers + comma_numbers > 0; }
};

bool among(std::string_view name, std::initializer_list<std::string_view> list) {
  const std::string small = lower(name.substr(name.rfind('/') == name.npos ? 0 : name.rfind('/') + 1));
  return std::find(list.begin(), list.end(), small) != list.end();
}
bool has(std::string_view name, std::initializer_list<std::string_view> list) {
  const std::string small = lower(name);
  return std::any_of(list.begin(), list.end(), [&](std::string_view part) { return small.find(part) != small.npos; });
}

/// "ugz_ogd_meteo_h1_2026-01.csv" to "UgzOgdMeteoH1": a name for the type.
std::string type_of(std::string_view name) {
  name = name.substr(name.rfind('/') == name.npos ? 0 : name.rfind('/') + 1);
  name = name.substr(0, name.find('.'));
  std::string out;
  bool upper = true;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9' && !out.empty())) {
      upper = true;
      continue;
    }
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  while (!out.empty() && out.back() >= '0' && out.back() <= '9') out.pop_back();
  return out.empty() ? "Thing" : out;
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // of none: all of it
}

/// A column's name as an attribute's: letters and digits; anything else becomes "_".
std::string attribute_of(std::string_view column, std::set<std::string>& used) {
  std::string out;
  for (const char c : last_part(column)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || byte >= 128;
    if (fine)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  if (out.empty()) out = "column";
  if (out[0] >= '0' && out[0] <= '9') out.insert(0, "c");
  if (out == "id" || out == "type" || out == "scope" || out == "location") out += "_";
  std::string unique = out;
  for (int i = 2; !used.insert(unique).second; ++i) unique = out + "_" + std::to_string(i);
  return unique;
}

/// What every feature of GeoJSON has says nothing of the thing: the wrapping of its properties.
void unwrap_features(std::vector<Seen>& fields) {
  const bool features =
      std::ranges::any_of(fields, [](const Seen& one) { return one.name == "geometry" && one.geometry; });
  if (!features) return;
  std::erase_if(fields, [](const Seen& one) {
    return one.name == "type" || one.name == "properties" || one.name.starts_with("geometry/");
  });
}

void look(Seen& seen, const formats::Field& field, MomentReader& moments) {
  const std::string_view text = trimmed(field.text);
  const bool none = std::find(kNone.begin(), kNone.end(), text) != kNone.end();
  if (text.empty() || none || field.kind == formats::FieldKind::null) {
    ++seen.empty;
    return;
  }
  ++seen.present;
  if (seen.distinct.size() < kDistinct) seen.distinct.emplace(text);
  if (field.kind == formats::FieldKind::json && text.find("\"coordinates\"") != text.npos) seen.geometry = true;
  std::string number;
  if (append_json_number(number, text, '.')) {
    ++seen.numbers;
    if (const auto value = number_of(number)) {
      seen.least = std::min(seen.least, *value), seen.greatest = std::max(seen.greatest, *value);
      if (*value == -999 || *value == -9999 || *value == -99) ++seen.sentinels;
    }
  }
  number.clear();
  if (text.find(',') != text.npos && append_json_number(number, text, ',')) ++seen.comma_numbers;
  if (field.kind == formats::FieldKind::text && text.size() >= 6 && moments.read(text)) ++seen.moments;
}

class Proposer {
 public:
  Proposer(std::string_view name, Proposal& out) : out_(out) {
    out_.feed.type = type_of(name);
    std::string id = lower(out_.feed.type);
    out_.feed.id = id.substr(0, 64);
  }

  /// Of a timetable: what its tables mean is known. False: not of this one.
  bool decide_table(const std::vector<Seen>& fields) {
    std::vector<std::string> names;
    for (const Seen& one : fields) {
      if (one.present > 0) names.push_back(one.name);
    }
    if (!propose_table(out_.feed.layout.records, names, out_.feed)) return false;
    out_.feed.id = "gtfs-" + lower(out_.feed.type.substr(std::string_view("Gtfs").size()));
    std::set<std::string> used;
    for (const AttributeRule& rule : out_.feed.attributes) used.insert(rule.name);
    for (const std::string& name : names) {
      AttributeRule& rule = out_.feed.attributes.emplace_back();
      rule.name = attribute_of(name, used), rule.from = name;
    }
    return true;
  }

  void decide(const std::vector<Seen>& fields) {
    const Seen* moment = find_moment(fields);
    const Seen* identity = find_identity(fields, moment);
    std::set<const Seen*> taken{moment, identity};
    place(fields, taken);
    if (moment) {
      out_.feed.observed = TimeField{moment->name, {}, {}};
      out_.remarks.push_back("\"" + moment->name +
                             "\" says when; times without an offset are taken as UTC: set \"zone\".");
    }
    if (identity) {
      out_.feed.identity = "urn:ngsi-ld:" + out_.feed.type + ":{" + identity->name + "}";
    } else if (moment) {
      out_.feed.identity = "urn:ngsi-ld:" + out_.feed.type + ":1";
      out_.remarks.push_back("No field names a thing: all of it is taken as the course of one.");
    } else {
      out_.feed.identity = "urn:ngsi-ld:" + out_.feed.type + ":{@record}";
      out_.remarks.push_back("No field names the thing: each record is one, by its number. Better say what names it.");
    }
    const bool comma = std::any_of(fields.begin(), fields.end(), [](const Seen& one) {
      return one.comma_numbers > 0 && one.comma_numbers + one.numbers >= one.present && one.numbers < one.present;
    });
    if (comma) {
      out_.feed.decimal = ',';
      out_.remarks.push_back("Numbers have a decimal comma.");
    }
    std::set<std::string> used;
    for (const Seen& one : fields) {
      if (taken.contains(&one) || one.present == 0) continue;
      AttributeRule rule;
      rule.name = attribute_of(one.name, used);
      rule.from = one.name;
      const bool number =
          one.all(one.numbers) || (comma && one.all(std::max(one.comma_numbers + one.numbers, one.numbers)));
      if (number && one.distinct.size() > 1)
        rule.kind = ValueKind::number;
      else if (one.all(one.moments))
        rule.kind = ValueKind::time;
      if (one.sentinels > 0 && number) {
        rule.missing = {"-99", "-999", "-9999"};
        out_.remarks.push_back("\"" + one.name + "\" has values such as -999, which are taken as missing.");
      }
      out_.feed.attributes.push_back(std::move(rule));
    }
  }

 private:
  static const Seen* find_moment(const std::vector<Seen>& fields) {
    const Seen* best = nullptr;
    for (const Seen& one : fields) {
      if (one.empty > 0 || (!one.all(one.moments) && !one.nearly_all(one.moments))) continue;
      const bool named = has(one.name, {"time", "date", "datum", "timestamp", "일시", "시간", "날짜", "일자"});
      if (!best || (named && !has(best->name, {"time", "date", "datum", "timestamp", "일시", "시간", "날짜", "일자"})))
        best = &one;
    }
    return best;
  }

  static const Seen* find_identity(const std::vector<Seen>& fields, const Seen* moment) {
    const auto named = [](const Seen& one) {
      const std::string_view name = last_part(one.name);
      return among(name, {"id", "nr", "code", "key", "number", "no", "station_id", "globalid", "gid", "fid", "uuid",
                          "objectid", "stop_id", "@id"}) ||
             lower(name).ends_with("_id") || lower(name).ends_with("nr") || lower(name).ends_with("number") ||
             has(name, {"번호", "코드"});
    };
    for (const bool unique : {true, false}) {
      for (const Seen& one : fields) {
        if (one.name.find_first_of("{}") != one.name.npos) continue;  // no template can name it
        const bool fits = one.empty == 0 && one.present > 0 && (unique ? one.is_unique() : moment != nullptr);
        if (&one != moment && named(one) && fits) return &one;
      }
    }
    for (const Seen& one : fields) {
      if (one.name.find_first_of("{}") != one.name.npos) continue;
      if (&one != moment && one.is_unique() && !one.geometry && !one.any_numbers() && one.moments == 0) return &one;
    }
    // A series: what repeats over time, in words.
    for (const Seen& one : fields) {
      if (moment && &one != moment && one.empty == 0 && one.present > 0 && one.numbers == 0 &&
          one.distinct.size() > 1 && one.distinct.size() < one.present / 2 + 1 && one.moments < one.present)
        return &one;
    }
    return nullptr;
  }

  void place(const std::vector<Seen>& fields, std::set<const Seen*>& taken) {
    const Seen *x = nullptr, *y = nullptr;
    for (const Seen& one : fields) {
      if (one.geometry && out_.feed.location.field.empty()) {
        out_.feed.location.field = one.name;
        taken.insert(&one);
        return;
      }
      if (!x && one.all(one.numbers) &&
          among(one.name, {"lon", "lng", "long", "longitude", "x", "경도", "stop_lon", "e", "easting"}))
        x = &one;
      if (!y && one.all(one.numbers) && among(one.name, {"lat", "latitude", "y", "위도", "stop_lat", "n", "northing"}))
        y = &one;
    }
    if (!x || !y) return;
    out_.feed.location.x = x->name, out_.feed.location.y = y->name;
    taken.insert(x), taken.insert(y);
    const bool degrees = x->least >= -180 && x->greatest <= 180 && y->least >= -90 && y->greatest <= 90;
    if (!degrees) {
      const bool swiss = x->least > 2.4e6 && x->greatest < 2.9e6 && y->least > 1.0e6 && y->greatest < 1.4e6;
      out_.feed.location.crs = swiss ? "EPSG:2056" : "EPSG:5186";
      out_.remarks.push_back(std::string("The coordinates are no degrees: \"crs\" is a guess (") +
                             out_.feed.location.crs + ").");
    }
  }

  Proposal& out_;
};

}  // namespace

base::Result<Proposal> propose(std::string_view name, std::string_view begin, const Layout& layout) {
  Proposal made;
  std::string kind = layout.kind;
  if (kind.empty()) {
    MADANG_TRY(kind, kind_of(layout, name, {}, begin));
  }
  MADANG_TRY(MomentReader moments, MomentReader::make({}, "UTC", true));
  std::vector<Seen> fields;
  formats::RecordReader* reading = nullptr;
  made.feed.layout = layout;
  made.feed.layout.kind = kind;
  if (layout.encoding.empty() && (kind == "json" || kind == "ndjson")) {
    const formats::DetectedEncoding found = formats::detect_encoding(begin);
    if (found.encoding != formats::Encoding::utf8 && !found.ascii) {
      made.feed.layout.encoding = formats::encoding_name(found.encoding);
      made.remarks.push_back("JSON is to be UTF-8, and this is " + made.feed.layout.encoding +
                             ", as far as can be told.");
    }
  }
  MADANG_TRY(const auto reader, make_reader(made.feed.layout, kind, [&](const formats::Record& record) {
               if (record.problem || made.records >= kRecords) return;
               ++made.records;
               for (const formats::Field& field : record.fields) {
                 for (auto next = static_cast<std::uint32_t>(fields.size()); next <= field.column; ++next)
                   fields.emplace_back().name = reading->columns().name(next);
                 look(fields[field.column], field, moments);
               }
             }));
  reading = reader.get();
  MADANG_CHECK(reader->push(begin));
  (void)reader->finish();  // of a beginning the end may be cut
  if (made.records == 0)
    return base::error(base::Code::bad_request_data, "No record could be read.", std::string(name));
  for (Seen& one : fields) one.empty = made.records - one.present;  // records that do not have it at all, too
  unwrap_features(fields);
  made.format = describe(*reader, kind);
  Proposer proposer(name, made);
  if (kind != "gtfs" || !proposer.decide_table(fields)) proposer.decide(fields);
  return made;
}

}  // namespace madang::connect
