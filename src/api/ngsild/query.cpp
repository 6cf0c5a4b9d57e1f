#include "ngsild/query.h"

#include "http/link.h"
#include "ngsild/entity_map.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

/// A question under way. Kept alive by the callbacks that the hub holds.
struct Run {
  Run(std::shared_ptr<Call> c, Question&& q)
      : shared(std::move(c)), question(std::move(q)), call(*shared), view(question.view), page(question.page) {}

  const std::shared_ptr<Call> shared;
  Question question;
  Call& call;
  View& view;
  hub::QueryPage& page;
  std::optional<EntityMap> map;  // what the question is fixed with
  bool made_map = false, altered = false;
  std::string text;
  bool first = true, overflown = false;

  bool collection() const { return view.how.geojson; }

  void begin() {
    text = call.loop.take_buffer();
    text += collection() ? R"({"type":"FeatureCollection","features":[)" : "[";
    if (collection()) view.how.with_context = false;  // once, for the whole collection
  }

  void see(ngsi::EntityView entity, const ngsi::Filter* filter) {
    if (overflown) return;
    if (!first) text += ',';
    first = false;
    ngsi::EntityBlock kept;
    entity = conforming(call, view, entity, kept);
    altered = altered || kept;
    ngsi::append_entity(text, entity, call.shown->vocabulary, view.how, filter);
    overflown = text.size() > call.environment.options.answer_bytes;
  }

  void done(base::Result<hub::QueryAnswer>&& answer) {
    if (call.alive()) finish(std::move(answer));
    call.loop.give_buffer(std::move(text));
  }

 private:
  void finish(base::Result<hub::QueryAnswer>&& answer) {
    if (!answer) return call.fail(answer.error());
    if (overflown) {
      return call.fail(error(Code::too_many_results,
                             "The page is larger than " + std::to_string(call.environment.options.answer_bytes) +
                                 " bytes: ask with a smaller limit, or pick what you need.",
                             "limit"));
    }
    text += ']';
    if (collection()) {
      if (view.context_inside) text += ",\"@context\":", text += call.shown->vocabulary.context().json();
      text += '}';
    }
    std::string& block = call.begin_headers();
    if (!view.context_inside) block += call.shown->link_line;
    if (page.count) block += "NGSILD-Results-Count: " + std::to_string(answer->count) + "\r\n";
    append_neighbours(block, *answer);
    block += preference_line(view);
    if (map) block += entity_map_line(*map), prune(answer->unfit);
    const int status = made_map ? 201 : (altered ? 203 : 200);
    call.answer_text(status, media_name(call.media), block, text);
  }

  /// Clause 5.5.9.3: what no longer fits leaves the map. Another question's opinion does not count (5.5.14).
  void prune(const std::vector<std::string>& unfit) const {
    if (!unfit.empty() && map->asked == question.asked)
      call.environment.maps->prune(call.tenant, call.who->name, map->id, unfit);
  }

  void append_neighbours(std::string& block, const hub::QueryAnswer& answer) const {
    const net::Request& request = call.request();
    const std::uint64_t offset = call.params.number(Param::offset).value_or(0);
    const std::uint64_t limit = page.limit;
    if (limit == 0) return;
    if (answer.next) {
      // Who pages by offset goes on so (5.5.9.2); who does not gets a place that stays right (5.5.9.1).
      const bool by_offset = call.params.has(Param::offset) && !call.params.has(Param::after);
      append_page_link(block, "next", request.path, request.query, limit, offset + limit,
                       by_offset ? std::string_view() : *answer.next, media_name(call.media));
    }
    if (offset > 0) {
      const std::uint64_t before = offset > limit ? offset - limit : 0;
      append_page_link(block, "prev", request.path, request.query, limit, before, {}, media_name(call.media));
    }
  }
};

void ask(const std::shared_ptr<Run>& run) {
  run->begin();
  Call& call = run->call;
  net::Loop& loop = call.responder.loop();
  const auto who = call.who;
  const std::string tenant = call.tenant;
  if (run->map) run->page.listed = run->map->ids;
  call.environment.hub.query(
      who, tenant, run->question.query, run->page,
      [run](ngsi::EntityView entity, const ngsi::Filter* filter) { run->see(entity, filter); },
      [run](base::Result<hub::QueryAnswer> answer) { run->done(std::move(answer)); },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

}  // namespace

void QueryEntities::operator()(Call&& call) const {
  auto question = question_of(call);
  if (!question) return call.fail(question.error());
  const auto run = std::make_shared<Run>(std::make_shared<Call>(std::move(call)), std::move(*question));
  const std::string_view named = run->call.headers.entity_map;
  if (!named.empty()) run->map = run->call.environment.maps->find(run->call.tenant, run->call.who->name, named);
  // Clause 5.7.2.4: a map is made where one is wanted, and where the one named is gone.
  const bool make = !run->map && (!named.empty() || run->question.wants_map);
  if (!make) return ask(run);
  make_entity_map(run->shared, run->question, [run](base::Result<EntityMap> map) {
    if (!map) return run->call.fail(map.error());
    run->map = std::move(*map);
    run->made_map = true;
    ask(run);
  });
}

}  // namespace madang::api::ngsild
