#pragma once
// What is asked of the past: the parameters of clauses 6.18.3.2, 6.19.3.1 and 6.24, as values.

#include <optional>

#include "madang/ngsi/represent_past.h"
#include "madang/ngsi/temporal.h"

#include "call.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {

/// How evolutions are chosen and shown.
struct PastView {
  View view;
  ngsi::TemporalQuery time;
  std::optional<ngsi::AggregationParameters> aggregation;  // aggregatedValues
  ngsi::PastRepresentation how;
  ngsi::EvolutionQuery evolution;
};

struct PastQuestion {
  Question question;  // its view is moved into `view`
  PastView view;
};

/// One evolution (5.7.3).
base::Result<PastView> past_view(const Call& call);
/// Many (5.7.4), from the parameters or the body.
base::Result<PastQuestion> past_question(Call& call);
base::Result<PastQuestion> past_question_from_body(const Call& call, const QueryBody& body);

}  // namespace madang::api::ngsild
