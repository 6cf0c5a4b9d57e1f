#include "erasing.h"

#include <algorithm>
#include <charconv>
#include <random>

#include <fmt/format.h>

#include "madang/base/log.h"
#include "madang/history/history.h"
#include "madang/ngsi/record.h"

#include "sealed.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;
using journal::RecordKind;

constexpr std::size_t kSlice = 128;       // entities removed while the sequencer's lock is held
constexpr std::size_t kIdsMost = 10'000;  // of one request
constexpr std::size_t kUndoneMost = 1'000;
constexpr std::size_t kPersonMost = 100'000;  // entities of one person
constexpr int kRounds = 10;                   // of looking for what was linked meanwhile
constexpr std::size_t kNamesMost = 100;       // Relationships, and types, of a person
constexpr std::size_t kFindsMost = 4;
constexpr std::size_t kKeptNotes = 1'000;  // of what is done, of a tenant

std::string new_id() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  return fmt::format("urn:madang:erasure:{:016x}{:016x}", word(), word());
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

base::Status check(const Hub::Person& person) {
  if (person.id.empty() || person.through.empty())
    return base::error(Code::bad_request_data,
                       "Say the person's entity id, and through which Relationships other entities are theirs.");
  if (person.through.size() > kNamesMost || person.types.size() > kNamesMost)
    return base::error(Code::too_large, fmt::format("At most {} Relationships and types are named.", kNamesMost));
  return {};
}

}  // namespace

// ---- what is to be gone ----

std::string ToBeGone::key(std::string_view tenant, std::string_view id) {
  std::string text(tenant);
  text += '\0';  // in no tenant's name and in no id
  return text.append(id);
}

void ToBeGone::add(std::string_view tenant, std::string_view id, Position upto) {
  Position& at = entities_[key(tenant, id)];
  at = std::max(at, upto);
  highest_ = std::max(highest_, upto);
}

void ToBeGone::add_all_of(std::string_view tenant, Position upto) {
  Position& at = tenants_[std::string(tenant)];
  at = std::max(at, upto);
  highest_ = std::max(highest_, upto);
}

bool ToBeGone::holds_all_of(std::string_view tenant, Position version) const {
  if (tenants_.empty()) return false;
  const auto found = tenants_.find(std::string(tenant));
  return found != tenants_.end() && version <= found->second;
}

bool ToBeGone::holds(std::string_view tenant, std::string_view id, Position version) const {
  if (holds_all_of(tenant, version)) return true;
  const auto found = entities_.find(key(tenant, id));
  return found != entities_.end() && version <= found->second;
}

bool ToBeGone::holds(const journal::Record& record) const {
  switch (record.kind) {
    case RecordKind::entity_put:
    case RecordKind::entity_patch: {
      const auto id = ngsi::record_id(record.payload);
      return id.ok() && holds(record.tenant, *id, record.position);
    }
    case RecordKind::entity_delete:
    case RecordKind::erase:
      return holds(record.tenant, text_of(record.payload), record.position);
    case RecordKind::temporal: {
      const auto id = history::temporal_change_id(record.payload);
      return id.ok() && holds(record.tenant, *id, record.position);
    }
    case RecordKind::document: {
      const auto change = read_document(record.payload);
      if (!change.ok()) return false;
      if (change->document.collection == kErasures) return holds_note(record.tenant, change->document.id);
      return holds_all_of(record.tenant, record.position);
    }
    case RecordKind::tenant:
    case RecordKind::setting:
    case RecordKind::past:
    case RecordKind::erased:
      break;
  }
  return false;
}

// ---- notes ----

Erasing::Erasing(state::Store& store, journal::Journal& journal, Sequencer& sequencer, base::FileSystem& files,
                 const base::Clock& clock, const Options& options)
    : store_(store),
      journal_(journal),
      sequencer_(sequencer),
      files_(files),
      clock_(clock),
      options_(options),
      folder_{options.folder},
      tracer_(store, journal, files, options.folder) {}

/// Lines of a word and its value. The ids are there until all is done, each with the position up to which it goes.
std::string Erasing::write(const Note& note) {
  std::string text = fmt::format("asked {}\nby {}\nentities {}\nposition {}\n", note.state.asked.ns,
                                 one_line(note.state.by), note.state.entities, note.position);
  if (note.state.everything) text += "everything\n";
  if (note.state.done) text += fmt::format("done {}\nrecords {}\n", note.state.done->ns, note.state.records);
  if (note.person) text += fmt::format("person {}\n", note.person->id);
  for (const std::string& name : note.state.through) text += fmt::format("through {}\n", name);
  if (note.person)
    for (const std::string& type : note.person->types) text += fmt::format("type {}\n", type);
  if (!note.state.through.empty())
    text += fmt::format("handed {}\nmentions {}\n", note.state.handed_on, note.state.mentions.count);
  for (const std::string& id : note.state.mentions.ids) text += fmt::format("mention {}\n", id);
  if (note.state.more) text += "more\n";
  for (std::size_t i = 0; i < note.ids.size(); ++i)
    text += fmt::format("id {} {}\n", i < note.positions.size() ? note.positions[i] : 0, note.ids[i]);
  return text;
}

base::Result<Erasing::Note> Erasing::read(std::string_view tenant, const state::Document& document) {
  Note note;
  note.tenant = tenant;
  note.state.id = document.id;
  Hub::Person person;
  std::string_view rest = document.text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::string_view word = line.substr(0, line.find(' '));
    const std::string_view value = line.substr(std::min(line.size(), word.size() + 1));
    std::int64_t number = 0;
    const bool counted = std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc();
    const auto count = static_cast<std::uint64_t>(number);
    if (word == "asked" && counted) note.state.asked = {number};
    if (word == "by") note.state.by = value;
    if (word == "entities" && counted) note.state.entities = count;
    if (word == "position" && counted) note.position = count;
    if (word == "everything") note.state.everything = true;
    if (word == "done" && counted) note.state.done = base::Timestamp{number};
    if (word == "records" && counted) note.state.records = count;
    if (word == "person") person.id = value;
    if (word == "through") note.state.through.emplace_back(value);
    if (word == "type") person.types.emplace_back(value);
    if (word == "handed" && counted) note.state.handed_on = count;
    if (word == "mentions" && counted) note.state.mentions.count = count;
    if (word == "mention") note.state.mentions.ids.emplace_back(value);
    if (word == "more") note.state.more = true;
    if (word == "id" && counted) {
      note.positions.push_back(count);
      note.ids.emplace_back(value.substr(value.find(' ') + 1));
    }
  }
  person.through = note.state.through;
  if (!person.id.empty()) note.person = std::move(person);
  note.state.removed = note.position > 0;
  return note;
}

void Erasing::start() {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : store_.tenant_names())
    for (const state::Document& document : store_.tenant(name)->documents(kErasures))
      if (auto note = read(name, document); note.ok() && !note->state.done) undone_.push_back(std::move(*note));
}

void Erasing::ask(const std::string& by, state::Tenant& tenant, Hub::Erasure what, base::Executor& home,
                  Hub::Asked done) {
  if (what.ids.size() > kIdsMost)
    return done(base::error(Code::too_large, fmt::format("At most {} entities are erased by one request.", kIdsMost)));
  if ((what.ids.empty() ? 0 : 1) + (what.everything ? 1 : 0) + (what.person ? 1 : 0) != 1)
    return done(base::error(Code::bad_request_data,
                            "Say which entities are to be erased, or which person, or that everything is."));
  if (what.person)
    if (const base::Status fit = check(*what.person); !fit.ok()) return done(fit.error());
  Note note;
  note.tenant = tenant.name();
  note.state.id = new_id();
  note.state.by = by;
  note.state.asked = clock_.now();
  note.state.everything = what.everything;
  note.ids = std::move(what.ids);
  note.state.entities = note.ids.size();
  if (what.person) note.state.through = what.person->through;
  note.person = std::move(what.person);
  {
    const std::lock_guard lock(mutex_);
    if (undone_.size() >= kUndoneMost)
      return done(base::error(Code::too_many_requests, "Too many erasures are under way; try again later."));
  }
  DocumentChange change{true, {std::string(kErasures), note.state.id, write(note)}};
  sequencer_.change_document(tenant, std::move(change), home,
                             [this, note = std::move(note), done = std::move(done)](base::Status kept) mutable {
                               if (!kept.ok()) return done(std::move(kept).error());
                               const std::string id = note.state.id;
                               put_back(std::move(note));
                               done(id);
                             });
}

base::Result<std::vector<Hub::ErasureState>> Erasing::states(const state::Tenant& tenant) const {
  std::vector<Hub::ErasureState> out;
  for (const state::Document& document : tenant.documents(kErasures)) {
    MADANG_TRY(Note note, read(tenant.name(), document));
    out.push_back(std::move(note.state));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.asked < b.asked; });
  return out;
}

base::Status Erasing::keep(const Note& note) {
  state::Tenant* tenant = store_.tenant(note.tenant);
  return sequencer_.keep_document(*tenant, {true, {std::string(kErasures), note.state.id, write(note)}});
}

std::vector<Erasing::Note> Erasing::taken(const std::function<bool(const Note&)>& which) const {
  const std::lock_guard lock(mutex_);
  std::vector<Note> out;
  std::copy_if(undone_.begin(), undone_.end(), std::back_inserter(out), which);
  return out;
}

/// Replaces the one of the same id, or takes it away when it is done.
void Erasing::put_back(Note&& note) {
  const std::lock_guard lock(mutex_);
  std::erase_if(undone_, [&](const Note& each) { return each.state.id == note.state.id; });
  if (!note.state.done) undone_.push_back(std::move(note));
}

// ---- removing: from now on nobody sees it ----

void Erasing::remove(const std::function<bool()>& go_on) {
  for (Note& note : taken([](const Note& each) { return each.position == 0; })) {
    if (!go_on()) return;
    if (const auto removed = remove(note, go_on); removed.ok()) {
      put_back(std::move(note));
    } else {
      base::log::warning("an erasure waits", {{"id", note.state.id}, {"reason", removed.error().message}});
    }
  }
}

base::Status Erasing::remove(Note& note, const std::function<bool()>& go_on) {
  state::Tenant* tenant = store_.tenant(note.tenant);
  if (note.state.everything) {
    sequencer_.close_tenant(*tenant);
    const base::Status removed = remove_everything(note, *tenant, go_on);
    const Position last = sequencer_.reopen_tenant();
    if (!removed.ok()) return removed;
    note.position = last.value;
  } else if (note.person) {
    MADANG_CHECK(remove_person(note, *tenant, go_on));
    note.position = *std::max_element(note.positions.begin(), note.positions.end());
  } else {
    note.positions.clear();
    for (std::size_t at = 0; at < note.ids.size(); at += kSlice) {
      if (!go_on()) return base::error(Code::unavailable, "The server is stopping.");
      const auto slice = std::span(note.ids).subspan(at, std::min(kSlice, note.ids.size() - at));
      MADANG_CHECK(sequencer_.erase(*tenant, slice, note.positions));
    }
    note.position = note.positions.back();
  }
  note.state.removed = true;
  return keep(note);
}

/// The tenant is closed meanwhile, so that what is found is all there is; what was appended before must be shown first.
base::Status Erasing::remove_everything(Note& note, state::Tenant& tenant, const std::function<bool()>& go_on) {
  MADANG_CHECK(tracer_.catch_up(go_on));
  note.state.entities = 0;
  std::vector<std::string> ids;
  const auto see = [&](ngsi::EntityView entity) { ids.emplace_back(entity.id()); };
  const auto remove_seen = [&]() -> base::Status {
    std::vector<std::uint64_t> positions;
    for (std::size_t at = 0; at < ids.size(); at += kSlice)
      MADANG_CHECK(sequencer_.erase(tenant, std::span(ids).subspan(at, std::min(kSlice, ids.size() - at)), positions));
    note.state.entities += ids.size();
    ids.clear();
    return {};
  };
  MADANG_CHECK(tracer_.each(tenant, go_on, see, remove_seen));
  for (const state::Document& document : tenant.documents({}))
    if (document.collection != kErasures)
      MADANG_CHECK(sequencer_.keep_document(tenant, {false, {document.collection, document.id, {}}}));
  return {};
}

/// The person first, then what is found to be the person's: again and again, until nothing was linked meanwhile. After
/// a restart it goes on with what is still there.
base::Status Erasing::remove_person(Note& note, state::Tenant& tenant, const std::function<bool()>& go_on) {
  Traces traces(*note.person);
  for (std::size_t i = 0; i < note.ids.size(); ++i) traces.pass_over(note.ids[i], {note.positions[i]});
  if (note.ids.empty()) {
    MADANG_CHECK(sequencer_.erase(tenant, std::span(&note.person->id, 1), note.positions));
    note.ids.push_back(note.person->id);
  }
  Position seen;
  for (int round = 0; round < kRounds && !note.state.more; ++round) {
    MADANG_TRY(seen, tracer_.trace(traces, tenant, seen, go_on));
    MADANG_TRY(const auto found, tracer_.theirs(traces, tenant));
    if (found.empty()) break;
    const std::vector<std::string> ids(found.begin(), found.end());
    for (std::size_t at = 0; at < ids.size() && !note.state.more; at += kSlice) {
      if (!go_on()) return base::error(Code::unavailable, "The server is stopping.");
      MADANG_CHECK(remove_of(note, tenant, traces, std::span(ids).subspan(at, std::min(kSlice, ids.size() - at))));
      note.state.more = note.ids.size() >= kPersonMost;
    }
    MADANG_CHECK(keep(note));
  }
  MADANG_TRY(auto left, tracer_.sort(traces, tenant));
  note.state.mentions = std::move(left.mentions);
  return {};
}

/// Whether one was handed on is decided on what it is at that moment, which nobody has to see yet.
base::Status Erasing::remove_of(Note& note, state::Tenant& tenant, Traces& traces, std::span<const std::string> ids) {
  std::uint64_t handed_on = 0;
  const auto stays = [&](ngsi::EntityView now) {
    const bool other = !traces.is_linked(now, tenant.symbols()) && traces.has_link(now, tenant.symbols());
    handed_on += other ? 1 : 0;
    return other;
  };
  const std::size_t before = note.ids.size();
  MADANG_CHECK(sequencer_.erase(tenant, ids, note.positions, stays));
  note.ids.insert(note.ids.end(), ids.begin(), ids.end());
  for (std::size_t i = before; i < note.ids.size(); ++i) traces.pass_over(note.ids[i], {note.positions[i]});
  note.state.entities = note.ids.size();
  note.state.handed_on += handed_on;
  return {};
}

// ---- finding what is a person's ----

void Erasing::find(const state::Tenant& tenant, Hub::Person person, base::Executor& home, Hub::Told<Hub::Theirs> done) {
  if (base::Status fit = check(person); !fit.ok()) return done(std::move(fit).error());
  {
    const std::lock_guard lock(mutex_);
    if (finds_.size() < kFindsMost) return void(finds_.push_back({tenant, std::move(person), home, std::move(done)}));
  }
  done(
      base::error(Code::too_many_requests, "Too many searches for what is a person's are under way; try again later."));
}

bool Erasing::is_asked_to_find() const {
  const std::lock_guard lock(mutex_);
  return !finds_.empty();
}

void Erasing::answer_finds(const std::function<bool()>& go_on) {
  while (is_asked_to_find()) {
    const Find* find = nullptr;  // it stays in its place meanwhile: it is one of those under way
    {
      const std::lock_guard lock(mutex_);
      find = &finds_.front();
    }
    const auto look = [&]() -> base::Result<Hub::Theirs> {
      Traces traces(find->person);
      MADANG_CHECK(tracer_.trace(traces, find->tenant, {}, go_on));
      return tracer_.sort(traces, find->tenant);
    };
    auto found = look();
    std::unique_lock lock(mutex_);
    Find told = std::move(finds_.front());
    finds_.pop_front();
    lock.unlock();
    told.home.post([done = std::move(told.done), found = std::move(found)]() mutable { done(std::move(found)); });
  }
}

// ---- overwriting: from now on the disk does not have it ----

bool Erasing::due() const {
  // In the first half of the time allowed: what comes together goes together, and there is time to try again.
  const base::Timestamp latest{clock_.now().ns - std::chrono::nanoseconds(options_.erase_within).count() / 2};
  const auto shown = store_.shown().value;
  const std::lock_guard lock(mutex_);
  return std::any_of(undone_.begin(), undone_.end(), [&](const Note& note) {
    return note.position > 0 && note.position <= shown && note.state.asked <= latest;
  });
}

base::Status Erasing::overwrite() {
  const auto shown = store_.shown().value;
  auto notes = taken([&](const Note& note) { return note.position > 0 && note.position <= shown; });
  ToBeGone gone;
  for (const Note& note : notes) {
    gone.add_note(note.tenant, note.state.id);
    if (note.state.everything) gone.add_all_of(note.tenant, {note.position});
    for (std::size_t i = 0; i < note.ids.size(); ++i) gone.add(note.tenant, note.ids[i], {note.positions[i]});
  }
  const std::vector<Note> others = without_mentions_of(gone, notes);
  for (const Note& note : others) gone.add_note(note.tenant, note.state.id);
  for (const EraseElsewhere& place : elsewhere_) {
    MADANG_TRY(const bool erased, place(gone));
    if (!erased) return base::error(Code::unavailable, "A reader of the journal has not come so far yet.");
  }
  state::ToErase which;
  which.entity = [&](std::string_view tenant, std::string_view id, Position version) {
    return gone.holds(tenant, id, version);
  };
  for (const auto& snapshot : state::list_snapshots(files_, folder_.snapshots())) {
    which.document = [&](std::string_view tenant, const state::Document& document) {
      if (document.collection == kErasures) return gone.holds_note(tenant, document.id);
      return gone.holds_all_of(tenant, snapshot.begun);
    };
    MADANG_CHECK(state::erase_from_snapshot(files_, snapshot.file, which));
  }
  MADANG_TRY(const std::uint64_t records,
             journal_.erase(journal_.durable(), [&](const journal::Record& record) { return gone.holds(record); }));
  // Last: where it had to be tried again, the keys of what came since would go.
  MADANG_CHECK(destroy_keys(gone));
  for (const Note& note : others) MADANG_CHECK(keep(note));
  for (Note& note : notes) {
    note.ids.clear();
    note.person.reset();
    note.state.done = clock_.now();
    note.state.records = records;
    MADANG_CHECK(keep(note));
    forget_old(*store_.tenant(note.tenant));
    base::log::info("erased for good",
                    {{"id", note.state.id}, {"entities", note.state.entities}, {"records", records}});
    put_back(std::move(note));
  }
  return {};
}

/// Who asked for a person was told of entities that speak of the person: those that go now must not stay on that list.
/// Changes `notes`, and gives the notes besides that change.
std::vector<Erasing::Note> Erasing::without_mentions_of(const ToBeGone& gone, std::vector<Note>& notes) const {
  const auto trim = [&](Note& note) {
    return std::erase_if(note.state.mentions.ids,
                         [&](const std::string& id) { return gone.holds(note.tenant, id, {1}); }) > 0;
  };
  std::vector<Note> out;
  for (const std::string& name : store_.tenant_names())
    for (const state::Document& document : store_.tenant(name)->documents(kErasures)) {
      auto note = read(name, document);
      if (note.ok() && note->state.done && trim(*note)) out.push_back(std::move(*note));
    }
  for (Note& note : notes) (void)trim(note);
  return out;
}

/// Sealed backups, wherever they are, cannot be opened where they speak of what is gone.
base::Status Erasing::destroy_keys(const ToBeGone& gone) {
  if (!files_.exists(folder_.keys())) return {};
  MADANG_TRY(governance::KeyTree keys, load_keys(files_, folder_.keys(), false));
  gone.each([&](std::string_view tenant, std::string_view id, Position) {
    id.empty() ? keys.destroy_all_of(tenant) : keys.destroy(tenant, id);
  });
  gone.each_note([&](std::string_view tenant, std::string_view id) { keys.destroy(tenant, id); });
  return store_keys(files_, keys, folder_.keys(), options_.keys_copy);
}

/// That something was erased stays on record, for the latest of a tenant's erasures.
void Erasing::forget_old(state::Tenant& tenant) {
  auto all = states(tenant);
  if (!all.ok() || all->size() <= kKeptNotes) return;
  for (std::size_t i = 0; i + kKeptNotes < all->size(); ++i)
    if ((*all)[i].done) (void)sequencer_.keep_document(tenant, {false, {std::string(kErasures), (*all)[i].id, {}}});
}

}  // namespace madang::hub
