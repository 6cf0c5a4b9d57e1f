#include "ngsild/retrieve.h"

#include "http/etag.h"
#include "ngsild/entity_map.h"
#include "ngsild/page.h"
#include "ngsild/view.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

/// Clause 5.7.1.4: without the type asked for, or anything to show, it is not found.
bool is_found(ngsi::EntityView entity, const std::optional<ngsi::TypeSelection>& type, const View& view,
              const ngsi::Filter* filter) {
  return (!type || ngsi::matches(*type, entity)) && shows_anything(entity, view.how, filter);
}

base::Error nothing_of(std::string_view id) {
  return error(Code::not_found, "The entity " + std::string(id) + " has nothing of what was asked for.");
}

/// One retrieval; shown the entity while the hub holds it still.
struct Retrieval {
  Call& call;
  View view;
  std::optional<ngsi::TypeSelection> type;
  bool answered = false;
  std::unique_ptr<const Linked> neighbours = {};
  std::string map_line = {};  // names the entity map, where there is one

  void show(ngsi::EntityView entity, const ngsi::Filter* filter) {
    if (!is_found(entity, type, view, filter)) return;
    answered = true;
    const std::uint64_t version = entity.version();
    ngsi::EntityBlock kept;
    entity = conforming(call, view, entity, kept);
    const int status = kept ? 203 : 200;
    if (neighbours) return show_joined(entity, filter, status);
    std::string& block = call.begin_headers();
    const std::size_t etag_at = block.size() + 6;
    block += "ETag: ";
    append_etag(block, version, view.hash);
    if (call.headers.has_if_none_match &&
        none_match_hits(call.headers.if_none_match, std::string_view(block).substr(etag_at))) {
      block += "\r\n";
      return call.answer(304, {}, block, [](std::string&) {});
    }
    block += "\r\n";
    end_headers(block);
    const auto render = [&](std::string& out) {
      ngsi::append_entity(out, entity, call.shown->vocabulary, view.how, filter);
    };
    if (!call.wants_gzip()) return call.answer(status, media_name(call.media), block, render);
    std::string text = call.loop.take_buffer();
    render(text);
    call.answer_text(status, media_name(call.media), block, text);
    call.loop.give_buffer(std::move(text));
  }

 private:
  void end_headers(std::string& block) const {
    block += "Vary: Accept, Accept-Encoding, Link, NGSILD-Tenant\r\n";
    if (!view.context_inside) block += call.shown->link_line;
    block += preference_line(view);
    block += map_line;
  }

  /// With linked entities inside. No entity tag: it would have to know of all of them.
  void show_joined(ngsi::EntityView entity, const ngsi::Filter* filter, int status) {
    ngsi::Joining joining = joining_of(view, *neighbours, call.environment.options);
    std::string text = call.loop.take_buffer();
    ngsi::append_entity(text, entity, call.shown->vocabulary, view.how, filter, &joining);
    if (joining.overflown) {
      call.fail(too_many_joined(call.environment.options));
    } else if (text.size() > call.environment.options.answer_bytes) {
      call.fail(too_large(call.environment.options));
    } else {
      std::string& block = call.begin_headers();
      end_headers(block);
      call.answer_text(neighbours->amended() ? 203 : status, media_name(call.media), block, text);
    }
    call.loop.give_buffer(std::move(text));
  }
};

/// The entity and what its Relationships lead to, side by side (clause 4.5.23.3).
void retrieve_flat(Call&& call, View&& view, const std::optional<ngsi::TypeSelection>& type, std::string map_line) {
  hub::Hub& hub = call.environment.hub;
  const std::string id(call.captures[0]), tenant = call.tenant;
  const auto who = call.who;
  const auto page = std::make_shared<Page>(std::make_shared<Call>(std::move(call)), std::move(view), hub::QueryPage());
  page->header_lines = std::move(map_line);
  if (auto status = page->begin(); !status.ok()) return page->done(status.error());
  bool found = false;
  auto status = hub.retrieve(*who, tenant, id, [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
    found = is_found(entity, type, page->view(), filter);
    if (found) page->see(entity, filter);
  });
  if (status.ok() && !found) status = nothing_of(id);
  if (!status.ok()) return page->done(status.error());
  page->done(hub::QueryAnswer());
}

}  // namespace

void RetrieveEntity::operator()(Call&& call) const {
  const std::string_view id = call.captures[0];
  auto text = view_text(call.params, call.environment.options.query);
  if (!text) return call.fail(text.error());
  auto view = make_view(call, *text);
  if (!view) return call.fail(view.error());
  std::optional<ngsi::TypeSelection> selection;
  if (call.params.has(Param::type)) {
    auto type = ngsi::parse_type_selection(call.params[Param::type], call.vocabulary(), call.environment.options.query);
    if (!type) return call.fail(type.error());
    selection = std::move(*type);
  }
  auto map_line = map_of_one(call, id);
  if (!map_line) return call.fail(map_line.error());
  if (view->join == Join::flat)
    return retrieve_flat(std::move(call), std::move(*view), selection, std::move(*map_line));
  Retrieval retrieval{call, std::move(*view), std::move(selection)};
  retrieval.map_line = std::move(*map_line);
  if (retrieval.view.join == Join::within) {
    auto neighbours = call.environment.hub.neighbours(*call.who, call.tenant);
    if (!neighbours) return call.fail(neighbours.error());
    retrieval.neighbours = std::make_unique<Linked>(call, retrieval.view, std::move(*neighbours));
  }
  auto status = call.environment.hub.retrieve(
      *call.who, call.tenant, id,
      [&retrieval](ngsi::EntityView entity, const ngsi::Filter* filter) { retrieval.show(entity, filter); });
  if (retrieval.answered) return;
  if (status.ok()) status = nothing_of(id);
  call.fail(status.error());
}

}  // namespace madang::api::ngsild
