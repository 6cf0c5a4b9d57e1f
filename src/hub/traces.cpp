#include "traces.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "madang/base/find.h"
#include "madang/ngsi/record.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;
using journal::RecordKind;
using ngsi::AttributeView;
using ngsi::EntityView;

constexpr int kShowWaits = 1'000;
constexpr std::uint64_t kSlice = 1'000;    // entities looked at in one Reading
constexpr std::size_t kLookEvery = 1'024;  // records, or instances: whether to go on
constexpr std::size_t kListed = 1'000;     // ids of a list

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c < 0;
}

bool instance_mentions(const AttributeView& instance, std::string_view id) {
  bool found = stands_in(instance.value, id) || stands_in(instance.dataset_id, id) ||
               stands_in(instance.unit_code, id) || stands_in(instance.value_type, id) ||
               base::holds_text(instance.extras, id);
  instance.each_sub([&](const AttributeView& sub) { found = found || instance_mentions(sub, id); });
  return found;
}

base::Error stopping() {
  return base::error(Code::unavailable, "The server is stopping.");
}

void list(Hub::Listed& out, std::string_view id) {
  ++out.count;
  if (out.ids.size() < kListed) out.ids.emplace_back(id);
}

}  // namespace

bool stands_in(std::string_view where, std::string_view text) {
  for (std::size_t at = 0; at + text.size() <= where.size(); ++at) {
    const std::size_t found = base::find_text(where.substr(at), text);
    if (found == std::string_view::npos) return false;
    at += found;
    const std::size_t end = at + text.size();
    if ((at == 0 || !is_of_a_name(where[at - 1])) && (end == where.size() || !is_of_a_name(where[end]))) return true;
  }
  return false;
}

// ---- what was found ----

void Traces::pass_over(std::string_view id, Position upto) {
  Position& at = passed_over_[std::string(id)];
  at = std::max(at, upto);
  // It may be found again, as something new.
  linked_.erase(std::string(id));
  mentions_.erase(std::string(id));
}

bool Traces::is_passed_over(std::string_view id, Position version) const {
  if (passed_over_.empty()) return false;
  const auto found = passed_over_.find(std::string(id));
  return found != passed_over_.end() && version <= found->second;
}

bool Traces::is_through(std::string_view name) const {
  return std::find(person_.through.begin(), person_.through.end(), name) != person_.through.end();
}

/// Of a Relationship: the object, or one of an array.
bool Traces::points_at_person(std::string_view value) const {
  return base::holds_text(value, "\"" + person_.id + "\"");
}

bool Traces::has_type(const std::set<std::string>& types) const {
  return person_.types.empty() || std::any_of(person_.types.begin(), person_.types.end(),
                                              [&](const std::string& type) { return types.contains(type); });
}

bool Traces::has_link(EntityView entity, const ngsi::SymbolTable& symbols) const {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i)
    if (is_through(symbols.name(entity.attribute_name(i)))) return true;
  return false;
}

bool Traces::is_linked(EntityView entity, const ngsi::SymbolTable& symbols) const {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    if (!is_through(symbols.name(entity.attribute_name(i)))) continue;
    const AttributeView instance = entity.attribute(i);
    const bool points = instance.kind == ngsi::Kind::relationship || instance.kind == ngsi::Kind::list_relationship;
    if (points && points_at_person(instance.value)) return true;
  }
  return false;
}

bool Traces::mentions(EntityView entity) const {
  if (!base::holds_text(text_of(entity.bytes()), person_.id)) return false;
  bool found = stands_in(entity.id(), person_.id);
  entity.each_scope([&](std::string_view scope) { found = found || stands_in(scope, person_.id); });
  for (std::size_t i = 0; !found && i < entity.attribute_count(); ++i)
    found = instance_mentions(entity.attribute(i), person_.id);
  return found;
}

void Traces::link(std::string_view id, std::set<std::string> types) {
  if (linked_.size() < kMost) linked_[std::string(id)].merge(types);
}

void Traces::see_mention(std::string_view id, Position version) {
  if (id != person_.id && !is_passed_over(id, version) && mentions_.size() < kMost) mentions_.emplace(id);
}

void Traces::see(EntityView entity, Position version, const ngsi::SymbolTable& symbols) {
  if (entity.id() == person_.id || !base::holds_text(text_of(entity.bytes()), person_.id)) return;
  if (is_passed_over(entity.id(), version)) return;
  if (is_linked(entity, symbols)) {
    std::set<std::string> types;
    for (std::size_t i = 0; i < entity.type_count(); ++i) types.emplace(symbols.name(entity.type(i)));
    link(entity.id(), std::move(types));
  } else if (mentions(entity)) {
    see_mention(entity.id(), version);
  }
}

void Traces::see(const history::History::Trace& trace) {
  if (trace.id == person_.id || is_passed_over(trace.id, {trace.position})) return;
  const bool points = trace.kind == ngsi::Kind::relationship || trace.kind == ngsi::Kind::list_relationship;
  if (points && is_through(trace.attribute) && points_at_person(trace.value))
    link(trace.id, {trace.types.begin(), trace.types.end()});
  else if (trace.beside || stands_in(trace.value, person_.id) || stands_in(trace.id, person_.id))
    see_mention(trace.id, {trace.position});
}

// ---- looking ----

base::Result<Position> Tracer::catch_up(const GoOn& go_on) const {
  const Position upto = journal_.last();
  MADANG_CHECK(journal_.wait(upto));
  for (int waits = 0; store_.shown() < upto; ++waits) {  // whoever made the changes shows them
    if (waits == kShowWaits || !go_on()) return base::error(Code::unavailable, "Changes are still being shown.");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return upto;
}

base::Status Tracer::each(const state::Tenant& tenant, const GoOn& go_on, const std::function<void(EntityView)>& see,
                          const std::function<base::Status()>& between) const {
  const ngsi::Query everything;
  state::Page page;
  page.limit = kSlice;
  for (bool more = true; more;) {
    state::Search search(store_, tenant, everything, nullptr, page);
    for (bool finished = false; !finished;) {
      if (!go_on()) return stopping();
      const state::Reading reading(store_);
      MADANG_TRY(finished, search.run(kSlice, see));
    }
    if (between) MADANG_CHECK(between());
    more = search.more();
    page.after = search.last();
  }
  return {};
}

/// First the journal, then history: what leaves the one is in the other.
base::Result<Position> Tracer::trace(Traces& traces, const state::Tenant& tenant, Position after,
                                     const GoOn& go_on) const {
  MADANG_TRY(const Position upto, catch_up(go_on));
  MADANG_CHECK(each(tenant, go_on, [&](EntityView entity) {
    if (entity.version() > after.value) traces.see(entity, {entity.version()}, tenant.symbols());
  }));
  MADANG_CHECK(trace_journal(traces, tenant, after, upto, go_on));
  if (after.value > 0) return upto;
  MADANG_CHECK(trace_snapshots(traces, tenant, go_on));
  if (history_ == nullptr) return upto;
  std::size_t seen = 0;
  bool stopped = false;
  MADANG_CHECK(history_->traces(tenant.name(), traces.person().id, [&](const history::History::Trace& trace) {
    traces.see(trace);
    stopped = ++seen % kLookEvery == 0 && !go_on();
    return !stopped;
  }));
  if (stopped) return stopping();
  return upto;
}

base::Status Tracer::trace_journal(Traces& traces, const state::Tenant& tenant, Position after, Position upto,
                                   const GoOn& go_on) const {
  const Position first = journal_.first();
  if (first.value > 0) after = std::max(after, Position{first.value - 1});
  MADANG_TRY(const auto reader, journal_.read(after));
  ngsi::SymbolTable names;
  ngsi::RecordReader entities;
  journal::Record record;
  for (std::size_t seen = 1;; ++seen) {
    MADANG_TRY(const bool more, reader->next(record));
    if (!more || record.position > upto) return {};
    if (seen % kLookEvery == 0 && !go_on()) return stopping();
    if (record.tenant != tenant.name() || !base::holds_text(text_of(record.payload), traces.person().id)) continue;
    if (record.kind == RecordKind::entity_put || record.kind == RecordKind::entity_patch) {
      MADANG_TRY(const auto block, entities.read(record.payload, names));
      traces.see(EntityView(block), record.position, names);
    } else if (record.kind == RecordKind::temporal) {
      MADANG_TRY(const auto change, history::read_temporal_change(record.payload, names));
      if (change.block) traces.see(EntityView(change.block), record.position, names);
      traces.see_mention(change.id, record.position);  // where it is linked, that counts
    }
  }
}

base::Status Tracer::trace_snapshots(Traces& traces, const state::Tenant& tenant, const GoOn& go_on) const {
  state::SnapshotVisitor visitor;
  std::size_t seen = 0;
  visitor.entity = [&](const state::Tenant& of, EntityView entity) -> base::Status {
    if (++seen % kLookEvery == 0 && !go_on()) return stopping();
    if (of.name() == tenant.name()) traces.see(entity, {entity.version()}, of.symbols());
    return {};
  };
  visitor.index = [](const state::Tenant&, const state::DeclaredIndex&) { return base::Status(); };
  visitor.document = [](const state::Tenant&, const state::Document&) { return base::Status(); };
  for (const auto& snapshot : state::list_snapshots(files_, folder_.snapshots()))
    MADANG_CHECK(state::visit_snapshot(files_, snapshot.file, visitor));
  return {};
}

// ---- what it comes to ----

base::Result<std::set<std::string>> Tracer::theirs(const Traces& traces, const state::Tenant& tenant) const {
  std::set<std::string> out;
  for (const auto& [id, known] : traces.linked()) {
    std::set<std::string> types = known;
    if (!traces.has_type(types)) {  // a change alone does not tell them
      const state::Reading reading(store_);
      if (const EntityView now = tenant.find(id))
        for (std::size_t i = 0; i < now.type_count(); ++i) types.emplace(tenant.symbols().name(now.type(i)));
    }
    if (!traces.has_type(types) && history_ != nullptr) {
      MADANG_TRY(const auto last, history_->types_of(tenant.name(), id));
      types.insert(last.begin(), last.end());
    }
    if (traces.has_type(types)) out.insert(id);
  }
  return out;
}

base::Result<Hub::Theirs> Tracer::sort(const Traces& traces, const state::Tenant& tenant) const {
  Hub::Theirs out;
  MADANG_TRY(const auto all, theirs(traces, tenant));
  std::set<std::string> mentions = traces.mentions();
  for (const auto& [id, types] : traces.linked()) {
    if (!all.contains(id)) mentions.insert(id);
  }
  for (const std::string& id : all) {
    const state::Reading reading(store_);
    const EntityView now = tenant.find(id);
    const bool handed_on = now && !traces.is_linked(now, tenant.symbols()) && traces.has_link(now, tenant.symbols());
    list(handed_on ? out.handed_on : out.entities, id);
    if (!handed_on || !traces.mentions(now)) mentions.erase(id);
  }
  for (const std::string& id : mentions) list(out.mentions, id);
  for (const state::Document& document : tenant.documents({}))
    if (document.collection != kErasures && stands_in(document.text, traces.person().id))
      list(out.mentions, document.id);
  return out;
}

}  // namespace madang::hub
