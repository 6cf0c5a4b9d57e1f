#include "ngsild/snapshot_fill.h"

#include <functional>

#include "http/problem.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

constexpr std::uint32_t kAtOnce = 100;     // entities read, then written
constexpr std::uint32_t kPastAtOnce = 10;  // the same of evolutions
constexpr std::uint32_t kClearAtOnce = 500;

hub::Hub::Idle idle_on(net::Loop& loop) {
  return [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); };
}

/// The first error among the results of changes.
base::Status status_of(const std::vector<hub::ChangeResult>& results) {
  for (const hub::ChangeResult& result : results)
    if (result.error) return *result.error;
  return {};
}

/// Takes everything out of a place: the entities, then their past.
class Clearing : public std::enable_shared_from_this<Clearing> {
 public:
  using Then = std::function<void(base::Status)>;
  Clearing(const SnapshotWork& work, std::string place, Then then)
      : work_(work), hub_(work_.environment.hub), place_(std::move(place)), then_(std::move(then)) {}

  void go_on() {
    hub::QueryPage page;
    page.limit = kClearAtOnce;
    const auto ids = std::make_shared<std::vector<std::string>>();
    hub_.query(
        work_.who, place_, {}, page,
        [ids](ngsi::EntityView entity, const ngsi::Filter*) { ids->emplace_back(entity.id()); },
        [self = shared_from_this(), ids](base::Result<hub::QueryAnswer> answer) {
          if (!answer) return self->then_(answer.error());
          self->remove(std::move(*ids));
        },
        idle_on(work_.loop));
  }

 private:
  void remove(std::vector<std::string>&& ids) {
    if (ids.empty()) return clear_past();
    std::vector<ngsi::Change> changes;
    for (std::string& id : ids) {
      ngsi::Change& change = changes.emplace_back();
      change.operation = ngsi::Operation::delete_entity;
      change.id = std::move(id);
    }
    hub_.apply(work_.who, place_, std::move(changes), work_.loop,
               [self = shared_from_this()](std::vector<hub::ChangeResult>&& results) {
                 const auto status = status_of(results);
                 status.ok() || status.error().code == Code::not_found ? self->go_on() : self->then_(status);
               });
  }

  void clear_past() {
    ngsi::EvolutionsPage page;
    page.limit = kPastAtOnce;
    ngsi::EvolutionsQuery everything;
    everything.evolution.most = 1;
    hub_.query_past(work_.who, place_, everything, page, work_.loop,
                    [self = shared_from_this()](base::Result<ngsi::EvolutionsAnswer> answer) {
                      if (!answer && answer.error().code == Code::not_supported) return self->then_({});  // no history
                      if (!answer) return self->then_(answer.error());
                      self->remove_past(std::move(answer->entities), 0);
                    });
  }

  void remove_past(std::vector<ngsi::Evolution>&& evolutions, std::size_t next) {
    if (evolutions.empty()) return then_({});
    if (next == evolutions.size()) return clear_past();
    ngsi::TemporalChange change;
    change.operation = ngsi::TemporalChange::Operation::delete_entity;
    change.id = evolutions[next].view().id();
    const auto rest = std::make_shared<std::vector<ngsi::Evolution>>(std::move(evolutions));
    hub_.put_past(work_.who, place_, std::move(change), work_.loop,
                  [self = shared_from_this(), rest, next](const base::Status& status) {
                    status.ok() ? self->remove_past(std::move(*rest), next + 1) : self->then_(status);
                  });
  }

  const SnapshotWork work_;
  hub::Hub& hub_;
  const std::string place_;
  const Then then_;
};

class Filling : public std::enable_shared_from_this<Filling> {
 public:
  Filling(const SnapshotWork& work, Snapshot&& snapshot, std::string&& from, std::vector<SnapshotQuestion>&& questions,
          bool is_clone)
      : work_(work),
        hub_(work_.environment.hub),
        snapshot_(std::move(snapshot)),
        from_(std::move(from)),
        questions_(std::move(questions)),
        is_clone_(is_clone) {}

  void start() {
    from_symbols_ = symbols(from_, false);
    to_symbols_ = symbols(snapshot_.place, true);
    if (from_symbols_ == nullptr || to_symbols_ == nullptr) return finish();
    // A place is used again: what a crash left in it goes first.
    std::make_shared<Clearing>(work_, snapshot_.place, [self = shared_from_this()](const base::Status& status) {
      status.ok() ? self->next_question() : self->fail(status.error());
    })->go_on();
  }

 private:
  ngsi::SymbolTable* symbols(const std::string& place, bool make) {
    auto found = hub_.symbols(place, make);
    if (found.ok()) return *found;
    fault_ = found.error();
    return nullptr;
  }

  // ---- one question after another ----

  void next_question() {
    if (next_ == questions_.size()) return finish();
    found_ = 0;
    after_.reset();
    questions_[next_].evolutions ? ask_past() : ask();
  }

  void answered(const std::optional<base::Error>& fault) {
    const bool past = questions_[next_].evolutions.has_value();
    std::string& details = past ? snapshot_.temporal_queries_details : snapshot_.queries_details;
    details += details.empty() ? '[' : ',';
    const std::string_view status = fault ? "failure" : found_ > 0 ? "success" : "empty";
    details.append(R"({"resultStatus":")").append(status).append("\"");
    if (fault) {
      details += ",\"problemDetails\":";
      append_problem(details, *fault);
    }
    details += '}';
    ++(fault ? failed_ : found_ > 0 ? yielded_ : empty_);
    ++next_;
    next_question();
  }
  void fail(const base::Error& fault) {
    fault_ = fault;
    finish();
  }

  // ---- the present ----

  void ask() {
    hub::QueryPage page;
    page.limit = kAtOnce;
    page.after = after_;
    records_.clear();
    hub_.query(
        work_.who, from_, questions_[next_].query, page,
        [self = shared_from_this()](ngsi::EntityView entity, const ngsi::Filter* filter) { self->see(entity, filter); },
        [self = shared_from_this()](base::Result<hub::QueryAnswer> answer) {
          if (!answer) return self->answered(answer.error());
          self->after_ = answer->next;
          self->put();
        },
        idle_on(work_.loop));
  }

  /// Names are symbols of where the entity is: they travel written out.
  void see(ngsi::EntityView entity, const ngsi::Filter* filter) {
    auto copy = ngsi::copy_shown(entity, questions_[next_].how, filter);
    if (!copy.ok()) return;
    base::ByteBuffer& record = records_.emplace_back();
    writer_.append(record, ngsi::EntityView(*copy), *from_symbols_);
  }

  void put() {
    std::vector<ngsi::Change> changes;
    for (const base::ByteBuffer& record : records_) {
      auto block = reader_.read(record, *to_symbols_);
      if (!block.ok()) return answered(block.error());
      ngsi::Change& change = changes.emplace_back();
      change.operation = ngsi::Operation::upsert_replace;
      change.keep_times = true;
      change.id = ngsi::EntityView(*block).id();
      change.fragment.block = std::move(*block);
    }
    found_ += changes.size();
    if (found_ > work_.environment.snapshots->limits().entities)
      return answered(error(Code::too_many_results, "The query has more entities than a snapshot takes."));
    if (changes.empty()) return answered({});
    hub_.apply(work_.who, snapshot_.place, std::move(changes), work_.loop,
               [self = shared_from_this()](std::vector<hub::ChangeResult>&& results) {
                 if (const auto status = status_of(results); !status.ok()) return self->answered(status.error());
                 self->after_ ? self->ask() : self->answered({});
               });
  }

  // ---- the past ----

  void ask_past() {
    ngsi::EvolutionsPage page;
    page.limit = kPastAtOnce;
    page.after = after_;
    ngsi::EvolutionsQuery query = *questions_[next_].evolutions;
    query.evolution.most = ngsi::kMostInstances;
    hub_.query_past(work_.who, from_, std::move(query), page, work_.loop,
                    [self = shared_from_this()](base::Result<ngsi::EvolutionsAnswer> answer) {
                      if (!answer && self->is_clone_ && answer.error().code == Code::not_supported)
                        return self->answered({});  // there is no history to be copied
                      if (!answer) return self->answered(answer.error());
                      self->more_ = answer->more;
                      self->put_past(std::move(answer->entities), 0);
                    });
  }

  void put_past(std::vector<ngsi::Evolution>&& evolutions, std::size_t index) {
    if (index == evolutions.size()) {
      if (!more_ || evolutions.empty()) return answered({});
      return ask_past();
    }
    auto change = change_of(evolutions[index]);
    if (!change.ok()) return answered(change.error());
    after_ = change->id;
    ++found_;
    const auto rest = std::make_shared<std::vector<ngsi::Evolution>>(std::move(evolutions));
    hub_.put_past(work_.who, snapshot_.place, std::move(*change), work_.loop,
                  [self = shared_from_this(), rest, index](const base::Status& status) {
                    status.ok() ? self->put_past(std::move(*rest), index + 1) : self->answered(status.error());
                  });
  }

  base::Result<ngsi::TemporalChange> change_of(ngsi::Evolution& evolution) {
    if (evolution.cut) {
      return error(Code::too_many_results, "The evolution of " + std::string(evolution.view().id()) +
                                               " has more instances than a snapshot takes: ask for less time.");
    }
    ngsi::TemporalChange change;
    change.operation = ngsi::TemporalChange::Operation::append;
    change.id = evolution.view().id();
    base::ByteBuffer record;
    writer_.append(record, evolution.view(), *from_symbols_);
    MADANG_TRY(change.block, reader_.read(record, *to_symbols_));
    for (std::uint32_t i = 0; i < evolution.beside.size(); ++i)
      if (evolution.beside[i].deleted_at) change.deleted.emplace_back(i, *evolution.beside[i].deleted_at);
    change.scopes = std::move(evolution.scopes);
    return change;
  }

  // ---- the end ----

  void settle() {
    using enum Snapshot::Status;
    for (std::string* details : {&snapshot_.queries_details, &snapshot_.temporal_queries_details})
      if (!details->empty()) *details += ']';
    if (is_clone_) {
      snapshot_.queries_details = snapshot_.temporal_queries_details = {};
      snapshot_.status = fault_ || failed_ > 0 ? failure : success;
    } else if (fault_) {
      snapshot_.status = failure;
    } else if (yielded_ == questions_.size()) {
      snapshot_.status = success;
    } else {
      snapshot_.status = yielded_ > 0 ? partial : empty_ > 0 ? empty : failure;
    }
    snapshot_.modified_at = work_.environment.clock.now();
  }

  void finish() {
    settle();
    Snapshots& snapshots = *work_.environment.snapshots;
    // Its lifetime and priority may have been changed meanwhile.
    if (const auto now = snapshots.find(work_.tenant, snapshot_.id)) {
      snapshot_.expires_at = now->expires_at;
      snapshot_.priority = now->priority;
    }
    hub_.put_document(*work_.who, work_.tenant,
                      {std::string(Snapshots::kCollection), snapshot_.id, Snapshots::written(snapshot_)}, work_.loop,
                      [self = shared_from_this()](const base::Status& status) {
                        if (!status.ok()) self->snapshot_.status = Snapshot::Status::failure;
                        self->work_.environment.snapshots->update(self->work_.tenant, self->snapshot_);
                      });
  }

  const SnapshotWork work_;
  hub::Hub& hub_;
  Snapshot snapshot_;
  const std::string from_;
  const std::vector<SnapshotQuestion> questions_;
  const bool is_clone_;
  ngsi::SymbolTable* from_symbols_ = nullptr;
  ngsi::SymbolTable* to_symbols_ = nullptr;
  ngsi::RecordWriter writer_;
  ngsi::RecordReader reader_;
  std::vector<base::ByteBuffer> records_;
  std::size_t next_ = 0;
  std::uint64_t found_ = 0;  // of the question at hand
  std::optional<std::string> after_;
  bool more_ = false;
  std::size_t yielded_ = 0, empty_ = 0, failed_ = 0;  // questions
  std::optional<base::Error> fault_;                  // that ended all
};

}  // namespace

void fill_snapshot(const SnapshotWork& work, Snapshot snapshot, std::string from,
                   std::vector<SnapshotQuestion> questions, bool is_clone) {
  std::make_shared<Filling>(work, std::move(snapshot), std::move(from), std::move(questions), is_clone)->start();
}

void clear_snapshot(const SnapshotWork& work, const Snapshot& snapshot) {
  const auto then = [&snapshots = *work.environment.snapshots, tenant = work.tenant,
                     id = snapshot.id](const base::Status&) { snapshots.forget(tenant, id); };
  std::make_shared<Clearing>(work, snapshot.place, then)->go_on();
}

}  // namespace madang::api::ngsild
