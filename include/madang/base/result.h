#pragma once
// One result type for the whole house: a value, or an error with a closed set of codes, a sentence for a person
// and the place in the input. No exception crosses a room's border.

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace madang::base {

/// What went wrong, in terms every surface can translate (the HTTP edge maps them to status and ETSI error type).
enum class Code : std::uint8_t {
  invalid_request,         // the request cannot be understood: broken JSON, wrong structure
  bad_request_data,        // understood, but the content is not acceptable
  not_found,               // the named thing does not exist
  already_exists,          // the named thing exists
  conflict,                // contradicts what is there
  precondition_failed,     // If-Match and its kin
  not_supported,           // defined by the standard, not offered (yet)
  unprocessable,           // offered, but not for this thing
  too_complex,             // would cost more than the limits allow
  too_large,               // larger than a limit
  too_many_results,        //
  context_not_available,   // a remote @context could not be had
  nonexistent_tenant,      //
  unsupported_media_type,  //
  not_acceptable,          //
  method_not_allowed,      //
  uri_too_long,            //
  headers_too_large,       //
  unauthenticated,         // who are you?
  forbidden,               // you may not
  too_many_requests,       // slow down; a quota or an admission limit
  unavailable,             // try later: starting, draining, the outcome is unknown
  insufficient_storage,    // memory cap or disk full
  timeout,                 //
  io,                      // the operating system refused
  corrupt,                 // stored data fails its checks
  newer_format,            // stored by a newer version
  internal,                // a fault of ours
};

/// The code's name as written above ("not_found").
std::string_view code_name(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;  // a sentence for a person: what is wrong and, where known, what to do
  std::string where;    // JSON pointer ("/location/value"), query column ("q:7"), file and offset; may be empty
};

inline Error error(Code code, std::string message, std::string where = {}) {
  return Error{code, std::move(message), std::move(where)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Result(Error failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  /// By value, so that `for (auto& x : f().value())` holds on to it.
  T value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return assert(!ok()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error failure) : error_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return assert(error_), *error_; }
  Error&& error() && { return assert(error_), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace madang::base

/// `MADANG_TRY(auto x, f());` takes the value of a Result or returns its error from the enclosing function.
#define MADANG_TRY(declaration, expression) \
  MADANG_TRY_IMPL(MADANG_CONCAT(madang_try_, __LINE__), declaration, expression)
#define MADANG_TRY_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return std::move(temporary).error(); \
  declaration = std::move(temporary).value()

/// `MADANG_CHECK(f());` returns the error of a Status (or any Result) from the enclosing function.
#define MADANG_CHECK(expression)                                                                         \
  do {                                                                                                   \
    if (auto madang_status = (expression); !madang_status.ok()) return std::move(madang_status).error(); \
  } while (false)

#define MADANG_CONCAT(a, b) MADANG_CONCAT_IMPL(a, b)
#define MADANG_CONCAT_IMPL(a, b) a##b
