#include "admin/erasures.h"

#include "madang/base/json.h"

namespace madang::api::admin {
namespace {

using base::json::append_string;

constexpr std::size_t kMost = 10'000;  // entities of one request

void append_time(std::string& out, std::string_view member, base::Timestamp time) {
  out.append(",\"").append(member).append("\":\"");
  base::append_timestamp(out, time);
  out += '"';
}

void append_state(std::string& out, std::string_view tenant, const hub::Hub::ErasureState& state) {
  out += R"({"id":)", append_string(out, state.id);
  out += R"(,"tenant":)", append_string(out, tenant);
  out += R"(,"state":)", append_string(out, state.done ? "done" : state.removed ? "removed" : "asked");
  out += R"(,"by":)", append_string(out, state.by);
  append_time(out, "askedAt", state.asked);
  if (state.done) append_time(out, "doneAt", *state.done);
  out += R"(,"entities":)", base::json::append_unsigned(out, state.entities);
  if (state.everything) out += R"(,"everything":true)";
  if (state.done) out += R"(,"records":)", base::json::append_unsigned(out, state.records);
  out += '}';
}

base::Result<std::string> listed(const Call& call) {
  hub::Hub& hub = call.environment.hub;
  MADANG_TRY(const auto tenants, hub.tenants(*call.who));
  std::string text = "[";
  for (const std::string& tenant : tenants) {
    if (!call.who->may(governance::Role::admin, tenant)) continue;
    MADANG_TRY(const auto states, hub.erasures(*call.who, tenant));
    for (const auto& state : states) {
      if (text.size() > 1) text += ',';
      append_state(text, tenant, state);
    }
  }
  return text += ']';
}

void ask(Call&& call) {
  auto body = call.loop.bodies.erasure(call.body, kMost);
  if (!body.ok()) return call.fail(body.error());
  hub::Hub::Erasure what{std::move(body->entities), body->everything};
  auto waiting = std::make_shared<Call>(std::move(call));
  hub::Hub& hub = waiting->environment.hub;
  const auto who = waiting->who;
  net::Loop& loop = waiting->responder.loop();
  hub.erase(*who, body->tenant, std::move(what), loop, [waiting](base::Result<std::string> id) {
    if (!waiting->alive()) return;
    if (!id.ok()) return waiting->fail(id.error());
    std::string text = R"({"id":)";
    append_string(text, *id);
    waiting->answer_json(202, text += R"(,"state":"asked"})");
  });
}

}  // namespace

void ManageErasures::operator()(Call&& call) const {
  if (call.operation->op == Op::erasure_ask) return ask(std::move(call));
  auto text = listed(call);
  text.ok() ? call.answer_json(200, *text) : call.fail(text.error());
}

}  // namespace madang::api::admin
