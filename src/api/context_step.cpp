#include "context_step.h"

#include <algorithm>

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

base::Error inline_in_json(std::string pointer) {
  return error(
      Code::bad_request_data,
      "A body of application/json has no @context: name it in a Link header, or send application/ld+json (6.3.5).",
      std::move(pointer));
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
    call.context = environment_.contexts.ready_json(*source->json);
  } else if (source->url) {
    call.context = environment_.contexts.ready(*source->url);
  } else {
    call.context = ngsi::core_context();
  }
  if (call.context) return next_(std::move(call));
  fetch(std::move(call), *source);
}

base::Result<ContextStep::Source> ContextStep::find_source(Call& call) const {
  MADANG_TRY(const auto linked, linked_context(call.headers));
  Source source;
  if (call.operation->body != Body::none && call.content == ContentType::ld_json) {
    if (linked) {
      return error(
          Code::bad_request_data,
          "A body of application/ld+json brings its @context itself: the Link header must not name one (6.3.5).",
          "Link");
    }
    if (is_batch(call.operation->body)) return source_of_batch(call);
    MADANG_TRY(source.json, call.loop.bodies.context(call.body));
    if (!source.json) {
      return error(Code::bad_request_data, "A body of application/ld+json has an @context (6.3.5).", "/@context");
    }
    return source;
  }
  if (call.operation->body != Body::none && BodyReader::may_have_context(call.body)) {
    if (is_batch(call.operation->body)) {
      MADANG_TRY(const auto items, call.loop.bodies.items(call.body, environment_.options.batch_most));
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].context) return inline_in_json("/" + std::to_string(i) + "/@context");
      }
    } else {
      MADANG_TRY(const auto context, call.loop.bodies.context(call.body));
      if (context) return inline_in_json("/@context");
    }
  }
  source.url = linked;
  if (!source.url && !environment_.options.default_context.empty()) source.url = environment_.options.default_context;
  return source;
}

base::Result<ContextStep::Source> ContextStep::source_of_batch(Call& call) const {
  auto batch = std::make_unique<BatchContexts>();
  MADANG_TRY(batch->items, call.loop.bodies.items(call.body, environment_.options.batch_most));
  bool missing = false;
  for (const BodyReader::Item& item : batch->items) {
    std::size_t slot = BatchContexts::kNone;
    if (item.context) {
      const auto same = [&](const BatchContexts::Slot& s) { return s.json == *item.context; };
      const auto found = std::find_if(batch->slots.begin(), batch->slots.end(), same);
      slot = static_cast<std::size_t>(found - batch->slots.begin());
      if (found == batch->slots.end()) batch->slots.push_back({*item.context, {}, {}});
    } else {
      missing = true;
    }
    batch->slot_of.push_back(slot);
  }
  if (batch->slots.empty() && !batch->items.empty()) {
    return error(Code::bad_request_data, "In application/ld+json each entity has its @context (6.3.5).", "/0/@context");
  }
  if (batch->slots.size() == 1 && !missing) {
    // The usual case: one context for all, and it is at hand.
    if ((call.context = environment_.contexts.ready_json(batch->slots.front().json)))
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
      if (!context) return waiting->fail(context.error());
      waiting->context = *context;
      next_(std::move(*waiting));
    });
  };
  if (source.json) {
    environment_.contexts.from_json(*source.json, done);
  } else {
    environment_.contexts.from_url(std::string(*source.url), done);
  }
}

/// One after the other: batches with several contexts are rare.
void ContextStep::fetch_slot(std::shared_ptr<Call> call, std::size_t slot) const {
  while (slot < call->batch->slots.size()) {
    BatchContexts::Slot& next = call->batch->slots[slot];
    next.context = environment_.contexts.ready_json(next.json);
    if (!next.context) break;
    ++slot;
  }
  if (slot == call->batch->slots.size()) {
    call->context = ngsi::core_context();  // binds the tenant; the entities use their own
    return next_(std::move(*call));
  }
  net::Loop& loop = call->responder.loop();
  const std::string_view json = call->batch->slots[slot].json;
  environment_.contexts.from_json(json, [this, call, slot, &loop](base::Result<ngsi::ContextPtr> context) {
    loop.post([this, call, slot, context = std::move(context)] {
      if (!call->alive()) return;
      BatchContexts::Slot& fetched = call->batch->slots[slot];
      if (context) {
        fetched.context = *context;
      } else {
        fetched.error = context.error();
      }
      fetch_slot(call, slot + 1);
    });
  });
}

}  // namespace madang::api
