#pragma once
// A question (5.7.2) from the parameters of a GET or the body of a POST, as an ngsi::Query.

#include <optional>
#include <string>
#include <vector>

#include "madang/ngsi/query.h"

#include "call.h"
#include "ngsild/view.h"

namespace madang::api::ngsild {

struct Question {
  ngsi::Query query;
  hub::QueryPage page;
  View view;
  std::uint64_t asked = 0;  // a hash of what selects entities, where an entity map is made or named
  bool wants_map = false;   // see entity_map.h
  bool split_entities = false;
  std::optional<std::chrono::seconds> map_lifetime;
};

/// From wherever the operation has it.
base::Result<Question> question_of(Call& call);

/// The same about the past: projections lead to no linked entities, and the order is by id alone (5.7.4.4).
base::Result<Question> question_about_past(const Call& call, const QueryBody* body);

base::Result<Question> question_from_parameters(const Call& call);
/// Only which entities are meant (5.6.21.4).
base::Result<ngsi::Query> filter_from_parameters(const Call& call);
base::Result<Question> question_from_body(const Call& call, const QueryBody& body);

}  // namespace madang::api::ngsild
