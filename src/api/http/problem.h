#pragma once
// Errors as answers: status, ETSI error type (clauses 5.5.2, 6.3.2) and a problem document (RFC 9457).

#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::api {

inline constexpr std::string_view kProblemType = "application/problem+json";

struct ErrorKind {
  int status;
  std::string_view type;  // the last part of the ETSI URI, or "about:blank" where ETSI defines none
  std::string_view title;
};
const ErrorKind& kind_of(base::Code code);

/// {"type","title","detail","status"} and, where the place is known, "pointer" (JSON pointer into the body),
/// "parameter" with "column", or "where".
void append_problem(std::string& out, const base::Error& error);
/// `members`: further members, each with a comma before it.
void append_problem(std::string& out, const base::Error& error, std::string_view members);

}  // namespace madang::api
