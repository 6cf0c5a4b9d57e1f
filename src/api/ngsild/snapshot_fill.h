#pragma once
// What happens to a snapshot behind the back of who asked for it: it is filled (5.16.1.4), copied (5.16.2.4), cleared
// away.

#include <optional>
#include <string>
#include <vector>

#include "call.h"
#include "ngsild/past_question.h"
#include "ngsild/question.h"
#include "snapshots.h"

namespace madang::api::ngsild {

/// One question that a snapshot is filled with.
struct SnapshotQuestion {
  ngsi::Query query;
  ngsi::Representation how;                         // what of the entities
  std::optional<ngsi::EvolutionsQuery> evolutions;  // where it is about the past: then this counts
};

/// Where the work is done, and for whom.
struct SnapshotWork {
  const Environment& environment;
  net::Loop& loop;
  governance::PrincipalPtr who;
  std::string tenant;
};

/// Fills the snapshot's place from `from` (the tenant, or the place of one that is cloned). Its status is durable in
/// the end, whatever comes between.
void fill_snapshot(const SnapshotWork& work, Snapshot snapshot, std::string from,
                   std::vector<SnapshotQuestion> questions, bool is_clone);
/// Removes what a hidden snapshot holds, and then the snapshot from those that are known.
void clear_snapshot(const SnapshotWork& work, const Snapshot& snapshot);

}  // namespace madang::api::ngsild
