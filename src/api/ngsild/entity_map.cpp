#include "ngsild/entity_map.h"

#include "madang/base/json.h"
#include "madang/base/uri.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

/// EntityMap (5.2.39). All entities are this server's own: "@none".
std::string document(const Call& call, const EntityMap& map) {
  std::string out = "{\"id\":";
  base::json::append_string(out, map.id);
  out += ",\"type\":\"EntityMap\",\"expiresAt\":\"" + base::to_string(map.expires) + "\",\"entityMap\":{";
  for (const std::string& id : *map.ids) {
    if (out.back() != '{') out += ',';
    base::json::append_string(out, id);
    out += ":[\"@none\"]";
  }
  out += "},\"linkedMaps\":{}";
  if (call.media == kLdJson) out += ",\"@context\":", out += call.context->json();
  return out += '}';
}

void answer(Call& call, int status, const EntityMap& map, std::string_view line) {
  std::string& block = call.begin_headers();
  block += line;
  if (call.media == kJson && call.words) block += call.words->link_line;
  call.answer_text(status, media_name(call.media), block, document(call, map));
}

base::Error unknown(std::string_view id) {
  return error(Code::not_found, "There is no entity map " + std::string(id.substr(0, 200)) + ", or it has expired.");
}

base::Result<base::Timestamp> new_expiry(Call& call, base::Timestamp now) {
  MADANG_TRY(const auto text, call.loop.bodies.entity_map_expiry(call.body));
  if (!text) return now;
  auto time = base::parse_date_time(*text);
  if (!time) return error(Code::bad_request_data, time.error().message, "/expiresAt");
  return *time;
}

}  // namespace

std::string entity_map_line(const EntityMap& map) {
  return "NGSILD-EntityMap: " + EntityMaps::location(map) + "\r\n";
}

void answer_entity_map(Call& call, int status, const EntityMap& map) {
  answer(call, status, map, entity_map_line(map));
}

void make_entity_map(const std::shared_ptr<Call>& call, const Question& question,
                     std::function<void(base::Result<EntityMap>)> then) {
  ngsi::Query query = question.query;
  query.order.reset();
  if (question
          .split_entities) {  // 5.14.4.4: whose parts may be elsewhere, those are candidates whatever they have here
    query.attributes.clear();
    query.attributes_given = false;
    query.q.reset(), query.scope.reset(), query.geo.reset();
  }
  hub::QueryPage page;
  page.limit = static_cast<std::uint32_t>(call->environment.maps->limits().entities + 1);
  const auto ids = std::make_shared<std::vector<std::string>>();
  net::Loop& loop = call->responder.loop();
  const auto who = call->who;
  call->environment.hub.query(
      who, call->tenant, std::move(query), page,
      [ids](ngsi::EntityView entity, const ngsi::Filter*) { ids->emplace_back(entity.id()); },
      [call, ids, asked = question.asked, lifetime = question.map_lifetime,
       then = std::move(then)](const base::Result<hub::QueryAnswer>& answer) {
        if (!call->alive()) return;
        if (!answer) return then(answer.error());
        then(call->environment.maps->make(call->tenant, call->who->name, asked, std::move(*ids), lifetime));
      },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

void CreateEntityMap::operator()(Call&& call) const {
  auto question = question_of(call);
  if (!question) return call.fail(question.error());
  const auto waiting = std::make_shared<Call>(std::move(call));
  make_entity_map(waiting, *question, [waiting](base::Result<EntityMap> map) {
    if (!map) return waiting->fail(map.error());
    answer_entity_map(*waiting, 201, *map);
  });
}

void ManageEntityMap::operator()(Call&& call) const {
  const std::string_view id = call.captures[0];
  EntityMaps& maps = *call.environment.maps;
  if (call.operation->op == Op::map_delete)
    return maps.drop(call.tenant, call.who->name, id) ? call.answer_empty(204) : call.fail(unknown(id));
  const auto map = maps.find(call.tenant, call.who->name, id);
  if (!map) return call.fail(unknown(id));
  if (call.operation->op == Op::map_show) return answer(call, 200, *map, {});
  const auto expiry = new_expiry(call, map->expires);
  if (!expiry) return call.fail(expiry.error());
  maps.set_expiry(call.tenant, call.who->name, id, *expiry);
  call.answer_empty(204);
}

base::Result<std::string> map_of_one(const Call& call, std::string_view id) {
  EntityMaps& maps = *call.environment.maps;
  const std::string_view named = call.headers.entity_map;
  if (named.empty() && !call.params.flag(Param::entity_map)) return std::string();
  auto map = maps.find(call.tenant, call.who->name, named);
  if (!map) {
    const auto lifetime = call.params.has(Param::entity_map_lifetime)
                              ? parse_duration(call.params[Param::entity_map_lifetime])
                              : std::nullopt;
    MADANG_TRY(map, maps.make(call.tenant, call.who->name, 0, {std::string(id)}, lifetime));
  }
  return entity_map_line(*map);
}

}  // namespace madang::api::ngsild
