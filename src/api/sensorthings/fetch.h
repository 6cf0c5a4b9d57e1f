#pragma once
// Answers requests: from the entities as they are, from history, and from the types that there are.

#include <functional>
#include <memory>

#include "sensorthings/series.h"
#include "sensorthings/writer.h"

namespace madang::api::sensorthings {

/// A filter of observations (or of where something was), by what its conditions look at.
struct PointFilter {
  TimeBounds bounds;
  std::vector<const Expression*> of_series, of_points;

  /// not_supported where one condition looks at both.
  static base::Result<PointFilter> make(const Options& options, Set set);
  bool keeps(const Row& series, const Names& names) const;
  /// Null: every point.
  std::function<bool(const Point&)> keep(const Names& names) const;
};

/// One request's way to its answer. Kept alive by the callbacks that hold it.
class Fetch : public std::enable_shared_from_this<Fetch> {
 public:
  using Done = std::function<void(base::Result<Listing>)>;

  explicit Fetch(std::shared_ptr<Call> call) : call_(std::move(call)), names_(*call_) {}

  Call& call() { return *call_; }
  Names& names() { return names_; }
  /// `done` on the call's loop, at once or later; not where the client has gone. not_found where one thing was asked
  /// for that is not there.
  void ask(const Request& request, Done done);

 private:
  class Walk;
  class PointWalk;
  class Newest;
  struct Filling;

  void ask_entity(const Request& request, Done done);
  void ask_properties(const Request& request, Done done);
  void ask_points(const Request& request, Done done);
  void ask_points(const Request& request, const PointFilter& filter, Done done);
  void ask_series(const Request& request, const PointFilter& filter, Done done);
  void ask_sorted(const Request& request, SeriesQuery query, Done done);
  void ask_point(const Request& request, Done done);
  void ask_place(const Request& request, Done done);
  /// Puts in what is still missing.
  void fill(Draft&& draft, std::function<void(base::Result<std::string>)> done);
  void fill_next(const std::shared_ptr<Filling>& filling);
  void finish(Draft&& draft, Listing&& listing, Done done);
  /// Runs `see` with the entity and the series of it that the request is about; false where it is not there (any more).
  bool with_series(Set set, const std::string& entity, std::optional<ngsi::Symbol> attribute,
                   const std::function<void(const Row&)>& see);
  void append_points(Draft& draft, const Request& request, const std::string& entity, ngsi::Symbol attribute,
                     const std::vector<Point>& points);

  const std::shared_ptr<Call> call_;
  Names names_;
  std::size_t fetched_ = 0;  // of what stands within
};

}  // namespace madang::api::sensorthings
