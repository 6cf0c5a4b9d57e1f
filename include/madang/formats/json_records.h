#pragma once
// Records out of any JSON: those of an array (or the members of an object) at a path in a document of any size, or one
// document a line.

#include <memory>
#include <optional>
#include <string>

#include "madang/formats/encoding.h"
#include "madang/formats/record.h"

namespace madang::formats {

struct JsonOptions {
  /// "data/stations": member names from the root down, * for any member or element, ~1 for a / in a name and ~0 for a ~
  /// (RFC 6901). An array there holds the records; anything else there is one. Empty: the document is an array of
  /// objects, a FeatureCollection, one object, or one object after another (NDJSON).
  std::string record{};
  bool lines = false;  // every line is a record, so that a broken one spoils no other; found out where it looks so
  std::optional<Encoding> encoding{};  // where it is not UTF-8, against RFC 8259
  RecordLimits limits{};
};

/// Fields: members by their paths below the record ("name", "properties/name", names escaped as above). Objects are
/// given whole, as json, and again member by member; arrays whole. "@key" is the record's name where the path ends with
/// *, "." the record itself where it is no object.
class JsonReader : public RecordReader {
 public:
  /// bad_request_data for a path that is none, or for a path together with lines.
  static base::Result<std::unique_ptr<JsonReader>> make(TakeRecord take, JsonOptions options);
  ~JsonReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;

 private:
  struct Impl;
  explicit JsonReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
