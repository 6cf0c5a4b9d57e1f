// Tools for a folder that no server has open: check it, restore from it.

#include <fmt/format.h>

#include "folder.h"

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

}  // namespace

base::Status check_folder(base::FileSystem& files, const std::string& root,
                          const std::function<void(std::string_view line)>& report) {
  const Folder folder{root};
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
  for (const auto& info : state::list_snapshots(files, folder.snapshots())) {
    MADANG_TRY(const auto whole, state::verify_snapshot(files, info.file, true));
    report(fmt::format("snapshot {}: {} entities as of record {}, every checksum right", whole.file, whole.entities,
                       whole.begun.value));
  }
  MADANG_TRY(const auto store, state_at(files, folder, journal.last));
  MADANG_CHECK(state::verify_indexes(*store));
  std::uint64_t entities = 0;
  for (const std::string& name : store->tenant_names()) entities += store->tenant(name)->size();
  report(fmt::format("state: {} entities in {} tenants, every index agrees with brute force", entities,
                     store->tenant_names().size()));
  return {};
}

base::Status restore_folder(base::FileSystem& files, const std::string& source, const std::string& target,
                            std::optional<std::uint64_t> position, std::optional<base::Timestamp> time) {
  const Folder from{source}, to{target};
  if (files.exists(to.format()))
    return base::error(Code::already_exists, "There is data in " + target + " already; restore into a new folder.",
                       target);
  MADANG_TRY(const auto lock, lock_folder(files, from));
  MADANG_TRY(const journal::Recovery journal,
             journal::verify(files, from.journal(), [](const journal::Record&) { return base::Status{}; }));
  Position upto = journal.last;
  if (position) upto = Position{*position};
  if (time) {
    MADANG_TRY(upto, position_at(files, from, *time));
  }
  MADANG_TRY(const auto store, state_at(files, from, upto));

  MADANG_CHECK(files.make_folder(to.snapshots()));
  MADANG_CHECK(files.make_folder(to.journal()));
  MADANG_CHECK(state::write_snapshot(*store, files, to.snapshots(), base::system_clock(), 0));
  // Last, so that a folder is either restored whole or not one.
  return check_format(files, to, true);
}

}  // namespace madang::hub
