#include "http/problem.h"

#include <algorithm>
#include <array>

#include "madang/base/json.h"
#include "madang/base/uri.h"

namespace madang::api {
namespace {

using base::Code;

constexpr std::string_view kBlank = "about:blank";
constexpr std::string_view kEtsi = "https://uri.etsi.org/ngsi-ld/errors/";

struct Row {
  Code code;
  ErrorKind kind;
};

// In the order of base::Code.
constexpr Row kRows[] = {
    {Code::invalid_request, {400, "InvalidRequest", "The request cannot be understood"}},
    {Code::bad_request_data, {400, "BadRequestData", "The request's content is not acceptable"}},
    {Code::not_found, {404, "ResourceNotFound", "There is no such thing"}},
    {Code::already_exists, {409, "AlreadyExists", "It exists already"}},
    {Code::conflict, {409, "Conflict", "It contradicts what is there"}},
    {Code::precondition_failed, {412, kBlank, "A precondition does not hold"}},
    {Code::not_supported, {501, "OperationNotSupported", "Not offered yet"}},
    {Code::unprocessable, {422, "OperationNotSupported", "Not offered for this"}},
    {Code::too_complex, {403, "TooComplexQuery", "The question is too complex"}},
    {Code::too_large, {413, kBlank, "Too large"}},
    {Code::too_many_results, {403, "TooManyResults", "Too many results"}},
    {Code::context_not_available, {504, "LdContextNotAvailable", "A JSON-LD context could not be had"}},
    {Code::nonexistent_tenant, {404, "NonexistentTenant", "There is no such tenant"}},
    {Code::unsupported_media_type, {415, kBlank, "The media type of the body is not taken here"}},
    {Code::not_acceptable, {406, kBlank, "There is no representation that the client accepts"}},
    {Code::method_not_allowed, {405, kBlank, "The method is not allowed here"}},
    {Code::uri_too_long, {414, kBlank, "The target is too long"}},
    {Code::headers_too_large, {431, kBlank, "The headers are too large"}},
    {Code::unauthenticated, {401, kBlank, "Authentication is needed"}},
    {Code::forbidden, {403, kBlank, "Not allowed"}},
    {Code::too_many_requests, {429, kBlank, "Too many requests"}},
    {Code::unavailable, {503, kBlank, "Not available now"}},
    {Code::insufficient_storage, {507, kBlank, "No room left"}},
    {Code::timeout, {503, kBlank, "It took too long"}},
    {Code::io, {500, "InternalError", "The operating system refused"}},
    {Code::corrupt, {500, "InternalError", "Stored data fails its checks"}},
    {Code::newer_format, {500, "InternalError", "Stored data is of a newer version"}},
    {Code::internal, {500, "InternalError", "A fault of the server"}},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<std::size_t>(kRows[i].code) != i) return false;
  }
  return std::size(kRows) == static_cast<std::size_t>(Code::internal) + 1;
}
static_assert(in_order());

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::size_t kLongest = 500;

/// A sentence that quotes what it refuses must not send 10 MB back: cut between characters of UTF-8. What it quotes, a
/// header say, need not be UTF-8; the answer is.
void append_text(std::string& out, std::string_view text) {
  if (!base::is_valid_utf8(text)) return append_text(out, base::as_valid_utf8(text));
  if (text.size() <= kLongest) return base::json::append_string(out, text);
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  base::json::append_string(out, std::string(text.substr(0, end)) + "…");
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_text(out, value);
}

void append_where(std::string& out, std::string_view where) {
  if (where.empty()) return;
  if (where.front() == '/') return append_member(out, "pointer", where);
  const auto colon = where.rfind(':');
  if (colon != where.npos && is_number(where.substr(colon + 1))) {
    append_member(out, "parameter", where.substr(0, colon));
    out += ",\"column\":";
    out += where.substr(colon + 1);
    return;
  }
  append_member(out, "where", where);
}

}  // namespace

const ErrorKind& kind_of(Code code) {
  return kRows[static_cast<std::size_t>(code)].kind;
}

void append_problem(std::string& out, const base::Error& error, std::string_view members) {
  const ErrorKind& kind = kind_of(error.code);
  out += "{\"type\":\"";
  if (kind.type != kBlank) out += kEtsi;
  out += kind.type;
  out += "\",\"title\":";
  base::json::append_string(out, kind.title);
  out += ",\"detail\":";
  append_text(out, error.message);
  out += ",\"status\":";
  base::json::append_integer(out, kind.status);
  append_where(out, error.where);
  out += members;
  out += '}';
}

void append_problem(std::string& out, const base::Error& error) {
  append_problem(out, error, {});
}

}  // namespace madang::api
