#include "ngsild/retrieve.h"

#include "http/etag.h"
#include "ngsild/entity_map.h"
#include "ngsild/view.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

/// One retrieval; shown the entity while the hub holds it still.
struct Retrieval {
  Call& call;
  View view;
  std::optional<ngsi::TypeSelection> type;
  std::string map_line;  // names the entity map, where there is one
  bool answered = false;

  void show(ngsi::EntityView entity, const ngsi::Filter* filter) {
    if (type && !ngsi::matches(*type, entity)) return;
    if (!shows_anything(entity, view.how, filter)) return;
    answered = true;
    std::string& block = call.begin_headers();
    const std::size_t etag_at = block.size() + 6;
    block += "ETag: ";
    append_etag(block, entity.version(), view.hash);
    ngsi::EntityBlock kept;
    entity = conforming(call, view, entity, kept);
    const int status = kept ? 203 : 200;
    if (call.headers.has_if_none_match &&
        none_match_hits(call.headers.if_none_match, std::string_view(block).substr(etag_at))) {
      block += "\r\n";
      return call.answer(304, {}, block, [](std::string&) {});
    }
    block += "\r\nVary: Accept, Accept-Encoding, Link, NGSILD-Tenant\r\n";
    if (!view.context_inside) block += call.shown->link_line;
    block += preference_line(view);
    block += map_line;
    const auto render = [&](std::string& out) {
      ngsi::append_entity(out, entity, call.shown->vocabulary, view.how, filter);
    };
    if (!call.wants_gzip()) return call.answer(status, media_name(call.media), block, render);
    std::string text = call.loop.take_buffer();
    render(text);
    call.answer_text(status, media_name(call.media), block, text);
    call.loop.give_buffer(std::move(text));
  }
};

/// Clause 5.7.1.4: the map that the request names, or a new one of this one entity.
base::Status choose_map(Retrieval& retrieval, std::string_view id) {
  const Call& call = retrieval.call;
  EntityMaps& maps = *call.environment.maps;
  const std::string_view named = call.headers.entity_map;
  if (named.empty() && !call.params.flag(Param::entity_map)) return {};
  auto map = maps.find(call.tenant, call.who->name, named);
  if (!map) {
    const auto lifetime = call.params.has(Param::entity_map_lifetime)
                              ? parse_duration(call.params[Param::entity_map_lifetime])
                              : std::nullopt;
    MADANG_TRY(map, maps.make(call.tenant, call.who->name, 0, {std::string(id)}, lifetime));
  }
  retrieval.map_line = entity_map_line(*map);
  return {};
}

}  // namespace

void RetrieveEntity::operator()(Call&& call) const {
  const std::string_view id = call.captures[0];
  auto text = view_text(call.params);
  if (!text) return call.fail(text.error());
  auto view = make_view(call, *text);
  if (!view) return call.fail(view.error());
  Retrieval retrieval{call, std::move(*view), {}, {}};
  if (call.params.has(Param::type)) {
    auto type = ngsi::parse_type_selection(call.params[Param::type], call.vocabulary(), call.environment.options.query);
    if (!type) return call.fail(type.error());
    retrieval.type = std::move(*type);
  }
  if (auto status = choose_map(retrieval, id); !status.ok()) return call.fail(status.error());
  auto status = call.environment.hub.retrieve(
      *call.who, call.tenant, id,
      [&retrieval](ngsi::EntityView entity, const ngsi::Filter* filter) { retrieval.show(entity, filter); });
  if (retrieval.answered) return;
  if (status.ok())
    status = error(Code::not_found, "The entity " + std::string(id) + " has nothing of what was asked for.");
  call.fail(status.error());
}

}  // namespace madang::api::ngsild
