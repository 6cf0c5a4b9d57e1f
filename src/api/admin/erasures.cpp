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

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    append_string(out, text);
  }
  out += ']';
}

void append_listed(std::string& out, std::string_view member, const hub::Hub::Listed& listed) {
  out.append(",\"").append(member).append(R"(":{"count":)");
  base::json::append_unsigned(out, listed.count);
  append_texts(out += R"(,"ids":)", listed.ids);
  out += '}';
}

std::string found_json(const std::string& person, std::string_view tenant, const hub::Hub::Theirs& found) {
  std::string out = R"({"dryRun":true,"person":)";
  append_string(out, person);
  out += R"(,"tenant":)", append_string(out, tenant);
  append_listed(out, "entities", found.entities);
  append_listed(out, "handedOn", found.handed_on);
  append_listed(out, "mentions", found.mentions);
  return out += '}';
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
  if (!state.through.empty()) {
    append_texts(out += R"(,"through":)", state.through);
    if (state.removed) {
      out += R"(,"handedOn":)", base::json::append_unsigned(out, state.handed_on);
      append_listed(out, "mentions", state.mentions);
    }
    if (state.more) out += R"(,"more":true)";
  }
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

base::Result<hub::Hub::Person> person_of(const Call& call, const ErasureBody& body) {
  hub::Hub::Person person{body.person, {}, {}};
  for (const std::string& name : body.through) {
    MADANG_TRY(person.through.emplace_back(), call.context->expand(name));
  }
  for (const std::string& type : body.types) {
    MADANG_TRY(person.types.emplace_back(), call.context->expand(type));
  }
  return person;
}

void find(const std::shared_ptr<Call>& waiting, const std::string& tenant, hub::Hub::Person person) {
  const auto who = waiting->who;
  const std::string id = person.id;
  waiting->environment.hub.find_person(*who, tenant, std::move(person), waiting->responder.loop(),
                                       [waiting, id, tenant](base::Result<hub::Hub::Theirs> found) {
                                         if (!waiting->alive()) return;
                                         if (!found.ok()) return waiting->fail(found.error());
                                         waiting->answer_json(200, found_json(id, tenant, *found));
                                       });
}

void ask(Call&& call) {
  auto body = call.loop.bodies.erasure(call.body, kMost);
  if (!body.ok()) return call.fail(body.error());
  hub::Hub::Erasure what{std::move(body->entities), body->everything, {}};
  if (!body->person.empty()) {
    auto person = person_of(call, *body);
    if (!person.ok()) return call.fail(person.error());
    what.person = std::move(*person);
  }
  auto waiting = std::make_shared<Call>(std::move(call));
  if (body->dry_run) return find(waiting, body->tenant, std::move(*what.person));
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
