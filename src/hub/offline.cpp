// Tools for a folder that no server has open: check it, restore from it.

#include <fmt/format.h>

#include "madang/base/log.h"
#include "madang/history/history.h"
#include "madang/history/transfer.h"

#include "folder.h"
#include "sealed.h"

namespace madang::hub {

namespace {

using base::Code;
using journal::Position;

base::Result<std::unique_ptr<base::File>> lock_folder(base::FileSystem& files, const Folder& folder) {
  MADANG_CHECK(check_format(files, folder, false));
  return files.lock(folder.lock());
}

/// The last record at or before `time`, of those in the journal.
base::Result<Position> position_at(base::FileSystem& files, const Folder& folder, base::Timestamp time) {
  Position found;
  MADANG_CHECK(journal::verify(files, folder.journal(), [&](const journal::Record& record) -> base::Status {
    if (record.time <= time) found = record.position;
    return {};
  }));
  return found;
}

/// The state as of `upto`, from the newest snapshot complete by then and the records after it.
base::Result<std::unique_ptr<state::Store>> state_at(base::FileSystem& files, const Folder& folder, Position upto) {
  auto store = std::make_unique<state::Store>(state::Limits{});
  Position from;
  for (const auto& info : state::list_snapshots(files, folder.snapshots())) {
    if (info.complete > upto) continue;
    MADANG_TRY(const auto loaded, state::load_snapshot(*store, files, info.file, 2));
    from = loaded.begun;
    break;
  }
  Position expected{from.value + 1};
  ngsi::RecordReader entities;
  MADANG_CHECK(journal::verify(files, folder.journal(), [&](const journal::Record& record) -> base::Status {
    if (record.position > upto || record.position < expected) return {};
    if (record.position != expected)
      return base::error(Code::not_found,
                         fmt::format("Records {} to {} are no longer kept: this point cannot be restored.",
                                     expected.value, record.position.value - 1),
                         folder.journal());
    ++expected.value;
    return replay(*store, record, entities);
  }));
  if (expected.value <= upto.value)
    return base::error(Code::not_found,
                       fmt::format("The journal ends at record {}; {} is not in it.", expected.value - 1, upto.value),
                       folder.journal());
  store->finish_loading(2);
  (void)store->show(upto, 0);
  return store;
}

// ---- sealed backups ----

bool is_sealed(base::FileSystem& files, const std::string& folder) {
  return files.exists(folder + std::string(kSealedName));
}

/// Reads it all, so that damage anywhere is found. The last record at or before `time`, or the last of all.
base::Result<Position> sealed_position(base::FileSystem& files, const std::string& folder,
                                       std::optional<base::Timestamp> time) {
  MADANG_TRY(const auto reader, SealedReader::open(files, folder));
  Position found = reader->begun();
  for (;;) {
    MADANG_TRY(const auto piece, reader->next(nullptr));
    if (!piece) return found;
    if (piece->of == SealedPiece::Of::journal && (!time || piece->record.time <= *time))
      found = std::max(found, piece->record.position);
  }
}

base::Result<std::unique_ptr<state::Store>> sealed_state(base::FileSystem& files, const std::string& folder,
                                                         const governance::KeyTree& keys, Position upto,
                                                         std::uint64_t& passed_over) {
  MADANG_TRY(const auto reader, SealedReader::open(files, folder));
  if (upto < reader->complete())
    return base::error(
        Code::not_found,
        fmt::format("This backup begins at record {}; record {} is before it.", reader->complete().value, upto.value),
        folder);
  auto store = std::make_unique<state::Store>(state::Limits{});
  ngsi::RecordReader entities;
  Position expected{reader->begun().value + 1};
  for (;;) {
    MADANG_TRY(const auto piece, reader->next(&keys));
    if (!piece) break;
    if (piece->of == SealedPiece::Of::history) continue;
    if (piece->of == SealedPiece::Of::journal) {
      if (piece->record.position > upto || piece->record.position <= reader->begun()) continue;
      if (piece->record.position != expected)
        return base::error(Code::corrupt, fmt::format("Record {} is missing in the backup.", expected.value), folder);
      ++expected.value;
      if (piece->record.kind == journal::RecordKind::erased) continue;
    }
    MADANG_CHECK(replay(*store, piece->record, entities));
  }
  if (expected.value <= upto.value)
    return base::error(Code::not_found,
                       fmt::format("The backup ends at record {}; {} is not in it.", expected.value - 1, upto.value),
                       folder);
  passed_over = reader->passed_over();
  store->finish_loading(2);
  (void)store->show(upto, 0);
  return store;
}

// ---- history ----

/// Where a stopped folder or a backup has its history; empty: nowhere.
base::Result<std::string> find_history(base::FileSystem& files, const Folder& folder) {
  if (files.exists(folder.history())) return folder.history();
  MADANG_TRY(const auto names, files.list(folder.root));
  for (const std::string& name : names)
    if (name.starts_with("history-")) return folder.root + "/" + name;
  return std::string();
}

base::Result<std::unique_ptr<history::History>> open_history(base::FileSystem& files, const std::string& folder,
                                                             bool read_only) {
  history::Options options;
  options.folder = folder;
  options.files = &files;
  options.read_only = read_only;
  options.merge = false;
  return history::History::open(options, base::system_clock());
}

/// Every block is read and every row taken apart.
base::Status check_history(base::FileSystem& files, const Folder& folder, Position last,
                           const std::function<void(std::string_view line)>& report) {
  MADANG_TRY(const std::string there, find_history(files, folder));
  if (there.empty() || !files.exists(there + "/CURRENT")) return {};  // none that was begun
  MADANG_TRY(const auto history, open_history(files, there, true));
  if (history->fed() > last)
    return base::error(Code::corrupt, "History is ahead of the journal: it belongs to other data.", there);
  MADANG_TRY(const std::uint64_t points, history->verify());
  report(fmt::format("history: {} instances up to record {}, every block whole", points, history->fed().value));
  return {};
}

}  // namespace

base::Status check_folder(base::FileSystem& files, const std::string& root,
                          const std::function<void(std::string_view line)>& report) {
  const Folder folder{root};
  if (is_sealed(files, root)) {
    MADANG_TRY(const Position last, sealed_position(files, root, std::nullopt));
    report(fmt::format("sealed backup: up to record {}, every checksum right", last.value));
    return {};
  }
  MADANG_TRY(const auto lock, lock_folder(files, folder));
  std::uint64_t records = 0;
  MADANG_TRY(const journal::Recovery journal, journal::verify(files, folder.journal(), [&](const journal::Record&) {
               ++records;
               return base::Status{};
             }));
  report(fmt::format("journal: {} records, {} to {}, every checksum right", records, journal.first.value,
                     journal.last.value));
  if (journal.cut_bytes > 0)
    report(fmt::format(
        "journal: the last write was torn ({} bytes after {} at {}); it will be cut at the next start, nothing "
        "acknowledged is in it",
        journal.cut_bytes, journal.cut_file, journal.cut_offset));
  Position last = journal.last;  // 0 in a folder that was restored and not used since
  for (const auto& info : state::list_snapshots(files, folder.snapshots())) {
    last = std::max(last, info.complete);
    MADANG_TRY(const auto whole, state::verify_snapshot(files, info.file, true));
    report(fmt::format("snapshot {}: {} entities as of record {}, every checksum right", whole.file, whole.entities,
                       whole.begun.value));
  }
  MADANG_CHECK(check_history(files, folder, last, report));
  MADANG_TRY(const auto store, state_at(files, folder, last));
  MADANG_CHECK(state::verify_indexes(*store));
  std::uint64_t entities = 0;
  for (const std::string& name : store->tenant_names()) entities += store->tenant(name)->size();
  report(fmt::format("state: {} entities in {} tenants, every index agrees with brute force", entities,
                     store->tenant_names().size()));
  return {};
}

namespace {

base::Status write_restored(base::FileSystem& files, state::Store& store, const Folder& to) {
  MADANG_CHECK(files.make_folder(to.snapshots()));
  MADANG_CHECK(files.make_folder(to.journal()));
  MADANG_CHECK(state::write_snapshot(store, files, to.snapshots(), base::system_clock(), 0));
  // Last, so that a folder is either restored whole or not one.
  return check_format(files, to, true);
}

void warn_of_later_history(Position history, Position upto) {
  // It knows of what has not happened here.
  base::log::warning("history is not restored: it reaches further than the point asked for, and begins anew there",
                     {{"history", history.value}, {"point", upto.value}});
}

/// Puts the parts together whose keys are there; what history had not taken comes from the journal's pieces behind.
base::Status restore_sealed_history(base::FileSystem& files, const std::string& source, const governance::KeyTree& keys,
                                    const Folder& to, Position upto) {
  if (&files != &base::real_files()) return {};
  MADANG_TRY(const auto reader, SealedReader::open(files, source));
  std::unique_ptr<history::Import> parts;
  std::unique_ptr<history::History> history;
  const auto put_together = [&]() -> base::Status {
    if (!parts) return {};
    MADANG_CHECK(parts->finish());
    parts.reset();
    MADANG_TRY(history, open_history(files, to.history(), false));
    return {};
  };
  for (;;) {
    MADANG_TRY(const auto piece, reader->next(&keys));
    if (!piece) break;
    const journal::Record& record = piece->record;
    if (piece->of == SealedPiece::Of::history && !piece->part) {
      if (record.position > upto) return warn_of_later_history(record.position, upto), base::Status();
      MADANG_TRY(parts, history::Import::begin(to.history(), record.position));
    } else if (piece->of == SealedPiece::Of::history && parts) {
      const auto* bytes = reinterpret_cast<const char*>(record.payload.data());
      MADANG_CHECK(parts->take({*piece->part, record.tenant, {}, {bytes, record.payload.size()}}));
    } else if (piece->of == SealedPiece::Of::journal && record.position <= upto) {
      MADANG_CHECK(put_together());
      if (history) MADANG_CHECK(history->feed(record));
    }
  }
  MADANG_CHECK(put_together());
  return history ? history->flush() : base::Status();
}

base::Result<std::uint64_t> restore_sealed(base::FileSystem& files, const std::string& source, const Folder& to,
                                           std::optional<std::uint64_t> position, std::optional<base::Timestamp> time,
                                           const std::string& keys_path) {
  if (keys_path.empty())
    return base::error(Code::bad_request_data, "This backup is sealed: say with --keys where its keys are.", source);
  MADANG_TRY(const governance::KeyTree keys, load_keys(files, keys_path, false));
  MADANG_TRY(Position upto, sealed_position(files, source, time));
  if (position) upto = Position{*position};
  std::uint64_t passed_over = 0;
  MADANG_TRY(const auto store, sealed_state(files, source, keys, upto, passed_over));
  MADANG_CHECK(files.make_folder(to.root));
  // The restored folder goes on with the same keys, so that later erasing reaches the older backups.
  MADANG_CHECK(store_keys(files, keys, to.keys(), {}));
  MADANG_CHECK(restore_sealed_history(files, source, keys, to, upto));
  MADANG_CHECK(write_restored(files, *store, to));
  return passed_over;
}

base::Status copy_folder(base::FileSystem& files, const std::string& from, const std::string& to) {
  MADANG_CHECK(files.make_folder(to));
  MADANG_TRY(const auto names, files.list(from));
  std::vector<std::byte> buffer(1 << 20);
  for (const std::string& name : names) {
    if (name == "LOCK") continue;
    MADANG_TRY(const auto source, files.open(from + "/" + name, base::FileSystem::Open::read));
    MADANG_TRY(const auto copy, files.open(to + "/" + name, base::FileSystem::Open::create));
    for (std::uint64_t at = 0;;) {
      MADANG_TRY(const std::size_t got, source->read_at(at, buffer));
      if (got == 0) break;
      MADANG_CHECK(copy->write_at(at, std::span(buffer).first(got)));
      at += got;
    }
    MADANG_CHECK(copy->sync());
  }
  return files.sync_folder(to);
}

/// Brings history to where the state is restored to: what it has not taken yet comes from the journal. One that has
/// taken more is of no use.
base::Status restore_history(base::FileSystem& files, const Folder& from, const Folder& to, Position upto) {
  MADANG_TRY(const std::string there, find_history(files, from));
  if (there.empty()) return {};
  MADANG_CHECK(copy_folder(files, there, to.history()));
  MADANG_TRY(auto history, open_history(files, to.history(), false));
  if (history->fed() > upto) {
    warn_of_later_history(history->fed(), upto);
    history.reset();
    MADANG_TRY(const auto names, files.list(to.history()));
    for (const std::string& name : names) MADANG_CHECK(files.remove(to.history() + "/" + name));
    return {};
  }
  MADANG_CHECK(journal::verify(files, from.journal(), [&](const journal::Record& record) {
    return record.position <= upto ? history->feed(record) : base::Status();
  }));
  return history->flush();
}

}  // namespace

base::Result<std::uint64_t> restore_folder(base::FileSystem& files, const std::string& source,
                                           const std::string& target, std::optional<std::uint64_t> position,
                                           std::optional<base::Timestamp> time, const std::string& keys) {
  const Folder from{source}, to{target};
  if (files.exists(to.format()))
    return base::error(Code::already_exists, "There is data in " + target + " already; restore into a new folder.",
                       target);
  if (is_sealed(files, source)) return restore_sealed(files, source, to, position, time, keys);
  MADANG_TRY(const auto lock, lock_folder(files, from));
  MADANG_TRY(const journal::Recovery journal,
             journal::verify(files, from.journal(), [](const journal::Record&) { return base::Status{}; }));
  Position upto = journal.last;
  if (position) upto = Position{*position};
  if (time) {
    MADANG_TRY(upto, position_at(files, from, *time));
  }
  MADANG_TRY(const auto store, state_at(files, from, upto));
  MADANG_CHECK(restore_history(files, from, to, upto));
  MADANG_CHECK(write_restored(files, *store, to));
  return std::uint64_t{0};
}

}  // namespace madang::hub
