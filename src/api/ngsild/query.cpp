#include "ngsild/query.h"

#include "ngsild/entity_map.h"
#include "ngsild/page.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {
namespace {

void ask(const std::shared_ptr<Call>& call, Question&& question, const std::shared_ptr<Page>& page) {
  if (auto status = page->begin(); !status.ok()) return page->done(status.error());
  net::Loop& loop = call->responder.loop();
  const auto who = call->who;
  const std::string tenant = call->tenant;
  call->environment.hub.query(
      who, tenant, std::move(question.query), page->page,
      [page](ngsi::EntityView entity, const ngsi::Filter* filter) { page->see(entity, filter); },
      [page](base::Result<hub::QueryAnswer> answer) { page->done(std::move(answer)); },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

}  // namespace

void QueryEntities::operator()(Call&& taken) const {
  auto read = question_of(taken);
  if (!read) return taken.fail(read.error());
  const auto call = std::make_shared<Call>(std::move(taken));
  const auto question = std::make_shared<Question>(std::move(*read));
  const auto page = std::make_shared<Page>(call, std::move(question->view), question->page);

  const std::string_view named = call->headers.entity_map;
  const auto map = named.empty() ? std::nullopt : call->environment.maps->find(call->tenant, call->who->name, named);
  if (map) page->fix(*map, question->asked);
  // Clause 5.7.2.4: a map is made where one is wanted, and where the one named is gone.
  if (map || (named.empty() && !question->wants_map)) return ask(call, std::move(*question), page);
  make_entity_map(call, *question, [call, question, page](base::Result<EntityMap> made) {
    if (!made) return call->fail(made.error());
    page->fix(*made, question->asked);
    page->status = 201;
    ask(call, std::move(*question), page);
  });
}

}  // namespace madang::api::ngsild
