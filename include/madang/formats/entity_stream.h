#pragma once
// Cuts a stream of JSON into its entities (or features), however they are wrapped: one a line, one after another, one
// array, one object, or a GeoJSON FeatureCollection (RFC 7946). Bounded memory, whatever the size of the file.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::formats {

/// One element as it stands in the file. `json` is valid during the call only.
struct StreamItem {
  std::string_view json;
  std::uint64_t line = 1;  // where it begins, from 1
  bool too_large = false;  // larger than the limit: `json` holds its beginning
};

/// Push bytes, get items. An item is only known to have its brackets and quotes in order: whoever reads it checks it.
/// Once the first element has stood on a line of its own, a line is an element, so that a broken one spoils no other.
class EntityStream {
 public:
  using Take = std::function<void(const StreamItem&)>;
  static constexpr std::size_t kItemBytes = 8u << 20;

  /// `lines`: every line is an element from the first on (.ndjson, .jsonl, .geojsonl).
  explicit EntityStream(Take take, bool lines = false, std::size_t item_bytes = kItemBytes);

  /// bad_request_data, with the line as `where`, where the stream cannot be understood from here on.
  base::Status push(std::string_view bytes);
  /// The end: complains where something is still open.
  base::Status finish();

 private:
  enum class Shape : std::uint8_t { unknown, sequence, lines, array, collection, collection_rest, done };

  base::Status between(char c);
  std::size_t scan_item(std::string_view bytes, std::size_t at);
  std::size_t scan_line(std::string_view bytes, std::size_t at);
  std::size_t scan_rest(std::string_view bytes, std::size_t at);
  bool in_string(char c);
  bool opens_features(char c);
  void begin_item();
  void keep(std::string_view bytes);
  void emit();
  base::Error broken(std::string what) const;

  Take take_;
  std::size_t item_bytes_;
  Shape shape_;
  std::string item_;   // what has come of the open item
  bool open_ = false;  // inside an item
  bool too_large_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool comma_due_ = false;  // between two elements of an array
  int depth_ = 0;           // of brackets, within the item
  std::uint64_t line_ = 1;
  std::uint64_t item_line_ = 1;
  // The first object may turn out to be a FeatureCollection: its own members are watched.
  bool watching_ = true;
  bool root_has_id_ = false;  // then it is an entity that happens to have "features"
  std::string root_text_, root_key_;
};

}  // namespace madang::formats
