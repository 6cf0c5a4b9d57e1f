#include "call.h"

#include <algorithm>

#include "madang/base/uri.h"

#include "http/ascii.h"
#include "http/gzip.h"
#include "http/problem.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

bool named(std::string_view header, std::string_view name) {
  if (header.size() != name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower(header[i]) != name[i]) return false;
  }
  return true;
}

bool lists_origin(const std::vector<std::string>& origins, std::string_view origin) {
  return std::any_of(origins.begin(), origins.end(), [&](const std::string& o) { return o == "*" || o == origin; });
}

constexpr std::string_view kExposed =
    "Access-Control-Expose-Headers: ETag, Link, Location, NGSILD-EntityMap, NGSILD-Results-Count, NGSILD-Snapshot, "
    "NGSILD-Tenant, Preference-Applied, Retry-After\r\n";

}  // namespace

// ---- Meters ----

Meters::Meters(std::span<const Operation> operations) : rows_(kOps + 1) {
  constexpr std::array<std::string_view, 5> kClasses{"1xx", "2xx", "3xx", "4xx", "5xx"};
  constexpr std::string_view kCountHelp = "Answers by operation and status class";
  constexpr std::string_view kTimeHelp = "Time from a whole request to its answer";
  const auto fill = [&](Row& row, std::string_view name) {
    const std::string label = "operation=\"" + std::string(name) + "\"";
    for (std::size_t i = 1; i < kClasses.size(); ++i) {
      row.by_class[i] = &base::metrics::counter("madang_http_answers_total", kCountHelp,
                                                label + ",status=\"" + std::string(kClasses[i]) + "\"");
    }
    row.seconds = &base::metrics::histogram("madang_http_seconds", kTimeHelp, label);
  };
  fill(rows_[kOps], "none");
  for (const Operation& operation : operations) {
    if (operation.op == Op::surface) {
      fill(rows_.emplace_back(), operation.name);
      continue;
    }
    Row& row = rows_[static_cast<std::size_t>(operation.op)];
    if (!row.seconds) fill(row, operation.op == Op::not_offered ? "notOffered" : operation.name);
  }
}

void Meters::count(const Operation* operation, int status, std::chrono::nanoseconds took) const {
  const bool surface = operation && operation->op == Op::surface;
  const Row& row = rows_[surface     ? kOps + 1 + operation->offer
                         : operation ? static_cast<std::size_t>(operation->op)
                                     : kOps];
  row.by_class[static_cast<std::size_t>(std::clamp(status / 100, 2, 5) - 1)]->add();
  row.seconds->observe(std::chrono::duration<double>(took).count());
}

// ---- RequestHeaders ----

RequestHeaders::RequestHeaders(const net::Request& request) {
  for (const auto& [name, value] : request.headers) {
    // By length and first letter first: most headers are nobody's.
    switch (name.size()) {
      case 4:
        if (named(name, "host")) host = value;
        if (named(name, "link")) {
          if (link_count < links.size()) {
            links[link_count++] = value;
          } else {
            too_many_links = true;
          }
        }
        break;
      case 6:
        if (named(name, "accept")) accept = value;
        if (named(name, "origin")) origin = value;
        if (named(name, "prefer")) prefer = value;
        break;
      case 8:
        if (named(name, "if-match")) if_match = value, has_if_match = true;
        break;
      case 12:
        if (named(name, "content-type")) content_type = value;
        break;
      case 13:
        if (named(name, "authorization")) authorization = value;
        if (named(name, "ngsild-tenant")) tenant = value, has_tenant = true;
        if (named(name, "if-none-match")) if_none_match = value, has_if_none_match = true;
        break;
      case 14:
        if (named(name, "content-length")) has_length = true;
        break;
      case 15:
        if (named(name, "accept-encoding")) accept_encoding = value;
        if (named(name, "ngsild-snapshot")) snapshot = value, has_snapshot = true;
        break;
      case 16:
        if (named(name, "content-encoding")) content_encoding = value;
        if (named(name, "ngsild-entitymap")) entity_map = value;
        break;
      default:
        break;
    }
  }
}

void BatchContexts::add(std::string_view json, std::optional<base::Error> fault) {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.json == json; });
  slot_of.push_back(static_cast<std::size_t>(found - slots.begin()));
  if (found == slots.end()) slots.push_back({json, std::move(fault), {}});
}

// ---- Call ----

Call::Call(const Environment& shared, LoopState& state, net::Responder&& answerer)
    : environment(shared),
      loop(state),
      responder(std::move(answerer)),
      headers(responder.request()),
      started(shared.clock.monotonic()) {}

base::Status Call::bind() {
  auto symbols = environment.hub.symbols(tenant, false);
  if (symbols) return bind_to(**symbols), base::Status();
  if (!operation->makes_tenant || symbols.error().code != Code::nonexistent_tenant) return symbols.error();
  scratch = std::make_unique<ngsi::SymbolTable>();
  bind_to(*scratch);
  return {};
}

base::Status Call::make_tenant() {
  MADANG_TRY(ngsi::SymbolTable * symbols, environment.hub.symbols(tenant, true));
  words = shown = nullptr;
  scratch = nullptr;
  bind_to(*symbols);
  return {};
}

void Call::bind_to(ngsi::SymbolTable& symbols) {
  // The cache knows tables by address: a scratch table, which goes with its call, stays out of it.
  const auto make = [&](const ngsi::ContextPtr& wanted) {
    return provisional() ? std::make_shared<Words>(wanted, symbols) : loop.words(wanted, symbols);
  };
  words = shown = make(context);
  // An inline context has no URL for a Link header: then the answer has the core context and full names, which mean the
  // same.
  if (media != kLdJson && words->link_line.empty()) shown = make(ngsi::core_context());
}

WordsPtr Call::words_for(const ngsi::ContextPtr& other) const {
  ngsi::SymbolTable& symbols = vocabulary().symbols();
  return provisional() ? std::make_shared<Words>(other, symbols) : loop.words(other, symbols);
}

base::Status Call::authorize(governance::Role role) const {
  if (role == governance::Role::none || (who && who->may(role, tenant))) return {};
  if (!who || headers.authorization.empty()) {
    return error(Code::unauthenticated, "This needs a bearer token: send it as \"Authorization: Bearer ...\".");
  }
  return error(Code::forbidden,
               "\"" + who->name + "\" may not do this" + (tenant.empty() ? "." : " in the tenant \"" + tenant + "\"."));
}

std::string& Call::begin_headers() const {
  std::string& block = loop.headers;
  block.clear();
  if (headers.has_tenant && !tenant.empty()) {  // clause 6.3.14: echoed
    block += "NGSILD-Tenant: ";
    block += governance::tenant_of(tenant);
    block += "\r\n";
  }
  if (tenant.find(governance::kPlaceMark) != tenant.npos) {  // so is the snapshot that was found (clause 6.3.22)
    block += "NGSILD-Snapshot: ";
    block += headers.snapshot;
    block += "\r\n";
  }
  if (headers.origin.empty() || !operation) return block;
  if (operation->role == governance::Role::admin) return block;  // no foreign page administers
  const bool writes = operation->role == governance::Role::write;
  const auto& origins = writes ? environment.options.cors_write : environment.options.cors_read;
  if (!lists_origin(origins, headers.origin)) return block;
  block += "Access-Control-Allow-Origin: ";
  block += lists_origin(origins, {}) ? std::string_view("*") : headers.origin;
  block += "\r\nVary: Origin\r\n";
  block += kExposed;
  return block;
}

void Call::counted(int status) const {
  environment.meters.count(operation, status, environment.clock.monotonic() - started);
}

std::string Call::root_url() const {
  const std::string& own = environment.options.public_url;
  return own.empty() ? "http://" + std::string(headers.host) : own;
}

void Call::answer_text(int status, std::string_view type, std::string& block, std::string_view text) {
  const Options& options = environment.options;
  if (text.size() < options.gzip_least || text.size() > options.gzip_most || !wants_gzip()) {
    return answer(status, type, block, [&](std::string& out) { out.append(text); });
  }
  block += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
  const std::string packed = gzip(text);
  answer(status, type, block, [&](std::string& out) { out.append(packed); });
}

void Call::answer_empty(int status) {
  answer(status, {}, begin_headers(), [](std::string&) {});
}

void Call::answer_json(int status, std::string_view text) {
  answer_text(status, "application/json", begin_headers(), text);
}

void Call::fail(const base::Error& fault) {
  fail(fault, {});
}

void Call::fail(const base::Error& fault, std::string_view extra_header_lines) {
  std::string& block = begin_headers();
  block += extra_header_lines;
  const int status = kind_of(fault.code).status;
  if (status == 401) block += "WWW-Authenticate: Bearer realm=\"madang\"\r\n";
  if (status == 429 || status == 503 || status == 507)
    block += status == 507 ? "Retry-After: 30\r\n" : "Retry-After: 1\r\n";
  answer(status, kProblemType, block, [&](std::string& out) { append_problem(out, fault); });
}

namespace {

std::string location_below(std::string_view collection, std::string_view id) {
  std::string location(kBase);
  location += collection;
  for (const char c : id) {
    // RFC 3986, 3.3: pchar stands for itself.
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
    if (plain) {
      location += c;
    } else {
      base::append_percent_encoded(location, std::string_view(&c, 1));
    }
  }
  return location;
}

}  // namespace

std::string entity_location(std::string_view id) {
  return location_below("/entities/", id);
}
std::string subscription_location(std::string_view id) {
  return location_below("/subscriptions/", id);
}

base::Status decode_capture(std::string_view& capture, std::forward_list<std::string>& decoded) {
  if (capture.find('%') == capture.npos) return {};
  auto text = base::percent_decode(capture);
  if (!text) return error(Code::invalid_request, "The path: " + text.error().message);
  if (!base::is_valid_utf8(*text)) return error(Code::invalid_request, "The path is not UTF-8.");
  decoded.push_front(std::move(*text));
  capture = decoded.front();
  return {};
}

}  // namespace madang::api
