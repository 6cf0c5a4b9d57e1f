#pragma once
// Cuts the values at a path out of a JSON document of any size.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::formats {

struct CutItem {
  std::string& json;  // has room for what simdjson wants behind it
  std::string_view key;
  std::uint64_t line = 1;
  bool too_large = false;
};

class PathCutter {
 public:
  using Take = std::function<void(const CutItem&)>;
  /// `steps`: one at least.
  PathCutter(std::vector<std::string> steps, Take take, std::size_t item_bytes, std::size_t depth);
  base::Status push(std::string_view bytes);
  base::Status finish();

 private:
  enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, comma };
  enum class In : std::uint8_t { between, key, string, scalar, item_open, item_string, item_scalar };
  struct Level {
    bool object = false;
    int matched = -1;      // steps that lead here; -1: none does
    bool records = false;  // its elements are records
  };

  base::Status between(char c);
  base::Status end_key();
  base::Status begin_value(char c);
  base::Status close(char c);
  void end_value();
  std::size_t in_string(std::string_view bytes, std::size_t at, std::string* keep, std::size_t most);
  std::size_t in_item(std::string_view bytes, std::size_t at);
  std::size_t in_scalar(std::string_view bytes, std::size_t at, bool keep);
  void keep(std::string_view bytes);
  void end_item();
  base::Error broken(std::string what) const;

  std::vector<std::string> steps_;
  Take take_;
  std::size_t item_bytes_, most_depth_;
  std::vector<Level> open_;
  Expect expect_ = Expect::value;
  In in_ = In::between;
  bool escaped_ = false, inner_string_ = false, too_large_ = false, begun_ = false;
  std::string key_, item_key_, item_;
  std::size_t depth_ = 0;  // of brackets, in an item
  std::uint64_t line_ = 1, item_line_ = 1;
};

}  // namespace madang::formats
