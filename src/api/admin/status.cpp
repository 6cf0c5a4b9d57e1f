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

std::string welcome_page() {
  return R"(<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Madang 마당</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem }
h1 { font-size: 1.75rem }
h2 { font-size: 1.15rem; margin-top: 2rem }
code { font: .92em/1.5 ui-monospace, monospace }
pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem }
li { margin: .25rem 0 }
</style>
</head>
<body>
<main>
<h1>마당 Madang</h1>
<section lang="ko">
<h2>도시의 살아 있는 데이터가 모이는 마당입니다</h2>
<p>서버가 켜져 있습니다. 여기서 시작하세요.</p>
<ul>
<li><a href="/ngsi-ld/v1/types">/ngsi-ld/v1/types</a>: 어떤 종류의 개체가 있는지</li>
<li><a href="/ngsi-ld/v1/entities?local=true&amp;options=simplified">/ngsi-ld/v1/entities?local=true</a>: 개체 목록</li>
<li><a href="/openapi.json">/openapi.json</a>: 이 서버가 하는 일 전부</li>
<li><a href="/health">/health</a>, <a href="/ready">/ready</a>, <a href="/metrics">/metrics</a>: 서버의 상태</li>
</ul>
</section>
<section lang="en">
<h2>The yard where a city's live data meets</h2>
<p>The server is running. Start here.</p>
<ul>
<li><a href="/ngsi-ld/v1/types">/ngsi-ld/v1/types</a>: which types of entities there are</li>
<li><a href="/ngsi-ld/v1/entities?local=true&amp;options=simplified">/ngsi-ld/v1/entities?local=true</a>: the entities</li>
<li><a href="/openapi.json">/openapi.json</a>: everything this server does</li>
<li><a href="/health">/health</a>, <a href="/ready">/ready</a>, <a href="/metrics">/metrics</a>: how it is doing</li>
</ul>
</section>
<pre><code>curl -X POST -H 'Content-Type: application/json' \
  -d '{"id":"urn:ngsi-ld:Room:1","type":"Room","temperature":{"value":21.5}}' \
  http://localhost:8080/ngsi-ld/v1/entities
curl 'http://localhost:8080/ngsi-ld/v1/entities?type=Room'</code></pre>
</main>
</body>
</html>
)";
}

}  // namespace madang::api::admin
