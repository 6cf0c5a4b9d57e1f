#pragma once
// What tabular and tree sources have in common: records of fields. A reader takes bytes in pieces and calls back for
// every record; columns are numbered as they are met, so that a mapping looks a name up once and not once a record.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::formats {

enum class FieldKind : std::uint8_t {
  text,     // UTF-8
  number,   // as JSON writes it
  boolean,  // "true" or "false"
  null,     // said to be nothing; the text is empty
  json,     // an object or array, as it stands in the source
};

struct Field {
  std::uint32_t column = 0;
  FieldKind kind = FieldKind::text;
  std::string_view text;
};

/// Valid during the call only. A source may have one column twice in a record (repeated elements of XML).
struct Record {
  std::uint64_t number = 0;  // from 1
  std::uint64_t line = 0;    // on which it begins, from 1
  std::span<const Field> fields{};
  /// The record cannot be used, and why; `where` says line and column. The fields are what could be read of it, and
  /// their text may be no UTF-8. The records after it are not touched.
  const base::Error* problem = nullptr;

  /// The first field of the column; null where the record has none.
  const Field* find(std::uint32_t column) const {
    // Tables have the field of a column in its place.
    if (column < fields.size() && fields[column].column == column) return &fields[column];
    for (const Field& field : fields) {
      if (field.column == column) return &field;
    }
    return nullptr;
  }
};

/// Names of columns: of a header, or paths within a record ("geometry/coordinates", "enclosure/@url").
class Columns {
 public:
  std::size_t size() const { return names_.size(); }
  const std::string& name(std::uint32_t column) const { return names_[column]; }
  const std::vector<std::string>& names() const { return names_; }
  std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
  }
  /// The column's number, new or not.
  std::uint32_t add(std::string_view name) {
    if (const auto known = find(name)) return *known;
    const auto number = static_cast<std::uint32_t>(names_.size());
    names_.emplace_back(name);
    numbers_.emplace(names_.back(), number);
    return number;
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
};

using TakeRecord = std::function<void(const Record&)>;

/// Beyond a limit a record has a problem (and is skipped to its end) or, where its end cannot be told, the reader
/// fails.
struct RecordLimits {
  std::size_t field_bytes = 1u << 20;
  std::size_t record_bytes = 8u << 20;
  std::size_t columns = 10'000;  // also fields of a record
  std::size_t depth = 64;        // of trees
};

/// Memory is bounded by the limits, whatever the size of the source.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  /// Fails, with line and column as `where`, once the source cannot be understood from here on; then no more may be
  /// pushed.
  virtual base::Status push(std::string_view bytes) = 0;
  /// The end: gives the last record, complains where something is still open.
  virtual base::Status finish() = 0;
  /// Those met so far; grows, and never renumbers.
  virtual const Columns& columns() const = 0;
};

}  // namespace madang::formats
