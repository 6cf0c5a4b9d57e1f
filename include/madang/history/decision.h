#pragma once
// What is kept of the past, as it was decided at one moment: what journal records of kind `past` hold. Whoever decides
// reads the clock; history takes the outcome, so that replay reads none (docs/decisions/0014-retention.md).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/byte_buffer.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/evolution.h"

namespace madang::history {

struct Decision {
  /// Buckets of this period stay until they end at or before `until` (ns; INT64_MIN: for ever). Then they are gathered
  /// in those of the next level, or go.
  struct Level {
    ngsi::Period period;
    std::int64_t until = INT64_MIN;
    bool operator==(const Level&) const = default;
  };
  struct Rule {
    std::string type, attribute;   // expanded; empty: any
    std::int64_t raw = INT64_MIN;  // instances from before are no longer there (INT64_MIN: all stay, INT64_MAX: none)
    std::vector<Level> levels;     // the finest first; each period fits into the next
    bool operator==(const Rule&) const = default;
  };
  base::Timestamp time;
  std::uint64_t rules_hash = 0;  // of the rules that it was made from: the same rules, the same number
  std::vector<Rule> rules;       // the first that fits an attribute is the one that counts

  /// Takes away whatever `before` took away: what is left of that one's work may be done by this one.
  bool continues(const Decision& before) const;
  bool operator==(const Decision&) const = default;
};

void append_decision(base::ByteBuffer& out, const Decision& decision);
/// corrupt where the bytes are none; never reads outside.
base::Result<Decision> read_decision(std::span<const std::byte> payload);

/// May buckets of one period be gathered in those of the other? Both are counted from where all are (see bucket_of).
bool fits_into(const ngsi::Period& period, const ngsi::Period& larger);
/// The bucket that a time is in: hours, days and weeks as in UTC (weeks begin on Monday), months and years by the
/// calendar. [begin, end).
struct BucketSpan {
  std::int64_t begin = 0, end = 0;
};
BucketSpan bucket_of(std::int64_t time, const ngsi::Period& period);

/// What one decision has done so far on this machine.
struct Retained {
  std::uint64_t position = 0;  // of its record in the journal
  Decision decision;
  std::uint64_t removed = 0;  // instances
  std::uint64_t buckets = 0;  // written of them
  std::uint64_t expired = 0;  // buckets that were gathered in larger ones, or went
};

}  // namespace madang::history
