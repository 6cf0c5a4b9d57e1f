#include "ngsild/snapshots.h"

#include <array>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "http/problem.h"
#include "ngsild/snapshot_fill.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

base::Error unknown(std::string_view id) {
  return error(Code::not_found, "There is no snapshot " + std::string(id.substr(0, 200)) + ", or it has expired.");
}

SnapshotWork work_of(const Call& call) {
  return {call.environment, call.responder.loop(), call.who, call.tenant};
}

hub::Hub::Document document_of(const Snapshot& snapshot) {
  return {std::string(Snapshots::kCollection), snapshot.id, Snapshots::written(snapshot)};
}

std::string location_of(const Snapshot& snapshot) {
  std::string location = entity_location(snapshot.id);
  constexpr std::string_view kEntities = "/entities/";
  return location.replace(location.find(kEntities), kEntities.size(), "/snapshots/");
}

void show(Call& call, const Snapshot& snapshot) {
  std::string text = "{" + snapshot.members();
  std::string& block = call.begin_headers();
  if (call.media == kLdJson)
    text.append(",\"@context\":").append(call.shown->vocabulary.context().json());
  else
    block += call.shown->link_line;
  call.answer_text(200, media_name(call.media), block, text += '}');
}

base::Result<std::optional<std::chrono::seconds>> lifetime_of(const SnapshotBody& body) {
  std::optional<std::chrono::seconds> lifetime;
  if (!body.lifetime) return lifetime;
  lifetime = parse_duration(*body.lifetime);
  if (lifetime && lifetime->count() > 0) return lifetime;
  return error(Code::bad_request_data, "A lifetime is a duration such as PT10M (ISO 8601).", "/snapshotLifetime");
}

base::Status check_id(const SnapshotBody& body) {
  if (!body.id || base::is_absolute_uri(*body.id)) return {};
  return error(Code::bad_request_data, "The id must be a URI, such as \"urn:ngsi-ld:Snapshot:1\".", "/id");
}

/// The queries of a new snapshot, as questions.
base::Result<std::vector<SnapshotQuestion>> questions_of(const Call& call, const SnapshotBody& body) {
  if (body.queries.empty() && body.temporal_queries.empty()) {
    return error(Code::bad_request_data, "A snapshot has \"snapshotQueries\" or \"snapshotTemporalQueries\" (5.2.41).",
                 "/snapshotQueries");
  }
  const auto placed = [](base::Error fault, std::string_view list, std::size_t index) {
    if (!fault.where.starts_with('/')) fault.where.insert(0, "/");
    fault.where.insert(0, "/" + std::string(list) + "/" + std::to_string(index));
    return fault;
  };
  std::vector<SnapshotQuestion> questions;
  for (std::size_t i = 0; i < body.queries.size(); ++i) {
    auto question = question_from_body(call, body.queries[i]);
    if (!question) return placed(question.error(), "snapshotQueries", i);
    question->query.order.reset();
    questions.push_back({std::move(question->query), std::move(question->view.how), {}});
  }
  for (std::size_t i = 0; i < body.temporal_queries.size(); ++i) {
    auto past = past_question_from_body(call, body.temporal_queries[i]);
    if (!past) return placed(past.error(), "snapshotTemporalQueries", i);
    ngsi::EvolutionsQuery evolutions;
    evolutions.query = std::move(past->question.query);
    evolutions.query.order.reset();
    evolutions.evolution = std::move(past->view.evolution);
    questions.push_back({{}, {}, std::move(evolutions)});
  }
  return questions;
}

/// What has expired goes when somebody comes by.
void clear_expired(const Call& call) {
  for (const Snapshot& snapshot : call.environment.snapshots->hide_expired(call.tenant)) {
    const SnapshotWork work = work_of(call);
    call.environment.hub.remove_document(*call.who, call.tenant, Snapshots::kCollection, snapshot.id, work.loop,
                                         [work, snapshot](const base::Status&) { clear_snapshot(work, snapshot); });
  }
}

/// Answers once it is durable that there is such a snapshot, then fills it.
void begin(Call&& call, Snapshot&& snapshot, std::string from, std::vector<SnapshotQuestion>&& questions,
           bool is_clone) {
  const auto waiting = std::make_shared<Call>(std::move(call));
  const auto todo = std::make_shared<std::vector<SnapshotQuestion>>(std::move(questions));
  waiting->environment.hub.put_document(
      *waiting->who, waiting->tenant, document_of(snapshot), waiting->responder.loop(),
      [waiting, snapshot, from = std::move(from), todo, is_clone](const base::Status& status) {
        const SnapshotWork work = work_of(*waiting);
        if (status.ok()) {
          fill_snapshot(work, snapshot, from, std::move(*todo), is_clone);
        } else {
          work.environment.snapshots->forget(work.tenant, snapshot.id);
        }
        if (!waiting->alive()) return;
        if (!status.ok()) return waiting->fail(status.error());
        std::string& block = waiting->begin_headers();
        block += "Location: " + location_of(snapshot) + "\r\n";
        waiting->answer(201, {}, block, [](std::string&) {});
      });
}

void create(Call&& call) {
  clear_expired(call);
  auto body = call.loop.bodies.snapshot(call.body, false);
  if (!body) return call.fail(body.error());
  if (auto status = check_id(*body); !status.ok()) return call.fail(status.error());
  auto lifetime = lifetime_of(*body);
  if (!lifetime) return call.fail(lifetime.error());
  auto questions = questions_of(call, *body);
  if (!questions) return call.fail(questions.error());
  Snapshot wanted;
  wanted.id = body->id.value_or(std::string());
  wanted.priority = static_cast<unsigned>(body->priority.value_or(wanted.priority));
  wanted.queries = std::move(body->queries_json);
  wanted.temporal_queries = std::move(body->temporal_queries_json);
  auto made = call.environment.snapshots->make(call.tenant, std::move(wanted), *lifetime);
  if (!made) return call.fail(made.error());
  std::string from = call.tenant;
  begin(std::move(call), std::move(*made), std::move(from), std::move(*questions), false);
}

base::Status refuse_queries(const SnapshotBody& body) {
  if (body.queries_json.empty() && body.temporal_queries_json.empty()) return {};
  return error(Code::bad_request_data, "What a snapshot was made of cannot be changed or said again (5.2.41).",
               body.queries_json.empty() ? "/snapshotTemporalQueries" : "/snapshotQueries");
}

void clone(Call&& call) {
  clear_expired(call);
  Snapshots& snapshots = *call.environment.snapshots;
  const auto source = snapshots.find(call.tenant, call.captures[0]);
  if (!source) return call.fail(unknown(call.captures[0]));
  auto body = call.loop.bodies.snapshot(call.body, false);
  if (!body) return call.fail(body.error());
  if (auto status = check_id(*body); !status.ok()) return call.fail(status.error());
  if (auto status = refuse_queries(*body); !status.ok()) return call.fail(status.error());
  auto lifetime = lifetime_of(*body);
  if (!lifetime) return call.fail(lifetime.error());
  auto from = snapshots.use(call.tenant, call.captures[0]);
  if (!from) return call.fail(from.error());
  Snapshot wanted;
  wanted.id = body->id.value_or(std::string());
  wanted.priority = static_cast<unsigned>(body->priority.value_or(wanted.priority));
  wanted.queries = source->queries;
  wanted.temporal_queries = source->temporal_queries;
  auto made = snapshots.make(call.tenant, std::move(wanted), *lifetime);
  if (!made) return call.fail(made.error());
  std::vector<SnapshotQuestion> everything(2);
  everything[1].evolutions.emplace();
  begin(std::move(call), std::move(*made), std::move(*from), std::move(everything), true);
}

void update(Call&& call) {
  Snapshots& snapshots = *call.environment.snapshots;
  auto snapshot = snapshots.find(call.tenant, call.captures[0]);
  if (!snapshot) return call.fail(unknown(call.captures[0]));
  auto body = call.loop.bodies.snapshot(call.body, true);
  if (!body) return call.fail(body.error());
  if (body->id && *body->id != snapshot->id)
    return call.fail(error(Code::bad_request_data, "The id of a snapshot cannot be changed.", "/id"));
  if (auto status = refuse_queries(*body); !status.ok()) return call.fail(status.error());
  auto lifetime = lifetime_of(*body);
  if (!lifetime) return call.fail(lifetime.error());
  if (*lifetime) snapshot->expires_at = snapshots.expiry(*lifetime);
  if (body->priority) snapshot->priority = static_cast<unsigned>(*body->priority);
  snapshot->modified_at = call.environment.clock.now();
  snapshots.update(call.tenant, *snapshot);
  const auto waiting = std::make_shared<Call>(std::move(call));
  waiting->environment.hub.put_document(*waiting->who, waiting->tenant, document_of(*snapshot),
                                        waiting->responder.loop(), [waiting, snapshot](const base::Status& status) {
                                          if (!waiting->alive()) return;
                                          status.ok() ? show(*waiting, *snapshot) : waiting->fail(status.error());
                                        });
}

// ---- the end of them ----

/// Removes snapshots one after another, and says in the end which could not be removed.
class Removal : public std::enable_shared_from_this<Removal> {
 public:
  Removal(Call&& call, std::vector<Snapshot>&& snapshots) : call_(std::move(call)), snapshots_(std::move(snapshots)) {}

  void go_on() {
    while (next_ < snapshots_.size() && !call_.environment.snapshots->hide(call_.tenant, snapshots_[next_].id)) ++next_;
    if (next_ == snapshots_.size()) return finish();
    call_.environment.hub.remove_document(
        *call_.who, call_.tenant, Snapshots::kCollection, snapshots_[next_].id, call_.responder.loop(),
        [self = shared_from_this()](const base::Status& status) { self->removed(status); });
  }

 private:
  void removed(const base::Status& status) {
    const Snapshot& snapshot = snapshots_[next_++];
    if (status.ok()) {
      clear_snapshot(work_of(call_), snapshot);
      success_ += success_.empty() ? "" : ",";
      base::json::append_string(success_, snapshot.id);
    } else {
      fault_ = status.error();
      errors_ += errors_.empty() ? R"({"entityId":)" : R"(,{"entityId":)";
      base::json::append_string(errors_, snapshot.id);
      errors_ += ",\"error\":";
      append_problem(errors_, status.error());
      errors_ += '}';
    }
    go_on();
  }

  void finish() {
    if (!call_.alive()) return;
    if (!fault_) return call_.answer_empty(204);
    if (snapshots_.size() == 1) return call_.fail(*fault_);
    call_.answer_json(207, R"({"success":[)" + success_ + R"(],"errors":[)" + errors_ + "]}");
  }

  Call call_;
  std::vector<Snapshot> snapshots_;
  std::size_t next_ = 0;
  std::string success_, errors_;
  std::optional<base::Error> fault_;
};

/// Clause 5.16.7: a query over the members of snapshots, asked of each as if it were an entity.
class MemberQuery {
 public:
  base::Status parse(std::string_view text, const ngsi::QueryLimits& limits) {
    for (const std::string_view name : kMembers) {
      MADANG_TRY(const ngsi::Symbol symbol, vocabulary_.intern(name));
      members_.push_back(symbol);
    }
    MADANG_TRY(expression_, ngsi::parse_q(text, vocabulary_, limits));
    return check(expression_);
  }

  bool matches(const Snapshot& snapshot) {
    const std::array<std::string, kMembers.size()> values{json(snapshot_status_name(snapshot.status)),
                                                          std::to_string(snapshot.priority),
                                                          json(base::to_string(snapshot.last_used_at))};
    builder_.begin(snapshot.id);
    builder_.set_times(snapshot.created_at, snapshot.modified_at);
    builder_.set_expires_at(snapshot.expires_at);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ngsi::EntityBuilder::Instance instance;
      instance.name = members_[i];
      instance.value = values[i];
      builder_.add_instance(instance);
    }
    const auto block = builder_.finish();
    return block.ok() && ngsi::matches(expression_, ngsi::EntityView(*block));
  }

 private:
  static constexpr std::array<std::string_view, 3> kMembers{"snapshotStatus", "snapshotPriority", "lastUsedAt"};

  static std::string json(std::string_view text) {
    std::string out;
    base::json::append_string(out, text);
    return out;
  }

  base::Status check(const ngsi::QueryExpression& expression) const {
    for (const auto& part : expression.parts) MADANG_CHECK(check(part));
    if (expression.node != ngsi::QueryExpression::Node::term) return {};
    const ngsi::AttributePath& path = expression.term.path;
    const auto is_member = [&] {
      return std::find(members_.begin(), members_.end(), path.names.front()) != members_.end();
    };
    const bool plain = path.hops.empty() && path.keys.empty() && path.names.size() <= 1;
    if (plain && (path.names.empty() || is_member())) return {};
    return error(Code::bad_request_data,
                 "Here q is about members of snapshots: snapshotPriority, snapshotStatus, "
                 "createdAt, modifiedAt, expiresAt, lastUsedAt (5.16.7.4).",
                 "q");
  }

  ngsi::SymbolTable symbols_;
  ngsi::Vocabulary vocabulary_{ngsi::core_context(), symbols_};
  std::vector<ngsi::Symbol> members_;
  ngsi::QueryExpression expression_;
  ngsi::EntityBuilder builder_;
};

void purge(Call&& call) {
  clear_expired(call);
  if (call.params[Param::q].empty())
    return call.fail(error(Code::bad_request_data, "\"q\" says which snapshots are to go (5.16.7.4).", "q"));
  MemberQuery query;
  if (auto status = query.parse(call.params[Param::q], call.environment.options.query); !status.ok())
    return call.fail(status.error());
  std::vector<Snapshot> gone = call.environment.snapshots->all(call.tenant);
  std::erase_if(gone, [&](const Snapshot& snapshot) { return !query.matches(snapshot); });
  if (gone.empty()) return call.fail(error(Code::not_found, "No snapshot is like that."));
  std::make_shared<Removal>(std::move(call), std::move(gone))->go_on();
}

void remove(Call&& call) {
  auto snapshot = call.environment.snapshots->find(call.tenant, call.captures[0]);
  if (!snapshot) return call.fail(unknown(call.captures[0]));
  std::vector<Snapshot> one{std::move(*snapshot)};
  std::make_shared<Removal>(std::move(call), std::move(one))->go_on();
}

}  // namespace

void ManageSnapshots::operator()(Call&& call) const {
  if (!call.headers.snapshot.empty()) {
    return call.fail(error(Code::not_supported, "There are no snapshots within a snapshot.", "NGSILD-Snapshot"));
  }
  switch (call.operation->op) {
    case Op::snapshot_create:
      return create(std::move(call));
    case Op::snapshot_clone:
      return clone(std::move(call));
    case Op::snapshot_update:
      return update(std::move(call));
    case Op::snapshot_delete:
      return remove(std::move(call));
    case Op::snapshots_purge:
      return purge(std::move(call));
    default:
      break;
  }
  const auto snapshot = call.environment.snapshots->find(call.tenant, call.captures[0]);
  snapshot ? show(call, *snapshot) : call.fail(unknown(call.captures[0]));
}

}  // namespace madang::api::ngsild
