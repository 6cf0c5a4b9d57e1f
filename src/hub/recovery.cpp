#include <algorithm>
#include <charconv>
#include <limits>

#include "madang/base/log.h"

#include "folder.h"

namespace madang::hub {

namespace {

using base::Code;

constexpr std::uint64_t kProgressEvery = 1 << 14;

std::shared_ptr<const ngsi::EntityBlock> copy_of(const ngsi::EntityBlock& block) {
  auto copy = std::make_shared<ngsi::EntityBlock>(block.size());
  std::copy_n(block.data(), block.size(), copy->data());
  return copy;
}

/// What the record did to an entity, for the witness.
EventPtr event_of(state::Tenant& tenant, const journal::Record& record, std::shared_ptr<const ngsi::EntityBlock> after,
                  ngsi::EntityBlock before) {
  auto event = std::make_shared<Event>();
  event->tenant = &tenant;
  event->position = record.position;
  event->time = after ? ngsi::EntityView(*after).modified_at() : record.time;
  event->after = std::move(after);
  if (before) event->before = std::make_shared<const ngsi::EntityBlock>(std::move(before));
  return event;
}

base::Status replay_entity(state::Store& store, state::Tenant& tenant, const journal::Record& record,
                           ngsi::RecordReader& reader, EventPtr* event) {
  MADANG_TRY(ngsi::EntityBlock block, reader.read(record.payload, tenant.symbols()));
  const std::string id(ngsi::EntityView(block).id());
  const ngsi::EntityView before = store.tip(tenant, id);
  if (before && before.version() >= record.position.value) return {};
  if (record.kind == journal::RecordKind::entity_patch) {
    if (!before) return {};  // it was deleted later, before the snapshot came to it
    MADANG_TRY(block, ngsi::splice(before, ngsi::EntityView(block)));
  }
  reinterpret_cast<ngsi::EntityHeader*>(block.data())->version = record.position.value;
  std::shared_ptr<const ngsi::EntityBlock> after = event ? copy_of(block) : nullptr;
  ngsi::EntityBlock old = store.load(tenant, record.position, id, std::move(block));
  if (event) *event = event_of(tenant, record, std::move(after), std::move(old));
  return {};
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  const auto size = static_cast<std::uint16_t>(text.size());
  out.push_back(static_cast<std::byte>(size & 0xff));
  out.push_back(static_cast<std::byte>(size >> 8));
  const auto* from = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), from, from + text.size());
}

std::optional<std::string> take_text(std::span<const std::byte>& in) {
  if (in.size() < 2) return std::nullopt;
  const auto size = static_cast<std::size_t>(in[0]) | static_cast<std::size_t>(in[1]) << 8;
  in = in.subspan(2);
  if (in.size() < size) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(in.data()), size);
  in = in.subspan(size);
  return text;
}

/// The newest snapshot that loads. One that is damaged is passed over, and said so, where an older one or the whole
/// journal can take its place: nothing is lost by that.
base::Result<state::SnapshotInfo> load_newest(std::unique_ptr<state::Store>& store, const state::Limits& limits,
                                              base::FileSystem& files, const Folder& folder, journal::Journal& journal,
                                              std::size_t threads, const Progress& progress) {
  std::optional<base::Error> damage;
  for (const auto& info : state::list_snapshots(files, folder.snapshots())) {
    if (journal.first().value > info.begun.value + 1) break;
    store = std::make_unique<state::Store>(limits);
    auto loaded = state::load_snapshot(*store, files, info.file, threads, [&](std::uint64_t done, std::uint64_t total) {
      if (progress) progress("snapshot", done, total);
    });
    if (loaded.ok() || loaded.error().code != Code::corrupt) return loaded;
    base::log::error("snapshot damaged, trying an older one",
                     {{"file", loaded.error().where}, {"reason", loaded.error().message}});
    if (!damage) damage = std::move(loaded).error();
  }
  store = std::make_unique<state::Store>(limits);
  if (journal.first().value <= 1) return state::SnapshotInfo{};
  if (damage) return std::move(*damage);
  return base::error(Code::corrupt,
                     "The journal begins at record " + std::to_string(journal.first().value) +
                         " and there is no snapshot to put it on. Restore a backup: madang restore --help",
                     folder.snapshots());
}

}  // namespace

base::Status check_format(base::FileSystem& files, const Folder& folder, bool make) {
  if (!files.exists(folder.format())) {
    if (!make) return base::error(Code::not_found, "There is no Madang data in " + folder.root + ".", folder.root);
    MADANG_CHECK(files.make_folder(folder.root));
    return base::write_file_atomically(files, folder.format(), "madang " + std::to_string(kFolderFormat) + "\n");
  }
  MADANG_TRY(const std::string text, base::read_file(files, folder.format(), 4096));
  int found = 0;
  if (!text.starts_with("madang ") ||
      std::from_chars(text.data() + 7, text.data() + text.size(), found).ec != std::errc())
    return base::error(Code::corrupt, "This file does not say which format the folder has.", folder.format());
  if (found > kFolderFormat)
    return base::error(Code::newer_format,
                       "The folder was written by a newer Madang (format " + std::to_string(found) +
                           ", this one knows " + std::to_string(kFolderFormat) + "). Install the newer version again.",
                       folder.format());
  return {};
}

base::Status replay(state::Store& store, const journal::Record& record, ngsi::RecordReader& reader, EventPtr* event) {
  if (record.key_id != 0)
    return base::error(Code::newer_format, "The record at " + std::to_string(record.position.value) + " is encrypted.");
  MADANG_TRY(state::Tenant * tenant, store.make_tenant(record.tenant));
  switch (record.kind) {
    case journal::RecordKind::entity_put:
    case journal::RecordKind::entity_patch:
      return replay_entity(store, *tenant, record, reader, event);
    case journal::RecordKind::erased:
      return {};
    case journal::RecordKind::erase:
    case journal::RecordKind::entity_delete: {
      const std::string_view id(reinterpret_cast<const char*>(record.payload.data()), record.payload.size());
      const ngsi::EntityView before = store.tip(*tenant, id);
      if (!before || before.version() >= record.position.value) return {};
      ngsi::EntityBlock old = store.load(*tenant, record.position, id, {});
      if (event) *event = event_of(*tenant, record, nullptr, std::move(old));
      return {};
    }
    case journal::RecordKind::tenant:
    case journal::RecordKind::temporal:  // of history alone
    case journal::RecordKind::past:
      return {};
    case journal::RecordKind::setting: {
      MADANG_TRY(const IndexSetting setting, read_setting(record.payload));
      auto done =
          setting.declare ? store.declare_index(*tenant, setting.index) : store.drop_index(*tenant, setting.index);
      if (!done.ok() && done.error().code != Code::already_exists && done.error().code != Code::not_found) return done;
      return {};
    }
    case journal::RecordKind::document: {
      MADANG_TRY(DocumentChange change, read_document(record.payload));
      if (event && change.document.collection == kSubscriptions) {
        auto told = std::make_shared<Event>();
        told->tenant = tenant;
        told->position = record.position;
        told->time = record.time;
        told->document = std::make_shared<const state::Document>(change.document);
        told->document_kept = change.keep;
        *event = std::move(told);
      }
      if (change.keep) return store.put_document(*tenant, std::move(change.document));
      (void)store.remove_document(*tenant, change.document.collection, change.document.id);
      return {};
    }
  }
  return base::error(Code::newer_format, "The journal holds a kind of record that this version does not know.");
}

base::Result<Recovered> recover(std::unique_ptr<state::Store>& store, const state::Limits& limits,
                                base::FileSystem& files, const Folder& folder, journal::Journal& journal,
                                std::size_t threads, const Progress& progress, Witness* witness) {
  Recovered recovered;
  MADANG_TRY(recovered.snapshot, load_newest(store, limits, files, folder, journal, threads, progress));
  const std::uint64_t from = recovered.snapshot.begun.value;
  if (journal.last().value < recovered.snapshot.complete.value)
    return base::error(Code::corrupt, "The journal ends before the snapshot does: segments are missing.",
                       folder.journal());
  const std::uint64_t total = journal.last().value - from;
  MADANG_TRY(const auto reader, journal.read({from}));
  journal::Record record;
  ngsi::RecordReader entities;
  const std::uint64_t told_until =
      witness ? witness->told_until(recovered.snapshot.complete).value : std::numeric_limits<std::uint64_t>::max();
  bool telling = false;
  for (;;) {
    MADANG_TRY(const bool found, reader->next(record));
    if (!found) break;
    if (!telling && record.position.value > told_until) {
      telling = true;
      MADANG_CHECK(witness->begin(*store));
    }
    EventPtr event;
    auto done = replay(*store, record, entities, telling ? &event : nullptr);
    if (done.ok() && event) done = witness->tell(std::move(event));
    if (!done.ok()) {
      base::Error error = std::move(done).error();
      error.message = "Record " + std::to_string(record.position.value) + ": " + error.message;
      return error;
    }
    if (++recovered.replayed % kProgressEvery == 0 && progress) progress("journal", recovered.replayed, total);
  }
  if (witness != nullptr && !telling) MADANG_CHECK(witness->begin(*store));
  store->finish_loading(threads);
  return recovered;
}

void append_setting(std::vector<std::byte>& out, const IndexSetting& setting) {
  out.push_back(setting.declare ? std::byte{1} : std::byte{0});
  append_text(out, setting.index.type);
  append_text(out, setting.index.attribute);
}

base::Result<IndexSetting> read_setting(std::span<const std::byte> payload) {
  IndexSetting setting;
  if (!payload.empty()) {
    setting.declare = payload[0] == std::byte{1};
    payload = payload.subspan(1);
    auto type = take_text(payload);
    auto attribute = take_text(payload);
    if (type && attribute) {
      setting.index = {std::move(*type), std::move(*attribute)};
      return setting;
    }
  }
  return base::error(Code::corrupt, "A setting in the journal cannot be read.");
}

void append_document(std::vector<std::byte>& out, const DocumentChange& change) {
  out.push_back(change.keep ? std::byte{1} : std::byte{0});
  append_text(out, change.document.collection);
  append_text(out, change.document.id);
  const auto* from = reinterpret_cast<const std::byte*>(change.document.text.data());
  out.insert(out.end(), from, from + change.document.text.size());
}

base::Result<DocumentChange> read_document(std::span<const std::byte> payload) {
  DocumentChange change;
  if (!payload.empty()) {
    change.keep = payload[0] == std::byte{1};
    payload = payload.subspan(1);
    auto collection = take_text(payload);
    auto id = take_text(payload);
    if (collection && id) {
      change.document = {std::move(*collection), std::move(*id),
                         std::string(reinterpret_cast<const char*>(payload.data()), payload.size())};
      return change;
    }
  }
  return base::error(Code::corrupt, "A document in the journal cannot be read.");
}

}  // namespace madang::hub
