#pragma once
// The layout of a data folder, and opening what is in it.

#include <memory>
#include <optional>
#include <string>

#include "madang/base/file.h"
#include "madang/hub/hub.h"
#include "madang/journal/journal.h"
#include "madang/state/snapshot.h"
#include "madang/state/store.h"

#include "tap.h"

namespace madang::hub {

struct Folder {
  std::string root;
  std::string journal() const { return root + "/journal"; }
  std::string snapshots() const { return root + "/snapshots"; }
  std::string history() const { return root + "/history"; }
  /// Of a backup that is being copied.
  std::string history_copy(std::uint64_t ticket) const { return history() + "-" + std::to_string(ticket); }
  std::string outbox() const { return root + "/outbox"; }
  std::string lock() const { return root + "/lock"; }
  std::string format() const { return root + "/format"; }
  std::string ballast() const { return root + "/ballast"; }
  std::string keys() const { return root + "/keys"; }
};

/// The collection of documents that subscriptions are kept in.
inline constexpr std::string_view kSubscriptions = "subscriptions";

/// The number in `format`. A higher one in a folder is newer_format.
inline constexpr int kFolderFormat = 1;
base::Status check_format(base::FileSystem& files, const Folder& folder, bool make);

using Progress = std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

/// What recovery found.
struct Recovered {
  state::SnapshotInfo snapshot;  // begun 0: there was none
  std::uint64_t replayed = 0;
};

/// One who must see records again that it may not have dealt with before the end: the matcher of subscriptions.
class Witness {
 public:
  virtual ~Witness() = default;
  /// Called once the snapshot is loaded (of which nothing is newer than `complete`): records above what it answers are
  /// told.
  virtual journal::Position told_until(journal::Position complete) = 0;
  /// The store is as of that position; what is told follows.
  virtual base::Status begin(state::Store& store) = 0;
  virtual base::Status tell(EventPtr event) = 0;
};

/// Makes `store` from the newest snapshot that is whole (the journal must reach back to it) and the journal after it.
/// `witness`: null where nobody must know.
base::Result<Recovered> recover(std::unique_ptr<state::Store>& store, const state::Limits& limits,
                                base::FileSystem& files, const Folder& folder, journal::Journal& journal,
                                std::size_t threads, const Progress& progress, Witness* witness = nullptr);

/// Puts one record's outcome into a store that nobody reads yet. Records at or below an entity's version were in the
/// snapshot. `event`, where given: what is to be told of it, null where it changed nothing that is told.
base::Status replay(state::Store& store, const journal::Record& record, ngsi::RecordReader& reader,
                    EventPtr* event = nullptr);

// ---- what records hold ----

/// A declared index coming or going, the payload of RecordKind::setting.
struct IndexSetting {
  bool declare = true;
  state::DeclaredIndex index;
};
void append_setting(std::vector<std::byte>& out, const IndexSetting& setting);
base::Result<IndexSetting> read_setting(std::span<const std::byte> payload);

/// A document as it is now, or its removal, the payload of RecordKind::document.
struct DocumentChange {
  bool keep = true;
  state::Document document;  // of a removal: without text
  /// Not written down. What must be there for the change to be made: this text ("": nothing); none: whatever is there.
  std::optional<std::string> expected = {};
};
void append_document(std::vector<std::byte>& out, const DocumentChange& change);
base::Result<DocumentChange> read_document(std::span<const std::byte> payload);

/// Documents of this collection are the hub's own: nobody puts or removes one by name.
inline constexpr std::string_view kErasures = "erasures";

}  // namespace madang::hub
