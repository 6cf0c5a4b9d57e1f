#pragma once
// A JSON Schema (draft 7) that records are held against.

#include <memory>
#include <string_view>

#include "madang/base/result.h"

namespace madang::connect {

/// Not for several threads at once.
class Schema {
 public:
  /// bad_request_data with the place in the schema: what is no schema, or would cost too much. References stay within
  /// the schema and do not go round in circles; patterns repeat no group that repeats something itself.
  static base::Result<Schema> make(std::string_view json);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  /// bad_request_data with the place in the record (a JSON object), and what is wrong there.
  base::Status check(std::string_view record);

 private:
  struct Impl;
  explicit Schema(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::connect
