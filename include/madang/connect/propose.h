#pragma once
// A first declaration from the data itself: what it is written in, which field names the thing, where it is, when it
// was, and what the rest are. A proposal to be read and mended by a person.

#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/connect/declaration.h"

namespace madang::connect {

struct Proposal {
  Declaration feed;
  std::string format;                // as it was found: "csv, delimiter ;, windows-1252"
  std::uint64_t records = 0;         // that were looked at
  std::vector<std::string> remarks;  // why so, and what is doubtful
};

/// `name`: of the file. `begin`: its first bytes, a megabyte is plenty; with a kind in `layout`, those that a reader of
/// it takes (open_input).
base::Result<Proposal> propose(std::string_view name, std::string_view begin, const Layout& layout = {});

}  // namespace madang::connect
