#pragma once
// Entity maps as a resource (5.14), and as what a question is fixed with (5.5.14).

#include <functional>
#include <memory>

#include "entity_maps.h"
#include "ngsild/question.h"

namespace madang::api::ngsild {

/// Asks the question and keeps the ids of all that it is about. `then` comes on the call's loop, or at once; not at all
/// where the client went away.
void make_entity_map(const std::shared_ptr<Call>& call, const Question& question,
                     std::function<void(base::Result<EntityMap>)> then);

/// The header that names a map, as a line.
std::string entity_map_line(const EntityMap& map);

/// Answers with a map that was made.
void answer_entity_map(Call& call, int status, const EntityMap& map);

/// Create Entity Map (5.14.4).
class CreateEntityMap final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// Retrieve, Update, Delete Entity Map (5.14.1 to 5.14.3).
class ManageEntityMap final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// Clauses 5.7.1.4 and 5.7.3.4: the map that the request names, or a new one of this one entity; as a header line,
/// which is empty where it asks for none.
base::Result<std::string> map_of_one(const Call& call, std::string_view id);

}  // namespace madang::api::ngsild
