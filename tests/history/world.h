#pragma once
// A history, the current entities beside it as the hub has them, and a model that remembers every instance.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/base/simulated_files.h"
#include "madang/history/history.h"
#include "madang/history/transfer.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/context.h"

namespace madang::history::testing {

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "madang_history_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// One instance as the model and as history tell it, for comparison.
struct Told {
  std::string attribute, dataset, value, unit, id;
  std::int64_t created = 0, modified = 0;
  std::optional<std::int64_t> observed, deleted;
  std::string subs;
  bool operator==(const Told&) const = default;
  friend void PrintTo(const Told& told, std::ostream* out) {
    *out << told.attribute << "[" << told.dataset << "]=" << told.value << told.unit << " modified " << told.modified
         << " created " << told.created << " observed " << (told.observed ? std::to_string(*told.observed) : "-")
         << " deleted " << (told.deleted ? std::to_string(*told.deleted) : "-") << " subs " << told.subs << " "
         << told.id << "\n";
  }
};

inline std::string subs_text(const ngsi::AttributeView& instance, const ngsi::SymbolTable& symbols) {
  std::string out;
  instance.each_sub([&](const ngsi::AttributeView& sub) {
    out += std::string(symbols.name(sub.name)) + "=" + std::string(sub.value) + std::string(sub.unit_code);
    if (sub.observed_at) out += "@" + std::to_string(sub.observed_at->ns);
    out += "(" + subs_text(sub, symbols) + ")";
  });
  return out;
}

inline Told told(const ngsi::AttributeView& instance, const ngsi::Evolution::Beside& beside,
                 const ngsi::SymbolTable& symbols) {
  Told out;
  out.attribute = symbols.name(instance.name);
  out.dataset = instance.dataset_id;
  out.value = instance.value;
  out.unit = instance.unit_code;
  out.id = ngsi::to_string(beside.id);
  out.created = instance.created_at.ns;
  out.modified = instance.modified_at.ns;
  if (instance.observed_at) out.observed = instance.observed_at->ns;
  if (beside.deleted_at) out.deleted = beside.deleted_at->ns;
  out.subs = subs_text(instance, symbols);
  return out;
}

class World {
 public:
  World() {
    options.folder = folder / "history";
    options.merge = false;
    open();
  }
  void open() {
    history.reset();
    auto opened = History::open(options, clock);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    history = std::move(*opened);
  }

  /// Goes on with what was taken apart and put together again.
  void transfer() {
    ASSERT_TRUE(history->flush().ok());
    const std::string there = options.folder + std::to_string(++transfers_);
    const auto copied = history->copy_to(there + "-copy");
    ASSERT_TRUE(copied.ok());
    const auto from = Export::open(there + "-copy");
    ASSERT_TRUE(from.ok());
    ASSERT_EQ((*from)->position(), *copied);
    auto to = Import::begin(there, *copied);
    ASSERT_TRUE(to.ok());
    const auto moved = (*from)->run([&](const Part& part) { return (*to)->take(part); });
    ASSERT_TRUE(moved.ok()) << moved.error().message;
    ASSERT_TRUE((*to)->finish().ok());
    to->reset();
    options.folder = there;
    open();
    const auto verified = history->verify();
    ASSERT_TRUE(verified.ok()) << verified.error().message;
  }

  ngsi::Vocabulary& names() {
    if (!names_) names_.emplace(ngsi::core_context(), symbols);
    return *names_;
  }
  ngsi::Symbol name(std::string_view term) {
    return *symbols.intern("https://uri.etsi.org/ngsi-ld/default-context/" + std::string(term));
  }

  ngsi::Fragment fragment(std::string json, ngsi::FragmentKind kind, std::string_view id = {}) {
    const std::size_t size = json.size();
    json.append(64, ' ');
    auto read = reader.read(std::string_view(json).substr(0, size), kind, names(), id);
    EXPECT_TRUE(read.ok()) << read.error().message << " in " << json;
    return std::move(*read);
  }

  /// Applies it to the current entity as the hub does, and gives the journal's record to history. False: refused.
  bool change(ngsi::Operation operation, std::string id, std::string json = {},
              ngsi::FragmentKind kind = ngsi::FragmentKind::entity, std::string_view attribute = {},
              std::string dataset = {}, bool all = false) {
    ngsi::Change change;
    change.operation = operation;
    change.id = id;
    change.dataset_id = std::move(dataset);
    change.delete_all = all;
    if (!attribute.empty()) change.attribute = name(attribute);
    if (!json.empty()) change.fragment = fragment(std::move(json), kind, id);
    const auto at = entities.find(id);
    const ngsi::EntityView before = at == entities.end() ? ngsi::EntityView() : ngsi::EntityView(at->second);
    auto outcome = ngsi::apply(before, std::move(change), clock.now(), {});
    if (!outcome.ok()) return false;
    journal::Record record;
    base::ByteBuffer payload;
    ngsi::EntityBlock after;
    using Kept = ngsi::Outcome::Record;
    if (outcome->record == Kept::none) return false;
    if (outcome->record == Kept::remove) {
      record.kind = journal::RecordKind::entity_delete;
      payload.append(std::string_view(id));
      entities.erase(id);
    } else {
      writer.append(payload, ngsi::EntityView(outcome->block), symbols);
      record.kind = journal::RecordKind::entity_patch;
      if (outcome->record == Kept::put) {
        record.kind = journal::RecordKind::entity_put;
        after = std::move(outcome->block);
      } else {
        auto spliced = ngsi::splice(before, ngsi::EntityView(outcome->block));
        EXPECT_TRUE(spliced.ok());
        after = std::move(*spliced);
      }
      entities[id] = std::move(after);
    }
    record.payload = payload;
    give(record);
    return true;
  }

  void change_past(const ngsi::TemporalChange& change) {
    journal::Record record;
    record.kind = journal::RecordKind::temporal;
    base::ByteBuffer payload;
    append_temporal_change(payload, change, symbols);
    record.payload = payload;
    give(record);
  }

  void decide(const Decision& decision) {
    base::ByteBuffer payload;
    append_decision(payload, decision);
    journal::Record record;
    record.kind = journal::RecordKind::past;
    record.payload = payload;
    give(record);
  }

  void give(journal::Record& record) {
    record.position = {++position};
    record.time = clock.now();
    const auto fed = history->feed(record);
    records.push_back({record, std::vector<std::byte>(record.payload.begin(), record.payload.end())});
    if (disk != nullptr && disk->crashed()) return;  // the journal has it
    ASSERT_TRUE(fed.ok()) << fed.error().message;
  }
  /// Gives what was given above a position once more, as after a crash.
  void replay(std::uint64_t above = 0) {
    for (auto& [record, payload] : records) {
      if (record.position.value <= above) continue;
      record.payload = payload;
      const auto fed = history->feed(record);
      ASSERT_TRUE(fed.ok()) << fed.error().message;
    }
  }

  ngsi::Evolution evolution(const std::string& id, const ngsi::EvolutionQuery& query = everything()) {
    auto got = history->retrieve("", id, query, symbols);
    EXPECT_TRUE(got.ok()) << got.error().message;
    return got.ok() ? std::move(*got) : ngsi::Evolution();
  }
  static ngsi::EvolutionQuery everything() {
    ngsi::EvolutionQuery query;
    query.order = ngsi::TimeProperty::modified_at;
    query.most = ngsi::kMostInstances;
    return query;
  }
  std::vector<Told> instances(const ngsi::Evolution& evolution) const {
    std::vector<Told> out;
    if (!evolution.block) return out;
    const ngsi::EntityView view = evolution.view();
    EXPECT_EQ(view.attribute_count(), evolution.beside.size());
    for (std::size_t i = 0; i < view.attribute_count(); ++i)
      out.push_back(told(view.attribute(i), evolution.beside[i], symbols));
    return out;
  }

  /// On a disk in memory from here on, empty.
  void move_to(base::SimulatedFiles& files) {
    history.reset();
    disk = &files;
    options.files = disk;
    open();
  }

  Folder folder;
  Options options;
  base::SimulatedFiles* disk = nullptr;
  base::ManualClock clock{base::Timestamp{1'700'000'000'000'000'000}};
  std::unique_ptr<History> history;
  ngsi::SymbolTable symbols;
  ngsi::FragmentReader reader;
  ngsi::RecordWriter writer;
  std::map<std::string, ngsi::EntityBlock> entities;
  std::vector<std::pair<journal::Record, std::vector<std::byte>>> records;
  std::uint64_t position = 0;

 private:
  std::optional<ngsi::Vocabulary> names_;
  int transfers_ = 0;
};

}  // namespace madang::history::testing
