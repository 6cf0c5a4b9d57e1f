#pragma once
// What was decided takes its effect while runs are written anew: instances that are kept no longer are put into
// buckets, buckets into larger ones.

#include <functional>
#include <map>
#include <memory>

#include "madang/history/decision.h"

#include "rollup.h"

namespace madang::history {

/// A decision and the record that holds it.
struct Decided {
  std::uint64_t position = 0;
  Decision decision;
};
using DecidedPtr = std::shared_ptr<const Decided>;

/// What was decided about the fields of one entity.
struct Subject {
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::uint32_t tenant = kNobody;
  DecidedPtr decided;                        // null: nothing
  std::vector<const Decision::Rule*> rules;  // by field, of `decided`; null, or beyond the end: none
  std::vector<char> relationships;           // by field

  const Decision::Rule* rule(std::uint32_t field) const { return field < rules.size() ? rules[field] : nullptr; }
  bool is_relationship(std::uint32_t field) const { return field < relationships.size() && relationships[field] != 0; }
  /// The instance is to be seen no more.
  bool lapsed(const Row& row) const {
    const Decision::Rule* const its = rules.empty() ? nullptr : rule(field_of(row.series));
    return its != nullptr && age_time(row) < its->raw;
  }
};

class Fold {
 public:
  using Find = std::function<base::Result<Subject>(std::uint64_t entity)>;
  Fold(Run& to, RunWriter::Emit emit, Find find) : writer_(to, std::move(emit)), find_(std::move(find)) {}

  /// Rows in the order of series. True: it is kept no longer, and what remains of it is noted.
  base::Result<bool> takes(const Row& row);
  /// A block of one series: must its rows be looked at?
  base::Result<bool> touches(const BlockInfo& info);
  /// Roll-ups in the order of series.
  base::Status put(RolledSeries&& rolled);
  base::Status finish();

  struct Done {
    DecidedPtr decided;
    std::uint64_t removed = 0, buckets = 0, expired = 0;
  };
  const std::map<std::uint32_t, Done>& done() const { return done_; }  // by tenant
  /// Of the run that rows were kept in, and of the run of roll-ups.
  Outlook raw_outlook() const { return with_rules(raw_); }
  Outlook rolled_outlook() const { return with_rules(rolled_); }

 private:
  base::Status begin(SeriesId series);
  base::Status end_series();
  void note_kept(std::int64_t age);
  Outlook with_rules(Outlook outlook) const;

  RollupWriter writer_;
  Find find_;
  std::uint64_t entity_ = 0;
  Subject subject_;
  SeriesId series_ = 0;
  const Decision::Rule* rule_ = nullptr;
  std::int64_t newest_ = kNoTime;
  Buckets buckets_;
  std::optional<BucketKey> last_key_;  // of the row before, where it was put as it came
  BucketSpan last_span_;
  Sums* last_ = nullptr;
  Done* counts_ = nullptr;
  Outlook raw_, rolled_;
  std::map<std::uint32_t, Done> done_;
};

}  // namespace madang::history
