#pragma once
// The append-only log that all truth comes from: segments, checksums, pipelined group commit, readers.
// The format is in docs/formats/journal.md.

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::journal {

/// Records are numbered from 1 without gaps. 0: before the first.
struct Position {
  std::uint64_t value = 0;
  auto operator<=>(const Position&) const = default;
};

/// What a record is, for its readers. Stored on disk: never renumber.
enum class RecordKind : std::uint8_t {
  entity_put = 1,    // a whole entity, new or replaced
  entity_patch = 2,  // changed attributes of one
  entity_delete = 3,
  tenant = 4,    // a tenant came or went
  setting = 5,   // a declared index, a limit
  document = 6,  // a stored document came, changed or went
  temporal = 7,  // the past was changed: history::append_temporal_change
  past = 8,      // what history keeps was decided: a rule came or went, something was erased
  erase = 32,    // an entity is removed for good, with everything that was ever known of it; the payload is its id
  erased = 33,   // what a record that was erased has become: its payload is zeros, it says nothing
};

struct Record {
  Position position;
  base::Timestamp time;  // of the commit group it belongs to, or later
  RecordKind kind{};
  std::string_view tenant;   // "" for the default tenant
  std::uint32_t key_id = 0;  // 0: not encrypted
  std::span<const std::byte> payload;
};

struct Options {
  std::uint64_t segment_bytes = 64ull << 20;
  std::uint64_t buffer_bytes = 64ull << 20;   // appended and not yet written; beyond: unavailable (try later)
  std::uint32_t record_bytes = 32u << 20;     // largest payload
  std::uint64_t reserve_bytes = 64ull << 20;  // free disk below which appends answer insufficient_storage
  bool sync = true;                           // false only for tests and benches ("no fdatasync")
  Position begin_after;                       // where the folder holds no segment, numbering goes on after this
  std::chrono::milliseconds recheck{1'000};   // how often free disk is looked at, and a full disk tried again
};

/// What opening found, for the log and for the operator.
struct Recovery {
  Position first, last;
  std::uint64_t cut_bytes = 0;  // torn tail
  std::string cut_file;
  std::uint64_t cut_offset = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  /// The next durable record; false at the durable end. Views are valid until the next call. corrupt names file and
  /// offset.
  virtual base::Result<bool> next(Record& out) = 0;
};

/// Appends come from one thread at a time (the sequencer's lock); one thread of the journal's own writes and syncs.
class Journal {
 public:
  /// Opens or makes the journal in `folder`. A torn tail is cut and reported; damage below the highest position known
  /// durable is `corrupt` with file and offset; a newer format is newer_format.
  static base::Result<std::unique_ptr<Journal>> open(base::FileSystem& files, std::string folder, Options options,
                                                     const base::Clock& clock);
  virtual ~Journal() = default;

  /// Puts one record into the open group; never waits for the disk. unavailable where the buffer is full or the journal
  /// has failed, insufficient_storage while the disk is (it resumes by itself), too_large beyond record_bytes.
  virtual base::Result<Position> append(RecordKind kind, std::string_view tenant, std::uint32_t key_id,
                                        std::span<const std::byte> payload) = 0;
  /// Lets the syncer take what was appended. Cheap; call once a batch.
  virtual void commit() = 0;
  /// Everything up to here has been appended / is on disk.
  virtual Position last() const = 0;
  virtual Position durable() const = 0;
  virtual Position first() const = 0;  // oldest kept
  /// Blocks until `position` is durable or the journal failed (tools and tests; servers use on_durable).
  virtual base::Status wait(Position position) = 0;

  /// Called on the syncer's thread after each sync with the new durable position, or once with the error that ended the
  /// journal: after it nothing is accepted, and whether records above durable() survive is unknown. Set before the
  /// first append.
  virtual void on_durable(std::function<void(base::Result<Position>)> call) = 0;

  /// Records after `after`. conflict where they are no longer kept.
  virtual base::Result<std::unique_ptr<Reader>> read(Position after) = 0;

  /// Removes whole segments of which every record is at or below `position`.
  virtual base::Status drop(Position position) = 0;

  /// Overwrites the payload of every durable record up to `upto` that `which` says, wherever it is kept, and makes it
  /// RecordKind::erased; what it held cannot be read from the disk afterwards. Gives how many there were. A crash in
  /// the middle is made good by the next opening. Any thread, one call at a time; readers go on meanwhile.
  virtual base::Result<std::uint64_t> erase(Position upto, const std::function<bool(const Record&)>& which) = 0;
  struct Segment {
    std::string file;
    Position first, last;
    std::uint64_t bytes = 0;  // on disk
    std::uint64_t used = 0;   // of these durable: what a copy must hold (the rest is zeros, or not yet durable)
    base::Timestamp begun;
  };
  virtual std::vector<Segment> segments() const = 0;
  virtual const Recovery& recovery() const = 0;
  virtual std::uint64_t syncs() const = 0;
};

/// The records after `after` up to `upto` of a folder that another process may be writing to; `upto` must be durable
/// there. conflict where they are no longer kept.
base::Result<std::unique_ptr<Reader>> read_folder(base::FileSystem& files, const std::string& folder, Position after,
                                                  Position upto);

/// Checks every checksum of a folder without changing it (but that an erasing which a crash interrupted is ended);
/// `each` sees every record that is whole.
base::Result<Recovery> verify(base::FileSystem& files, const std::string& folder,
                              const std::function<base::Status(const Record&)>& each);

/// The operator's decision about a journal that is corrupt: gives up the group at `offset` of `file` (a segment's name
/// or path) and everything after it. conflict where the journal is open.
base::Status cut(base::FileSystem& files, const std::string& folder, std::string_view file, std::uint64_t offset);

/// CRC-32C (Castagnoli), hardware where there is some.
std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed = 0);

}  // namespace madang::journal
