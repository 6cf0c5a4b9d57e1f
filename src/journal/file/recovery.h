#pragma once
// What is found when a journal opens: where it ends, and whether what lies behind is a torn tail or damage.

#include <functional>
#include <string>
#include <vector>

#include "file/segments.h"

namespace madang::journal {

using EachRecord = std::function<base::Status(const Record&)>;

/// The end of the last segment.
struct Tail {
  std::uint64_t end = kBlockBytes;          // where the next group belongs
  Position next;                            // and the position it begins with
  std::uint64_t unconfirmed = kBlockBytes;  // from here to `end` no group says that it is durable
  std::uint64_t dirty_end = 0;              // behind the last byte that is not zero; above `end`: a torn tail
  base::Timestamp time;                     // of the last group
};

/// Reads a whole segment that has no successor. corrupt where a group at or below the highest durable mark is not
/// whole.
base::Result<Tail> find_tail(base::FileSystem& files, const std::string& path, const SegmentFile& segment,
                             const EachRecord& each);

/// Reads a whole segment that must end right before `next`.
base::Status check_complete(base::FileSystem& files, const std::string& path, const SegmentFile& segment, Position next,
                            const EachRecord& each);

struct Recovered {
  std::vector<SegmentFile> segments;
  Tail tail;  // of the last segment, if there is any
  Recovery report;
};

/// Makes the folder fit to go on: cuts a torn tail, writes unconfirmed groups once more, syncs.
base::Result<Recovered> recover(base::FileSystem& files, const std::string& folder, Position begin_after);

}  // namespace madang::journal
