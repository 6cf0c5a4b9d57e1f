#pragma once
// XML as events: expat behind our encodings and limits.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/formats/encoding.h"

namespace madang::formats::xml {

class Handler {
 public:
  virtual ~Handler() = default;
  /// `attributes`: name, value, name, value, ..., null.
  virtual void start(std::string_view name, const char** attributes) = 0;
  virtual void end(std::string_view name) = 0;
  virtual void text(std::string_view text) = 0;
};

class Events {
 public:
  /// `depth`: of elements; `token_bytes`: of one tag, comment or the like.
  Events(Handler& handler, std::optional<Encoding> encoding, std::size_t depth, std::size_t token_bytes);
  ~Events();
  base::Status push(std::string_view bytes);
  base::Status finish();
  /// From within an event: no other comes, and push() fails with this.
  void stop(base::Error why);
  std::uint64_t line() const;
  std::string where() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The value of an attribute; null where there is none.
const char* attribute(const char** attributes, std::string_view name);

}  // namespace madang::formats::xml
