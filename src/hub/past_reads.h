#pragma once
// Questions about the past, answered on a thread that may wait for the disk.

#include <functional>

#include "madang/history/history.h"
#include "madang/hub/hub.h"
#include "madang/state/store.h"

namespace madang::hub {

/// History as one principal may see it: what a policy hides of the entity as it is now (or, where it is gone, as it
/// last was) is hidden in the past.
class PastReads {
 public:
  PastReads(const history::History& history, state::Store& store, const state::Tenant& tenant,
            const ngsi::Filter* filter, ngsi::Timestamp now)
      : history_(history), store_(store), tenant_(tenant), filter_(filter), now_(now) {}

  base::Result<ngsi::Evolution> retrieve(const std::string& id, ngsi::EvolutionQuery query);
  base::Result<ngsi::EvolutionsAnswer> query(const ngsi::EvolutionsQuery& query, const ngsi::EvolutionsPage& page);
  base::Result<ngsi::Aggregation> aggregate(const std::string& id, ngsi::AggregationQuery query);
  base::Result<Hub::Aggregations> aggregates(const ngsi::EvolutionsQuery& which, const ngsi::AggregationQuery& query,
                                             const ngsi::EvolutionsPage& page);
  /// What the change names; what it does not name counts as there.
  base::Result<Hub::PastKnows> look_up(const ngsi::TemporalChange& change);

 private:
  /// An entity that may be shown, and which of its attributes.
  struct Visible {
    std::string id;
    std::vector<ngsi::Symbol> names;  // all it ever had that may be seen
  };
  std::optional<Visible> see(ngsi::EntityView outline) const;
  base::Result<Visible> find(const std::string& id) const;
  ngsi::EvolutionQuery restrict_to(const Visible& visible, ngsi::EvolutionQuery query) const;
  base::Result<bool> meets(const Visible& visible, const ngsi::EvolutionsQuery& query) const;
  /// Calls take(visible) for each entity of the page. Counts and pages.
  struct Paged {
    std::uint64_t count = 0;
    bool more = false;
  };
  base::Result<Paged> walk(const ngsi::EvolutionsQuery& query, const ngsi::EvolutionsPage& page,
                           const std::function<base::Result<bool>(const Visible&)>& shows,
                           const std::function<base::Status(const Visible&)>& take) const;

  const history::History& history_;
  state::Store& store_;
  const state::Tenant& tenant_;
  const ngsi::Filter* const filter_;
  const ngsi::Timestamp now_;
};

}  // namespace madang::hub
