#include "madang/hub/hub.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <unordered_map>

#include "madang/base/log.h"
#include "madang/ngsi/expiry.h"

#include "ballast.h"
#include "cursor.h"
#include "folder.h"
#include "live/live.h"
#include "maintenance.h"
#include "notify/voice.h"
#include "past.h"
#include "past_reads.h"
#include "questions.h"
#include "retaining.h"
#include "sequencer.h"

namespace madang::hub {

namespace {

using base::Code;
using governance::Role;
using journal::Position;

constexpr std::uint64_t kScanSlice = 1'000;  // entities
constexpr int kMostLooks = 16;               // at the past before it is changed, while others change it
constexpr std::uint64_t kBallast = 4 << 20;

state::Limits limits_of(const Options& options) {
  state::Limits limits;
  limits.memory_bytes = options.memory_bytes;
  limits.tenant_entities = options.tenant_entities;
  limits.tenants = options.tenants;
  limits.query_cost = options.query_cost;
  // Who asks for a new one is told of the limit; a lower one than yesterday's must not keep the folder shut.
  limits.documents_of.emplace(kSubscriptions, std::size_t{1} << 20);
  return limits;
}

base::Error not_allowed(const Principal& who, std::string_view tenant) {
  std::string text = who.name.empty() ? "You" : "\"" + who.name + "\"";
  text += " may not do this";
  if (!tenant.empty()) text += " in the tenant \"" + std::string(tenant) + "\"";
  return base::error(Code::forbidden, text + ".");
}

const ngsi::Filter* filter_of(const Principal& who, std::string_view tenant) {
  return who.policy ? who.policy->reading(governance::tenant_of(tenant)) : nullptr;
}

class HubImpl final : public Hub {
 public:
  HubImpl(base::FileSystem& files, const base::Clock& clock, Options options)
      : files_(files),
        clock_(clock),
        options_(std::move(options)),
        folder_{options_.folder},
        ballast_(files, folder_.ballast(), std::min(kBallast, options_.reserve_bytes)) {}
  ~HubImpl() override { close(); }

  base::Status start() {
    MADANG_CHECK(check_format(files_, folder_, true));
    MADANG_TRY(lock_, files_.lock(folder_.lock()));
    journal::Options how;
    how.segment_bytes = options_.segment_bytes;
    how.reserve_bytes = options_.reserve_bytes;
    how.buffer_bytes = options_.in_flight_bytes;
    how.sync = options_.sync;
    MADANG_CHECK(files_.make_folder(folder_.journal()));
    // A restored folder has a snapshot and no journal yet: numbering goes on where it ended.
    const auto snapshots = state::list_snapshots(files_, folder_.snapshots());
    if (!snapshots.empty()) how.begin_after = snapshots.front().complete;
    MADANG_TRY(journal_, journal::Journal::open(files_, folder_.journal(), how, clock_));
    MADANG_TRY(voice_,
               with_room([&] { return Voice::open(files_, folder_.outbox(), clock_, options_, journal_->last()); }));
    MADANG_TRY(recovered_, recover(store_, limits_of(options_), files_, folder_, *journal_, options_.threads,
                                   options_.progress, voice_.get()));
    (void)store_->show(journal_->durable(), 0);
    if (options_.history) {
      MADANG_TRY(past_, with_room([&] {
                   return Past::open(options_, files_, folder_.history(), *journal_, *store_, clock_);
                 }));
    }
    tap_.look(*store_);
    MADANG_CHECK(voice_->start(tap_, journal_->last()));
    questions_.emplace(*store_, clock_, options_);
    sequencer_.emplace(*store_, *journal_, tap_, clock_, options_);
    journal_->on_durable([this](base::Result<Position> position) {
      const bool ok = position.ok();
      sequencer_->durable(std::move(position));
      if (ok && past_) past_->wake();
    });
    maintenance_.emplace(
        *store_, *journal_, *sequencer_, files_, clock_, options_, recovered_.snapshot,
        [this](Position position) { return voice_->reach(position); }, past_.get());
    maintenance_->erasing().also([this](const ToBeGone& gone) { return voice_->erase(gone); });
    if (past_) maintenance_->erasing().also([this](const ToBeGone& gone) { return past_->erase(gone); });
    if (past_) maintenance_->erasing().look_into(past_->history());
    voice_->serve(*sequencer_);
    for (const IndexDeclaration& index : options_.indexes) {
      auto declared = declare(index, true);
      if (!declared.ok() && declared.error().code != Code::already_exists) return declared;
    }
    if (past_) {
      past_->start();
      retaining_.emplace(*store_, *sequencer_, past_->history(), clock_, options_);
      retaining_->start();
    }
    ballast_.take_on(options_.reserve_bytes);
    maintenance_->start();
    live_.emplace(*store_, tap_, *journal_, clock_, options_.live);
    live_->start();
    return {};
  }

  base::Result<ngsi::SymbolTable*> symbols(std::string_view tenant, bool make) override {
    state::Tenant* found = store_->tenant(tenant);
    const std::string_view owner = governance::tenant_of(tenant);
    const bool is_place = owner.size() < tenant.size() && store_->tenant(owner) != nullptr;
    if (found == nullptr && make && (options_.auto_tenants || is_place)) {
      MADANG_TRY(found, store_->make_tenant(tenant));
    }
    if (found == nullptr) return unknown(tenant);
    return &found->symbols();
  }

  void apply(const PrincipalPtr& who, std::string_view tenant, std::vector<ngsi::Change>&& changes,
             base::Executor& home, Applied done) override {
    auto refuse = [&](const base::Error& error) {
      std::vector<ChangeResult> results(changes.size());
      for (ChangeResult& result : results) result.error = error;
      done(std::move(results));
    };
    if (!who->may(Role::write, tenant)) return refuse(not_allowed(*who, tenant));
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return refuse(unknown(tenant));
    if (sequencer_->waiting() + tap_.waiting() >= options_.in_flight ||
        tap_.waiting_bytes() >= options_.in_flight_bytes)
      return refuse(base::error(Code::too_many_requests, "Too many changes wait for the disk; try again in a moment."));
    sequencer_->apply(who, *found, std::move(changes), home, std::move(done));
  }

  base::Status retrieve(const Principal& who, std::string_view tenant, std::string_view id, const See& see) override {
    MADANG_TRY(state::Tenant * found, readable(who, tenant));
    const ngsi::Filter* filter = filter_of(who, tenant);
    const state::Reading reading(*store_);
    const ngsi::EntityView shown = found->find(id);
    const ngsi::AsOf then(shown, shown && shown.may_expire() ? clock_.now() : base::Timestamp());
    const ngsi::EntityView entity = then.view();
    if (!entity || (filter != nullptr && !filter->allows_entity(entity)))
      return base::error(Code::not_found, "There is no entity " + std::string(id) + ".");
    see(entity, filter);
    return {};
  }

  // ---- questions ----

  void query(const PrincipalPtr& who, std::string_view tenant, ngsi::Query query, QueryPage page, See see,
             Answered done, Idle idle) override {
    auto found = readable(*who, tenant);
    if (!found.ok()) return done(std::move(found).error());
    questions_->ask(who, **found, filter_of(*who, tenant), std::move(query), std::move(page), std::move(see),
                    std::move(done), std::move(idle));
  }

  base::Result<std::unique_ptr<const ngsi::Neighbours>> neighbours(const Principal& who,
                                                                   std::string_view tenant) override {
    MADANG_TRY(const state::Tenant* found, readable(who, tenant));
    return std::unique_ptr<const ngsi::Neighbours>(
        std::make_unique<state::Surroundings>(*found, filter_of(who, tenant), questions_->time_for(*found)));
  }

  base::Result<std::vector<TypeInfo>> types(const Principal& who, std::string_view tenant) override {
    MADANG_TRY(state::Tenant * found, readable(who, tenant));
    std::map<std::string, TypeInfo> by_name;
    MADANG_CHECK(count_attributes(
        who, *found,
        [&](ngsi::Symbol type, std::uint64_t entities) {
          TypeInfo& info = by_name[std::string(found->symbols().name(type))];
          info.entities += entities;
        },
        [&](const state::AttributeCount& row) {
          TypeInfo& info = by_name[std::string(found->symbols().name(row.type))];
          const std::string_view name = found->symbols().name(row.attribute);
          auto at = std::find_if(info.attributes.begin(), info.attributes.end(),
                                 [&](const auto& a) { return a.name == name; });
          if (at == info.attributes.end()) at = info.attributes.insert(at, {std::string(name), {}, 0, 0});
          if (row.observations) {
            at->observed += row.entities;
            return;
          }
          at->kinds.push_back(row.kind);
          at->entities += row.entities;
        }));
    std::vector<TypeInfo> out;
    for (auto& [name, info] : by_name) {
      info.type = name;
      out.push_back(std::move(info));
    }
    return out;
  }

  base::Result<std::vector<AttributeInfo>> attributes(const Principal& who, std::string_view tenant) override {
    MADANG_TRY(state::Tenant * found, readable(who, tenant));
    std::map<std::string, AttributeInfo> by_name;
    MADANG_CHECK(count_attributes(
        who, *found, [](ngsi::Symbol, std::uint64_t) {},
        [&](const state::AttributeCount& row) {
          if (row.observations) return;
          AttributeInfo& info = by_name[std::string(found->symbols().name(row.attribute))];
          const auto add = [](auto& list, auto value) {
            if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
          };
          add(info.types, std::string(found->symbols().name(row.type)));
          add(info.kinds, row.kind);
          info.entities += row.entities;
        }));
    std::vector<AttributeInfo> out;
    for (auto& [name, info] : by_name) {
      info.name = name;
      out.push_back(std::move(info));
    }
    return out;
  }

  // ---- indexes, tenants ----

  base::Status declare_index(const Principal& who, const IndexDeclaration& index) override {
    if (!who.may(Role::admin, index.tenant)) return not_allowed(who, index.tenant);
    return declare(index, true);
  }
  base::Status drop_index(const Principal& who, const IndexDeclaration& index) override {
    if (!who.may(Role::admin, index.tenant)) return not_allowed(who, index.tenant);
    return declare(index, false);
  }

  base::Result<std::vector<IndexInfo>> indexes(const Principal& who) override {
    std::vector<IndexInfo> out;
    const auto names = store_->tenant_names();
    const state::Reading reading(*store_);
    for (const std::string& name : names) {
      if (!who.may(Role::admin, name)) continue;
      for (const state::IndexState& index : store_->tenant(name)->indexes())
        out.push_back({{name, index.index.type, index.index.attribute}, index.ready, index.entries});
    }
    return out;
  }

  base::Result<std::vector<std::string>> tenants(const Principal& who) override {
    std::vector<std::string> out;
    for (std::string& name : store_->tenant_names())
      if (name.find(governance::kPlaceMark) == name.npos && who.may(Role::read, name)) out.push_back(std::move(name));
    return out;
  }

  // ---- documents ----

  void put_document(const Principal& who, std::string_view tenant, Document document, base::Executor& home,
                    Kept done) override {
    if (!who.may(Role::write, tenant)) return done(not_allowed(who, tenant));
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return done(unknown(tenant));
    sequencer_->change_document(
        *found, {true, {std::move(document.collection), std::move(document.id), std::move(document.text)}}, home,
        std::move(done));
  }

  void remove_document(const Principal& who, std::string_view tenant, std::string_view collection, std::string_view id,
                       base::Executor& home, Kept done) override {
    if (!who.may(Role::write, tenant)) return done(not_allowed(who, tenant));
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return done(unknown(tenant));
    sequencer_->change_document(*found, {false, {std::string(collection), std::string(id), {}}}, home, std::move(done));
  }

  base::Result<std::vector<Document>> documents(const Principal& who, std::string_view tenant,
                                                std::string_view collection) override {
    MADANG_TRY(state::Tenant * found, readable(who, tenant));
    std::vector<Document> out;
    for (state::Document& each : found->documents(collection))
      out.push_back({std::move(each.collection), std::move(each.id), std::move(each.text)});
    return out;
  }

  // ---- the past ----

  void retrieve_past(const PrincipalPtr& who, std::string_view tenant, std::string id, ngsi::EvolutionQuery query,
                     base::Executor& home, Told<ngsi::Evolution> done) override {
    ask_past<ngsi::Evolution>(
        who, tenant, home, std::move(done),
        [id = std::move(id), query = std::move(query)](PastReads& past) { return past.retrieve(id, query); });
  }
  void query_past(const PrincipalPtr& who, std::string_view tenant, ngsi::EvolutionsQuery query,
                  ngsi::EvolutionsPage page, base::Executor& home, Told<ngsi::EvolutionsAnswer> done) override {
    ask_past<ngsi::EvolutionsAnswer>(
        who, tenant, home, std::move(done),
        [query = std::move(query), page = std::move(page)](PastReads& past) { return past.query(query, page); });
  }
  void aggregate_past(const PrincipalPtr& who, std::string_view tenant, std::string id, ngsi::AggregationQuery query,
                      base::Executor& home, Told<ngsi::Aggregation> done) override {
    ask_past<ngsi::Aggregation>(
        who, tenant, home, std::move(done),
        [id = std::move(id), query = std::move(query)](PastReads& past) { return past.aggregate(id, query); });
  }
  void query_aggregates(const PrincipalPtr& who, std::string_view tenant, ngsi::EvolutionsQuery which,
                        ngsi::AggregationQuery query, ngsi::EvolutionsPage page, base::Executor& home,
                        Told<Aggregations> done) override {
    ask_past<Aggregations>(who, tenant, home, std::move(done),
                           [which = std::move(which), query = std::move(query),
                            page = std::move(page)](PastReads& past) { return past.aggregates(which, query, page); });
  }
  void change_past(const PrincipalPtr& who, std::string_view tenant, ngsi::TemporalChange change, bool may_be_new,
                   base::Executor& home, Told<PastKnows> done) override {
    const auto found = past_writable(*who, tenant);
    if (!found.ok()) return done(found.error());
    if (!past_) return done(no_history());
    look_and_change(
        std::make_shared<PastAsk>(PastAsk{who, *found, std::move(change), may_be_new, home, std::move(done)}),
        store_->shown());
  }
  void put_past(const PrincipalPtr& who, std::string_view tenant, ngsi::TemporalChange change, base::Executor& home,
                Kept done) override {
    const auto found = past_writable(*who, tenant);
    if (!found.ok()) return done(found.error());
    sequencer_->put_past(*who, **found, change, home, std::move(done));
  }

  // ---- what is kept of it ----

  base::Result<std::vector<RetentionInForce>> retention(const Principal& who, std::string_view tenant) override {
    MADANG_TRY(const state::Tenant* found, administered(who, tenant));
    return retaining_->rules(*found);
  }
  void set_retention(const Principal& who, std::string_view tenant, RetentionRule rule, base::Executor& home,
                     Kept done) override {
    auto found = administered(who, tenant);
    if (!found.ok()) return done(std::move(found).error());
    retaining_->set(**found, rule, home, std::move(done));
  }
  void drop_retention(const Principal& who, std::string_view tenant, std::string_view type, std::string_view attribute,
                      base::Executor& home, Kept done) override {
    auto found = administered(who, tenant);
    if (!found.ok()) return done(std::move(found).error());
    retaining_->drop(**found, type, attribute, home, std::move(done));
  }
  base::Result<std::vector<RetentionPass>> retention_passes(const Principal& who, std::string_view tenant,
                                                            std::size_t most) override {
    MADANG_CHECK(administered(who, tenant));
    return retaining_->passes(tenant, most);
  }
  base::Status run_retention(const Principal& who) override {
    MADANG_CHECK(administered(who, {}));
    retaining_->run_now();
    return {};
  }

  // ---- erasing ----

  void erase(const Principal& who, std::string_view tenant, Erasure what, base::Executor& home, Asked done) override {
    if (!who.may(Role::admin, tenant)) return done(not_allowed(who, tenant));
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return done(unknown(tenant));
    for (const std::string& place : store_->tenant_names()) {  // copies of them in its snapshots
      if (place.size() == tenant.size() || governance::tenant_of(place) != tenant) continue;
      maintenance_->erasing().ask(who.name, *store_->tenant(place), Erasure(what), home,
                                  [](base::Result<std::string>) {});
    }
    maintenance_->erasing().ask(who.name, *found, std::move(what), home,
                                [this, done = std::move(done)](base::Result<std::string> id) {
                                  maintenance_->wake();
                                  done(std::move(id));
                                });
  }

  void find_person(const Principal& who, std::string_view tenant, Person person, base::Executor& home,
                   Told<Theirs> done) override {
    if (!who.may(Role::admin, tenant)) return done(not_allowed(who, tenant));
    const state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return done(unknown(tenant));
    maintenance_->erasing().find(*found, std::move(person), home, std::move(done));
    maintenance_->wake();
  }

  base::Result<std::vector<ErasureState>> erasures(const Principal& who, std::string_view tenant) override {
    if (!who.may(Role::admin, tenant)) return not_allowed(who, tenant);
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return unknown(tenant);
    return maintenance_->erasing().states(*found);
  }

  Subscriptions& subscriptions() override { return *voice_; }
  void start_delivery(Courier& courier, ngsi::ContextStore& contexts) override { voice_->speak(courier, contexts); }

  Live& live() override { return *live_; }

  // ---- running it ----

  Health health() const override {
    Health health;
    health.accepting = !sequencer_->failed();
    if (!health.accepting) health.reason = "the disk failed";
    health.appended = journal_->last().value;
    health.durable = journal_->durable().value;
    health.shown = store_->shown().value;
    health.oldest_kept = journal_->first().value;
    const auto names = store_->tenant_names();
    health.tenants = names.size();
    {
      const state::Reading reading(*store_);
      for (const std::string& name : names) health.entities += store_->tenant(name)->size();
    }
    health.memory_bytes = store_->memory_bytes();
    health.memory_limit = store_->memory_limit();
    health.journal_bytes = maintenance_->journal_bytes();
    health.snapshot_position = maintenance_->snapshot_position();
    health.recovered_records = recovered_.replayed;
    health.history = past_ != nullptr;
    if (past_) {
      const history::Health past = past_->health();
      health.history_fed = past.fed;
      health.history_durable = past.durable;
      health.history_lag = past_->lag();
      health.history_points = past.points;
      health.history_entities = past.entities;
      health.history_bytes = past.bytes;
      health.history_trouble = past.trouble;
    }
    return health;
  }

  base::Status each(const Principal& who, std::string_view tenant,
                    const std::function<bool(ngsi::EntityView)>& see) override {
    MADANG_TRY(state::Tenant * found, readable(who, tenant));
    bool going = true;
    return scan(*found, filter_of(who, tenant), [&](ngsi::EntityView entity) {
      if (going) going = see(entity);
      return going;
    });
  }

  base::Result<BackupPlan> begin_backup(const Principal& who) override {
    if (!who.may(Role::admin, {})) return not_allowed(who, {});
    return maintenance_->pin();
  }
  void end_backup(std::uint64_t ticket) override { maintenance_->unpin(ticket); }

  void on_failure(std::function<void(base::Error)> call) override { sequencer_->on_failure(std::move(call)); }

  void close() override {
    if (std::exchange(closed_, true)) return;
    if (retaining_) retaining_->stop();
    if (maintenance_) maintenance_->stop();
    if (live_) live_->stop();  // it reads the journal
    if (journal_ && !(sequencer_ && sequencer_->failed())) (void)journal_->wait(journal_->last());
    if (past_) past_->stop();
    journal_.reset();  // joins the syncer: after this nothing calls the sequencer
    if (voice_) voice_->stop();
  }

 private:
  base::Result<state::Tenant*> administered(const Principal& who, std::string_view tenant) {
    if (!who.may(Role::admin, tenant)) return not_allowed(who, tenant);
    if (!retaining_) return base::error(Code::not_supported, "This server keeps no history.");
    state::Tenant* const found = store_->tenant(tenant);
    if (found == nullptr) return unknown(tenant);
    return found;
  }

  /// The outbox and history write a little where they open, also on a disk that is full.
  template <class Open>
  auto with_room(Open&& open) -> decltype(open()) {
    auto opened = open();
    if (opened.ok() || opened.error().code != Code::insufficient_storage || !ballast_.throw_off()) return opened;
    base::log::warning("the disk is full: the ballast was thrown off", {{"file", folder_.ballast()}});
    return open();
  }

  /// Has a thread that may wait for the disk answer, and the answer told where the question came from.
  template <class Value, class Ask>
  void ask_past(const PrincipalPtr& who, std::string_view tenant, base::Executor& home, Told<Value> done, Ask ask) {
    const auto tell = [&home, done = std::move(done)](base::Result<Value> answer) {
      auto kept = std::make_shared<base::Result<Value>>(std::move(answer));
      home.post([done, kept] { done(std::move(*kept)); });
    };
    if (!past_) return tell(no_history());
    const auto found = readable(*who, tenant);
    if (!found.ok()) return tell(found.error());
    past_->read(store_->shown(), [this, who, tenant = *found, tell, ask = std::move(ask)](const base::Status& ready) {
      if (!ready.ok()) return tell(ready.error());
      PastReads past(past_->history(), *store_, *tenant, filter_of(*who, tenant->name()), clock_.now());
      tell(ask(past));
    });
  }

  // ---- changes of the past ----

  struct PastAsk {
    PrincipalPtr who;
    state::Tenant* tenant;
    ngsi::TemporalChange change;
    bool may_be_new;
    base::Executor& home;
    Told<PastKnows> done;
    int looks = 0;

    void tell(base::Result<PastKnows> known) {
      home.post([done = std::move(done), known = std::move(known)] { done(known); });
    }
  };

  /// History tells what is there as of some position, the sequencer whether that still holds: else it is looked for
  /// again.
  void look_and_change(std::shared_ptr<PastAsk> ask, Position least) {
    past_->read(least, [this, ask](const base::Status& ready) {
      if (!ready.ok()) return ask->tell(ready.error());
      const Position as_of = past_->fed();
      PastReads past(past_->history(), *store_, *ask->tenant, filter_of(*ask->who, ask->tenant->name()), clock_.now());
      const auto known = past.look_up(ask->change);
      if (!known.ok()) return ask->tell(known.error());
      const bool there = known->entity ? known->attribute && known->instance : ask->may_be_new;
      if (!there) return ask->tell(*known);
      const auto newer = sequencer_->change_past(*ask->who, *ask->tenant, ask->change, {as_of, known->entity},
                                                 ask->home, [ask, known = *known](const base::Status& status) {
                                                   if (!status.ok()) return ask->done(status.error());
                                                   ask->done(known);
                                                 });
      if (!newer.ok()) return ask->tell(newer.error());
      if (*newer == Position()) return;
      if (++ask->looks < kMostLooks) return look_and_change(ask, *newer);
      ask->tell(base::error(Code::conflict, "The past of " + ask->change.id +
                                                " is being changed by others all the time; try again in a moment."));
    });
  }

  base::Result<state::Tenant*> past_writable(const Principal& who, std::string_view tenant) const {
    if (!who.may(Role::write, tenant)) return not_allowed(who, tenant);
    if (sequencer_->waiting() >= options_.in_flight)
      return base::error(Code::too_many_requests, "Too many changes wait for the disk; try again in a moment.");
    return readable(who, tenant);
  }

  static base::Error no_history() {
    return base::error(Code::not_supported, "This server keeps no history: history.enabled is off.");
  }

  static base::Error unknown(std::string_view tenant) {
    return base::error(Code::nonexistent_tenant, "There is no tenant \"" + std::string(tenant) + "\".");
  }

  base::Result<state::Tenant*> readable(const Principal& who, std::string_view tenant) const {
    if (!who.may(Role::read, tenant)) return not_allowed(who, tenant);
    state::Tenant* found = store_->tenant(tenant);
    if (found == nullptr) return unknown(tenant);
    return found;
  }

  base::Status declare(const IndexDeclaration& index, bool come) {
    state::Tenant* found = store_->tenant(index.tenant);
    if (found == nullptr && come && options_.auto_tenants) {
      MADANG_TRY(found, store_->make_tenant(index.tenant));
    }
    if (found == nullptr) return unknown(index.tenant);
    MADANG_CHECK(sequencer_->declare_index(*found, {index.type, index.attribute}, come));
    maintenance_->wake();
    return {};
  }

  /// Every entity of a tenant, a thousand under each Reading. For tools and for counting under a policy.
  base::Status scan(state::Tenant& tenant, const ngsi::Filter* filter,
                    const std::function<bool(ngsi::EntityView)>& see) {
    const ngsi::Query everything;
    state::Page page;
    page.limit = 1'000;
    for (bool going = true; going;) {
      state::Search search(*store_, tenant, everything, filter, page);
      for (bool finished = false; !finished;) {
        const state::Reading reading(*store_);
        MADANG_TRY(finished, search.run(
                                 kScanSlice, [&](ngsi::EntityView entity) { going = going && see(entity); },
                                 questions_->time_for(tenant)));
      }
      going = going && search.more();
      page.after = search.last();
    }
    return {};
  }

  template <class OnType, class OnAttribute>
  base::Status count_attributes(const Principal& who, state::Tenant& tenant, OnType&& on_type,
                                OnAttribute&& on_attribute) {
    const ngsi::Filter* filter = filter_of(who, tenant.name());
    if (filter == nullptr) {
      const state::Reading reading(*store_);
      for (const state::TypeCount& row : tenant.types()) on_type(row.type, row.entities);
      for (const state::AttributeCount& row : tenant.attributes()) on_attribute(row);
      return {};
    }
    // Counts of what a principal may not see would tell of it: count what it sees.
    return scan(tenant, filter, [&](ngsi::EntityView entity) {
      for (std::size_t t = 0; t < entity.type_count(); ++t) {
        on_type(entity.type(t), 1);
        for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
          if (i > 0 && entity.attribute_name(i) == entity.attribute_name(i - 1)) continue;
          if (!filter->allows_attribute(entity, entity.attribute_name(i))) continue;
          state::AttributeCount row{entity.attribute_name(i), entity.type(t), entity.kind(i), 1};
          on_attribute(row);
          row.observations = entity.is_observation(i);
          if (row.observations) on_attribute(row);
        }
      }
      return true;
    });
  }

  base::FileSystem& files_;
  const base::Clock& clock_;
  const Options options_;
  const Folder folder_;
  Ballast ballast_;
  std::unique_ptr<base::File> lock_;
  std::unique_ptr<state::Store> store_;
  std::unique_ptr<journal::Journal> journal_;
  Recovered recovered_;
  Tap tap_{std::string(kSubscriptions)};
  std::unique_ptr<Voice> voice_;
  std::optional<Questions> questions_;
  std::optional<Sequencer> sequencer_;
  std::unique_ptr<Past> past_;  // null: no history
  std::optional<Maintenance> maintenance_;
  std::optional<Retaining> retaining_;  // none: no history
  std::optional<LiveStreams> live_;
  bool closed_ = false;
};

}  // namespace

base::Result<std::unique_ptr<Hub>> Hub::open(base::FileSystem& files, const base::Clock& clock, Options options) {
  auto hub = std::make_unique<HubImpl>(files, clock, std::move(options));
  MADANG_CHECK(hub->start());
  return std::unique_ptr<Hub>(std::move(hub));
}

}  // namespace madang::hub
