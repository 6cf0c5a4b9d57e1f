#include "ngsild/subscriptions.h"

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/subscription.h"

#include "http/link.h"
#include "http/negotiate.h"
#include "ngsild/contexts.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using ngsi::SubscriptionRecord;
using CallPtr = std::shared_ptr<Call>;

constexpr int kTries = 8;  // to change one that others change, too

base::Error wrong_id(std::string_view id) {
  return error(Code::bad_request_data, "\"" + std::string(id.substr(0, 80)) + "\" is no URI: ids of subscriptions are.",
               "/id");
}

/// What names of the answer are written with: the request's context, or, where a Link header could not name that, the
/// core context and full names.
const ngsi::ContextPtr& shown_context(const Call& call) {
  static const ngsi::ContextPtr core = ngsi::core_context();
  return call.media == kLdJson || !call.context->link_url().empty() ? call.context : core;
}

std::string& begin_answer(const Call& call) {
  std::string& block = call.begin_headers();
  if (call.media == kJson) append_context_link(block, shown_context(call)->link_url());
  // Clause 4.3.6.8: a subscription is the same in every version.
  if (const auto version = preferred_version(call.headers.prefer))
    block.append("Preference-Applied: ngsi-ld=1.").append(std::to_string(*version)).append("\r\n");
  return block;
}

void append(std::string& out, const Call& call, const SubscriptionRecord& record) {
  const auto status = call.environment.hub.subscriptions().status(call.tenant, record.id);
  out += ngsi::show(record, status, *shown_context(call), call.environment.clock.now(),
                    call.params.has_option("sysAttrs"), call.media == kLdJson);
}

// ---- reading ----

void retrieve(Call& call) {
  if (!base::is_absolute_uri(call.captures[0])) return call.fail(wrong_id(call.captures[0]));
  const auto record = call.environment.hub.subscriptions().find(*call.who, call.tenant, call.captures[0]);
  if (!record.ok()) return call.fail(record.error());
  std::string text;
  append(text, call, *record);
  call.answer_text(200, media_name(call.media), begin_answer(call), text);
}

void list(Call& call) {
  const Options& options = call.environment.options;
  const std::uint64_t limit = call.params.number(Param::limit).value_or(options.page_default);
  const std::uint64_t offset = call.params.number(Param::offset).value_or(0);
  const bool count = call.params.flag(Param::count);
  if (limit > options.page_most) {
    return call.fail(error(Code::too_many_results,
                           "A page holds at most " + std::to_string(options.page_most) + " subscriptions.", "limit"));
  }
  if (limit == 0 && !count)
    return call.fail(error(Code::bad_request_data, "\"limit\" of 0 needs count=true (6.3.10).", "limit"));
  const auto page = call.environment.hub.subscriptions().list(*call.who, call.tenant, offset, limit);
  if (!page.ok()) return call.fail(page.error());
  std::string text = "[";
  for (const SubscriptionRecord& record : page->records) {
    if (text.size() > 1) text += ',';
    append(text, call, record);
    if (text.size() > options.answer_bytes) {
      return call.fail(
          error(Code::too_many_results, "The page would be too large: ask for fewer with \"limit\".", "limit"));
    }
  }
  text += ']';
  std::string& block = begin_answer(call);
  if (count) block.append("NGSILD-Results-Count: ").append(std::to_string(page->count)).append("\r\n");
  const net::Request& request = call.request();
  const auto link = [&](std::string_view relation, std::uint64_t at) {
    append_page_link(block, relation, request.path, request.query, limit, at, {}, media_name(call.media));
  };
  if (limit != 0 && offset > 0) link("prev", offset - std::min(offset, limit));
  if (limit != 0 && offset + page->records.size() < page->count) link("next", offset + limit);
  call.answer_text(200, media_name(call.media), block, text);
}

// ---- writing ----

/// What does not need the subscription itself: can notifications go there?
base::Status check_endpoint(const Call& call, const SubscriptionRecord& record) {
  ngsi::SymbolTable symbols;
  MADANG_TRY(const ngsi::Subscription read, ngsi::compile(record, symbols, {}));
  auto fine = call.environment.hub.subscriptions().check_endpoint(read.notification.endpoint.uri);
  if (fine.ok()) return fine;
  base::Error fault = fine.error();
  fault.code = Code::bad_request_data;
  fault.where = "/notification/endpoint/uri";
  return fault;
}

/// Goes on with the record once the @context that its notifications use is there and has an address (clause 5.8.1.4).
void with_context(const CallPtr& call, SubscriptionRecord record, std::function<void(SubscriptionRecord&&)> then) {
  net::Loop& loop = call->responder.loop();
  if (const auto named = ngsi::text_member(record, "jsonldContext")) {
    if (ngsi::is_core_context_url(*named)) return then(std::move(record));
    auto kept = std::make_shared<SubscriptionRecord>(std::move(record));
    call->environment.contexts.from_url(
        *named,
        [call, kept, &loop, then = std::move(then)](base::Result<ngsi::ContextPtr> context) {
          loop.post([call, kept, then, context = std::move(context)] {
            if (!call->alive()) return;
            if (context.ok()) return then(std::move(*kept));
            base::Error fault = context.error();
            if (fault.code != Code::context_not_available) fault.code = Code::bad_request_data;
            fault.where = "/jsonldContext";
            call->fail(fault);
          });
        },
        call->tenant);
    return;
  }
  if (!call->context->link_url().empty()) {
    ngsi::set_context_url(record, call->context->link_url());
    return then(std::move(record));
  }
  // A context that came within the request gets an address here (clause 5.13.1).
  auto kept = std::make_shared<SubscriptionRecord>(std::move(record));
  const std::string document = R"({"@context":)" + call->context->json() + '}';
  const std::string& own = call->environment.options.public_url;
  const std::string here = own.empty() ? "http://" + std::string(call->headers.host) : own;
  keep_context(call->environment, *call->who, call->tenant, ngsi::ContextKind::implicitly_created, document, loop,
               [call, kept, here, then = std::move(then)](base::Result<std::string> id) {
                 if (!call->alive()) return;
                 if (!id.ok()) return call->fail(id.error());
                 ngsi::set_context_url(*kept, here + std::string(ngsi::kStoredContextsPath) + *id);
                 then(std::move(*kept));
               });
}

void create(Call&& call) {
  auto record = ngsi::new_subscription(call.body, call.context, call.environment.clock.now(), {});
  if (!record.ok()) return call.fail(record.error());
  if (record->id.empty())
    record->id = "urn:ngsi-ld:Subscription:" + make_id().substr(std::string_view("urn:uuid:").size());
  if (!base::is_absolute_uri(record->id)) return call.fail(wrong_id(record->id));
  if (const auto fine = check_endpoint(call, *record); !fine.ok()) return call.fail(fine.error());
  if (auto made = call.environment.hub.symbols(call.tenant, true); !made.ok()) return call.fail(made.error());
  const auto waiting = std::make_shared<Call>(std::move(call));
  with_context(waiting, std::move(*record), [waiting](SubscriptionRecord&& ready) {
    const std::string id = ready.id;
    waiting->environment.hub.subscriptions().create(
        *waiting->who, waiting->tenant, std::move(ready), waiting->responder.loop(), [waiting, id](base::Status kept) {
          if (!waiting->alive()) return;
          if (!kept.ok()) return waiting->fail(kept.error());
          std::string& block = waiting->begin_headers();
          block.append("Location: ").append(subscription_location(id)).append("\r\n");
          waiting->answer(201, {}, block, [](std::string&) {});
        });
  });
}

/// Reads, changes, and puts it back unless somebody else has changed it meanwhile: then once more.
void update(const CallPtr& call, int tries) {
  hub::Subscriptions& desk = call->environment.hub.subscriptions();
  const std::string id(call->captures[0]);
  auto before = desk.find(*call->who, call->tenant, id);
  if (!before.ok()) return call->fail(before.error());
  auto after = ngsi::patched(*before, call->body, call->context, call->environment.clock.now(), {});
  if (!after.ok()) return call->fail(after.error());
  if (const auto fine = check_endpoint(*call, *after); !fine.ok()) return call->fail(fine.error());
  const auto held = std::make_shared<SubscriptionRecord>(std::move(*before));
  with_context(call, std::move(*after), [call, held, tries](SubscriptionRecord&& ready) {
    call->environment.hub.subscriptions().replace(*call->who, call->tenant, *held, std::move(ready),
                                                  call->responder.loop(), [call, tries](base::Status kept) {
                                                    if (!call->alive()) return;
                                                    if (!kept.ok() && kept.error().code == Code::conflict && tries > 1)
                                                      return update(call, tries - 1);
                                                    kept.ok() ? call->answer_empty(204) : call->fail(kept.error());
                                                  });
  });
}

void remove(Call&& call) {
  const auto waiting = std::make_shared<Call>(std::move(call));
  waiting->environment.hub.subscriptions().remove(
      *waiting->who, waiting->tenant, waiting->captures[0], waiting->responder.loop(), [waiting](base::Status removed) {
        if (!waiting->alive()) return;
        removed.ok() ? waiting->answer_empty(204) : waiting->fail(removed.error());
      });
}

}  // namespace

void ManageSubscriptions::operator()(Call&& call) const {
  const Op op = call.operation->op;
  if (op == Op::subscription_create) return create(std::move(call));
  if (op == Op::subscriptions_query) return list(call);
  if (op == Op::subscription_retrieve) return retrieve(call);
  if (call.captures[0].empty()) {  // the collection itself, with a slash behind it
    return call.fail(error(Code::method_not_allowed, "This path takes GET, POST."),
                     "Allow: GET, HEAD, POST, OPTIONS\r\n");
  }
  if (!base::is_absolute_uri(call.captures[0])) return call.fail(wrong_id(call.captures[0]));
  if (op == Op::subscription_delete) return remove(std::move(call));
  update(std::make_shared<Call>(std::move(call)), kTries);
}

}  // namespace madang::api::ngsild
