#pragma once
// Snapshots: the whole state in one file, so that a restart replays only the journal's tail (docs/formats/snapshot.md).

#include <functional>
#include <string>
#include <vector>

#include "madang/state/store.h"

namespace madang::state {

struct SnapshotInfo {
  std::string file;
  Position begun;     // replay from after this one: every change at or below it is in the snapshot
  Position complete;  // no entity in it is newer than this
  std::uint64_t entities = 0;
  std::uint64_t bytes = 0;
  base::Timestamp time;
};

/// Writes a fuzzy snapshot while changes go on: each entity as shown when its turn comes, with its version, a few
/// hundred entities a Reading. Copies nothing in memory but one write buffer. New file, sync, rename, sync of the
/// folder. `rate` bounds bytes a second (0: none). `progress(done, total)` may return false to stop. The caller calls
/// it from a thread of its own. `may_finish` is asked before the file gets its name, with the position that it is
/// complete at: where that fails there is no snapshot.
base::Result<SnapshotInfo> write_snapshot(Store& store, base::FileSystem& files, const std::string& folder,
                                          const base::Clock& clock, std::uint64_t rate,
                                          const std::function<bool(std::uint64_t, std::uint64_t)>& progress = {},
                                          const std::function<base::Status(Position)>& may_finish = {});

/// Newest first. Unreadable headers are left out (verify_snapshot tells why).
std::vector<SnapshotInfo> list_snapshots(base::FileSystem& files, const std::string& folder);

/// Loads one into an empty store, checksums verified, on `threads` threads. corrupt names file and offset.
base::Result<SnapshotInfo> load_snapshot(Store& store, base::FileSystem& files, const std::string& path,
                                         std::size_t threads,
                                         const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

/// Reads the whole file and checks everything in it; with `values` also that each is valid JSON.
base::Result<SnapshotInfo> verify_snapshot(base::FileSystem& files, const std::string& path, bool values);

/// Is told what is in a snapshot, as it is read; an error ends the reading. Views are valid during the call.
struct SnapshotVisitor {
  std::function<base::Status(const Tenant&, ngsi::EntityView)> entity;
  std::function<base::Status(const Tenant&, const DeclaredIndex&)> index;
  std::function<base::Status(const Tenant&, const Document&)> document;
};
/// Reads the whole file, checksums verified, without keeping its entities in memory.
base::Result<SnapshotInfo> visit_snapshot(base::FileSystem& files, const std::string& path,
                                          const SnapshotVisitor& visitor);

/// What is to be gone from snapshots. Either may be empty: nothing of that sort.
struct ToErase {
  std::function<bool(std::string_view tenant, std::string_view id, Position version)> entity;
  std::function<bool(std::string_view tenant, const Document&)> document;
};
/// Writes a snapshot anew, without what is to be gone, into the place of the old one; leaves it alone where nothing of
/// that is in it. Gives how many entities and documents went. After a crash the one or the other is there.
base::Result<std::uint64_t> erase_from_snapshot(base::FileSystem& files, const std::string& path, const ToErase& which);

/// Compares every index with brute force over the entities; the first difference is `corrupt`. For `madang check`.
base::Status verify_indexes(const Store& store);

}  // namespace madang::state
