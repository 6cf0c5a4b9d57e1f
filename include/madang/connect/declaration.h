#pragma once
// A feed as its owner declares it: where records come from, how they are written, which entities they make, and what
// is to be believed. One JSON object by the API, one [[feed]] block of the configuration: the same members
// (docs/reference/feeds.md).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/result.h"

namespace madang::connect {

/// Where records come from.
struct Source {
  enum class Kind : std::uint8_t {
    file,    // one file, read again where it changed
    folder,  // every file of it that fits `pattern`, each once, and again where it changed
    url,     // an HTTP(S) address that is asked every so often
    mqtt,    // a topic filter of a broker
    push     // nobody is asked: records are sent to the feed
  };
  Kind kind = Kind::push;
  std::string place;                                         // path or address; of MQTT with the filter of topics
  std::string pattern = "*";                                 // of a folder: names with * and ?
  std::vector<std::pair<std::string, std::string>> headers;  // of a URL; a value "$NAME" is the environment's
};
std::string_view source_name(Source::Kind kind);

/// How records are written. What is not said is found out from the data.
struct Layout {
  std::string kind;               // "csv", "json", "ndjson", "geojson", "xml", ...; empty: by name and content
  std::string encoding;           // "utf-8", "windows-1252", "cp949", ...; empty: found out
  std::optional<char> delimiter;  // of csv
  std::optional<bool> header;     // of csv: the first row names the columns; else they are "1", "2", ...
  std::size_t skip = 0;           // lines before it
  std::string records;            // json, xml: the path of the array or element that repeats ("data/stations")
  std::string file;               // of a zip that has several: the name of the one that is meant
};

/// A condition on one field of a record.
struct Condition {
  std::string field;
  std::vector<std::string> values;  // one of these
  bool operator==(const Condition&) const = default;
};

/// What an attribute's value is made of.
enum class ValueKind : std::uint8_t {
  automatic,  // a number where all of it is one, else text
  number,
  text,
  boolean,
  time,          // ISO 8601 in UTC as the value
  json,          // as it stands
  relationship,  // the URI of another entity
  list,          // of texts, parted by `split`
  language       // one text in several languages
};

/// How moments are written.
struct TimeField {
  std::string field;   // may be several, joined by a blank: "{Date} {Time}"
  std::string format;  // as formats::TimePattern has it ("%d.%m.%Y %H:%M", "epoch"); empty: found out from what comes
  std::string zone;    // IANA name; empty: the feed's
};

struct AttributeRule {
  std::string name;       // of the attribute, as the feed's context has it
  std::string from;       // a field, or a template of several: "{street} {number}"
  bool constant = false;  // `from` is the value itself
  ValueKind kind = ValueKind::automatic;
  std::string unit;                  // UN/CEFACT code
  std::vector<Condition> where;      // else the record says nothing of it: for one value a row (parameter, value)
  std::vector<std::string> missing;  // besides the feed's
  std::vector<std::pair<std::string, std::string>> words;      // values that stand for others
  std::string otherwise;                                       // where `words` has none; empty: as it is
  double factor = 1, offset = 0;                               // value × factor + offset
  char split = ',';                                            // of a list
  std::vector<std::pair<std::string, std::string>> languages;  // language and field (or template)
  std::string target;                     // of a relationship: a template around the value; empty: the value is a URI
  std::optional<double> least, greatest;  // outside: not believed
  std::optional<double> step;             // a jump from the value before greater than that: doubted, and said
  std::chrono::seconds frozen{0};         // unchanged for longer: doubted, and said; 0: never
  std::optional<TimeField> observed;      // of this attribute alone
  /// It has the record's moment. Not said: but for constants, languages and relationships, which rarely change with it.
  std::optional<bool> timed;
  bool is_timed() const {
    return timed.value_or(!constant && kind != ValueKind::language && kind != ValueKind::relationship);
  }
};

/// Where a thing is.
struct LocationRule {
  std::string field;  // a geometry: GeoJSON, WKT, or the format's own
  std::string x, y;   // or two columns: longitude and latitude, easting and northing
  std::string crs = "EPSG:4326";
  bool moves = false;  // it was there at the record's moment
  bool given() const { return !field.empty() || !x.empty(); }
};

struct Declaration {
  std::string id;  // letters, digits, - and _
  std::string tenant;
  std::string name, name_ko;  // for people
  std::string owner, licence, attribution;
  Source source;
  std::chrono::seconds every{60};
  Layout layout;
  std::string context;   // URL for names of types and attributes; empty: the server's
  std::string type;      // of the entities
  std::string identity;  // template: "urn:ngsi-ld:ParkingSpot:{Nr}"
  std::vector<std::string> scopes;
  std::string zone = "UTC";
  char decimal = '.';
  bool day_first = true;  // of dates such as 3/4/2021 without a format
  std::vector<std::string> missing{"", "NA", "N/A", "NaN", "null", "-"};
  std::vector<Condition> only, except;
  std::optional<TimeField> observed;
  LocationRule location;
  std::vector<AttributeRule> attributes;
  bool keep_unchanged = false;  // a value like the one before, of the same moment, is a value again
  double complete = 0;          // share of attributes that a good record has; below: said
  std::string schema;           // JSON Schema (draft 7) of a record, as JSON text; empty: none
  bool paused = false;

  /// Its own entity, by which entities say who provided them.
  std::string entity_id() const { return "urn:ngsi-ld:Feed:" + id; }
  std::string quality_id() const { return "urn:ngsi-ld:DataQualityAssessment:" + id; }
};

struct DeclarationLimits {
  std::size_t bytes = 256 << 10;
  std::size_t attributes = 500;
  std::size_t text_bytes = 4'096;
  std::size_t list = 1'000;
};

/// Reads a declaration from JSON text. bad_request_data with the place of what is wrong, and what could stand there.
base::Result<Declaration> read_declaration(std::string_view json, const DeclarationLimits& limits = {});
/// The same back as JSON. Not with `secrets`, values of headers and passwords of addresses are "***".
std::string write_declaration(const Declaration& feed, bool secrets = false);

}  // namespace madang::connect
