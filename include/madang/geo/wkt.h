#pragma once
// Shapes as well-known text (OGC 06-103r4, 7): what spreadsheets, databases and CQL2 write.

#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"

namespace madang::geo {

/// Appends `POINT(127 37.5)`, `POLYGON((...))` and so on; x is the longitude.
void append_wkt(std::string& out, const Geometry& geometry);

/// What WKT holds, its numbers as they are: no look at whether they lie on the Earth. Keywords in any case; `Z`, `M`
/// and `ZM` are taken, and what they add to positions is dropped. bad_request_data for anything else, also empty shapes
/// and rings that do not end where they begin; `where` is the column from 1. `used`, where given: how many bytes the
/// shape took; what follows is then left to the caller.
base::Result<Geometry> parse_wkt(std::string_view text, const Limits& limits = {}, std::size_t* used = nullptr);

}  // namespace madang::geo
