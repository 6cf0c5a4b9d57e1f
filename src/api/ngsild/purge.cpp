#include "ngsild/purge.h"

#include "madang/base/json.h"

#include "http/problem.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using ngsi::Operation;

constexpr std::uint32_t kLookedUp = 10'000;  // entities found in one go
constexpr std::size_t kAtOnce = 500;         // changes handed over together
constexpr std::size_t kMostErrors = 1'000;   // then it ends
constexpr int kMostRounds = 5;               // over entities that changed before their turn

/// A purge under way: finds some, changes them in portions, finds the next. Entities that changed since they were found
/// are left alone and looked up again: they may no longer be what was asked for.
class Purge : public std::enable_shared_from_this<Purge> {
 public:
  Purge(Call&& c, ngsi::Query&& q, Operation operation, ngsi::Change::Purge&& what)
      : call_(std::move(c)), query_(std::move(q)), operation_(operation), what_(std::move(what)) {}

  void look() {
    found_.clear();
    turn_ = 0;
    hub::QueryPage page;
    page.limit = kLookedUp;
    page.after = next_;
    const auto self = shared_from_this();
    net::Loop& loop = call_.responder.loop();
    call_.environment.hub.query(
        call_.who, call_.tenant, query_, std::move(page),
        [self](ngsi::EntityView entity, const ngsi::Filter*) {
          self->found_.push_back({std::string(entity.id()), entity.version()});
        },
        [self](base::Result<hub::QueryAnswer> answer) { self->looked(std::move(answer)); },
        [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
  }

 private:
  struct Found {
    std::string id;
    std::uint64_t version;
  };

  void looked(base::Result<hub::QueryAnswer>&& answer) {
    if (!call_.alive()) return;
    if (!answer && done_nothing()) return call_.fail(answer.error());
    if (!answer) {
      note_error({}, answer.error());
      return finish();
    }
    next_ = std::move(answer->next);
    change();
  }

  void change() {
    const std::size_t end = std::min(found_.size(), turn_ + kAtOnce);
    std::vector<ngsi::Change> changes;
    for (std::size_t i = turn_; i < end; ++i) {
      ngsi::Change& change = changes.emplace_back();
      change.operation = operation_;
      change.id = found_[i].id;
      change.purge = what_;
      change.if_versions = {found_[i].version};
    }
    if (changes.empty()) return go_on();
    call_.environment.hub.apply(call_.who, call_.tenant, std::move(changes), call_.responder.loop(),
                                [self = shared_from_this()](std::vector<hub::ChangeResult>&& results) {
                                  if (self->call_.alive()) self->changed(results);
                                });
  }

  void changed(const std::vector<hub::ChangeResult>& results) {
    for (const auto& result : results) {
      std::string& id = found_[turn_++].id;
      if (!result.error) {
        note_success(id);
      } else if (result.error->code == Code::precondition_failed || result.error->code == Code::too_many_requests) {
        again_.push_back(std::move(id));
      } else if (result.error->code != Code::not_found) {  // gone already is as well
        note_error(id, *result.error);
      }
    }
    go_on();
  }

  void go_on() {
    if (errors_ >= kMostErrors) return finish();
    if (turn_ < found_.size()) return change();
    if (next_) return look();
    if (again_.empty()) return finish();
    if (++rounds_ < kMostRounds) {
      query_.ids = std::exchange(again_, {});
      return look();
    }
    for (const std::string& id : again_)
      note_error(id, error(Code::conflict, "The entity changed again and again while it was to be purged."));
    finish();
  }

  bool done_nothing() const { return success_.size() == 1 && errors_ == 0; }

  void note_success(std::string_view id) {
    if (success_.size() > call_.environment.options.answer_bytes) return;  // docs/conformance.md
    if (success_.size() > 1) success_ += ',';
    base::json::append_string(success_, id);
  }

  void note_error(std::string_view id, const base::Error& fault) {
    if (errors_++ > 0) failed_ += ',';
    failed_ += '{';
    if (!id.empty()) failed_ += R"("entityId":)", base::json::append_string(failed_, id), failed_ += ',';
    failed_ += R"("error":)";
    append_problem(failed_, fault);
    failed_ += '}';
  }

  void finish() {
    if (errors_ == 0) return call_.answer_empty(204);
    call_.answer_json(207, R"({"success":)" + success_ + R"(],"errors":[)" + failed_ + "]}");
  }

  Call call_;
  ngsi::Query query_;
  const Operation operation_;
  const ngsi::Change::Purge what_;
  std::vector<Found> found_;
  std::size_t turn_ = 0;             // the first of them that was not changed yet
  std::optional<std::string> next_;  // where to look on
  std::vector<std::string> again_;
  int rounds_ = 0;
  std::string success_ = "[", failed_;
  std::size_t errors_ = 0;
};

/// Names of `drop` or `keep`. A name that nobody uses drops nothing and keeps nothing.
base::Result<ngsi::Change::Purge> read_members(const Call& call, Param param) {
  ngsi::Change::Purge purge;
  base::Status status;
  each_item(call.params[param], [&](std::string_view name) {
    if (name == "scope" && param == Param::drop) return purge.scope = true;
    if (name == "id" || name == "type" || name == "@id" || name == "@type" || name == "scope" || name.empty())
      return status = error(Code::bad_request_data, "\"" + std::string(name) + "\" is no attribute.",
                            std::string(info(param).name)),
             false;
    auto symbol = call.vocabulary().find(name);
    if (!symbol.ok()) return status = std::move(symbol).error(), false;
    if (*symbol != ngsi::Symbol::none) purge.names.push_back(*symbol);
    return true;
  });
  if (!status.ok()) return std::move(status).error();
  return purge;
}

}  // namespace

void PurgeEntities::operator()(Call&& call) const {
  const bool drops = call.params.has(Param::drop), keeps = call.params.has(Param::keep);
  if (drops && keeps) return call.fail(error(Code::bad_request_data, "\"drop\" cannot stand beside \"keep\".", "keep"));
  auto query = filter_from_parameters(call);
  if (!query && query.error().code == Code::not_supported) {  // linked entities: refused for good (5.6.21.4)
    base::Error fault = std::move(query).error();
    fault.code = Code::bad_request_data;
    return call.fail(fault);
  }
  if (!query) return call.fail(query.error());
  ngsi::Change::Purge what;
  Operation operation = Operation::delete_entity;
  if (drops || keeps) {
    auto members = read_members(call, drops ? Param::drop : Param::keep);
    if (!members) return call.fail(members.error());
    what = std::move(*members);
    operation = drops ? Operation::drop_attributes : Operation::keep_attributes;
  }
  std::make_shared<Purge>(std::move(call), std::move(*query), operation, std::move(what))->look();
}

}  // namespace madang::api::ngsild
