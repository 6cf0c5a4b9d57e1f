#pragma once
#include <deque>
#include <string>
#include <vector>

#include <simdjson.h>

#include "madang/base/result.h"
#include "madang/formats/record.h"

namespace madang::connect {

/// Records of dead letters: fields as they were, whatever they had been read from.
class LetterReader {
 public:
  template <class Take>
  base::Status read(const std::string& json, std::uint64_t number, Take&& take) {
    simdjson::dom::object members;
    if (parser_.parse(json).get(members)) return base::error(base::Code::corrupt, "A dead letter is no JSON object.");
    fields_.clear(), texts_.clear();
    for (const auto& [key, value] : members) {
      formats::Field& field = fields_.emplace_back();
      field.column = columns_.add(key);
      std::string_view text;
      if (!value.get(text)) {
        field.text = text;
        continue;
      }
      field.kind = value.is_null()                         ? formats::FieldKind::null
                   : value.is_bool()                       ? formats::FieldKind::boolean
                   : value.is_array() || value.is_object() ? formats::FieldKind::json
                                                           : formats::FieldKind::number;
      if (!value.is_null()) field.text = texts_.emplace_back(simdjson::minify(value));
    }
    formats::Record record;
    record.number = number;
    record.fields = fields_;
    return take(record);
  }
  const formats::Columns& columns() const { return columns_; }

 private:
  simdjson::dom::parser parser_;
  formats::Columns columns_;
  std::vector<formats::Field> fields_;
  std::deque<std::string> texts_;
};

}  // namespace madang::connect
