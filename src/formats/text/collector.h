#pragma once
// The fields of one record as they come, for sources that are trees: texts in one buffer, limits kept.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/formats/record.h"

namespace madang::formats::text {

class Collector {
 public:
  Collector(TakeRecord take, const RecordLimits& limits) : take_(std::move(take)), limits_(limits) {}

  Columns& columns() { return columns_; }
  const Columns& columns() const { return columns_; }

  void begin(std::uint64_t line) {
    line_ = line;
    text_.clear();
    cells_.clear();
    problem_.reset();
  }
  /// `where` says the place of a field beyond a limit.
  void add(std::string_view column, FieldKind kind, std::string_view text) {
    if (problem_) return;
    if (cells_.size() == limits_.columns) return fail(too_many());
    if (text.size() > limits_.field_bytes) {
      return fail(base::error(base::Code::too_large,
                              "the field is longer than " + std::to_string(limits_.field_bytes) + " bytes",
                              at(column)));
    }
    if (text_.size() + text.size() > limits_.record_bytes) {
      return fail(base::error(base::Code::too_large,
                              "the record is longer than " + std::to_string(limits_.record_bytes) + " bytes",
                              at(column)));
    }
    auto number = columns_.find(column);
    if (!number) {
      if (columns_.size() == limits_.columns) return fail(too_many());
      number = columns_.add(column);
    }
    cells_.push_back({*number, kind, text_.size(), text.size()});
    text_.append(text);
  }
  /// The first one counts.
  void fail(base::Error problem) {
    if (problem.where.empty()) problem.where = "line " + std::to_string(line_);
    if (!problem_) problem_ = std::move(problem);
  }
  bool failed() const { return problem_.has_value(); }
  void end() {
    fields_.clear();
    for (const Cell& cell : cells_) {
      fields_.push_back({cell.column, cell.kind, std::string_view(text_).substr(cell.begin, cell.size)});
    }
    take_({.number = ++number_, .line = line_, .fields = fields_, .problem = problem_ ? &*problem_ : nullptr});
  }

 private:
  struct Cell {
    std::uint32_t column;
    FieldKind kind;
    std::size_t begin, size;
  };
  std::string at(std::string_view column) const {
    return "line " + std::to_string(line_) + ", " + std::string(column.substr(0, 200));
  }
  base::Error too_many() const {
    return base::error(base::Code::too_large, "more than " + std::to_string(limits_.columns) + " fields");
  }

  TakeRecord take_;
  RecordLimits limits_;
  Columns columns_;
  std::string text_;
  std::vector<Cell> cells_;
  std::vector<Field> fields_;
  std::optional<base::Error> problem_;
  std::uint64_t line_ = 0, number_ = 0;
};

}  // namespace madang::formats::text
