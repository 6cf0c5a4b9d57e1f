#pragma once
// Overwriting records in place, so that a power cut in the middle leaves no record half overwritten ("Erasing" in
// docs/formats/journal.md).

#include <string>
#include <vector>

#include "madang/journal/journal.h"

#include "file/catalog.h"

namespace madang::journal {

inline constexpr std::string_view kErasingName = "erasing";

/// Overwrites what `which` says of one segment's records up to `upto`; gives how many there were.
base::Result<std::uint64_t> erase_in(Catalog& catalog, const SegmentFile& segment, Position upto,
                                     const std::function<bool(const Record&)>& which);

/// Ends what a crash interrupted. Nothing to do where nothing was.
base::Status finish_erasing(base::FileSystem& files, const std::string& folder);

}  // namespace madang::journal
