#pragma once
// The rings of a multipolygon out of the ways that make it.

#include <optional>
#include <vector>

#include "madang/formats/osm.h"

namespace madang::formats::osm {

using NodeList = std::vector<Id>;

/// Closed lists, joined end to end; nothing where some do not close.
std::optional<std::vector<NodeList>> join_rings(std::vector<NodeList> parts);
/// Outer rings, each with the inner ones that lie in it; nothing where an inner one lies in none.
std::optional<std::vector<geo::Polygon>> nest(std::vector<geo::Line> outer, std::vector<geo::Line> inner);

}  // namespace madang::formats::osm
