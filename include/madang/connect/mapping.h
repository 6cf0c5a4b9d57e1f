#pragma once
// From a record to an entity: a declaration, compiled. Pure: no clock, no I/O.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/time.h"
#include "madang/connect/declaration.h"
#include "madang/formats/record.h"

namespace madang::connect {

/// What was wrong with one value. The rest of its record stands.
struct Problem {
  enum class Kind : std::uint8_t {
    missing,      // there is no value: empty, or one that stands for none
    invalid,      // is not what it should be
    out_of_range  // is not to be believed
  };
  Kind kind = Kind::invalid;
  std::uint32_t attribute = 0;  // place in Declaration::attributes; kLocation
  std::string what;             // "\"n/a\" is no number"
};
inline constexpr std::uint32_t kLocation = 0xffffffff;

/// A record as it was understood.
struct Mapped {
  bool passed_over = false;  // by `only` or `except`
  std::string_view id;       // of the entity
  std::string_view json;     // the entity, concise NGSI-LD; the caller adds the closing brace
  std::optional<base::Timestamp> observed;
  std::uint32_t values = 0;       // attributes it says something of, the location counted
  std::vector<Problem> problems;  // reused between records
  /// Of attributes with rules over time (step, frozen): the numbers.
  struct Watched {
    std::uint32_t attribute = 0;
    double number = 0;
    base::Timestamp observed;
  };
  std::vector<Watched> watched;
};

class Mapping {
 public:
  /// bad_request_data with the place in the declaration: an unknown time zone, a template that is none.
  static base::Result<Mapping> make(const Declaration& feed);
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  ~Mapping();

  /// The fields that records need, each once.
  const std::vector<std::string>& fields() const;
  /// Another input, with columns of its own, begins: of this name, which "@topic" stands for, and "@topic/1" for its
  /// first part between slashes. "@record" is the record's number in it.
  void begin(std::string_view name = {});
  /// Maps one record of an input with these columns. An error: nothing can be made of it, and why. `out` is reused; its
  /// views live until the next call.
  base::Status map(const formats::Record& record, const formats::Columns& columns, Mapped& out);

 private:
  struct Impl;
  explicit Mapping(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::connect
