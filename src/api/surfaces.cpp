#include "surfaces.h"

#include <algorithm>
#include <memory>

#include "madang/base/uri.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;
using base::Result;
using base::Status;

net::Method method_of(std::string_view name) {
  for (const net::Method method : {net::Method::post, net::Method::put, net::Method::patch, net::Method::delete_}) {
    if (net::method_name(method) == name) return method;
  }
  return net::Method::get;
}

/// The query part, by what the offer takes; each parameter once.
Status read_parameters(std::string_view query, const hub::Offer& offer, hub::Question& question) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    MADANG_TRY(std::string name, base::percent_decode(pair.substr(0, equals), true));
    const auto known = std::find_if(offer.parameters.begin(), offer.parameters.end(),
                                    [&](const hub::Offer::Parameter& one) { return one.name == name; });
    if (known == offer.parameters.end())
      return error(Code::invalid_request, "This operation has no such parameter.", base::as_valid_utf8(name));
    MADANG_TRY(std::string value,
               base::percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true));
    if (value.size() > known->bytes)
      return error(Code::uri_too_long, "The value is longer than " + std::to_string(known->bytes) + " bytes.", name);
    if (!base::is_valid_utf8(value)) return error(Code::invalid_request, "The value is not UTF-8.", name);
    if (!question.parameter(name).empty()) return error(Code::invalid_request, "The parameter is given twice.", name);
    question.parameters.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

void answer(Call& call, Result<hub::Answer>&& given) {
  if (!call.alive()) return;
  if (!given.ok()) return call.fail(given.error());
  if (given->status == 204) return call.answer_empty(204);
  std::string& block = call.begin_headers();
  if (!given->location.empty()) block += "Location: " + given->location + "\r\n";
  call.answer_text(given->status, given->type, block, given->body);
}

}  // namespace

Operation operation_of(const hub::Offer& offer) {
  Operation made{};
  made.op = Op::surface;
  made.method = method_of(offer.method);
  made.path = offer.path;
  made.name = offer.name;
  made.summary = offer.summary;
  made.body = !offer.takes_body ? Body::none : offer.any_body ? Body::bytes : Body::any;
  made.role = offer.role;
  made.statuses = offer.statuses;
  return made;
}

Surfaces::Surfaces(const std::vector<hub::Surface*>& surfaces)
    : table_(all_operations().begin(), all_operations().end()) {
  for (hub::Surface* surface : surfaces) {
    for (const hub::Offer& offer : surface->offers()) {
      Operation& operation = table_.emplace_back(operation_of(offer));
      operation.offer = static_cast<std::uint16_t>(entries_.size());
      entries_.push_back({surface, &offer, static_cast<std::size_t>(&offer - surface->offers().data())});
    }
  }
}

void Surfaces::ask(Call&& call) const {
  const Entry& entry = this->entry(*call.operation);
  hub::Question question;
  question.offer = entry.number;
  question.who = call.who;
  question.tenant = call.tenant;
  if (auto status = read_parameters(call.request().query, *entry.offer, question); !status.ok())
    return call.fail(status.error());
  for (const std::string_view capture : call.captures) {
    if (!capture.empty()) question.captures.emplace_back(capture);
  }
  question.content_type = call.headers.content_type;
  question.body = call.body;
  const auto waiting = std::make_shared<Call>(std::move(call));
  entry.surface->ask(std::move(question), waiting->responder.loop(),
                     [waiting](Result<hub::Answer> given) { answer(*waiting, std::move(given)); });
}

}  // namespace madang::api
