#include "context_step.h"

#include <algorithm>

#include "madang/base/json.h"

#include "http/link.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

base::Result<std::optional<std::string_view>> linked_context(const RequestHeaders& headers) {
  std::optional<std::string_view> found;
  if (headers.too_many_links) return error(Code::invalid_request, "There are too many Link headers.", "Link");
  for (std::size_t i = 0; i < headers.link_count; ++i) {
    MADANG_TRY(const auto url, context_link(headers.links[i]));
    if (!url) continue;
    if (found) return error(Code::bad_request_data, "The Link headers name more than one JSON-LD context.", "Link");
    found = url;
  }
  return found;
}

bool is_batch(Body body) {
  return body == Body::entities;
}

base::Error inline_in_json() {
  return error(
      Code::bad_request_data,
      "A body of application/json has no @context: name it in a Link header, or send application/ld+json (6.3.5).",
      "/@context");
}
base::Error no_context() {
  return error(Code::bad_request_data, "A body of application/ld+json has an @context (6.3.5).", "/@context");
}

/// A context beyond the limits is a fault of the data: TooComplexQuery (6.3.2) is said of questions.
base::Error of_context(base::Error fault) {
  if (fault.code == Code::too_complex) fault.code = Code::bad_request_data;
  return fault;
}

}  // namespace

void ContextStep::operator()(Call&& call) const {
  if (!call.operation->uses_context) {
    call.context = ngsi::core_context();
    return next_(std::move(call));
  }
  auto source = find_source(call);
  if (!source) return call.fail(source.error());
  if (call.batch) return fetch_slot(std::make_shared<Call>(std::move(call)), 0);
  if (source->json) {
    call.context = environment_.contexts.ready_json(*source->json, call.tenant);
  } else if (source->url) {
    call.context = environment_.contexts.ready(*source->url, call.tenant);
  } else {
    call.context = ngsi::core_context();
  }
  if (call.context) return next_(std::move(call));
  fetch(std::move(call), *source);
}

base::Result<ContextStep::Source> ContextStep::find_source(Call& call) const {
  MADANG_TRY(const auto linked, linked_context(call.headers));
  Source named{linked, {}};
  if (call.params.has(Param::in_context)) named.url = call.params[Param::in_context];
  if (!named.url && !environment_.options.default_context.empty()) named.url = environment_.options.default_context;
  if (call.operation->body == Body::none) return named;
  const bool inside = call.content == ContentType::ld_json;
  if (inside && linked) {
    return error(Code::bad_request_data,
                 "A body of application/ld+json brings its @context itself: the Link header must not name one (6.3.5).",
                 "Link");
  }
  if (!inside && !BodyReader::may_have_context(call.body)) return named;
  if (is_batch(call.operation->body)) return source_of_batch(call, named);
  MADANG_TRY(const auto json, call.loop.bodies.context(call.body));
  if (json.has_value() == inside) return inside ? Source{{}, json} : named;
  MADANG_CHECK(call.loop.bodies.check_object(call.body));
  return inside ? no_context() : inline_in_json();
}

/// Each entity that breaks clause 6.3.5 fails alone, as with any other fault of it (5.6.7.4).
base::Result<ContextStep::Source> ContextStep::source_of_batch(Call& call, const Source& named) const {
  auto batch = std::make_unique<BatchContexts>();
  MADANG_TRY(batch->items, call.loop.bodies.items(call.body, environment_.options.batch_most));
  const bool inside = call.content == ContentType::ld_json;
  batch->shared = "[]";  // the core context
  if (named.url) batch->shared.clear(), base::json::append_string(batch->shared, *named.url);
  for (const BodyReader::Item& item : batch->items) {
    if (item.context.has_value() != inside) {
      batch->add({}, inside ? no_context() : inline_in_json());
    } else {
      batch->add(inside ? *item.context : std::string_view(batch->shared));
    }
  }
  if (batch->slots.size() == 1 && !batch->slots.front().error) {
    if (!inside) return named;
    // The usual case: one context for all, and it is at hand.
    if ((call.context = environment_.contexts.ready_json(batch->slots.front().json, call.tenant)))
      return Source{{}, batch->slots.front().json};
  }
  call.batch = std::move(batch);
  return Source{};
}

void ContextStep::fetch(Call&& call, const Source& source) const {
  const auto waiting = std::make_shared<Call>(std::move(call));
  net::Loop& loop = waiting->responder.loop();
  const auto done = [this, waiting, &loop](base::Result<ngsi::ContextPtr> context) {
    loop.post([this, waiting, context = std::move(context)] {
      if (!waiting->alive()) return;
      if (!context) return waiting->fail(of_context(context.error()));
      waiting->context = *context;
      next_(std::move(*waiting));
    });
  };
  if (source.json) {
    environment_.contexts.from_json(*source.json, done, waiting->tenant);
  } else {
    environment_.contexts.from_url(std::string(*source.url), done, waiting->tenant);
  }
}

/// One after the other: batches with several contexts are rare.
void ContextStep::fetch_slot(const std::shared_ptr<Call>& call, std::size_t slot) const {
  while (slot < call->batch->slots.size()) {
    BatchContexts::Slot& next = call->batch->slots[slot];
    if (!next.error) next.context = environment_.contexts.ready_json(next.json, call->tenant);
    if (!next.error && !next.context) break;
    ++slot;
  }
  if (slot == call->batch->slots.size()) {
    call->context = ngsi::core_context();  // binds the tenant; the entities use their own
    return next_(std::move(*call));
  }
  net::Loop& loop = call->responder.loop();
  const std::string_view json = call->batch->slots[slot].json;
  environment_.contexts.from_json(
      json,
      [this, call, slot, &loop](base::Result<ngsi::ContextPtr> context) {
        loop.post([this, call, slot, context = std::move(context)] {
          if (!call->alive()) return;
          BatchContexts::Slot& fetched = call->batch->slots[slot];
          if (context) {
            fetched.context = *context;
          } else {
            fetched.error = of_context(context.error());
          }
          fetch_slot(call, slot + 1);
        });
      },
      call->tenant);
}

}  // namespace madang::api
