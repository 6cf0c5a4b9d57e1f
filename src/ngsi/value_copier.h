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
  /// stand inside objects and lists. After an error `out` holds half a value.
  base::Status copy(simdjson::ondemand::value& value, std::string& out, std::size_t depth, bool nulls);
  /// Visits without keeping: members that are ignored must still be JSON.
  base::Status skip(simdjson::ondemand::value& value, std::size_t depth);

  bool saw_object() const { return saw_object_; }  // in the last value

 private:
  base::Status copy_any(simdjson::ondemand::value& value, std::string& out);
  base::Status copy_string(simdjson::ondemand::value& value, std::string& out) const;
  base::Status copy_number(simdjson::ondemand::value& value, std::string& out) const;
  base::Status copy_array(simdjson::ondemand::value& value, std::string& out);
  base::Status copy_object(simdjson::ondemand::value& value, std::string& out);
  base::Status go_deeper();

  const EntityLimits& limits_;
  JsonPath& path_;
  std::string ignored_;
  std::size_t depth_ = 0, outside_ = 0;
  bool nulls_ = false;
  bool saw_object_ = false;
};

}  // namespace madang::ngsi
