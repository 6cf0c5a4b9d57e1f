#pragma once
// One instance of an attribute in the past, as it goes from the journal to memory, to blocks on disk and to an answer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/time.h"
#include "madang/ngsi/entity.h"

#include "number.h"

namespace madang::history {

/// Entity number << 24 | number of the field in that entity: instances of one attribute and datasetId. Field 0 is the
/// scope.
using SeriesId = std::uint64_t;
inline constexpr int kFieldBits = 24;
inline constexpr std::uint32_t kScopeField = 0;
inline SeriesId series_of(std::uint64_t entity, std::uint32_t field) {
  return entity << kFieldBits | field;
}
inline std::uint64_t entity_of(SeriesId series) {
  return series >> kFieldBits;
}
inline std::uint32_t field_of(SeriesId series) {
  return static_cast<std::uint32_t>(series & ((1u << kFieldBits) - 1));
}

/// A time that is not there.
inline constexpr std::int64_t kNoTime = INT64_MIN;

/// Texts lie elsewhere (a memory table's arena, a block being read) and must outlive it.
struct Row {
  SeriesId series = 0;
  std::uint64_t position = 0;  // with index: the instance's id
  std::int64_t created = 0, modified = 0, observed = kNoTime;
  std::int64_t deleted = kNoTime, expires = kNoTime;
  std::int64_t mantissa = 0;
  std::string_view text;  // the value as JSON where it is no decimal number
  std::string_view meta;  // see append_meta()
  std::string_view subs;  // see append_subs(); empty: none
  std::uint32_t index = 0;
  std::uint32_t before = 0;  // in a memory table: the entity's row before, counted from 1
  std::uint8_t digits = 0;
  bool is_number = false;

  Decimal number() const { return {mantissa, digits}; }
  void set_value(std::string_view json) {
    if (const auto decimal = parse_decimal(json)) {
      is_number = true, mantissa = decimal->mantissa, digits = decimal->digits, text = {};
    } else {
      is_number = false, text = json;
    }
  }
};

/// What instances of one series mostly share: kind, flags, unitCode, type of the value, extras.
struct Meta {
  ngsi::Kind kind = ngsi::Kind::property;
  bool nested_keys = false, foreign_keys = false;
  std::string_view unit_code, value_type, extras;
};
void append_meta(std::string& out, const Meta& meta);
std::optional<Meta> read_meta(std::string_view bytes);

/// Sub-attributes with everything below them, times told from those of their owner. `instance` is of a block whose
/// symbols are history's own.
void append_subs(std::string& out, const ngsi::AttributeView& instance);
/// Gives them to the builder, between begin_instance and end_instance of their owner. False where the bytes are broken.
class NameMap;
bool build_subs(std::string_view bytes, const ngsi::EntityBuilder::Instance& owner, NameMap& names,
                ngsi::EntityBuilder& builder);
bool check_subs(std::string_view bytes);  // that build_subs() would read them

/// History's symbols as those of somebody's table.
class NameMap {
 public:
  NameMap(const ngsi::SymbolTable& from, ngsi::SymbolTable& to) : from_(from), to_(to) {}
  /// Symbol::none where the other table is full: error() tells.
  ngsi::Symbol operator()(ngsi::Symbol ours);
  const std::optional<base::Error>& error() const { return error_; }
  const ngsi::SymbolTable& from() const { return from_; }

 private:
  const ngsi::SymbolTable& from_;
  ngsi::SymbolTable& to_;
  std::vector<std::pair<ngsi::Symbol, ngsi::Symbol>> known_;
  std::optional<base::Error> error_;
};

}  // namespace madang::history
