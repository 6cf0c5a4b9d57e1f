#pragma once
// The values of one attribute over time, as observations: at each moment one, the last that was said of it.

#include <functional>
#include <memory>
#include <vector>

#include "call.h"
#include "sensorthings/expression.h"

namespace madang::api::sensorthings {

struct SeriesQuery {
  std::string entity;
  ngsi::Symbol attribute = ngsi::Symbol::none;
  TimeBounds bounds;
  bool descending = true;
  std::uint64_t skip = 0;
  std::uint64_t top = 100;
  bool count = false;                        // all that are kept, however many
  std::function<bool(const Point&)> keep{};  // null: every one
};
struct SeriesAnswer {
  std::vector<Point> points;  // of the page, in its order
  bool more = false;
  std::uint64_t count = 0;
  /// How far was looked, where there is more: the next page begins behind it.
  std::optional<base::Timestamp> reached;
};

/// Reads in pieces, as much as the page needs; `done` on the call's loop, always later. What history does not have,
/// because it is not kept or began later, is at least the value that there is now. too_complex where a count or a
/// `keep` looks at more than kMostLooked.
inline constexpr std::uint64_t kMostLooked = 2'000'000;
void read_series(std::shared_ptr<Call> call, SeriesQuery query, std::function<void(base::Result<SeriesAnswer>)> done);

/// The value that the attribute has now; nothing where there is none to be seen.
std::optional<Point> current_point(const Call& call, const std::string& entity, ngsi::Symbol attribute);

}  // namespace madang::api::sensorthings
