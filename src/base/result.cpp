#include "madang/base/result.h"

namespace madang::base {

std::string_view code_name(Code code) {
  switch (code) {  // no default: the compiler tells where a new code lacks its name
    case Code::invalid_request:
      return "invalid_request";
    case Code::bad_request_data:
      return "bad_request_data";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::conflict:
      return "conflict";
    case Code::precondition_failed:
      return "precondition_failed";
    case Code::not_supported:
      return "not_supported";
    case Code::unprocessable:
      return "unprocessable";
    case Code::too_complex:
      return "too_complex";
    case Code::too_large:
      return "too_large";
    case Code::too_many_results:
      return "too_many_results";
    case Code::context_not_available:
      return "context_not_available";
    case Code::nonexistent_tenant:
      return "nonexistent_tenant";
    case Code::unsupported_media_type:
      return "unsupported_media_type";
    case Code::not_acceptable:
      return "not_acceptable";
    case Code::method_not_allowed:
      return "method_not_allowed";
    case Code::uri_too_long:
      return "uri_too_long";
    case Code::headers_too_large:
      return "headers_too_large";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::forbidden:
      return "forbidden";
    case Code::too_many_requests:
      return "too_many_requests";
    case Code::unavailable:
      return "unavailable";
    case Code::insufficient_storage:
      return "insufficient_storage";
    case Code::timeout:
      return "timeout";
    case Code::io:
      return "io";
    case Code::corrupt:
      return "corrupt";
    case Code::newer_format:
      return "newer_format";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace madang::base
