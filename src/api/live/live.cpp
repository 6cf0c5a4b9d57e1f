#include "live/live.h"

#include "madang/base/json.h"
#include "madang/net/websocket.h"
#include "madang/ngsi/represent.h"

#include "http/problem.h"
#include "live/position.h"

namespace madang::api::live {

namespace {

using base::Code;
using base::error;

/// `accept` stands for the header that EventSource cannot send.
base::Result<Media> wanted_media(const Call& call) {
  const std::string_view wanted = call.params[Param::accept];
  if (wanted.empty() || wanted == "application/json") return kJson;
  if (wanted == "application/ld+json") return kLdJson;
  if (wanted == "application/geo+json") return kGeoJson;
  return error(Code::bad_request_data, "\"accept\" is application/json, application/ld+json or application/geo+json.",
               "accept");
}

base::Result<ngsild::Question> read_question(const Call& call) {
  MADANG_TRY(ngsild::Question question, ngsild::question_from_parameters(call));
  if (question.query.q && ngsi::linked_depth(*question.query.q) > 0) {
    return error(Code::bad_request_data, "A live stream follows entities, not what they are linked to.", "q");
  }
  // Each stands for itself.
  question.view.how.with_context = question.view.context_inside;
  return question;
}

/// What makes two questions the same.
std::string key_of(const Call& call, Transport transport) {
  std::string key = call.tenant;
  key.append("\n").append(call.who->policy ? call.who->name : std::string());
  key.append("\n").append(std::to_string(call.context->serial()));
  key.append("\n").append(std::to_string(static_cast<int>(call.media)));
  key.append("\n").append(std::to_string(static_cast<int>(transport)));
  for (const ParamInfo& param : all_params()) {
    if (!call.params.has(param.id) || param.id == Param::after) continue;
    key.append("\n").append(param.name).append("=").append(call.params[param.id]);
  }
  return key;
}

/// The question, on its own: it outlives the request, and is asked on the thread of the live streams.
class FollowedQuestion final : public hub::LiveQuestion {
 public:
  FollowedQuestion(const Call& asked, Transport transport, ngsi::SymbolTable& symbols)
      : target_(asked.request().query),
        prefer_(asked.headers.prefer),
        call_(asked.environment, asked.loop, net::Responder(nullptr, 0)),
        transport_(transport) {
    call_.operation = asked.operation;
    call_.who = asked.who;
    call_.tenant = asked.tenant;
    call_.media = asked.media;
    call_.context = asked.context;
    call_.headers.prefer = prefer_;
    call_.words = call_.shown = std::make_shared<Words>(asked.context, symbols);
    (void)call_.params.parse(target_, *call_.operation, call_.decoded);  // it was fine when the request came
  }

  base::Result<ngsi::Query> compile() override {
    MADANG_TRY(question_, read_question(call_));
    return question_.query;
  }

  void render(std::string& out, const hub::LiveChange& change) override {
    if (change.kind == hub::LiveKind::entity) {
      return append_event(out, transport_, "entity", change.position, [&](std::string& data) {
        ngsi::append_entity(data, change.entity, call_.shown->vocabulary, question_.view.how, change.filter);
      });
    }
    append_event(out, transport_, "gone", change.position, [&](std::string& data) {
      data += "{\"id\":";
      base::json::append_string(data, change.id);
      data += change.kind == hub::LiveKind::deleted ? ",\"reason\":\"deleted\"}" : ",\"reason\":\"unmatched\"}";
    });
  }

 private:
  const std::string target_, prefer_;
  Call call_;
  const Transport transport_;
  ngsild::Question question_;
};

}  // namespace

void answer_gone(Call& call, const base::Error& fault, std::string_view again) {
  std::string members = ",\"startAgain\":";
  base::json::append_string(members, again);
  base::Error told = fault;
  told.message += " Start again: " + std::string(again);
  std::string body;
  append_problem(body, told, members);
  // The same problem, with the status that says that it will not come back (RFC 9110, 15.5.11).
  if (const auto at = body.find("\"status\":409"); at != std::string::npos) body.replace(at, 12, "\"status\":410");
  call.answer(410, kProblemType, call.begin_headers(), [&](std::string& out) { out += body; });
}

FollowEntities::FollowEntities() = default;

Board& FollowEntities::board_of(net::Loop& loop) const {
  auto& board = boards_[loop.index() % boards_.size()];
  if (!board) board = std::make_shared<Board>(loop);
  return *board;
}

void FollowEntities::operator()(Call&& taken) const {
  auto media = wanted_media(taken);
  if (!media.ok()) return taken.fail(media.error());
  taken.media = *media;
  auto question = read_question(taken);
  if (!question.ok()) return taken.fail(question.error());
  const Transport transport = net::wants_websocket(taken.request()) ? Transport::websocket : Transport::sse;
  auto symbols = taken.environment.hub.symbols(taken.tenant);
  if (!symbols.ok()) return taken.fail(symbols.error());

  const auto call = std::make_shared<Call>(std::move(taken));
  auto feed = board_of(call->responder.loop()).feed(*call, key_of(*call, transport), [&] {
    auto made = std::make_unique<FollowedQuestion>(*call, transport, **symbols);
    (void)made->compile();
    return made;
  });
  if (!feed.ok()) return call->fail(feed.error());
  // Last-Event-ID is the newer one where a client comes again to an address that holds a position.
  std::string_view after = call->request().header("Last-Event-ID");
  if (after.empty()) after = call->params[Param::after];
  const auto reader = std::make_shared<Reader>(call, std::move(*question), transport);
  reader->join(*feed);
  begin(reader, *call, after);
}

void FollowEntities::begin(const std::shared_ptr<Reader>& reader, Call& call, std::string_view after) const {
  if (after.empty()) return reader->begin(std::nullopt);
  const auto refuse = [reader, &call](const base::Error& fault) {  // `call` is the reader's
    reader->leave();
    if (fault.code != Code::conflict && fault.code != Code::forbidden) return call.fail(fault);
    answer_gone(call, fault, "the same address without Last-Event-ID and \"after\"");
  };
  const auto position = read_position(after);
  if (!position) return refuse(error(Code::bad_request_data, "This is no position of a live stream.", "after"));
  call.environment.hub.live().missed(call.who, call.tenant, *position, call.responder.loop(),
                                     [reader, refuse, &call](base::Result<hub::Live::MissedPage> missed) {
                                       if (!call.alive()) return reader->leave();
                                       if (!missed.ok()) return refuse(missed.error());
                                       reader->begin(std::move(*missed));
                                     });
}

}  // namespace madang::api::live
