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
  void add(std::string_view column, FieldKind kind, std::string_view text) {
    const auto number = fits(column, kind, text.size());
    if (!number) return;
    if (text_.size() + text.size() > limits_.record_bytes) {
      return fail(base::error(base::Code::too_large,
                              "the record is longer than " + std::to_string(limits_.record_bytes) + " bytes",
                              at(column)));
    }
    cells_.push_back({*number, kind, text_.size(), text.size(), nullptr});
    text_.append(text);
  }
  /// The same for a text that stays where it is until the end of the record.
  void add_view(std::string_view column, FieldKind kind, std::string_view text) {
    if (const auto number = fits(column, kind, text.size()))
      cells_.push_back({*number, kind, 0, text.size(), text.data()});
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
      fields_.push_back(
          {cell.column, cell.kind, {cell.view != nullptr ? cell.view : text_.data() + cell.begin, cell.size}});
    }
    take_({.number = ++number_, .line = line_, .fields = fields_, .problem = problem_ ? &*problem_ : nullptr});
  }

 private:
  struct Cell {
    std::uint32_t column;
    FieldKind kind;
    std::size_t begin, size;
    const char* view;  // else it begins in text_
  };
  /// The column's number; nothing once a limit is passed.
  std::optional<std::uint32_t> fits(std::string_view column, FieldKind kind, std::size_t size) {
    if (problem_) return std::nullopt;
    if (kind != FieldKind::json && size > limits_.field_bytes) {
      fail(base::error(base::Code::too_large,
                       "the field is longer than " + std::to_string(limits_.field_bytes) + " bytes", at(column)));
      return std::nullopt;
    }
    const auto known = columns_.find(column);
    if (cells_.size() == limits_.columns || (!known && columns_.size() == limits_.columns)) {
      fail(base::error(base::Code::too_large, "more than " + std::to_string(limits_.columns) + " fields"));
      return std::nullopt;
    }
    return known ? known : columns_.add(column);
  }
  std::string at(std::string_view column) const {
    return "line " + std::to_string(line_) + ", " + std::string(column.substr(0, 200));
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
