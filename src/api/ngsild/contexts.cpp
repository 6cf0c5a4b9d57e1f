#include "ngsild/contexts.h"

#include <array>
#include <cstdlib>

#include <simdjson.h>
#include <sys/random.h>

#include "madang/base/json.h"
#include "madang/base/log.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using base::json::append_string;
using ngsi::ContextKind;
using ngsi::StoredContext;

constexpr std::string_view kCollection = "context";  // of the hub's documents

// ---- as the hub keeps them: {"kind": ..., "createdAt": ..., "@context": ...} ----

std::string written(const StoredContext& context) {
  std::string text = R"({"kind":)";
  append_string(text, ngsi::context_kind_name(context.kind));
  text += R"(,"createdAt":)";
  append_string(text, base::to_string(context.created_at));
  return text.append(",").append(std::string_view(context.document).substr(1));
}

/// `{"@context": ...}` of a document that is known to have one.
base::Result<std::string> only_context(simdjson::dom::element root) {
  simdjson::dom::element context;
  if (root["@context"].get(context)) return error(Code::invalid_request, "There is no member \"@context\".");
  return R"({"@context":)" + simdjson::minify(context) + '}';
}

base::Result<StoredContext> read(const hub::Hub::Document& kept) {
  const auto bad = [&] { return error(Code::corrupt, "The stored context " + kept.id + " cannot be read."); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view kind, created;
  if (parser.parse(kept.text).get(root) || root["kind"].get(kind) || root["createdAt"].get(created)) return bad();
  StoredContext context;
  context.id = kept.id;
  context.kind = kind == "Hosted" ? ContextKind::hosted : ContextKind::implicitly_created;
  const auto at = base::parse_date_time(created);
  if (!at.ok()) return bad();
  context.created_at = *at;
  MADANG_TRY(context.document, only_context(root));
  return context;
}

// ---- as clients see them ----

/// A kept context has the address by which the client reaches this server.
std::string url_of(const Call& call, const StoredContext& context) {
  if (!context.url.empty()) return context.url;
  return call.root_url().append(ngsi::kStoredContextsPath).append(context.id);
}

/// Clause 5.13.3.5.
void append_details(std::string& out, const Call& call, const StoredContext& context) {
  const auto text = [&out](std::string_view name, std::string_view value) {
    out += out.back() == '{' ? "\"" : ",\"";
    out.append(name).append("\":");
    append_string(out, value);
  };
  out += '{';
  text("URL", url_of(call, context));
  text("localId", context.id);
  text("kind", ngsi::context_kind_name(context.kind));
  text("createdAt", base::to_string(context.created_at));
  if (context.expires_at) text("expiresAt", base::to_string(*context.expires_at));
  if (context.last_used) text("lastUsage", base::to_string(*context.last_used));
  out += R"(,"numberOfHits":)";
  base::json::append_unsigned(out, context.hits);
  out += '}';
}

void list(Call& call) {
  const std::string_view kind = call.params[Param::kind];
  std::string text = "[";
  bool is_kind = !call.params.has(Param::kind);
  for (const ContextKind each : {ContextKind::cached, ContextKind::hosted, ContextKind::implicitly_created})
    is_kind |= kind == ngsi::context_kind_name(each);
  if (!is_kind) {
    return call.fail(error(Code::bad_request_data,
                           "The kind of a context is Cached, Hosted or ImplicitlyCreated (5.13.3).", "kind"));
  }
  for (const StoredContext& context : call.environment.contexts.stored(call.tenant)) {
    if (!kind.empty() && kind != ngsi::context_kind_name(context.kind)) continue;
    if (text.size() > 1) text += ',';
    if (call.params.flag(Param::details)) {
      append_details(text, call, context);
    } else {
      append_string(text, url_of(call, context));
    }
  }
  call.answer_json(200, text += ']');
}

base::Error unknown(std::string_view name) {
  return error(Code::not_found, "There is no stored context \"" + std::string(name.substr(0, 200)) + "\".");
}

void serve(Call& call) {
  const auto context = call.environment.contexts.find_stored(call.tenant, call.captures[0]);
  if (!context) return call.fail(unknown(call.captures[0]));
  if (call.params.flag(Param::details)) {
    std::string text;
    append_details(text, call, *context);
    return call.answer_json(200, text);
  }
  if (context->kind == ContextKind::cached) {
    return call.fail(error(Code::unprocessable,
                           "What is cached is not served to others: fetch it from " + context->url + " (5.13.4.4)."));
  }
  call.answer_text(200, media_name(call.media), call.begin_headers(), context->document);
}

/// Goes on with `then` on the call's loop, unless the client has gone.
template <class Then>
auto back_on_loop(std::shared_ptr<Call> call, Then then) {
  net::Loop& loop = call->responder.loop();
  return [call = std::move(call), then = std::move(then), &loop](base::Status status) {
    loop.post([call, then, status = std::move(status)] {
      if (!call->alive()) return;
      status.ok() ? then(*call) : call->fail(status.error());
    });
  };
}

void add(Call&& call) {
  if (auto made = call.environment.hub.symbols(call.tenant, true); !made.ok()) return call.fail(made.error());
  const auto waiting = std::make_shared<Call>(std::move(call));
  keep_context(waiting->environment, *waiting->who, waiting->tenant, ContextKind::hosted, waiting->body,
               waiting->responder.loop(), [waiting](base::Result<std::string> id) {
                 if (!waiting->alive()) return;
                 if (!id.ok()) return waiting->fail(id.error());
                 std::string& block = waiting->begin_headers();
                 block.append("Location: ").append(ngsi::kStoredContextsPath).append(*id).append("\r\n");
                 waiting->answer(201, {}, block, [](std::string&) {});
               });
}

/// Clause 5.13.5.4.
void remove(Call&& call) {
  const std::string name(call.captures[0]);
  const bool reload = call.params.flag(Param::reload);
  ngsi::ContextStore& contexts = call.environment.contexts;
  const auto context = contexts.find_stored(call.tenant, name);
  const bool is_cached = context && context->kind == ContextKind::cached;
  if (reload && !is_cached) {
    return call.fail(error(Code::bad_request_data, "Only a cached context can be loaded anew (5.13.5.4).", "reload"));
  }
  if (!context) return call.fail(unknown(name));
  const auto waiting = std::make_shared<Call>(std::move(call));
  const auto finished = [](Call& done) { done.answer_empty(204); };
  if (reload) return contexts.reload(context->url, back_on_loop(waiting, finished));
  if (is_cached) {
    if (ngsi::is_core_context_url(context->url))
      return waiting->fail(error(Code::bad_request_data, "The core context stays: it is part of every other."));
    if (!contexts.forget(context->url)) return waiting->fail(unknown(name));
    return waiting->answer_empty(204);
  }
  waiting->environment.hub.remove_document(*waiting->who, waiting->tenant, kCollection, context->id,
                                           waiting->responder.loop(),
                                           [&contexts, tenant = waiting->tenant, id = context->id,
                                            done = back_on_loop(waiting, finished)](base::Status status) {
                                             if (status.ok()) contexts.drop(tenant, id);
                                             done(std::move(status));
                                           });
}

}  // namespace

ManageContexts::ManageContexts(hub::Hub& hub, ngsi::ContextStore& contexts) {
  governance::Principal self;
  self.name = "the server";
  self.role = governance::Role::admin;
  self.all_tenants = true;
  const auto tenants = hub.tenants(self);
  if (!tenants.ok()) return;
  for (const std::string& tenant : *tenants) {
    const auto kept = hub.documents(self, tenant, kCollection);
    for (std::size_t i = 0; kept.ok() && i < kept->size(); ++i) {
      auto context = read((*kept)[i]);
      const base::Status status = context.ok() ? contexts.keep(tenant, std::move(*context)) : context.error();
      if (!status.ok()) base::log::error("a stored context is of no use", {{"reason", status.error().message}});
    }
  }
}

void ManageContexts::operator()(Call&& call) const {
  switch (call.operation->op) {
    case Op::context_add:
      return add(std::move(call));
    case Op::contexts_list:
      return list(call);
    case Op::context_serve:
      return serve(call);
    default:
      return remove(std::move(call));
  }
}

/// Clause 5.13.2.4: a URI of this server's own. RFC 9562, version 4.
std::string make_id() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id = "urn:uuid:";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += kDigits[bytes[i] >> 4];
    id += kDigits[bytes[i] & 15];
  }
  return id;
}

void keep_context(const Environment& environment, const governance::Principal& who, const std::string& tenant,
                  ContextKind kind, std::string_view document, net::Loop& loop,
                  std::function<void(base::Result<std::string>)> done) {
  if (const base::Status fine = environment.contexts.check(document); !fine.ok()) return done(fine.error());
  StoredContext context;
  context.id = make_id();
  context.kind = kind;
  context.created_at = environment.clock.now();
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(document.data(), document.size()).get(root))
    return done(error(Code::invalid_request, "The body is no JSON."));
  auto only = only_context(root);
  if (!only.ok()) return done(std::move(only).error());
  context.document = std::move(*only);
  hub::Hub::Document kept{std::string(kCollection), context.id, written(context)};
  environment.hub.put_document(
      who, tenant, std::move(kept), loop,
      [&contexts = environment.contexts, tenant, context, done = std::move(done)](base::Status status) {
        if (status.ok()) status = contexts.keep(tenant, context);
        if (!status.ok()) return done(std::move(status).error());
        done(context.id);
      });
}

}  // namespace madang::api::ngsild
