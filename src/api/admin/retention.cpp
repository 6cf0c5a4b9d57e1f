#include "admin/retention.h"

#include "madang/base/json.h"

namespace madang::api::admin {
namespace {

using base::json::append_string;
using hub::RetentionRule;

constexpr std::size_t kMostPasses = 100;  // of a tenant

void append_text(std::string& out, std::string_view member, std::string_view text) {
  out.append(",\"").append(member).append("\":");
  append_string(out, text);
}
void append_count(std::string& out, std::string_view member, std::uint64_t count) {
  out.append(",\"").append(member).append("\":");
  base::json::append_unsigned(out, count);
}
void append_time(std::string& out, std::string_view member, base::Timestamp time) {
  out.append(",\"").append(member).append("\":\"");
  base::append_timestamp(out, time);
  out += '"';
}

void append_names(std::string& out, const std::string& type, const std::string& attribute) {
  if (!type.empty()) append_text(out, "type", type);
  if (!attribute.empty()) append_text(out, "attribute", attribute);
}

void append_rule(std::string& out, std::string_view tenant, const hub::RetentionInForce& each) {
  const RetentionRule& rule = each.rule;
  out += R"({"tenant":)", append_string(out, tenant);
  append_names(out, rule.type, rule.attribute);
  append_text(out, "raw", hub::show_retention(rule.raw));
  out += R"(,"rollups":[)";
  for (const RetentionRule::RollUp& rollup : rule.rollups) {
    if (out.back() != '[') out += ',';
    out += R"({"period":)", append_string(out, hub::show_retention(rollup.period));
    append_text(out, "keep", hub::show_retention(rollup.keep));
    out += '}';
  }
  out += ']';
  append_text(out, "from", each.configured ? "configuration" : "api");
  out += '}';
}

void append_pass(std::string& out, std::string_view tenant, const hub::RetentionPass& pass) {
  out += R"({"tenant":)", append_string(out, tenant);
  append_time(out, "decidedAt", pass.time);
  append_count(out, "position", pass.position);
  append_count(out, "instancesRemoved", pass.removed);
  append_count(out, "bucketsWritten", pass.buckets);
  append_count(out, "bucketsExpired", pass.expired);
  out += R"(,"rules":[)";
  bool first = true;
  for (const auto& rule : pass.rules) {
    if (!std::exchange(first, false)) out += ',';
    std::string text;
    append_names(text, rule.type, rule.attribute);
    if (rule.before) append_time(text, "rawBefore", *rule.before);
    if (rule.nothing_raw) text += R"(,"rawBefore":"now")";
    for (const auto& rollup : rule.rollups) {
      text += text.ends_with('}') ? R"(,{"period":)" : R"(,"rollups":[{"period":)";
      append_string(text, hub::show_retention(rollup.period));
      if (rollup.before) append_time(text, "before", *rollup.before);
      text += '}';
    }
    if (!rule.rollups.empty()) text += ']';
    out += '{';
    if (!text.empty()) out += text.substr(1);
    out += '}';
  }
  out += "]}";
}

/// What every tenant that the principal administrates has, one after another.
template <class Append>
base::Result<std::string> listed(const Call& call, Append&& append) {
  MADANG_TRY(const auto tenants, call.environment.hub.tenants(*call.who));
  std::string text = "[";
  for (const std::string& tenant : tenants)
    if (call.who->may(governance::Role::admin, tenant)) MADANG_CHECK(append(text, tenant));
  return text += ']';
}

base::Result<std::string> rules(const Call& call) {
  return listed(call, [&](std::string& text, const std::string& tenant) -> base::Status {
    MADANG_TRY(const auto all, call.environment.hub.retention(*call.who, tenant));
    for (const auto& each : all) {
      if (text.size() > 1) text += ',';
      append_rule(text, tenant, each);
    }
    return {};
  });
}

base::Result<std::string> passes(const Call& call) {
  return listed(call, [&](std::string& text, const std::string& tenant) -> base::Status {
    MADANG_TRY(const auto all, call.environment.hub.retention_passes(*call.who, tenant, kMostPasses));
    for (const auto& each : all) {
      if (text.size() > 1) text += ',';
      append_pass(text, tenant, each);
    }
    return {};
  });
}

base::Result<RetentionRule> rule_of(Call& call, RetentionBody& body, bool whole) {
  RetentionRule rule;
  if (whole) {
    MADANG_TRY(rule, hub::read_retention({body.raw, std::move(body.rollups)}));
  } else if (!body.raw.empty() || !body.rollups.empty()) {
    return base::error(base::Code::bad_request_data, "A rule is named by its tenant, type and attribute.", "/raw");
  }
  if (!body.type.empty()) {
    MADANG_TRY(rule.type, call.context->expand(body.type));
  }
  if (!body.attribute.empty()) {
    MADANG_TRY(rule.attribute, call.context->expand(body.attribute));
  }
  return rule;
}

void change(Call&& call) {
  auto body = call.loop.bodies.retention(call.body);
  if (!body.ok()) return call.fail(body.error());
  const bool sets = call.operation->op == Op::retention_set;
  auto rule = rule_of(call, *body, sets);
  if (!rule.ok()) return call.fail(rule.error());
  auto waiting = std::make_shared<Call>(std::move(call));
  hub::Hub& hub = waiting->environment.hub;
  const auto who = waiting->who;
  net::Loop& loop = waiting->responder.loop();
  const auto done = [waiting](base::Status kept) {
    if (!waiting->alive()) return;
    kept.ok() ? waiting->answer_empty(204) : waiting->fail(kept.error());
  };
  if (sets) return hub.set_retention(*who, body->tenant, std::move(*rule), loop, done);
  hub.drop_retention(*who, body->tenant, rule->type, rule->attribute, loop, done);
}

}  // namespace

void ManageRetention::operator()(Call&& call) const {
  switch (call.operation->op) {
    case Op::retention_set:
    case Op::retention_drop:
      return change(std::move(call));
    case Op::retention_run: {
      const auto begun = call.environment.hub.run_retention(*call.who);
      return begun.ok() ? call.answer_json(202, R"({"state":"asked"})") : call.fail(begun.error());
    }
    default: {
      const auto text = call.operation->op == Op::retention_list ? rules(call) : passes(call);
      text.ok() ? call.answer_json(200, *text) : call.fail(text.error());
    }
  }
}

}  // namespace madang::api::admin
