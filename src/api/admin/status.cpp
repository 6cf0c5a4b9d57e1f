#include "admin/status.h"

#include "madang/base/json.h"
#include "madang/base/metrics.h"

namespace madang::api::admin {
namespace {

using base::Code;
using base::error;

bool from_loopback(std::string_view peer) {
  return peer.starts_with("127.") || peer.starts_with("[::1]") || peer.starts_with("::1");
}

}  // namespace

void ShowHealth::operator()(Call&& call) const {
  const hub::Health health = call.environment.hub.health();
  std::string text = R"({"status":"up","version":)";
  base::json::append_string(text, call.environment.options.version);
  text += health.accepting ? R"(,"accepting":true)" : R"(,"accepting":false,"reason":)";
  if (!health.accepting) base::json::append_string(text, health.reason);
  const auto add = [&text](std::string_view name, std::uint64_t value) {
    text.append(",\"").append(name).append("\":");
    base::json::append_unsigned(text, value);
  };
  add("entities", health.entities);
  add("tenants", health.tenants);
  add("memoryBytes", health.memory_bytes);
  add("memoryLimit", health.memory_limit);
  add("journalBytes", health.journal_bytes);
  add("recoveredRecords", health.recovered_records);
  if (health.history) {
    add("historyLag", health.history_lag);
    add("historyPoints", health.history_points);
    add("historyBytes", health.history_bytes);
    if (!health.history_trouble.empty()) {
      text += R"(,"historyTrouble":)";
      base::json::append_string(text, health.history_trouble);
    }
  }
  // How far subscriptions lag: records not matched yet, notifications not delivered yet.
  const hub::DeliveryTotals deliveries = call.environment.hub.subscriptions().totals();
  add("subscriptions", deliveries.subscriptions);
  add("matcherLag", health.shown > deliveries.position ? health.shown - deliveries.position : 0);
  add("notificationsWaiting", deliveries.waiting);
  for (const hub::Surface* surface : surfaces_) surface->append_health(text);
  call.answer_json(200, text += '}');
}

void ShowReady::operator()(Call&& call) const {
  if (draining_.load(std::memory_order_relaxed)) return call.fail(error(Code::unavailable, "The server is stopping."));
  const hub::Health health = call.environment.hub.health();
  if (!health.accepting) return call.fail(error(Code::unavailable, "No changes are taken: " + health.reason));
  call.answer_json(200, R"({"status":"ready"})");
}

void ShowMetrics::operator()(Call&& call) const {
  const bool open = call.environment.options.open_metrics_on_loopback && from_loopback(call.request().peer);
  if (!open) {
    if (auto allowed = call.authorize(governance::Role::read); !allowed.ok()) return call.fail(allowed.error());
  }
  call.answer_text(200, media_name(Media::kText), call.begin_headers(), base::metrics::render());
}

void ShowText::operator()(Call&& call) const {
  call.answer_text(200, media_name(call.media), call.begin_headers(), text_);
}

}  // namespace madang::api::admin
