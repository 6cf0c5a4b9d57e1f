#include "admin/upkeep.h"

#include <charconv>

#include "madang/base/json.h"

namespace madang::api::admin {
namespace {

using base::Code;
using base::error;
using base::json::append_string;

void list_indexes(Call& call) {
  auto indexes = call.environment.hub.indexes(*call.who);
  if (!indexes) return call.fail(indexes.error());
  std::string text = "[";
  for (const auto& info : *indexes) {
    if (text.size() > 1) text += ',';
    text += R"({"tenant":)", append_string(text, info.index.tenant);
    text += R"(,"type":)", append_string(text, info.index.type);
    text += R"(,"attribute":)", append_string(text, info.index.attribute);
    text += info.ready ? R"(,"ready":true,"entries":)" : R"(,"ready":false,"entries":)";
    base::json::append_unsigned(text, info.entries);
    text += '}';
  }
  call.answer_json(200, text += ']');
}

base::Status change_index(Call& call) {
  MADANG_TRY(IndexBody body, call.loop.bodies.index(call.body));
  hub::IndexDeclaration index;
  index.tenant = std::move(body.tenant);
  MADANG_TRY(index.type, call.context->expand(body.type));
  MADANG_TRY(index.attribute, call.context->expand(body.attribute));
  hub::Hub& hub = call.environment.hub;
  return call.operation->op == Op::index_declare ? hub.declare_index(*call.who, index)
                                                 : hub.drop_index(*call.who, index);
}

std::string plan_json(const hub::Hub::BackupPlan& plan) {
  std::string text = R"({"ticket":)";
  base::json::append_unsigned(text, plan.ticket);
  text += R"(,"position":)";
  base::json::append_unsigned(text, plan.position);
  text += R"(,"files":[)";
  for (const std::string& file : plan.files) {
    if (text.back() != '[') text += ',';
    append_string(text, file);
  }
  return text += "]}";
}

}  // namespace

void ManageIndexes::operator()(Call&& call) const {
  if (call.operation->op == Op::indexes_list) return list_indexes(call);
  const auto status = change_index(call);
  status.ok() ? call.answer_empty(204) : call.fail(status.error());
}

ManageBackups::~ManageBackups() {
  if (worker_.joinable()) worker_.join();
}

void ManageBackups::operator()(Call&& call) const {
  if (call.operation->op == Op::backup_begin) return begin(std::move(call));
  const std::string_view text = call.captures[0];
  std::uint64_t ticket = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), ticket);
  if (fault != std::errc() || end != text.data() + text.size()) {
    return call.fail(error(Code::bad_request_data, "A backup's ticket is a number."));
  }
  call.environment.hub.end_backup(ticket);
  call.answer_empty(204);
}

void ManageBackups::begin(Call&& call) const {
  const std::lock_guard lock(mutex_);
  if (busy_) return call.fail(error(Code::too_many_requests, "Another backup is being prepared."));
  if (worker_.joinable()) worker_.join();
  busy_ = true;
  auto waiting = std::make_shared<Call>(std::move(call));
  net::Loop& loop = waiting->responder.loop();
  const auto who = waiting->who;
  hub::Hub& hub = waiting->environment.hub;
  worker_ = std::thread([this, waiting = std::move(waiting), &loop, who, &hub]() mutable {
    auto plan = std::make_shared<base::Result<hub::Hub::BackupPlan>>(hub.begin_backup(*who));
    loop.post([waiting = std::move(waiting), plan, &hub] {  // the call dies on its loop
      if (!waiting->alive()) {
        // Nobody knows the ticket: give it back.
        if (plan->ok()) hub.end_backup((*plan)->ticket);
      } else if (plan->ok()) {
        waiting->answer_json(200, plan_json(**plan));
      } else {
        waiting->fail(plan->error());
      }
    });
    const std::lock_guard finished(mutex_);
    busy_ = false;
  });
}

}  // namespace madang::api::admin
