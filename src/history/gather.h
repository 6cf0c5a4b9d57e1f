#pragma once
// The rows of one entity that a question is about, from memory and from runs, without reading what cannot matter.

#include <memory>
#include <optional>
#include <vector>

#include "impl.h"

namespace madang::history {

struct Wanted {
  std::vector<char> fields;  // by field: is it asked for?
  std::optional<ngsi::Interval> interval;
  std::int64_t now = kNoTime;  // what has expired by then does not count
  ngsi::TimeProperty order = ngsi::TimeProperty::observed_at;
  std::uint32_t last = 0;
  std::uint32_t most = 20'000;
};

/// The time by which a row is chosen and put in order; nothing where it is not asked for.
std::optional<std::int64_t> time_of(const Row& row, const Wanted& wanted);

/// Where the rows of some series may be in a run.
struct Chunk {
  const Run* run = nullptr;  // the sight's
  std::size_t block = 0;
  std::int64_t low = INT64_MIN, high = INT64_MAX;  // no row's time is outside
};
/// Every block that may hold rows that are asked for.
std::vector<Chunk> chunks_of(const Sight& sight, const Wanted& wanted);

class Gather {
 public:
  Gather(const Disk& disk, const Sight& sight, const Wanted& wanted) : disk_(disk), sight_(sight), wanted_(wanted) {}

  struct Found {
    std::int64_t time = 0;
    Row row;
  };
  /// In no order. Texts live as long as this and the sight.
  base::Result<std::vector<Found>> run();
  bool cut() const { return cut_; }

 private:
  base::Status take_memory();
  base::Status take_chunk(const Chunk& chunk);
  base::Status take(const Row& row);
  base::Status take_as_it_is(const Row& row);
  bool may_matter(const Chunk& chunk) const;
  bool any_may_matter(const Chunk& chunk) const;
  bool may_matter(std::uint32_t field, std::int64_t low, std::int64_t high) const;
  void shrink();
  void shrink_field(std::uint32_t field);

  const Disk& disk_;
  const Sight& sight_;
  const Wanted& wanted_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::vector<std::vector<Found>> of_field_;  // with `last`
  std::vector<std::int64_t> since_;           // the same: earlier ones do not matter
  std::vector<Found> found_;                  // without
  std::int64_t until_ = INT64_MAX;            // the same: later ones do not matter
  bool cut_ = false;
};

}  // namespace madang::history
