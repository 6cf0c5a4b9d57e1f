#pragma once
// JSON values of attributes as compact text, through simdjson's on-demand parser. Every byte is visited and so
// validated.

#include <string>

#include <simdjson.h>

#include "madang/ngsi/change.h"

#include "json_path.h"

namespace madang::ngsi {

/// What is wrong at a place of a document.
base::Error bad_at(const JsonPath& path, std::string message, base::Code code = base::Code::bad_request_data);
base::Error broken_at(const JsonPath& path, simdjson::error_code code);
base::Error duplicate_at(const JsonPath& path, std::string_view key);

class ValueCopier {
 public:
  /// `path`: where the reader is; both must outlive it.
  ValueCopier(const EntityLimits& limits, JsonPath& path) : limits_(limits), path_(path) {}

  /// Appends `value`, keys as written. `depth`: levels of nesting around it. `nulls`: whether the NGSI-LD null may
  /// stand inside objects and as an element of a list that is the whole value. After an error `out` holds half a value.
  base::Status copy(simdjson::ondemand::value& value, std::string& out, std::size_t depth, bool nulls);
  /// The same for JSON that JSON-LD does not look into: there null is a value like others (clause 4.5.0).
  base::Status copy_raw(simdjson::ondemand::value& value, std::string& out, std::size_t depth, bool nulls);
  /// Visits without keeping: members that are ignored must still be JSON.
  base::Status skip(simdjson::ondemand::value& value, std::size_t depth);
  /// The same for what is kept already: the NGSI-LD null is a text, and null a value where `raw`.
  base::Status check(simdjson::ondemand::value& value, bool raw);

  // Of the last value:
  bool saw_object() const { return saw_object_; }
  bool saw_null() const { return saw_null_; }  // the NGSI-LD null, inside

 private:
  enum class Nulls : std::uint8_t { refused, members, texts };  // the NGSI-LD null inside a value
  void begin(std::size_t depth, Nulls nulls, bool raw);
  base::Status copy_any(simdjson::ondemand::value& value, std::string& out);
  base::Status copy_string(simdjson::ondemand::value& value, std::string& out);
  base::Status copy_null(simdjson::ondemand::value& value, std::string& out) const;
  base::Status take_null();
  base::Status copy_number(simdjson::ondemand::value& value, std::string& out) const;
  base::Status copy_array(simdjson::ondemand::value& value, std::string& out);
  base::Status copy_object(simdjson::ondemand::value& value, std::string& out);
  base::Status go_deeper();

  const EntityLimits& limits_;
  JsonPath& path_;
  std::string ignored_;
  std::size_t depth_ = 0, outside_ = 0;
  std::size_t lists_ = 0;  // around where it is
  Nulls nulls_{};
  bool raw_ = false;
  bool saw_object_ = false, saw_null_ = false;
};

}  // namespace madang::ngsi
