#include "ngsild/query.h"

#include "ngsild/page.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {

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
  const auto page = std::make_shared<Page>(std::move(call), std::move(question->view), question->page);
  if (auto status = page->begin(); !status.ok()) return page->done(status.error());
  hub.query(
      who, tenant, std::move(question->query), page->page,
      [page](ngsi::EntityView entity, const ngsi::Filter* filter) { page->see(entity, filter); },
      [page](base::Result<hub::QueryAnswer> answer) { page->done(std::move(answer)); },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

}  // namespace madang::api::ngsild
