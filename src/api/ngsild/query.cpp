#include "ngsild/query.h"

#include "http/link.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

/// A question under way. Kept alive by the callbacks that the hub holds.
struct Run {
  Run(Call&& c, View&& v, const hub::QueryPage& p) : call(std::move(c)), view(std::move(v)), page(p) {}

  Call call;
  View view;
  hub::QueryPage page;
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
    call.answer_text(200, media_name(call.media), block, text);
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

}  // namespace

void QueryEntities::operator()(Call&& call) const {
  auto question = [&call]() -> base::Result<Question> {
    if (call.operation->op == Op::entity_query) return question_from_parameters(call);
    MADANG_TRY(const QueryBody body, call.loop.bodies.query(call.body, call.content == ContentType::ld_json));
    return question_from_body(call, body);
  }();
  if (!question) return call.fail(question.error());

  hub::Hub& hub = call.environment.hub;
  net::Loop& loop = call.responder.loop();
  const auto who = call.who;
  const std::string tenant = call.tenant;
  const auto run = std::make_shared<Run>(std::move(call), std::move(question->view), question->page);
  run->begin();
  hub.query(
      who, tenant, std::move(question->query), question->page,
      [run](ngsi::EntityView entity, const ngsi::Filter* filter) { run->see(entity, filter); },
      [run](base::Result<hub::QueryAnswer> answer) { run->done(std::move(answer)); },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

}  // namespace madang::api::ngsild
