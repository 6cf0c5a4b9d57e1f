#pragma once
// Roll-ups: what is kept of instances that are there no longer, as counts, sums and extremes of the hours, days, … in
// which they were (docs/formats/history.md). In runs of blocks of their own, sorted by series; the same bucket may
// stand in several runs, each with a part of what belongs to it.

#include <compare>
#include <map>
#include <optional>
#include <vector>

#include "madang/history/decision.h"

#include "accumulate.h"
#include "run.h"

namespace madang::history {

struct BucketKey {
  bool observed = false;  // its instances were put there by observedAt; else by modifiedAt
  ngsi::Period period;
  std::int64_t begin = 0;
  std::strong_ordering operator<=>(const BucketKey& other) const;
  bool operator==(const BucketKey&) const = default;
  std::int64_t end() const { return bucket_of(begin, period).end; }
};
using Buckets = std::map<BucketKey, Sums>;

/// By which time an instance is kept or let go.
inline std::int64_t age_time(const Row& row) {
  return row.observed != kNoTime ? row.observed : row.modified;
}
/// The bucket of an instance that a rule no longer keeps as it is; nothing where it leaves no trace.
std::optional<BucketKey> bucket_for(const Row& row, const Decision::Rule& rule);
/// Where what is in a bucket belongs by now: there, in a larger one, or nowhere. `rule` null: nothing was decided.
std::optional<BucketKey> settled(const BucketKey& key, const Decision::Rule* rule);
/// Adds the instance, which is no deletion, to a bucket.
void add_to(Sums& bucket, const Row& row, bool relationship);

/// All of one series in one block.
struct RolledSeries {
  SeriesId series = 0;
  std::int64_t newest = kNoTime;  // the latest modifiedAt of an instance that is there no longer
  std::vector<std::pair<BucketKey, Sums>> buckets;
};
base::Result<std::vector<RolledSeries>> read_rolled(std::string_view bytes);

/// Takes series in their order and makes blocks of them.
class RollupWriter {
 public:
  RollupWriter(Run& run, RunWriter::Emit emit) : run_(run), emit_(std::move(emit)) {}
  base::Status add(SeriesId series, std::int64_t newest, Buckets&& buckets);
  base::Status finish();

 private:
  base::Status write();
  Run& run_;
  RunWriter::Emit emit_;
  std::vector<RolledSeries> waiting_;
  std::size_t count_ = 0;
};

}  // namespace madang::history
