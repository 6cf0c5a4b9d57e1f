#include "ngsild/past.h"

#include <algorithm>

#include "madang/ngsi/order.h"

#include "ngsild/entity_map.h"
#include "ngsild/past_page.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

base::Error nothing_of(std::string_view id) {
  return error(Code::not_found, "The evolution of " + std::string(id) + " has nothing of what was asked for.");
}

ngsi::AggregationQuery aggregation_of(const PastView& view) {
  ngsi::AggregationQuery query;
  query.evolution = view.evolution;
  query.evolution.last = 0;
  query.methods = view.aggregation->methods;
  query.period = view.aggregation->period;
  return query;
}

/// Clause 5.7.3.4: an evolution without anything in the interval is not in the result.
bool is_empty(const PastView& view, const ngsi::Evolution& evolution) {
  if (view.evolution.names_given && view.evolution.names.empty()) return false;  // only id, type or scope
  return view.evolution.interval && evolution.view().attribute_count() == 0 && evolution.scopes.empty();
}

void retrieve(const std::shared_ptr<PastPage>& page, const std::string& id) {
  Call& call = page->call();
  net::Loop& loop = call.responder.loop();
  hub::Hub& hub = call.environment.hub;
  if (page->view().aggregation) {
    hub.aggregate_past(
        call.who, call.tenant, id, aggregation_of(page->view()), loop,
        [page, id](base::Result<ngsi::Aggregation> aggregation) {
          if (!aggregation) return page->fail(aggregation.error());
          if (aggregation->series.empty() && !ngsi::shows_anything(*aggregation, page->view().how.how, nullptr))
            return page->fail(nothing_of(id));
          std::vector<ngsi::Aggregation> one;
          one.push_back(std::move(*aggregation));
          page->done(std::move(one), 1, false);
        });
    return;
  }
  hub.retrieve_past(
      call.who, call.tenant, id, page->view().evolution, loop, [page, id](base::Result<ngsi::Evolution> evolution) {
        if (!evolution) return page->fail(evolution.error());
        if (is_empty(page->view(), *evolution) || !ngsi::shows_anything(*evolution, page->view().how, nullptr))
          return page->fail(nothing_of(id));
        std::vector<ngsi::Evolution> one;
        one.push_back(std::move(*evolution));
        page->done(std::move(one), 1, false);
      });
}

ngsi::EvolutionsQuery evolutions_of(const Question& question, const PastView& view) {
  ngsi::EvolutionsQuery query;
  query.query = question.query;
  query.query.order.reset();
  query.evolution = view.evolution;
  // Where only id, type and scope are shown, an entity is in the result by any instance.
  if (query.evolution.names_given && query.evolution.names.empty()) {
    query.evolution.names_given = false;
    query.evolution.most = 1;
  }
  query.descending = question.query.order && question.query.order->terms.front().is_descending();
  return query;
}

void query(const std::shared_ptr<PastPage>& page, ngsi::EvolutionsQuery&& which) {
  Call& call = page->call();
  net::Loop& loop = call.responder.loop();
  hub::Hub& hub = call.environment.hub;
  if (page->view().aggregation) {
    hub.query_aggregates(call.who, call.tenant, std::move(which), aggregation_of(page->view()), page->page, loop,
                         [page](base::Result<hub::Hub::Aggregations> answer) {
                           if (!answer) return page->fail(answer.error());
                           page->done(std::move(answer->entities), answer->count, answer->more);
                         });
    return;
  }
  hub.query_past(call.who, call.tenant, std::move(which), page->page, loop,
                 [page](base::Result<ngsi::EvolutionsAnswer> answer) {
                   if (!answer) return page->fail(answer.error());
                   page->done(std::move(answer->entities), answer->count, answer->more);
                 });
}

/// Gathers the ids of all that a question about the past is about, page by page.
class MapMaker : public std::enable_shared_from_this<MapMaker> {
 public:
  using Then = std::function<void(base::Result<EntityMap>)>;
  MapMaker(std::shared_ptr<Call> call, ngsi::EvolutionsQuery which, const Question& question, Then then)
      : call_(std::move(call)),
        which_(std::move(which)),
        asked_(question.asked),
        lifetime_(question.map_lifetime),
        then_(std::move(then)) {
    which_.descending = false;
    if (question.split_entities) {  // whose parts may be elsewhere, those are candidates whatever they have here
      which_.query.attributes.clear();
      which_.query.attributes_given = false;
      which_.query.q.reset(), which_.query.scope.reset(), which_.query.geo.reset();
    }
    page_.limit = kAtOnce;
    which_.evolution.most = 1;
  }

  void go_on() {
    call_->environment.hub.query_past(call_->who, call_->tenant, which_, page_, call_->responder.loop(),
                                      [self = shared_from_this()](base::Result<ngsi::EvolutionsAnswer> answer) {
                                        if (self->call_->alive()) self->take(std::move(answer));
                                      });
  }

 private:
  static constexpr std::uint32_t kAtOnce = 1'000;

  void take(base::Result<ngsi::EvolutionsAnswer>&& answer) {
    if (!answer) return then_(answer.error());
    for (const ngsi::Evolution& each : answer->entities) ids_.emplace_back(each.view().id());
    // One too many is enough to be refused.
    if (answer->more && !answer->entities.empty() && ids_.size() <= call_->environment.maps->limits().entities) {
      page_.after = ids_.back();
      return go_on();
    }
    then_(call_->environment.maps->make(call_->tenant, call_->who->name, asked_, std::move(ids_), lifetime_));
  }

  const std::shared_ptr<Call> call_;
  ngsi::EvolutionsQuery which_;
  const std::uint64_t asked_;
  const std::optional<std::chrono::seconds> lifetime_;
  const Then then_;
  ngsi::EvolutionsPage page_;
  std::vector<std::string> ids_;
};

/// What a map has fixed, and what of it is asked for by id.
void fix(ngsi::Query& query, const EntityMap& map) {
  if (query.ids.empty()) {
    query.ids = *map.ids;
  } else {
    std::erase_if(query.ids,
                  [&](const std::string& id) { return !std::binary_search(map.ids->begin(), map.ids->end(), id); });
  }
}

/// A page of the entities that a map holds; none of them is a page too.
void query_fixed(const std::shared_ptr<PastPage>& page, ngsi::EvolutionsQuery&& which, const EntityMap& map) {
  fix(which.query, map);
  page->header_lines += entity_map_line(map);
  if (!which.query.ids.empty()) return query(page, std::move(which));
  page->view().aggregation ? page->done(std::vector<ngsi::Aggregation>(), 0, false)
                           : page->done(std::vector<ngsi::Evolution>(), 0, false);
}

}  // namespace

void RetrievePast::operator()(Call&& call) const {
  auto view = past_view(call);
  if (!view) return call.fail(view.error());
  auto map_line = map_of_one(call, call.captures[0]);
  if (!map_line) return call.fail(map_line.error());
  const std::string id(call.captures[0]);
  const auto page = std::make_shared<PastPage>(std::make_shared<Call>(std::move(call)), std::move(*view));
  page->header_lines = std::move(*map_line);
  retrieve(page, id);
}

void QueryPast::operator()(Call&& taken) const {
  auto read = past_question(taken);
  if (!read) return taken.fail(read.error());
  const auto call = std::make_shared<Call>(std::move(taken));
  const Question& question = read->question;
  ngsi::EvolutionsQuery which = evolutions_of(question, read->view);
  const auto page = std::make_shared<PastPage>(call, std::move(read->view));
  page->many = true;
  page->page.after = question.page.after;
  page->page.offset = question.page.offset;
  page->page.limit = question.page.limit;
  page->page.count = question.page.count;

  const std::string_view named = call->headers.entity_map;
  const auto map = named.empty() ? std::nullopt : call->environment.maps->find(call->tenant, call->who->name, named);
  if (map) return query_fixed(page, std::move(which), *map);
  if (named.empty() && !question.wants_map) return query(page, std::move(which));
  // Clause 5.7.4.4: a map is made where one is wanted, and where the one named is gone.
  const auto waiting = std::make_shared<ngsi::EvolutionsQuery>(std::move(which));
  const auto then = [call, page, waiting](base::Result<EntityMap> made) {
    if (!made) return call->fail(made.error());
    page->status = 201;
    query_fixed(page, std::move(*waiting), *made);
  };
  std::make_shared<MapMaker>(call, *waiting, question, then)->go_on();
}

void CreatePastEntityMap::operator()(Call&& taken) const {
  auto read = past_question(taken);
  if (!read) return taken.fail(read.error());
  const auto call = std::make_shared<Call>(std::move(taken));
  const auto then = [call](base::Result<EntityMap> made) {
    made ? answer_entity_map(*call, 201, *made) : call->fail(made.error());
  };
  std::make_shared<MapMaker>(call, evolutions_of(read->question, read->view), read->question, then)->go_on();
}

}  // namespace madang::api::ngsild
