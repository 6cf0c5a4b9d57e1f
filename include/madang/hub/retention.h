#pragma once
// Rules of what is kept of the past: how long as it was, and how long as means of hours, days, … How they work:
// docs/how-to/history.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/evolution.h"

namespace madang::hub {

struct RetentionRule {
  std::optional<std::string> tenant;  // none: all (of the configuration)
  std::string type, attribute;        // expanded; empty: any
  std::optional<ngsi::Period> raw;    // none: for ever; whole(): not kept at all
  struct RollUp {
    ngsi::Period period;
    std::optional<ngsi::Period> keep;  // none: for ever
    bool operator==(const RollUp&) const = default;
  };
  std::vector<RollUp> rollups;
  bool operator==(const RetentionRule&) const = default;
};

/// Durations as people write them: `P90D`, `PT1H`, `P10Y`, `PT0S`, `forever` (ISO 8601), and where each stood.
struct RetentionText {
  std::string raw;
  std::vector<std::pair<std::string, std::string>> rollups;  // period, keep
};
/// bad_request_data, with the place as a JSON pointer (`/rollups/0/keep`), where a duration is none or they do not go
/// together: each roll-up is longer than the one before, made of whole ones of it, and kept at least as long.
base::Result<RetentionRule> read_retention(const RetentionText& text);
/// `P90D`, `forever`.
std::string show_retention(const std::optional<ngsi::Period>& duration);

/// What holds for a tenant.
struct RetentionInForce {
  RetentionRule rule;
  bool configured = false;  // by the configuration; else by the API
};

/// One decision that took something away, and what.
struct RetentionPass {
  base::Timestamp time;
  std::uint64_t position = 0;  // of its record in the journal
  std::uint64_t removed = 0;   // instances
  std::uint64_t buckets = 0;   // of roll-ups, written for them
  std::uint64_t expired = 0;   // buckets that were gathered in longer ones, or went
  struct Rule {
    std::string type, attribute;
    bool nothing_raw = false;
    std::optional<base::Timestamp> before;  // instances from before went
    struct RollUp {
      ngsi::Period period;
      std::optional<base::Timestamp> before;  // buckets that ended before went on
    };
    std::vector<RollUp> rollups;
  };
  std::vector<Rule> rules;
};

}  // namespace madang::hub
